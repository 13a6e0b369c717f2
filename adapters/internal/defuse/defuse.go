package defuse

import (
	"regexp"
	"strings"
)

// noWidth is what stands between a sign and what follows.
const noWidth = "\u200b"

// alone is noWidth as a paragraph of its own, before what would be a list, a rule, code or
// a mark no longer if anything stood before it in its line.
const alone = noWidth + "\n\n"

// Formula keeps a long text from being a formula, which it is by what it begins with: that
// is what the cell of an exported table begins with. It is for Markdown, and for all that
// is written like it: what the text shows stays.
func Formula(s string) string {
	switch {
	case MeantFormula(s) == s && !runs(s):
		return s
	case needsItsLine(s):
		return alone + s
	}
	return noWidth + s
}

// A spreadsheet runs what begins with "=", and what begins with another of its signs if it
// calls something (OWASP, "CSV Injection"): a function, another program, another table.
// Words that only a space parts are prose. A call of another program counts wherever it
// stands.
var (
	equal   = regexp.MustCompile(`^\s*[=＝][ \t]*[^=＝\s]`)
	signs   = regexp.MustCompile(`^\s*[=＝+\-@＋－＠][\s=＝+\-@＋－＠]*`)
	program = regexp.MustCompile(`[\pL\d]\|[^|\n]*!`)
	call    = regexp.MustCompile(`\pL[\pL\d_.]*(?:\(|\s*\(\s*["'])|[|!][\pL\d_$#'"\[]`)
	quoted  = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	prose   = regexp.MustCompile(`[\pL\d_)\]%]\s+[\pL\d_(]`)
)

func runs(s string) bool {
	if equal.MatchString(s) {
		return true
	}
	sign := signs.FindString(s)
	rest := s[len(sign):]
	if sign == "" || program.MatchString(rest) {
		return sign != ""
	}
	at := call.FindStringIndex(rest)
	return at != nil && !prose.MatchString(quoted.ReplaceAllString(rest[:at[0]], "0")+rest[at[0]:at[0]+1])
}

// needsItsLine tells whether a character before a text may change how it is read: it is
// indented, or its sign is one of a list, a rule, or a mark that the line closes.
func needsItsLine(s string) bool {
	line, _, _ := strings.Cut(s, "\n")
	switch {
	case line == "" || strings.IndexByte(" \t", line[0]) >= 0:
		return true
	case strings.IndexByte("-+@", line[0]) < 0:
		return false
	}
	return line[1:] == "" || strings.IndexByte(" \t"+line[:1], line[1]) >= 0 || strings.LastIndexByte(line, line[0]) > 0
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
	switch {
	case !parted.MatchString(s):
		return s
	case strings.HasPrefix(s, alone):
		return s[len(alone):]
	}
	return s[len(noWidth):]
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
