package filters

import (
	"fmt"
	"strings"
	"unicode"
)

// Code names a kind of Problem; codes are stable.
type Code string

// The codes of problems.
const (
	CodeSyntax        Code = "syntax"
	CodeTooLong       Code = "too-long"
	CodeTooDeep       Code = "too-deep"
	CodeUnclosed      Code = "unclosed"
	CodeUnknownName   Code = "unknown-name"
	CodeUnknownField  Code = "unknown-field"
	CodeUnknownVar    Code = "unknown-variable"
	CodeUnknownCall   Code = "unknown-function"
	CodeUnknownTable  Code = "unknown-table"
	CodeUnknownKey    Code = "unknown-key"
	CodeUnknownOption Code = "unknown-option"
	CodeType          Code = "wrong-type"
	CodeTarget        Code = "wrong-target"
	CodeReadOnly      Code = "read-only"
	CodeOffHere       Code = "not-here"
	CodeNotAvailable  Code = "not-available"
	CodeLiteral       Code = "literal-wanted"
	CodeAssign        Code = "assign-in-expression"
	CodeElement       Code = "nested-element"
	CodeRedeclared    Code = "redeclared"
	CodeUnused        Code = "unused"
	CodeOverwritten   Code = "overwritten"
	CodeVariable      Code = "bad-variable"
	CodeNothing       Code = "maybe-nothing"
	CodeConstant      Code = "constant-condition"
	CodeUnreachable   Code = "unreachable"
	CodeGrows         Code = "grows"
	CodeRevealed      Code = "revealed"
	CodeUnsteady      Code = "unsteady"
	CodePersonal      Code = "personal"
	CodeIgnored       Code = "ignored"
	CodeUnmapped      Code = "unmapped"
	CodeNotSent       Code = "not-sent"
	CodeTableOption   Code = "table-option"
	CodeRoundTrip     Code = "round-trip"
)

// Problem is one mistake in a script.
type Problem struct {
	Code    Code   `json:"code"`
	Line    int    `json:"line"`
	Col     int    `json:"col"` // in characters, from 1
	Message string `json:"message"`
	// Nearest is a name that was probably meant, or "".
	Nearest string `json:"didYouMean,omitempty"`
	// Source is the line, without its line end.
	Source string `json:"source"`
	// Warning marks what does not stop a script from being used.
	Warning bool `json:"warning,omitempty"`
}

// Problems are all mistakes of a script, in the order of its lines. It is the
// error that the Compile functions return; as JSON it is a list.
type Problems []Problem

// Error renders p for a terminal, each with its line and a caret.
func (p Problems) Error() string {
	var b strings.Builder
	for i, one := range p {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(one.String())
	}
	return b.String()
}

// String renders one problem in three lines.
func (p Problem) String() string {
	line, caret := pointAt(p.Source, p.Col)
	hint := ""
	if p.Nearest != "" {
		hint = fmt.Sprintf("; did you mean %s?", p.Nearest)
	}
	kind := ""
	if p.Warning {
		kind = "warning: "
	}
	return fmt.Sprintf("line %d, column %d: %s%s%s [%s]\n    %s\n    %s", p.Line, p.Col, kind, printable(p.Message), hint, p.Code, line, caret)
}

// pointAt returns the line as it can be shown, and a caret under col. Long
// lines are cut around the place.
func pointAt(source string, col int) (line, caret string) {
	const width = 120
	runes := []rune(source)
	start := 0
	if col > width {
		start = col - width/2
	}
	end := min(len(runes), start+width)
	if start > end {
		start = end
	}
	shown := strings.ReplaceAll(printable(string(runes[start:end])), "\t", " ")
	return shown, strings.Repeat(" ", max(0, col-1-start)) + "^"
}

// printable replaces what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// nearest returns the candidate that name was probably meant to be, or "".
func nearest(name string, candidates []string) string {
	best, bestDistance := "", max(1, len([]rune(name))/3)+1
	for _, c := range candidates {
		if strings.EqualFold(c, name) {
			return c
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c), bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts single edits and swaps of neighbours between a and b, and
// gives up at limit.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if abs(len(x)-len(y)) >= limit || len(x) > 100 || len(y) > 100 {
		return limit
	}
	var before []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		next := make([]int, len(y)+1)
		next[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(y)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
