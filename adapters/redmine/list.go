package redmine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

const opList = "list issues"

var filterName = regexp.MustCompile(`^(?:[a-z_]{1,40}|cf_[0-9]{1,9})$`)

// readQuery reads a query: Redmine's own filters as its addresses have them,
// "tracker_id=1&status_id=open&cf_2=major".
func readQuery(query string) (url.Values, error) {
	fail := func(err error) (url.Values, error) {
		return nil, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: err,
			Hint: `a query is NAME=VALUE&NAME=VALUE with Redmine's filters: "tracker_id=1&status_id=open&cf_2=major"`,
		}
	}
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil {
		return fail(errors.New("the query cannot be read"))
	}
	for name, v := range values {
		switch {
		case name == "issue_id", name == "sort", name == "offset", name == "limit", name == "include", name == "key",
			name == "updated_on", name == "query_id", name == "format":
			return fail(fmt.Errorf("%s cannot stand in a query", name))
		case !filterName.MatchString(name) || len(v) != 1 || v[0] == "":
			return fail(fmt.Errorf("%q is not a filter", name))
		}
	}
	return values, nil
}

// List implements adapters.Tracker: by id, so that an edit moves nothing.
func (t *Tracker) List(ctx context.Context, query string, page event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	values, err := readQuery(query)
	if err != nil {
		return nil, "", err
	}
	if err := t.dir.loadScope(ctx); err != nil {
		return nil, "", err
	}
	next := int64(1)
	if page != "" {
		if next, err = strconv.ParseInt(string(page), 10, 64); err != nil {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", page)}
		}
	}
	size := max(1, min(limit, t.set.page))
	for name, v := range t.scope() {
		if values.Get(name) == "" {
			values[name] = v
		}
	}
	values.Set("issue_id", ">="+strconv.FormatInt(next, 10))
	values.Set("sort", "id:asc")
	values.Set("limit", strconv.Itoa(size))
	found, err := t.list(ctx, opList, values)
	if err != nil {
		return nil, "", refusedQuery(err)
	}
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	var out []event.Change
	for i := range found {
		if t.dir.within(found[i].Project.ID) {
			out = append(out, found[i].change())
		}
	}
	if len(found) < size {
		return out, "", nil
	}
	return out, event.Cursor(strconv.FormatInt(found[len(found)-1].ID+1, 10)), nil
}

// refusedQuery: a list with a filter that Redmine does not take.
func refusedQuery(err error) error {
	var known *adapters.Error
	if errors.As(err, &known) && errors.Is(known.Class, adapters.ErrRejected) && known.Hint == "" {
		known.Hint = "Redmine does not take this query"
	}
	return err
}

// Locate implements adapters.Tracker: people write 12 or #12.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	i, err := t.issue(ctx, "find issue", event.Ref{ID: strings.TrimPrefix(strings.TrimSpace(key), "#")}, "")
	if err != nil {
		return event.Change{}, err
	}
	return i.change(), nil
}

// ByField implements adapters.Searcher.
func (t *Tracker) ByField(ctx context.Context, name, value string, limit int) ([]event.Change, error) {
	op := "find issues by " + name
	key, err := t.filterFor(ctx, op, name)
	if err != nil {
		return nil, err
	}
	if err := t.dir.loadScope(ctx); err != nil {
		return nil, err
	}
	if strings.Contains(value, "|") || strings.TrimSpace(value) == "" {
		// It would be several values, or none.
		return nil, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: errors.New("this value cannot be searched for")}
	}
	// Which operators there are depends on a format that is not shown to us: a
	// list has "is", a long text only "contains". What comes is compared.
	var out []event.Change
	for _, operator := range []string{"=", "~"} {
		query := t.scope()
		query.Set(key, operator+value)
		query.Set("sort", "id:asc")
		query.Set("limit", strconv.Itoa(t.set.page))
		found, err := t.list(ctx, op, query)
		if err != nil {
			return nil, err
		}
		if out, err = t.equal(op, found, name, value, limit); err != nil || len(out) > 0 {
			return out, err
		}
	}
	_, err = t.check(ctx)
	return out, err
}

// equal are the issues found whose field is value. A row that has nothing of
// it shows that Redmine ignored a filter that it does not know.
func (t *Tracker) equal(op string, found []issue, name, value string, limit int) ([]event.Change, error) {
	var out []event.Change
	for i := range found {
		have := valuesOf(&found[i], name)
		switch {
		case slices.ContainsFunc(have, func(s string) bool { return lines(s) == value }):
			if len(out) < limit && t.dir.within(found[i].Project.ID) {
				out = append(out, found[i].change())
			}
		case name != event.FieldSummary && !slices.ContainsFunc(have, func(s string) bool { return hasWords(s, value) }):
			return nil, &adapters.Error{
				Class: adapters.ErrConfiguration, Op: op, Err: errors.New("the custom field cannot be searched"),
				Hint: `tick "Used as a filter" at the custom field in Redmine's administration`,
			}
		}
	}
	return out, nil
}

func hasWords(s, value string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	return strings.Contains(strings.ToLower(s), strings.ToLower(first))
}

func (t *Tracker) filterFor(ctx context.Context, op, name string) (string, error) {
	if name == event.FieldSummary {
		return "subject", nil
	}
	if custom, ok := strings.CutPrefix(name, event.CustomPrefix); ok {
		fields, err := t.dir.customFields(ctx)
		if err != nil {
			return "", err
		}
		if def, ok := fields[custom]; ok {
			return "cf_" + strconv.FormatInt(def.id, 10), nil
		}
	}
	return "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("%q is no field that can be searched: summary and custom fields can", name)}
}

func valuesOf(i *issue, name string) []string {
	if name == event.FieldSummary {
		return []string{i.Subject}
	}
	for _, c := range i.CustomFields {
		if event.CustomPrefix+c.Name == name {
			return stringsOf(c.Value)
		}
	}
	return nil
}
