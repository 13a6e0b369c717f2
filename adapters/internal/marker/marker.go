package marker

import (
	"regexp"
	"strings"

	"parley/sync/event"
)

// Form is how a marker is written.
type Form int

// The forms.
const (
	// Comment is an HTML comment, which Markdown, Textile and HTML do not show.
	Comment Form = iota
	// Definition is a definition of Markdown that nothing refers to.
	Definition
	// Word is a short word that everybody sees.
	Word
)

var line = regexp.MustCompile(`(?m)^(?:<!-- parley:([a-z2-7]{16}) -->|\[parley:([a-z2-7]{16})\](?:: #)?)[ \t\r]*$`)

// Line is a marker as the line that Append adds.
func Line(m event.Marker, form Form) string {
	switch form {
	case Definition:
		return "[parley:" + string(m) + "]: #"
	case Word:
		return "[parley:" + string(m) + "]"
	}
	return "<!-- parley:" + string(m) + " -->"
}

// Append puts a marker behind text; none adds nothing.
func Append(text string, m event.Marker, form Form) string {
	if line.MatchString(text) {
		text = strings.ReplaceAll(text, "parley:", "parley\u200b:")
	}
	switch {
	case m == "":
		return text
	case text == "":
		return Line(m, form)
	}
	return text + "\n\n" + Line(m, form)
}

// Cut takes the marker out of a text, whose newlines become \n.
func Cut(text string) (string, event.Marker) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	all := line.FindAllStringSubmatchIndex(text, -1)
	if len(all) == 0 {
		return text, ""
	}
	m := all[len(all)-1]
	group := m[2:4]
	if group[0] < 0 {
		group = m[4:6]
	}
	before, after := strings.TrimRight(text[:m[0]], "\n"), strings.TrimLeft(text[m[1]:], "\n")
	rest := before
	if before != "" && after != "" {
		rest += "\n\n"
	}
	return rest + after, event.Marker(text[group[0]:group[1]])
}
