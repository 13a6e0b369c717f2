package gitlab

import (
	"regexp"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/adapters/internal/marker"
	"parley/adapters/richtext"
	"parley/sync/event"
)

// GitLab keeps Markdown as it is; but a line that begins with a slash is an order, a
// name behind an @ is called, and numbers behind #, ! and & leave a line at what they name.
// What comes from elsewhere means none of these.

var (
	sign   = regexp.MustCompile(`(?i)@|#|!|&(?:#0*64|#x0*40|commat|#0*35|#x0*23|num|#0*33|#x0*21|excl|#0*38|#x0*26|amp);|&`)
	action = regexp.MustCompile(`(?im)^[ \t>*+-]*(?:\d+[.)][ \t]*)?(/|&(?:#0*47|#x0*2f|sol);)[a-z]`)

	disarmed = regexp.MustCompile(`(?i)(@|#|!|/|&(?:#0*64|#x0*40|commat|#0*35|#x0*23|num|#0*33|#x0*21|excl|#0*38|#x0*26|amp|#0*47|#x0*2f|sol);|&)` + richtext.Disarmed + `([a-z0-9])`)
)

func fromMarkdown(md string) string {
	md = richtext.AttachmentsAsWords(strings.TrimRight(lines(md), " \n"))
	md = obeyed(md)
	return defuse.Formula(richtext.Disarm(md, armed(md)))
}

// fenceEnds is the end of a block of code.
var fenceEnds = regexp.MustCompile("\n[ >]*(?:```|~~~)")

// obeyed parts the slash of each order from its word. GitLab takes orders from the lines of
// a text before it reads it as Markdown: also from a comment, a tag or an address of several
// lines, and from a block of code that does not end.
func obeyed(md string) string {
	in, ends := richtext.WithinCode(md), 0
	for _, at := range fenceEnds.FindAllStringIndex(md, -1) {
		ends = at[0]
	}
	var out strings.Builder
	done := 0
	for _, at := range action.FindAllStringSubmatchIndex(md, -1) {
		indented := md[at[0]] == ' ' || md[at[0]] == '\t'
		if sign := at[3]; !in(sign-1) || sign > ends && !indented {
			out.WriteString(md[done:sign] + richtext.Disarmed)
			done = sign
		}
	}
	return out.String() + md[done:]
}

// armed are the places behind the signs that a name or a number follows.
func armed(md string) []int {
	var out []int
	for _, at := range sign.FindAllStringIndex(md, -1) {
		from, to := at[0], at[1]
		switch {
		case to == len(md) || !isAlnum(md[to]):
		case md[from] == '@' && from > 0 && (isAlnum(md[from-1]) || md[from-1] == '_'):
		case md[from] == '&' && (to == from+1 || isAmpersand(md[from:to])) && !isDigit(md[to]):
		case (md[from] == '#' || md[from] == '!') && (from > 0 && md[from-1] == '&' || !isDigit(md[to])):
		default:
			out = append(out, to)
		}
	}
	return out
}

func isAmpersand(entity string) bool {
	switch strings.TrimLeft(strings.ToLower(strings.Trim(entity, "&#;")), "x0") {
	case "amp", "38", "26":
		return true
	}
	return false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isAlnum(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func toMarkdown(raw string) string {
	md := defuse.MeantFormula(disarmed.ReplaceAllString(strings.TrimRight(lines(raw), " \n"), "$1$2"))
	return richtext.ReferAttachments(md, func(string) (string, bool) { return "", false })
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func withMarker(md string, m event.Marker) string {
	return marker.Append(fromMarkdown(md), m, marker.Comment)
}

// cutMarker is a text as it was meant, and the marker if it is our account's.
func cutMarker(raw string, ours bool) (string, event.Marker) {
	if !ours {
		return toMarkdown(raw), ""
	}
	text, m := marker.Cut(raw)
	return toMarkdown(text), m
}
