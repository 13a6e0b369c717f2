package salesforcedouble

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query answers SOQL.
func (d *Double) query(c *call) {
	text := c.r.URL.Query().Get("q")
	d.soql = append(d.soql, text)
	all := strings.Contains(c.r.URL.Path, "/queryAll/")
	rows, fields, object, err := d.run(text, all)
	if err != nil {
		c.refuse(http.StatusBadRequest, err.code, err.words)
		return
	}
	d.give(c, object, len(rows), pick(object, rows, fields))
}

// give answers a page of rows and keeps the rest for its locator.
func (d *Double) give(c *call, object string, total int, rows []any) {
	out := map[string]any{"totalSize": total, "done": true, "records": rows}
	if len(rows) > d.opt.Batch {
		out["records"], out["done"] = rows[:d.opt.Batch], false
		locator := d.id("01g") + "-" + strconv.Itoa(d.opt.Batch)
		d.pages[locator] = answer{status: total, body: rows[d.opt.Batch:]}
		out["nextRecordsUrl"] = "/services/data/" + c.r.PathValue("version") + "/query/" + locator
	}
	c.answer(http.StatusOK, out)
}

// more answers the next page.
func (d *Double) more(c *call) {
	kept, ok := d.pages[c.r.PathValue("locator")]
	if !ok {
		c.refuse(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
		return
	}
	rest, _ := kept.body.([]any)
	d.give(c, "", kept.status, rest)
}

func pick(object string, rows []row, fields []string) []any {
	out := []any{}
	for _, r := range rows {
		one := map[string]any{"attributes": attributes(object, r)}
		for _, f := range fields {
			one[f] = show(r[f])
		}
		out = append(out, one)
	}
	return out
}

func attributes(object string, r row) map[string]any {
	return map[string]any{"type": object, "url": fmt.Sprintf("/services/data/v66.0/sobjects/%s/%s", object, r["Id"])}
}

func show(v any) any {
	if at, ok := v.(time.Time); ok {
		return at.UTC().Format("2006-01-02T15:04:05.000+0000")
	}
	return v
}

type soqlError struct{ code, words string }

// parser reads one query.
type parser struct {
	d      *Double
	tokens []string
	all    bool
	object string
	// filtered are the fields that conditions are on.
	filtered []string
	err      *soqlError
}

var token = regexp.MustCompile(`'(?:\\.|[^'\\])*'|\d{4}-\d\d-\d\dT[0-9:.]+Z|[A-Za-z_][A-Za-z0-9_.]*|-?\d+(?:\.\d+)?|<=|>=|!=|[=<>(),]|\S`)

func (d *Double) run(text string, all bool) ([]row, []string, string, *soqlError) {
	p := &parser{d: d, tokens: token.FindAllString(text, -1), all: all}
	rows, fields := p.selection()
	if p.err == nil && len(p.tokens) > 0 {
		p.fail("MALFORMED_QUERY", "unexpected token: '"+p.tokens[0]+"'")
	}
	return rows, fields, p.object, p.err
}

func (p *parser) fail(code, words string) {
	if p.err == nil {
		p.err = &soqlError{code, words}
	}
	p.tokens = nil
}

func (p *parser) peek(word string) bool {
	return len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], word)
}

