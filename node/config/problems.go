package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxProblems bounds a report: what is wrong a hundred times is one mistake.
const maxProblems = 50

// Problem is one thing that is wrong.
type Problem struct {
	// Line and Column count from 1; 0 is for what stands in no line.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// From is "" for the file, else the variable or flag that the value came from.
	From string `json:"from,omitempty"`
	// Key is the way to the key, with dots ("connections.globex.scope").
	Key  string `json:"key,omitempty"`
	What string `json:"what"`
	// Advice says what to write instead, or "".
	Advice string `json:"advice,omitempty"`
	// Excerpt is the line, without what may be a secret.
	Excerpt string `json:"excerpt,omitempty"`
}

// Problems is the error of Load: everything that is wrong, in the file's order.
type Problems struct {
	File string    `json:"file"`
	List []Problem `json:"problems"`
	// More is how many were left out.
	More int `json:"more,omitempty"`
}

// Error implements error: all problems, for a person.
func (p *Problems) Error() string {
	var out strings.Builder
	for i, one := range p.List {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(one.text(p.File))
	}
	if p.More > 0 {
		fmt.Fprintf(&out, "\n... and %d more", p.More)
	}
	return out.String()
}

// text is one problem as a person reads it.
func (p Problem) text(file string) string {
	var out strings.Builder
	switch {
	case p.From != "":
		out.WriteString(p.From)
	case p.Line > 0:
		fmt.Fprintf(&out, "%s:%d:%d", file, p.Line, p.Column)
	default:
		out.WriteString(file)
	}
	out.WriteString(": ")
	if p.Key != "" {
		out.WriteString(p.Key + ": ")
	}
	out.WriteString(p.What)
	if p.Advice != "" {
		out.WriteString("; " + p.Advice)
	}
	if p.Excerpt != "" {
		fmt.Fprintf(&out, "\n%5d | %s", p.Line, p.Excerpt)
	}
	if p.Column > 0 && p.Column <= utf8.RuneCountInString(p.Excerpt) {
		fmt.Fprintf(&out, "\n      | %s^", strings.Repeat(" ", p.Column-1))
	}
	return out.String()
}

// asError makes an error of what was found, or nil.
func asError(file string, found []Problem) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	p := &Problems{File: file, List: found}
	if len(found) > maxProblems {
		p.List, p.More = found[:maxProblems], len(found)-maxProblems
	}
	return p
}

// nearest returns the one of names that text was probably meant to be, or "".
func nearest(text string, names []string) string {
	best, bestDistance := "", max(len(text)/3, 1)+1
	for _, name := range names {
		if d := distance(strings.ToLower(text), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance counts the characters to put in, take out or change, and neighbours
// to swap, between a and b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}

// Lines are the problems one by one, as a person reads them.
func (p *Problems) Lines() []string {
	var out []string
	for _, one := range p.List {
		out = append(out, one.text(p.File))
	}
	if p.More > 0 {
		out = append(out, fmt.Sprintf("... and %d more", p.More))
	}
	return out
}
