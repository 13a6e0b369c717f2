package github

import (
	"regexp"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// GitHub keeps Markdown as it is, so that nothing is converted; but it notifies
// everybody whose name stands behind an @, and links every number behind a #. What
// comes from elsewhere means neither.

// sign is what GitHub acts on, or an entity that it shows as such.
var sign = regexp.MustCompile(`(?i)@|#|\bGH-|&(?:#0*64|#x0*40|commat|#0*35|#x0*23|num);`)

// fromMarkdown is a text as it is written.
func fromMarkdown(md string) string {
	md = richtext.AttachmentsAsWords(strings.TrimRight(lines(md), " \n"))
	return defuse.Formula(richtext.Disarm(md, armed(md)))
}

// armed are the places behind the signs that name or number follows.
func armed(md string) []int {
	var out []int
	for _, at := range sign.FindAllStringIndex(md, -1) {
		from, to := at[0], at[1]
		switch {
		case to == len(md) || !isAlnum(md[to]):
		case md[from] == '@' && from > 0 && (isAlnum(md[from-1]) || md[from-1] == '_'):
			// An address of e-mail.
		case md[from] == '#' && (from > 0 && md[from-1] == '&' || !isDigit(md[to])):
			// An entity, or a word of its own.
		default:
			out = append(out, to)
		}
	}
	return out
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isAlnum(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

var disarmed = regexp.MustCompile(`(?i)(@|#|\bGH-|&(?:#0*64|#x0*40|commat|#0*35|#x0*23|num);)` + richtext.Disarmed + `([a-z0-9])`)

// toMarkdown is a text as it was meant.
func toMarkdown(raw string) string {
	md := defuse.MeantFormula(disarmed.ReplaceAllString(strings.TrimRight(lines(raw), " \n"), "$1$2"))
	return richtext.ReferAttachments(md, func(string) (string, bool) { return "", false })
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// withMarker is a text as it is written, with the marker behind it.
func (s *settings) withMarker(md string, m event.Marker) string {
	return marker.Append(fromMarkdown(md), m, s.form)
}

// cutMarker is a text as it was meant, and the marker if it is our account's.
func cutMarker(raw string, ours bool) (string, event.Marker) {
	if !ours {
		return toMarkdown(raw), ""
	}
	text, m := marker.Cut(raw)
	return toMarkdown(text), m
}
