package salesforce

import (
	"regexp"
	"strings"

	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

var markerText = regexp.MustCompile(`^[a-z2-7]{16}$`)

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// fromMarkdown is a text as cases and comments take it: without any formatting.
func fromMarkdown(md string) string { return richtext.MarkdownToPlain(lines(md)) }

// toMarkdown is a text as it was meant.
func toMarkdown(plain string) string {
	return richtext.PlainToMarkdown(lines(plain))
}

// withMarker is a text as it is written, with the marker behind it where people see it.
func withMarker(md string, m event.Marker) string {
	return marker.Append(fromMarkdown(md), m, marker.Word)
}

// cutMarker is a text as it was meant, and its marker, which counts only where our own
// account wrote the text: others may copy one.
func cutMarker(plain string, ours bool) (string, event.Marker) {
	text, m := marker.Cut(plain)
	if !ours {
		m = ""
	}
	return toMarkdown(text), m
}
