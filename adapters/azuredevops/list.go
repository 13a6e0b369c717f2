package azuredevops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

const opList = "list work items"

// quote makes a string of WIQL.
func quote(s string) string {
	return "'" + strings.NewReplacer("'", "''", "\n", " ", "\r", " ").Replace(s) + "'"
}

// within is the condition for the configured projects.
func (s *settings) within() string {
	quoted := make([]string, len(s.projects))
	for i, p := range s.projects {
		quoted[i] = quote(p)
	}
	return "[System.TeamProject] IN (" + strings.Join(quoted, ", ") + ")"
}

var beyond = regexp.MustCompile(`(?i)\border\s+by\b|\basof\b|\bmode\s*\(|\bselect\b|\bfrom\b`)

// condition checks that a query is one condition, so that it cannot reach beyond the
// projects: quotes and brackets are closed, and it is no query of its own.
func condition(query string) (string, error) {
	fail := func(why string) (string, error) {
		return "", &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: errors.New(why),
			Hint: `a query is the condition of a WIQL query: [System.WorkItemType] = 'Bug' AND [System.State] <> 'Closed'`,
		}
	}
	query = strings.TrimSpace(query)
	depth := 0
	var quoted rune
	var outside strings.Builder
	for _, r := range query {
		switch {
		case quoted != 0:
			if r == quoted {
				quoted = 0 // a doubled quote opens again at once
			}
		case r == '\'' || r == '"':
			quoted = r
		case r == '[':
			quoted = ']'
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth < 0 {
				return fail("a bracket of the query closes nothing")
			}
		}
		if quoted == 0 {
			outside.WriteRune(r)
		}
	}
	switch {
	case quoted != 0 || depth != 0:
		return fail("a quote or bracket of the query is not closed")
	case beyond.MatchString(outside.String()):
		return fail("the query is more than a condition")
	}
	return query, nil
}

// List implements adapters.Tracker: by number, so that an edit moves nothing. Each page
// asks for what is behind the last number, since a query has at most 20,000 results.
func (t *Tracker) List(ctx context.Context, query string, from event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	query, err := condition(query)
	if err != nil {
		return nil, "", err
	}
	after := int64(0)
	if from != "" {
		if after, err = strconv.ParseInt(string(from), 10, 64); err != nil || after < 0 {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", from)}
		}
	}
	where := t.set.within()
	if query != "" {
		where += " AND (" + query + ")"
	}
	size := min(max(limit, 1), t.set.page)
	ids, err := t.api.wiql(ctx, opList, fmt.Sprintf("SELECT [System.Id] FROM WorkItems WHERE %s AND [System.Id] > %d ORDER BY [System.Id] ASC", where, after), size)
	if err != nil {
		return nil, "", err
	}
	rows, err := t.api.batch(ctx, opList, ids)
	if err != nil {
		return nil, "", err
	}
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	slices.SortFunc(rows, func(a, b item) int { return cmp.Compare(a.ID, b.ID) })
	var out []event.Change
	for n := range rows {
		out = append(out, rows[n].change())
	}
	if len(ids) < size {
		return out, "", nil
	}
	return out, event.Cursor(strconv.FormatInt(slices.Max(ids), 10)), nil
}

// Locate implements adapters.Tracker.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find work item"
	key = strings.TrimPrefix(strings.TrimSpace(key), "#")
	if !isID(key) {
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no number of a work item")}
	}
	found, err := t.item(ctx, op, event.Ref{ID: key})
	if err != nil {
		return event.Change{}, err
	}
	return found.change(), nil
}

// ByField implements adapters.Searcher. WIQL has no case: what comes is compared.
func (t *Tracker) ByField(ctx context.Context, name, value string, limit int) ([]event.Change, error) {
	op := "find work items by " + name
	def, err := t.dir.byName(ctx, name)
	if err != nil {
		return nil, err
	}
	if def == nil || strings.TrimSpace(value) == "" {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("%q is no field that can be searched for this value", name)}
	}
	operator := " = "
	switch def.kind {
	case event.TypeSet:
		operator = " CONTAINS "
	case event.TypeText, event.TypeOption, event.TypeNumber:
		if def.base == "plainText" {
			operator = " CONTAINS WORDS "
		}
	default:
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("a field of type %s cannot be searched", def.kind)}
	}
	ids, err := t.api.wiql(ctx, op, "SELECT [System.Id] FROM WorkItems WHERE "+t.set.within()+" AND ["+def.ref+"]"+operator+quote(value)+
		" ORDER BY [System.Id] ASC", maxPage)
	if err != nil {
		return nil, err
	}
	rows, err := t.api.batch(ctx, op, ids, def.ref)
	if err != nil {
		return nil, err
	}
	var out []event.Change
	for n := range rows {
		v, err := t.value(def, rows[n].Fields[def.ref])
		if err != nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		if len(out) < limit && holds(v, value) {
			out = append(out, rows[n].change())
		}
	}
	_, err = t.check(ctx)
	return out, err
}

func holds(v any, value string) bool {
	switch v := v.(type) {
	case []any:
		return slices.Contains(v, any(value))
	case float64:
		return decimal(v) == value
	}
	return v == value
}
