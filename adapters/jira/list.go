package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

const opList = "list issues"

// condition checks that a query is one condition, so that it cannot reach beyond
// the projects: quotes and brackets are closed, and it sets no order.
func condition(query string) (string, error) {
	fail := func(why string) (string, error) {
		return "", &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: errors.New(why),
			Hint: `a query is JQL without ORDER BY: type = Bug AND priority = High`,
		}
	}
	query = strings.TrimSpace(query)
	depth := 0
	var quoted rune
	escaped := false
	var outside strings.Builder
	for _, r := range query {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case quoted != 0:
			if r == quoted {
				quoted = 0
			}
		case r == '"' || r == '\'':
			quoted = r
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth < 0 {
				return fail("a bracket of the query closes nothing")
			}
		default:
			outside.WriteRune(r)
		}
	}
	switch {
	case quoted != 0 || escaped || depth != 0:
		return fail("a quote or bracket of the query is not closed")
	case orderBy.MatchString(outside.String()):
		return fail("the query sets an order")
	}
	return query, nil
}

var orderBy = regexp.MustCompile(`(?i)\border\s+by\b`)

// List implements adapters.Tracker: by creation time, so that an edit moves
// nothing.
func (t *Tracker) List(ctx context.Context, query string, from event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	query, err := condition(query)
	if err != nil {
		return nil, "", err
	}
	var p place
	if from != "" {
		if err := json.Unmarshal([]byte(from), &p); err != nil {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", from)}
		}
	}
	w := walker{t: t, op: opList, field: "created", where: t.set.within()}
	if query != "" {
		w.where += " AND (" + query + ")"
	}
	var out []event.Change
	ended := false
	for len(out) < max(limit, 1) && !ended {
		var found []issue
		if found, ended, err = w.after(ctx, p); err != nil {
			return nil, "", err
		}
		for i := range found {
			if len(out) == max(limit, 1) {
				ended = false
				break
			}
			p = place{At: found[i].created.UnixMilli(), ID: found[i].number()}
			out = append(out, found[i].change())
		}
	}
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	if ended {
		return out, "", nil
	}
	raw, _ := json.Marshal(p) //nolint:errchkjson // numbers only
	return out, event.Cursor(raw), nil
}

var issueKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}-[1-9][0-9]{0,17}$`)

// Locate implements adapters.Tracker.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find issue"
	key = strings.ToUpper(strings.TrimSpace(key))
	if !issueKey.MatchString(key) {
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no issue's key")}
	}
	found, err := t.api.issue(ctx, op, key, only("created", "updated"))
	if err != nil {
		return event.Change{}, t.believeGone(ctx, op, err)
	}
	return found.change(), nil
}

// ByField implements adapters.Searcher. JQL has no equality for texts: what comes
// is compared.
func (t *Tracker) ByField(ctx context.Context, name, value string, limit int) ([]event.Change, error) {
	op := "find issues by " + name
	def, err := t.dir.byName(ctx, name)
	if err != nil {
		return nil, err
	}
	if def == nil || strings.TrimSpace(value) == "" {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("%q is no field that can be searched for this value", name)}
	}
	operator, operand := " = ", quote(value)
	switch def.kind {
	case event.TypeText:
		operator, operand = " ~ ", quote(`"`+strings.NewReplacer(`\`, " ", `"`, " ").Replace(value)+`"`)
	case event.TypeOption, event.TypeNumber, event.TypeDate, event.TypeSet, event.TypeOptions:
	default:
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("a field of type %s cannot be searched", def.kind)}
	}
	q := question{
		jql:    t.set.within() + " AND " + def.jql() + operator + operand + " ORDER BY created ASC",
		fields: []string{"created", "updated", def.id}, size: t.set.page,
	}
	var out []event.Change
	for at, more := (page{}), true; more && len(out) < limit; {
		var found []issue
		if found, at, more, err = t.search(ctx, op, q, at); err != nil {
			return nil, err
		}
		for i := range found {
			v, err := t.valueOf(&found[i], def)
			if err != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			if len(out) < limit && holds(v, value) {
				out = append(out, found[i].change())
			}
		}
	}
	_, err = t.check(ctx)
	return out, err
}

func holds(v any, value string) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if e == value {
				return true
			}
		}
		return false
	case float64:
		return fmt.Sprint(v) == value
	}
	return v == value
}