func (p *parser) take(word string) bool {
	if !p.peek(word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		p.fail("MALFORMED_QUERY", "unexpected end of query")
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) want(word string) {
	if !p.take(word) {
		p.fail("MALFORMED_QUERY", "expecting "+word)
	}
}

type condition func(row) bool

// selection reads a query and does it.
func (p *parser) selection() ([]row, []string) {
	p.want("SELECT")
	fields := []string{p.next()}
	for p.take(",") {
		fields = append(fields, p.next())
	}
	p.want("FROM")
	p.object = p.next()
	columns := p.d.columns(p.object)
	if columns == nil {
		p.fail("INVALID_TYPE", "sObject type '"+p.object+"' is not supported.")
		return nil, nil
	}
	for _, f := range fields {
		p.column(f)
	}
	keep := func(row) bool { return true }
	if p.take("WHERE") {
		keep = p.either()
	}
	if p.object == "ContentDocumentLink" && !slices.Contains(p.filtered, "LinkedEntityId") && !slices.Contains(p.filtered, "ContentDocumentId") {
		p.fail("MALFORMED_QUERY", "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId "+
			"using the equals operator or multiple Id's using the IN operator.")
	}
	order := p.order()
	limit := -1
	if p.take("LIMIT") {
		n, err := strconv.Atoi(p.next())
		if err != nil {
			p.fail("MALFORMED_QUERY", "LIMIT is no number")
		}
		limit = n
	}
	if p.err != nil {
		return nil, nil
	}
	var out []row
	for _, r := range p.d.tables[p.object] {
		if gone, _ := r["IsDeleted"].(bool); (p.all || !gone) && keep(r) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, order)
	if limit >= 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, fields
}

// column checks that a field is there and not hidden.
func (p *parser) column(name string) column {
	all := p.d.columns(p.object)
	n := slices.IndexFunc(all, func(c column) bool { return c.name == name })
	if n < 0 {
		p.fail("INVALID_FIELD", fmt.Sprintf("No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' "+
			"after the custom field name.", name, p.object))
		return column{}
	}
	return all[n]
}

func (p *parser) order() func(a, b row) int {
	type by struct {
		field string
		down  bool
	}
	var all []by
	if p.take("ORDER") {
		p.want("BY")
		for {
			f := p.next()
			p.column(f)
			one := by{field: f}
			if !p.take("ASC") {
				one.down = p.take("DESC")
			}
			if all = append(all, one); !p.take(",") {
				break
			}
		}
	}
	return func(a, b row) int {
		for _, o := range all {
			n := compare(a[o.field], b[o.field])
			if o.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	}
}

func compare(a, b any) int {
	switch a := a.(type) {
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b)
		}
	case float64:
		if b, ok := b.(float64); ok {
			return cmp.Compare(a, b)
		}
	case bool:
		if b, ok := b.(bool); ok && a == b {
			return 0
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case nil:
		if b == nil {
			return 0
		}
		return -1
	}
	return 1
}

func (p *parser) either() condition {
	left := p.both()
	for p.take("OR") {
		a, b := left, p.both()
		left = func(r row) bool { return a(r) || b(r) }
	}
	return left
}

func (p *parser) both() condition {
	left := p.one()
	for p.take("AND") {
		a, b := left, p.one()
		left = func(r row) bool { return a(r) && b(r) }
	}
	return left
}

func (p *parser) one() condition {
	switch {
	case p.err != nil:
	case p.take("NOT"):
		inner := p.one()
		return func(r row) bool { return !inner(r) }
	case p.take("("):
		inner := p.either()
		p.want(")")
		return inner
	default:
		return p.comparison()
	}
	return func(row) bool { return false }
}

func (p *parser) comparison() condition {
	field := p.next()
	about := p.column(field)
	if about.kind == "textarea" && about.length > 255 && p.err == nil {
		p.fail("INVALID_FIELD", "field '"+field+"' can not be filtered in a query call")
	}
	p.filtered = append(p.filtered, field)
	if p.take("IN") {
		return p.within(field)
	}
	op, want := p.next(), p.literal()
	_, isText := want.(string)
	return func(r row) bool {
		v := r[field]
		n := compare(v, want)
		if s, ok := v.(string); ok && isText && strings.EqualFold(s, want.(string)) && about.kind != "id" && about.kind != "reference" {
			n = 0
		}
		switch op {
		case "=":
			return n == 0
		case "!=":
			return n != 0
		case "<":
			return v != nil && n < 0
		case ">":
			return v != nil && n > 0
		case "<=":
			return v != nil && n <= 0
		case ">=":
			return v != nil && n >= 0
		}
		return false
	}
}

// within reads a list of literals or a query of ids.
func (p *parser) within(field string) condition {
	p.want("(")
	var all []any
	if p.peek("SELECT") {
		inner := &parser{d: p.d, tokens: p.tokens, all: p.all}
		rows, fields := inner.selection()
		if p.tokens = inner.tokens; inner.err != nil {
			p.fail(inner.err.code, inner.err.words)
		}
		for _, r := range rows {
			all = append(all, r[fields[0]])
		}
	} else {
		all = append(all, p.literal())
		for p.take(",") {
			all = append(all, p.literal())
		}
	}
	p.want(")")
	return func(r row) bool { return slices.ContainsFunc(all, func(v any) bool { return v == r[field] }) }
}

func (p *parser) literal() any {
	t := p.next()
	switch {
	case t == "":
		return nil
	case t[0] == '\'' && len(t) > 1:
		return unquote(t[1 : len(t)-1])
	case strings.EqualFold(t, "true"), strings.EqualFold(t, "false"):
		return strings.EqualFold(t, "true")
	case strings.EqualFold(t, "null"):
		return nil
	}
	if at, err := time.Parse(time.RFC3339, t); err == nil {
		return at.UTC()
	}
	if n, err := strconv.ParseFloat(t, 64); err == nil {
		return n
	}
	p.fail("MALFORMED_QUERY", "unexpected token: '"+t+"'")
	return nil
}

func unquote(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\b`, "\b", `\f`, "\f").Replace(s)
}
