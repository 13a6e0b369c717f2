package azuredevopsdouble

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	statement = regexp.MustCompile(`(?is)^\s*SELECT\s+\[System\.Id\]\s+FROM\s+WorkItems\s+WHERE\s+(.+?)(?:\s+ORDER\s+BY\s+\[([A-Za-z.]+)\]\s*(ASC|DESC)?)?\s*$`)
	lexeme    = regexp.MustCompile(`(?is)^\s*('(?:[^']|'')*'|\[[^\]]+\]|<>|<=|>=|[=<>(),]|[A-Za-z]+|\d+)`)
)

// wiql runs a flat query.
func (d *Double) wiql(c *call) {
	var in struct {
		Query string `json:"query"`
	}
	_ = json.NewDecoder(c.r.Body).Decode(&in)
	found, err := d.run(in.Query, c.r.URL.Query().Get("timePrecision") == "true")
	if err != nil {
		c.fail(http.StatusBadRequest, "TF51005", err.Error())
		return
	}
	top := c.query("$top", 0)
	if top == 0 && len(found) > d.opt.Cap {
		c.fail(http.StatusBadRequest, "VS402337", fmt.Sprintf("The number of work items returned exceeds the size limit of %d. Change the query to return fewer items.", d.opt.Cap))
		return
	}
	if top > 0 && len(found) > top {
		found = found[:top]
	}
	rows := []any{}
	for _, w := range found {
		rows = append(rows, map[string]any{"id": w.id, "url": fmt.Sprintf("%s/_apis/wit/workItems/%d", c.base, w.id)})
	}
	c.answer(http.StatusOK, map[string]any{"queryType": "flat", "queryResultType": "workItem", "asOf": stamp(d.now()), "columns": []any{}, "workItems": rows})
}

func (d *Double) run(query string, precise bool) ([]*workItem, error) {
	m := statement.FindStringSubmatch(query)
	if m == nil {
		return nil, errors.New("the query statement is missing a clause")
	}
	p := &parser{precise: precise}
	for rest := m[1]; strings.TrimSpace(rest) != ""; {
		t := lexeme.FindStringSubmatch(rest)
		if t == nil {
			return nil, errors.New("the query has an unexpected character")
		}
		p.words = append(p.words, t[1])
		rest = rest[len(t[0]):]
	}
	holds := p.either()
	if p.err != nil || len(p.words) > 0 {
		return nil, errors.Join(p.err, errors.New("expecting the end of the string"))
	}
	var out []*workItem
	for _, w := range d.items {
		if !w.deleted && !w.hidden && holds(w) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b *workItem) int {
		n := compare(value(a, m[2]), value(b, m[2]))
		if m[2] == "" || n == 0 {
			n = compare(a.id, b.id)
		}
		if strings.EqualFold(m[3], "DESC") {
			n = -n
		}
		return n
	})
	return out, nil
}

func value(w *workItem, ref string) any {
	if ref == "System.Id" {
		return w.id
	}
	return w.fields[ref]
}

// compare orders numbers by size and everything else as text, without case.
func compare(a, b any) int {
	if x, ok := a.(int64); ok {
		y, _ := b.(int64)
		return int(x - y)
	}
	return strings.Compare(strings.ToLower(plain(a)), strings.ToLower(plain(b)))
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		return fmt.Sprint(v["displayName"])
	}
	return fmt.Sprint(v)
}

type predicate func(*workItem) bool

type parser struct {
	words   []string
	precise bool
	err     error
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		p.err = errors.New("the query ends too early")
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) is(word string) bool {
	if len(p.words) > 0 && strings.EqualFold(p.words[0], word) {
		p.words = p.words[1:]
		return true
	}
	return false
}

func (p *parser) either() predicate {
	left := p.both()
	for p.err == nil && p.is("OR") {
		a, b := left, p.both()
		left = func(w *workItem) bool { return a(w) || b(w) }
	}
	return left
}

func (p *parser) both() predicate {
	left := p.one()
	for p.err == nil && p.is("AND") {
		a, b := left, p.one()
		left = func(w *workItem) bool { return a(w) && b(w) }
	}
	return left
}

func (p *parser) one() predicate {
	if p.is("(") {
		inner := p.either()
		if !p.is(")") && p.err == nil {
			p.err = errors.New("a bracket is not closed")
		}
		return inner
	}
	name := p.next()
	f := fieldOf(strings.Trim(name, "[]"))
	if p.err == nil && (f == nil || !strings.HasPrefix(name, "[")) {
		p.err = fmt.Errorf("the query references a field that does not exist: %s", name)
	}
	if p.err != nil {
		return func(*workItem) bool { return false }
	}
	operator := strings.ToUpper(p.next())
	switch operator {
	case "CONTAINS":
		if p.is("WORDS") {
			operator = "CONTAINS WORDS"
		}
	case "IN":
		return p.in(f)
	case "=", "<>", "<", "<=", ">", ">=":
	default:
		p.err = fmt.Errorf("the operator %s is not known", operator)
	}
	want := p.literal(f)
	return func(w *workItem) bool { return test(f, value(w, f.ref), operator, want) }
}

func (p *parser) in(f *field) predicate {
	var all []string
	if !p.is("(") {
		p.err = errors.New("IN wants a list")
	}
	for p.err == nil && !p.is(")") {
		all = append(all, p.literal(f))
		p.is(",")
	}
	return func(w *workItem) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.EqualFold(s, plain(value(w, f.ref))) })
	}
}

// literal is a value; a time is refused where times are read to the day.
func (p *parser) literal(f *field) string {
	word := p.next()
	text := strings.ReplaceAll(strings.Trim(word, "'"), "''", "'")
	if f.kind == "dateTime" && strings.ContainsAny(text, "T:") && !p.precise {
		p.err = errors.New("you cannot supply a time with the date when running a query using date precision")
	}
	return text
}

func test(f *field, got any, operator, want string) bool {
	switch {
	case f.ref == "System.Tags":
		return slices.ContainsFunc(strings.Split(plain(got), "; "), func(tag string) bool { return strings.EqualFold(tag, want) })
	case strings.HasPrefix(operator, "CONTAINS"):
		return strings.Contains(strings.ToLower(plain(got)), strings.ToLower(want))
	}
	n := strings.Compare(strings.ToLower(plain(got)), strings.ToLower(want))
	if f.kind == "integer" || f.kind == "double" {
		a, _ := strconv.ParseFloat(plain(got), 64)
		b, _ := strconv.ParseFloat(want, 64)
		n = int(a - b)
	}
	if f.kind == "dateTime" {
		a, _ := time.Parse(time.RFC3339, plain(got))
		b, err := time.Parse(time.RFC3339, want)
		if err != nil {
			b, _ = time.Parse(time.DateOnly, want)
		}
		n = a.Compare(b)
	}
	switch operator {
	case "=":
		return n == 0
	case "<>":
		return n != 0
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}
