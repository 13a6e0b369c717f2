package jira

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// propertyKey is where markers stand: of an issue and of a comment.
const propertyKey = "parley"

// internalKey is the property by which Jira Service Management tells internal
// comments.
const internalKey = "sd.public.comment"

var markerText = regexp.MustCompile(`^[a-z2-7]{16}$`)

// markerOf reads the value of our property.
func markerOf(raw json.RawMessage) event.Marker {
	var s string
	if json.Unmarshal(raw, &s) != nil || !markerText.MatchString(s) {
		return ""
	}
	return event.Marker(s)
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// toMarkdown reads a formatted text: a document in the Cloud, text elsewhere.
func (c client) toMarkdown(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if c.cloud {
		return richtext.ADFToMarkdown(raw)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", err
	}
	return richtext.WikiToMarkdown(lines(s)), nil
}

// fromMarkdown writes a formatted text; nil empties a field.
func (c client) fromMarkdown(md string) any {
	md = lines(md)
	if !c.cloud {
		return richtext.MarkdownToWiki(md)
	}
	return richtext.MarkdownToADF(md)
}

// fileMark stands in the name of a file, before its ending, since a file has
// nothing else that is ours to write.
var fileMark = regexp.MustCompile(`^(.*)\.parley-([a-z2-7]{16})(\.[^.]*)?$`)

func markedName(name string, m event.Marker) string {
	if m == "" {
		if fileMark.MatchString(name) {
			return strings.ReplaceAll(name, ".parley-", ".parley_")
		}
		return name
	}
	ending := path.Ext(name)
	return strings.TrimSuffix(name, ending) + ".parley-" + string(m) + ending
}

func cutMark(name string) (string, event.Marker) {
	m := fileMark.FindStringSubmatch(name)
	if m == nil || m[1]+m[3] == "" {
		return name, ""
	}
	return m[1] + m[3], event.Marker(m[2])
}
