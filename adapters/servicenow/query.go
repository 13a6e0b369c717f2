package servicenow

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// term is one condition of an encoded query.
type term struct{ field, op, value string }

// query is conditions that must all hold; of the terms of one, any. A query is only
// made of what can be tried again on the rows that come: ServiceNow leaves out what
// it does not understand.
type query struct{ all [][]term }

// operators, the longer before those they begin with.
func operators() []string {
	return []string{
		"NOT LIKE", "NOT IN", "ISNOTEMPTY", "ISEMPTY", "STARTSWITH", "ENDSWITH", "LIKE", "IN", "!=", ">=", "<=", "=", ">", "<",
	}
}

var fieldPath = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+){0,3}`)

// and returns q with one more condition. The value must be harmless: see harmless.
func (q query) and(field, op, value string) query {
	return query{append(slices.Clone(q.all), []term{{field, op, value}})}
}

func (q query) since(field string, at time.Time) query {
	return q.and(field, ">=", at.UTC().Format(stampLayout))
}

// joined are the conditions of both.
func (q query) joined(other query) query { return query{append(slices.Clone(q.all), other.all...)} }

var errUnsafe = errors.New("a value that cannot stand in a query")

// harmless is what neither ends a condition nor is run as a script in ServiceNow.
func harmless(value string) bool {
	return !strings.ContainsAny(value, "^\r\n\x00") && !strings.Contains(strings.ToLower(value), "javascript:")
}

// encode is the query as ServiceNow takes it; order are fields, ascending, or
// descending after a minus.
func (q query) encode(order ...string) (string, error) {
	var parts []string
	for _, terms := range q.all {
		for n, t := range terms {
			if !harmless(t.value) {
				return "", errUnsafe
			}
			or := ""
			if n > 0 {
				or = "OR"
			}
			parts = append(parts, or+t.field+t.op+t.value)
		}
	}
	for _, field := range order {
		if down, ok := strings.CutPrefix(field, "-"); ok {
			parts = append(parts, "ORDERBYDESC"+down)
		} else {
			parts = append(parts, "ORDERBY"+field)
		}
	}
	return strings.Join(parts, "^"), nil
}

// fields are those that the conditions are about.
func (q query) fields() []string {
	var out []string
	for _, terms := range q.all {
		for _, t := range terms {
			if !slices.Contains(out, t.field) {
				out = append(out, t.field)
			}
		}
	}
	return out
}

// meets tells whether a row fulfils the conditions; known is false if it lacks a
// field that they are about.
func (q query) meets(r row) (ok, known bool) {
	for _, terms := range q.all {
		holds := false
		for _, t := range terms {
			c, there := r[t.field]
			if !there {
				return false, false
			}
			holds = holds || t.holds(c.Value)
		}
		if !holds {
			return false, true
		}
	}
	return true, true
}

// holds compares as ServiceNow's database does: without regard to case. What it makes
// of accents depends on the instance, so that nothing is held against them.
func (t term) holds(have string) bool {
	want := t.value
	if !ascii(have) || !ascii(want) {
		return true
	}
	have, want = strings.ToLower(strings.TrimRight(have, " ")), strings.ToLower(strings.TrimRight(want, " "))
	switch t.op {
	case "=":
		return have == want || sameNumber(have, want)
	case "!=":
		return have != want
	case "LIKE":
		return strings.Contains(have, want)
	case "NOT LIKE":
		return !strings.Contains(have, want)
	case "STARTSWITH":
		return strings.HasPrefix(have, want)
	case "ENDSWITH":
		return strings.HasSuffix(have, want)
	case "IN":
		return slices.Contains(strings.Split(want, ","), have)
	case "NOT IN":
		return !slices.Contains(strings.Split(want, ","), have)
	case "ISEMPTY":
		return have == ""
	case "ISNOTEMPTY":
		return have != ""
	}
	return ordered(t.op, have, want)
}

func ordered(op, have, want string) bool {
	c := strings.Compare(have, want)
	x, errX := strconv.ParseFloat(have, 64)
	y, errY := strconv.ParseFloat(want, 64)
	if errX == nil && errY == nil {
		c = int(min(max(x-y, -1), 1) * 2)
	}
	switch op {
	case ">=":
		return c >= 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case "<":
		return c < 0
	}
	return false
}

func sameNumber(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 })
}

// parseQuery reads an encoded query that a person wrote: conditions with the operators
// that can be tried on rows, joined by ^ and ^OR. What could reach beyond other
// conditions (^NQ), sets an order or runs a script is refused.
func parseQuery(s string) (query, error) {
	var q query
	s = strings.TrimSuffix(strings.TrimSpace(s), "^EQ")
	if s == "" {
		return q, nil
	}
	for part := range strings.SplitSeq(s, "^") {
		for _, word := range []string{"ORDERBY", "NQ", "GROUPBY", "RLQUERY", "EQ"} {
			if strings.HasPrefix(part, word) {
				return q, fmt.Errorf("%s is not allowed in a query", word)
			}
		}
		rest, or := strings.CutPrefix(part, "OR")
		if or && len(q.all) == 0 {
			return q, errors.New("a query cannot begin with OR")
		}
		t, err := parseTerm(rest)
		if err != nil {
			return q, err
		}
		if or {
			q.all[len(q.all)-1] = append(q.all[len(q.all)-1], t)
		} else {
			q.all = append(q.all, []term{t})
		}
	}
	return q, nil
}

func parseTerm(s string) (term, error) {
	field := fieldPath.FindString(s)
	if field == "" {
		return term{}, fmt.Errorf("%q is no condition: it begins with no field's name", s)
	}
	for _, op := range operators() {
		value, ok := strings.CutPrefix(s[len(field):], op)
		if !ok {
			continue
		}
		if strings.HasSuffix(op, "EMPTY") && value != "" {
			return term{}, fmt.Errorf("%q: %s takes no value", s, op)
		}
		if !harmless(value) {
			return term{}, fmt.Errorf("%q: %w", s, errUnsafe)
		}
		return term{field, op, value}, nil
	}
	return term{}, fmt.Errorf("%q has none of the operators that are known: %s", s, strings.Join(operators(), " "))
}
