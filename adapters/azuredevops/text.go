package azuredevops

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// formatMarkdown is a long text that is Markdown at Azure DevOps too. A text becomes
// one when a person switches it, and stays one.
const formatMarkdown = "markdown"

// called is a person, a work item or a pull request in Markdown of Azure DevOps, which
// tells the one and links the others ("Use Markdown in Azure DevOps"). In HTML they are
// elements that nothing here writes.
var (
	called   = regexp.MustCompile(`@<[0-9A-Fa-f-]{36}>|[#!][0-9]`)
	uncalled = regexp.MustCompile(`(@)` + richtext.Disarmed + `(<[0-9A-Fa-f-]{36}>)|([#!])` + richtext.Disarmed + `([0-9])`)
)

// defused keeps Markdown from calling and linking what it does not mean.
func defused(md string) string {
	var places []int
	for _, at := range called.FindAllStringIndex(md, -1) {
		places = append(places, at[0]+1)
	}
	return defuse.Formula(richtext.Disarm(md, places))
}

func toMarkdown(raw, format string) string {
	if strings.EqualFold(format, formatMarkdown) {
		return defuse.MeantFormula(uncalled.ReplaceAllString(strings.TrimRight(lines(raw), " \n"), "$1$3$2$4"))
	}
	return richtext.HTMLToMarkdown(raw)
}

func fromMarkdown(md, format string) string {
	if strings.EqualFold(format, formatMarkdown) {
		return defused(lines(md))
	}
	return richtext.MarkdownToHTML(lines(md))
}

// commentText is a comment with its marker: a line that everybody sees, since the
// clean-up of what is posted takes HTML comments out.
func commentText(md string, m event.Marker, format string) string {
	md = lines(md)
	if md == "" {
		md = "\u200b" // an empty comment is refused
	}
	if strings.EqualFold(format, formatMarkdown) {
		return marker.Append(fromMarkdown(md, format), m, marker.Word)
	}
	html := fromMarkdown(marker.Append(md, "", marker.Word), format)
	if m == "" {
		return html
	}
	return html + "\n<p>" + marker.Line(m, marker.Word) + "</p>"
}

// escaped is a marker as Markdown may write a text in brackets.
var escaped = regexp.MustCompile(`(?m)^\\?\[parley:([a-z2-7]{16})\\?\]$`)

// cutComment takes the marker out of a comment's text.
func cutComment(raw, format string) (string, event.Marker) {
	md, m := marker.Cut(escaped.ReplaceAllString(toMarkdown(raw, format), "[parley:$1]"))
	return md, m
}

// Tags and the comments of files hold markers in the same spelling.
const markPrefix = "parley:"

var mark = regexp.MustCompile(`^parley:([a-z2-7]{16})$`)

func isMarkerTag(tag string) bool { return mark.MatchString(tag) }

func markOf(s string) event.Marker {
	m := mark.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return ""
	}
	return event.Marker(m[1])
}

// markerOf is the marker that our create left: only what our own account made can have
// one, since a copy of a work item has the tags of its model.
func (t *Tracker) markerOf(i *item, me identity) event.Marker {
	var creator identity
	if json.Unmarshal(i.Fields[refCreator], &creator) != nil || creator.ID != me.ID {
		return ""
	}
	if t.set.marker != "" {
		return markOf(i.text(t.set.marker))
	}
	for _, tag := range i.tags() {
		if m := markOf(tag); m != "" {
			return m
		}
	}
	return ""
}

func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
