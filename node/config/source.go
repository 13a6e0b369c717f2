package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// tooDeep reports a file with too many open brackets: the parser takes time in
// their square. Those in texts count too, so the bound is far above any need.
func (d *decoder) tooDeep(text []byte) bool {
	open, line := 0, 1
	for _, c := range text {
		switch c {
		case '\n':
			line++
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		if open > maxOpen {
			d.problems = append(d.problems, Problem{Line: line, Column: 1, What: "nested too deeply", Advice: "is a bracket not closed?"})
			return true
		}
	}
	return false
}

// syntax reports what the parser says, without the excerpt it would print.
func (d *decoder) syntax(err error) {
	p := Problem{What: "this is not YAML"}
	if at, ok := err.(yaml.Error); ok { //nolint:errorlint // the parser returns it as it is
		p.What += ": " + at.GetMessage()
		if tok := at.GetToken(); tok != nil && tok.Position != nil {
			p.Line, p.Column = tok.Position.Line, tok.Position.Column
			p.Excerpt = d.excerpt(p.Line, false)
		}
	}
	d.problems = append(d.problems, p)
}

// node reports a problem with the value of a key.
func (d *decoder) node(n ast.Node, key, what, advice string) {
	d.report(positionOf(n), key, what, advice, false)
}

// keyNode reports a problem with a key. What follows it is not repeated: behind
// a mistyped key may stand a secret.
func (d *decoder) keyNode(n ast.Node, key, what, advice string) {
	d.report(positionOf(n), key, what, advice, true)
}

func (d *decoder) report(pos position, key, what, advice string, hide bool) {
	d.problems = append(d.problems, Problem{
		Line: pos.line, Column: pos.column, From: pos.from, Key: key, What: what, Advice: advice,
		Excerpt: d.excerpt(pos.line, hide || strings.HasPrefix(key, "tracker.settings.")),
	})
}

func positionOf(n ast.Node) position {
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		return position{line: tok.Position.Line, column: tok.Position.Column}
	}
	return position{}
}

var (
	afterKey = regexp.MustCompile(`^([^#:"'{]*:|\s*-)(?:\s|$)`)
	// sensitive finds lines that may hold a secret, whatever the problem with them is.
	sensitive = regexp.MustCompile(`(?i)pass|pwd|secret|token|credential|auth|key|://[^/\s]*@`)
)

// excerpt returns a line; with hide, or if it may hold a secret, its key only.
func (d *decoder) excerpt(line int, hide bool) string {
	if line < 1 || line > len(d.lines) {
		return ""
	}
	text := strings.TrimRight(strings.ReplaceAll(d.lines[line-1], "\t", " "), "\r ")
	if hide || sensitive.MatchString(text) {
		m := afterKey.FindStringSubmatch(text)
		if m == nil {
			return "" // part of a longer text: there is no key to show
		}
		text = m[1] + " …"
	}
	if runes := []rune(text); len(runes) > 160 {
		text = string(runes[:160]) + "…"
	}
	return text
}
