package jiradouble

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// query is JQL as far as tests need it: conditions with AND, OR and brackets, and
// an order.
type query struct {
	where condition
	order []order
}

type order struct {
	field string
	down  bool
}

type condition interface{ holds(*env) (bool, error) }

type env struct {
	d   *Double
	me  *Account
	row row
}

type token struct {
	text   string
	quoted bool
}

func lex(s string) ([]token, error) {
	var out []token
	for r := []rune(s); len(r) > 0; {
		switch {
		case unicode.IsSpace(r[0]):
			r = r[1:]
		case r[0] == '"' || r[0] == '\'':
			text, n := "", 1
			for n < len(r) && r[n] != r[0] {
				if r[n] == '\\' && n+1 < len(r) {
					n++
				}
				text += string(r[n])
				n++
			}
			if n >= len(r) {
				return nil, fmt.Errorf("Error in the JQL Query: The quoted string '%s' has not been completed.", text) //nolint:staticcheck,revive // Jira's words
			}
			out, r = append(out, token{text, true}), r[n+1:]
		case strings.ContainsRune("(),", r[0]):
			out, r = append(out, token{string(r[0]), false}), r[1:]
		case strings.ContainsRune("=<>!~", r[0]):
			n := 1
			if n < len(r) && r[n] == '=' {
				n++
			}
			out, r = append(out, token{string(r[:n]), false}), r[n:]
		default:
			n := 0
			for n < len(r) && !unicode.IsSpace(r[n]) && !strings.ContainsRune("(),=<>!~\"'", r[n]) {
				n++
			}
			out, r = append(out, token{string(r[:n]), false}), r[n:]
		}
	}
	return out, nil
}

type parser struct{ rest []token }

func (p *parser) word(s string) bool {
	if len(p.rest) > 0 && !p.rest[0].quoted && strings.EqualFold(p.rest[0].text, s) {
		p.rest = p.rest[1:]
		return true
	}
	return false
}

func (p *parser) next() (token, bool) {
	if len(p.rest) == 0 {
		return token{}, false
	}
	t := p.rest[0]
	p.rest = p.rest[1:]
	return t, true
}

func (p *parser) wrong() error {
	at := "the end"
	if len(p.rest) > 0 {
		at = "'" + p.rest[0].text + "'"
	}
	return fmt.Errorf("Error in the JQL Query: Expecting something else but got %s.", at) //nolint:staticcheck,revive // Jira's words
}

func parse(s string) (*query, error) {
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens}
	q := &query{}
	if len(p.rest) > 0 && !strings.EqualFold(p.rest[0].text, "order") {
		if q.where, err = p.or(); err != nil {
			return nil, err
		}
	}
	if p.word("order") {
		if !p.word("by") {
			return nil, p.wrong()
		}
		for {
			t, ok := p.next()
			if !ok {
				return nil, p.wrong()
			}
			o := order{field: strings.ToLower(t.text), down: p.word("desc")}
			p.word("asc")
			q.order = append(q.order, o)
			if !p.word(",") {
				break
			}
		}
	}
	if len(p.rest) > 0 {
		return nil, p.wrong()
	}
	return q, nil
}

type both struct {
	a, b condition
	or   bool
}

func (x both) holds(e *env) (bool, error) {
	a, err := x.a.holds(e)
	if err != nil {
		return false, err
	}
	b, err := x.b.holds(e)
	if x.or {
		return a || b, err
	}
	return a && b, err
}

func (p *parser) or() (condition, error) {
	a, err := p.and()
	for err == nil && p.word("or") {
		var b condition
		b, err = p.and()
		a = both{a, b, true}
	}
	return a, err
}

func (p *parser) and() (condition, error) {
	a, err := p.one()
	for err == nil && p.word("and") {
		var b condition
		b, err = p.one()
		a = both{a, b, false}
	}
	return a, err
}

func (p *parser) one() (condition, error) {
	if p.word("(") {
		c, err := p.or()
		if err == nil && !p.word(")") {
			err = p.wrong()
		}
		return c, err
	}
	field, ok := p.next()
	if !ok {
		return nil, p.wrong()
	}
	op, ok := p.next()
	if !ok {
		return nil, p.wrong()
	}
	c := clause{field: field.text, op: strings.ToLower(op.text)}
	if c.op != "in" {
		v, ok := p.next()
		if !ok {
			return nil, p.wrong()
		}
		c.values = []string{v.text}
		if !v.quoted && p.word("(") && !p.word(")") {
			return nil, p.wrong()
		}
		return c, nil
	}
	if !p.word("(") {
		return nil, p.wrong()
	}
	for {
		v, ok := p.next()
		if !ok {
			return nil, p.wrong()
		}
		c.values = append(c.values, v.text)
		if !p.word(",") {
			break
		}
	}
	if !p.word(")") {
		return nil, p.wrong()
	}
	return c, nil
}

type clause struct {
	field, op string
	values    []string
}

func (c clause) holds(e *env) (bool, error) {
	switch f := strings.ToLower(c.field); f {
	case "project":
		for _, v := range c.values {
			if v != e.d.opt.Project && !slices.Contains(e.d.opt.Also, v) {
				return false, fmt.Errorf("The value '%s' does not exist for the field 'project'.", v) //nolint:staticcheck,revive // Jira's words
			}
		}
		m, _ := e.row.s.fields[f].(map[string]any)
		key, _ := m["key"].(string)
		return slices.Contains(c.values, key), nil
	case "created", "updated":
		at, err := e.d.instant(c.values[0])
		if err != nil {
			return false, err
		}
		have := e.row.s.created
		if f == "updated" {
			have = e.row.s.updated
		}
		return !have.Before(at), nil
	case "creator":
		return e.row.i.creator == e.me, nil
	case "issuetype", "type", "status", "priority":
		m, _ := e.row.s.fields[strings.Replace(f, "type", "issuetype", 1)].(map[string]any)
		if f == "issuetype" {
			m, _ = e.row.s.fields[f].(map[string]any)
		}
		name, _ := m["name"].(string)
		return slices.Contains(c.values, name), nil
	}
	id := c.field
	if n, ok := strings.CutPrefix(id, "cf["); ok {
		id = "customfield_" + strings.TrimSuffix(n, "]")
	}
	all := catalogue()
	n := slices.IndexFunc(all, func(f field) bool { return f.id == id })
	if n < 0 {
		return false, fmt.Errorf("Field '%s' does not exist or you do not have permission to view it.", c.field) //nolint:staticcheck,revive // Jira's words
	}
	return c.text(e, &all[n])
}

// text is how ~ and = compare: words for texts, exactly for options.
func (c clause) text(e *env, f *field) (bool, error) {
	v := e.row.s.fields[f.id]
	if f.kind == "string" && c.op != "~" {
		return false, fmt.Errorf("The operator '%s' is not supported by the '%s' field.", c.op, f.name) //nolint:staticcheck,revive // Jira's words
	}
	if f.kind == "string" {
		s, _ := v.(string)
		return strings.Contains(strings.ToLower(s), strings.ToLower(strings.Trim(c.values[0], `"`))), nil
	}
	_, words := told(v)
	return words == c.values[0], nil
}
