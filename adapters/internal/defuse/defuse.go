package defuse

import "regexp"

// noWidth is what stands between a sign and what follows.
const noWidth = "\u200b"

// formula is a text that a spreadsheet runs when a table of tickets is opened in it:
// one that begins with "=", or with another of its signs and holds a call (OWASP, "CSV
// Injection"). A list, a number or a mention is none.
var formula = regexp.MustCompile(`^[ \t\r\n]*(?:[=＝][ \t]*[^=＝\s]|[+\-@＋－＠][^\s+\-@][^\n]*[(|!])`)

// Formula keeps a text from being a formula. It leaves what may be a list: a field of
// one line is for Line.
func Formula(s string) string {
	if formula.MatchString(s) || MeantFormula(s) != s {
		return noWidth + s
	}
	return s
}

// A field of one line is a cell of its own, where nothing is a list: a spreadsheet allows
// spaces and signs behind the first sign. What calls nothing is left as it is (5-3), and
// so is a number that words or numbers follow, which is no formula whatever they are: a
// telephone number is to be dialled.
var (
	equals  = regexp.MustCompile(`^\s*[=＝]+\s*[^=＝\s]`)
	signed  = regexp.MustCompile(`^\s*[+\-@＋－＠][\s+\-@＋－＠]*`)
	counted = regexp.MustCompile(`^[\d(][\d\s.,/()*%+-]*$|^(?:\d|[\d(][\d\s.,/()*%+-]*[\d%])\s+\pL`)
	calls   = regexp.MustCompile(`\pL[\pL\d_.]*\s*\(|[|!]\s*[\pL\d_$#'"\[]`)
)

// Line keeps a text of one line from being a formula.
func Line(s string) string {
	if isFormula(s) || MeantFormula(s) != s {
		return noWidth + s
	}
	return s
}

func isFormula(s string) bool {
	if equals.MatchString(s) {
		return true
	}
	sign := signed.FindString(s)
	rest := s[len(sign):]
	return sign != "" && !counted.MatchString(rest) && calls.MatchString(rest)
}

// parted is wider than what is parted: the rules may become finer, and what they
// parted before is read as it was meant all the same.
var parted = regexp.MustCompile(`^` + noWidth + `+\s*[=＝+\-@＋－＠]`)

// MeantFormula is the text that Formula or Line was given.
func MeantFormula(s string) string {
	if parted.MatchString(s) {
		return s[len(noWidth):]
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
