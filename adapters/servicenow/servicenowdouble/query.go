package servicenowdouble

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one part of an encoded query.
type condition struct {
	path, op, value string
	or              bool
	// kind is the column's, values those of a list.
	kind   string
	values []string
}

var part = regexp.MustCompile(`^([a-z0-9_.]+)(NOT LIKE|NOT IN|ISNOTEMPTY|ISEMPTY|STARTSWITH|ENDSWITH|LIKE|IN|!=|>=|<=|=|>|<)((?s:.*))$`)

type order struct {
	path string
	down bool
	kind string
}

// parse reads an encoded query. What is not understood is left out: bad tells so.
func parse(s string) (groups [][]condition, by []order, bad bool) {
	groups = [][]condition{nil}
	for text := range strings.SplitSeq(s, "^") {
		switch {
		case text == "" || text == "EQ":
		case strings.HasPrefix(text, "ORDERBYDESC"):
			by = append(by, order{path: strings.TrimPrefix(text, "ORDERBYDESC"), down: true})
		case strings.HasPrefix(text, "ORDERBY"):
			by = append(by, order{path: strings.TrimPrefix(text, "ORDERBY")})
		default:
			if rest, ok := strings.CutPrefix(text, "NQ"); ok {
				groups, text = append(groups, nil), rest
			}
			rest, or := strings.CutPrefix(text, "OR")
			m := part.FindStringSubmatch(rest)
			if m == nil {
				bad = true
				continue
			}
			last := len(groups) - 1
			groups[last] = append(groups[last], condition{path: m[1], op: m[2], value: m[3], or: or})
		}
	}
	return groups, by, bad
}

// search are the rows of a table that fulfil a query, in its order; mu is held.
func (d *Double) search(c *call, t *table, text string) []*row {
	groups, by, bad := parse(text)
	for n, g := range groups {
		var kept []condition
		for _, x := range g {
			if d.columnOf(t, x.path) == nil || x.path == d.opt.Ignores || !d.understand(c, t, &x) {
				bad = true
				continue
			}
			kept = append(kept, x)
		}
		groups[n] = kept
	}
	if bad && d.opt.Strict {
		return nil
	}
	var out []*row
	for _, r := range t.inOrder() {
		if d.opt.HidesEarly != nil && d.opt.HidesEarly(c.me.Login, t.name, r.data) {
			continue
		}
		if slices.ContainsFunc(groups, func(g []condition) bool { return d.fulfils(t, r, g) }) {
			out = append(out, r)
		}
	}
	// Without an order the newest come first.
	slices.Reverse(out)
	by = slices.DeleteFunc(by, func(o order) bool { return d.columnOf(t, o.path) == nil || o.path == d.opt.Ignores })
	d.sort(t, out, by)
	return out
}

func (d *Double) sort(t *table, rows []*row, by []order) {
	for n := range by {
		by[n].kind = d.columnOf(t, by[n].path).kind
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		for _, o := range by {
			n := compare(o.kind, d.walk(t, a, o.path), d.walk(t, b, o.path))
			if o.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
}

// fulfils: an OR belongs to the condition before it.
func (d *Double) fulfils(t *table, r *row, g []condition) bool {
	for n := 0; n < len(g); {
		holds := d.holds(t, r, &g[n])
		for n++; n < len(g) && g[n].or; n++ {
			holds = holds || d.holds(t, r, &g[n])
		}
		if !holds {
			return false
		}
	}
	return true
}

// columnOf is the column at the end of a path; nil if there is none.
func (d *Double) columnOf(t *table, path string) *column {
	name, rest, more := strings.Cut(path, ".")
	c := t.column(name)
	if !more || c == nil {
		return c
	}
	if next := d.tables[c.reference]; next != nil {
		return d.columnOf(next, rest)
	}
	return nil
}

// walk is the value at the end of a path.
func (d *Double) walk(t *table, r *row, path string) string {
	name, rest, more := strings.Cut(path, ".")
	if !more {
		return r.data[name]
	}
	c := t.column(name)
	if c == nil {
		return ""
	}
	next := d.tables[c.reference]
	if next == nil || next.rows[r.data[name]] == nil {
		return ""
	}
	return d.walk(next, next.rows[r.data[name]], rest)
}

// understand puts what a value stands for in its place: a time in the account's zone as
// UTC, a script's result.
func (d *Double) understand(c *call, t *table, x *condition) bool {
	x.kind = d.columnOf(t, x.path).kind
	_, script, _ := strings.Cut(x.value, "javascript:")
	switch {
	case script == "" || d.opt.NoScripts:
	case script == "gs.getUserName()":
		x.value = c.me.Login
	case script == "gs.getUserID()":
		x.value = d.userID(c.me.Login)
	}
	if !strings.HasSuffix(x.op, "EMPTY") && x.kind == "glide_date_time" {
		at, err := time.ParseInLocation(layout, x.value, c.me.zone())
		if err != nil {
			return false
		}
		x.value = at.UTC().Format(layout)
	}
	x.value = strings.ToLower(x.value)
	if strings.HasSuffix(x.op, "IN") {
		x.values = strings.Split(x.value, ",")
	}
	return true
}

func (d *Double) userID(login string) string {
	for id, r := range d.tables["sys_user"].rows {
		if r.data["user_name"] == login {
			return id
		}
	}
	return ""
}

func (d *Double) holds(t *table, r *row, x *condition) bool {
	have, want := strings.ToLower(d.walk(t, r, x.path)), x.value
	switch x.op {
	case "ISEMPTY":
		return have == ""
	case "ISNOTEMPTY":
		return have != ""
	case "LIKE":
		return strings.Contains(have, want)
	case "NOT LIKE":
		return !strings.Contains(have, want)
	case "STARTSWITH":
		return strings.HasPrefix(have, want)
	case "ENDSWITH":
		return strings.HasSuffix(have, want)
	case "IN", "NOT IN":
		return slices.Contains(x.values, have) == (x.op == "IN")
	}
	n := compare(x.kind, have, want)
	switch x.op {
	case "=":
		return n == 0
	case "!=":
		return n != 0
	case ">=":
		return n >= 0 && have != ""
	case "<=":
		return n <= 0 && have != ""
	case ">":
		return n > 0
	}
	return n < 0 && have != ""
}

func compare(kind, a, b string) int {
	if kind == "integer" || kind == "decimal" {
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}
