package redmine

import (
	"regexp"
	"strings"

	"parley/adapters/richtext"
	"parley/sync/event"
)

// Redmine keeps Markdown as it is, so that nothing is converted there.

func (s *settings) toMarkdown(raw string) string {
	raw = lines(raw)
	switch s.format {
	case formatTextile:
		return richtext.TextileToMarkdown(raw)
	case formatPlain:
		return richtext.PlainToMarkdown(raw)
	}
	return strings.TrimRight(raw, " \n")
}

func (s *settings) fromMarkdown(md string) string {
	md = lines(md)
	switch s.format {
	case formatTextile:
		return richtext.MarkdownToTextile(md)
	case formatPlain:
		return richtext.MarkdownToPlain(md)
	}
	return strings.TrimRight(md, " \n")
}

// lines makes newlines \n: descriptions come with CRLF, notes as sent.
func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// A marker is a line of its own: in Textile an HTML comment, in Markdown a
// definition that nothing refers to, neither of which Redmine shows; in plain
// text a short word.
var (
	markerLine = regexp.MustCompile(`(?m)^(?:<!-- parley:([a-z2-7]{16}) -->|\[parley:([a-z2-7]{16})\](?:: #)?)[ \t\r]*$`)
	markerFile = regexp.MustCompile(`^(?:(.*) )?\[parley:([a-z2-7]{16})\]$`)
	markerText = regexp.MustCompile(`^[a-z2-7]{16}$`)
)

func (s *settings) markerLine(m event.Marker) string {
	switch s.format {
	case formatTextile:
		return "<!-- parley:" + string(m) + " -->"
	case formatPlain:
		return "[parley:" + string(m) + "]"
	}
	return "[parley:" + string(m) + "]: #"
}

// withMarker converts md and puts the marker behind it. Lines of md that look
// like a marker are changed: only ours may count.
func (s *settings) withMarker(md string, m event.Marker) string {
	body := s.fromMarkdown(md)
	if markerLine.MatchString(body) {
		body = strings.ReplaceAll(body, "parley:", "parley\u200b:")
	}
	switch {
	case m == "":
		return body
	case body == "":
		return s.markerLine(m)
	}
	return body + "\n\n" + s.markerLine(m)
}

// cutMarker takes the marker out of a text, wherever people have moved it. The
// last one counts.
func cutMarker(raw string) (string, event.Marker) {
	raw = lines(raw)
	all := markerLine.FindAllStringSubmatchIndex(raw, -1)
	if len(all) == 0 {
		return raw, ""
	}
	m := all[len(all)-1]
	group := m[2:4]
	if group[0] < 0 {
		group = m[4:6]
	}
	before, after := strings.TrimRight(raw[:m[0]], "\n"), strings.TrimLeft(raw[m[1]:], "\n")
	rest := before
	if before != "" && after != "" {
		rest += "\n\n"
	}
	return rest + after, event.Marker(raw[group[0]:group[1]])
}

// spoiled matches what Redmine replaces in the name of a file.
var spoiled = regexp.MustCompile(`[/?%*:|"'<>\n\r\\]`)

// fileDescription holds the marker, and the name where Redmine changes it.
func fileDescription(name string, m event.Marker) string {
	mark := "[parley:" + string(m) + "]"
	if spoiled.MatchString(name) && len([]rune(name))+len(mark) < 250 {
		return strings.Map(noControl, name) + " " + mark
	}
	return mark
}

func noControl(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// cutFileMarker reads what fileDescription wrote.
func cutFileMarker(name, description string) (string, event.Marker) {
	m := markerFile.FindStringSubmatch(description)
	if m == nil {
		return name, ""
	}
	if m[1] != "" {
		name = m[1]
	}
	return name, event.Marker(m[2])
}
