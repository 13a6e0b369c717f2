package servicenow

import (
	"html"
	"path"
	"regexp"
	"strings"

	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// codeTag begins or ends HTML in a journal: what stands between two of them is shown
// as HTML to who reads the ticket in ServiceNow.
var (
	codeTag   = regexp.MustCompile(`(?i)\[(/?code)\]`)
	codeBlock = regexp.MustCompile(`(?is)\[code\](.*?)\[/code\]`)
	spoilt    = regexp.MustCompile(`(?i)\[` + noTag + `(/?code)\]`)
)

// noTag is a space without width: it keeps words from being a tag, and is taken out
// again when they are read.
const noTag = "\u200b"

// defused keeps the words of a text from becoming HTML.
func defused(s string) string { return codeTag.ReplaceAllString(s, "["+noTag+"$1]") }

// toMarkdown reads plain text, or a journal with HTML in it.
func toMarkdown(raw string) string {
	raw = lines(raw)
	if !codeBlock.MatchString(raw) {
		return richtext.PlainToMarkdown(spoilt.ReplaceAllString(raw, "[$1]"))
	}
	var b strings.Builder
	for at := 0; ; {
		m := codeBlock.FindStringSubmatchIndex(raw[at:])
		words := raw[at:]
		if m != nil {
			words = raw[at : at+m[0]]
		}
		words = html.EscapeString(spoilt.ReplaceAllString(words, "[$1]"))
		b.WriteString(strings.ReplaceAll(words, "\n", "<br>"))
		if m == nil {
			return richtext.HTMLToMarkdown(b.String())
		}
		b.WriteString(raw[at+m[2] : at+m[3]])
		at += m[1]
	}
}

func fromMarkdown(md string) string {
	return defused(richtext.MarkdownToPlain(lines(md)))
}

var markerField = regexp.MustCompile(`^parley:([a-z2-7]{16})$`)

// correlation is what correlation_id holds of a ticket that we made.
func correlation(m event.Marker) string { return "parley:" + string(m) }

func markerIn(correlation string) event.Marker {
	if m := markerField.FindStringSubmatch(correlation); m != nil {
		return event.Marker(m[1])
	}
	return ""
}

// withMarker converts a comment and puts the marker behind it, where people see it: a
// journal has nothing else that is ours to write, and takes no empty entry.
func withMarker(md string, m event.Marker) string {
	return orDefault(marker.Append(fromMarkdown(md), m, marker.Word), noTag)
}

// fileMark stands in the name of a file, before its ending.
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
