package defuse

import (
	"regexp"
	"strings"
)

// noWidth is what stands between a sign and what follows.
const noWidth = "\u200b"

// formula is a text that a spreadsheet runs when a table of tickets is opened in it:
// one that begins with "=", or with another of its signs and holds a call (OWASP, "CSV
// Injection"). A list, a number or a mention is none.
var formula = regexp.MustCompile(`^[ \t\r\n]*(?:=[^=\s]|[+\-@][^\s+\-@][^\n]*[(|!])`)

// Formula keeps a text from being a formula.
func Formula(s string) string {
	if formula.MatchString(s) {
		return noWidth + s
	}
	return s
}

// MeantFormula is the text that Formula was given.
func MeantFormula(s string) string {
	if rest, ok := strings.CutPrefix(s, noWidth); ok && formula.MatchString(rest) {
		return rest
	}
	return s
}

// Sign is what a tracker acts on: one sign, and what must follow it at once.
type Sign struct{ armed, spoilt *regexp.Regexp }

// NewSign makes a Sign of two patterns; neither may have groups that are kept.
func NewSign(sign, follows string) Sign {
	return Sign{
		armed:  regexp.MustCompile(`(` + sign + `)(` + follows + `)`),
		spoilt: regexp.MustCompile(`(` + sign + `)` + noWidth + `(` + follows + `)`),
	}
}

// Text parts the sign from what follows it, wherever they stand.
func (d Sign) Text(s string) string { return untilSettled(s, d.armed, "${1}"+noWidth+"${2}") }

// Meant is the text that Text was given.
func (d Sign) Meant(s string) string { return untilSettled(s, d.spoilt, "${1}${2}") }

// untilSettled replaces signs that overlap too: a second pass meets what the first left.
func untilSettled(s string, pattern *regexp.Regexp, by string) string {
	return pattern.ReplaceAllString(pattern.ReplaceAllString(s, by), by)
}
