package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/paged"
	"parley/adapters/internal/rounds"
	"parley/sync/event"
)

const opList = "list issues"

// filterNames are the filters that GitHub's list has.
var filterNames = [...]string{"milestone", "state", "assignee", "type", "creator", "mentioned", "labels"}

// readQuery reads a query: the filters of GitHub's list as its addresses have them,
// "state=open&labels=bug,urgent".
func readQuery(query string) (url.Values, error) {
	fail := func(err error) (url.Values, error) {
		return nil, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: err,
			Hint: `a query is NAME=VALUE&NAME=VALUE with the filters of GitHub's list: "state=open&labels=bug,urgent"`,
		}
	}
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil {
		return fail(errors.New("the query cannot be read"))
	}
	for name, v := range values {
		if !slices.Contains(filterNames[:], name) || len(v) != 1 || v[0] == "" {
			return fail(fmt.Errorf("%q is not a filter", name))
		}
		if name == "state" && !slices.Contains([]string{stateOpen, stateClosed, "all"}, v[0]) {
			return fail(fmt.Errorf("%q is not a state", v[0]))
		}
	}
	return values, nil
}

// place is where a listing goes on.
type place struct {
	// Page names the page that Number, the last issue given, was on: the query of
	// its address, empty for the first one.
	Page   string `json:"p,omitempty"`
	Number int64  `json:"n,omitempty"`
}

// List implements adapters.Tracker: by creation, so that an edit moves nothing but
// what it takes out of the query.
func (t *Tracker) List(ctx context.Context, query string, page event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	values, err := readQuery(query)
	if err != nil {
		return nil, "", err
	}
	var at place
	if page != "" {
		if err := json.Unmarshal([]byte(page), &at); err != nil {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", page)}
		}
	}
	values.Set("sort", "created")
	values.Set("direction", "asc")
	rows, ended, err := t.behind(ctx, t.issues(opList, values), &at)
	if err != nil {
		return nil, "", t.api.listError(ctx, err, opList)
	}
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	var out []event.Change
	for n := range rows {
		if len(out) == max(limit, 1) {
			ended = false
			break
		}
		at.Number = rows[n].Number
		if rows[n].isTicket() {
			out = append(out, rows[n].change())
		}
	}
	if ended {
		return out, "", nil
	}
	raw, _ := json.Marshal(at) //nolint:errchkjson // a text and a number
	return out, event.Cursor(raw), nil
}

// behind gives rows behind a place, from its page or from the one that follows, and
// tells whether they are the last. What is taken out of the list meanwhile moves the
// rest forward, over the edge of a page: a page is left behind only if it is as it
// was once the next one was read.
func (t *Tracker) behind(ctx context.Context, l list[issue], at *place) ([]issue, bool, error) {
	old := func(i issue) bool { return i.Number <= at.Number }
	for range maxRestarts {
		here, _ := url.ParseQuery(at.Page)
		rows, next, err := l.fetch(ctx, t.api, here)
		if err != nil {
			return nil, false, err
		}
		if at.Page != "" && at.Number > 0 && !slices.ContainsFunc(rows, old) {
			// The last one given is not here any more: those behind it may be before.
			at.Page = ""
			continue
		}
		fresh := slices.DeleteFunc(slices.Clone(rows), old)
		if len(fresh) > 0 || next == nil || len(rows) == 0 {
			return fresh, next == nil || len(rows) == 0, nil
		}
		following, behind, err := l.fetch(ctx, t.api, next)
		if err != nil {
			return nil, false, err
		}
		again, _, err := l.fetch(ctx, t.api, here)
		if err != nil {
			return nil, false, err
		}
		if len(again) == 0 || again[len(again)-1].Number != rows[len(rows)-1].Number {
			continue
		}
		if at.Page = next.Encode(); len(following) == 0 || slices.ContainsFunc(following, func(i issue) bool { return !old(i) }) {
			return slices.DeleteFunc(following, old), behind == nil || len(following) == 0, nil
		}
	}
	return nil, false, &adapters.Error{Class: adapters.ErrTransient, Op: opList, Err: paged.ErrMoves}
}

var issueKey = regexp.MustCompile(`^(?:([A-Za-z0-9-]+/[A-Za-z0-9._-]+)?#)?([1-9][0-9]{0,17})$`)

// Locate implements adapters.Tracker: people write 12, #12 or OWNER/NAME#12.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find issue"
	m := issueKey.FindStringSubmatch(strings.TrimSpace(key))
	if m == nil || m[1] != "" && !strings.EqualFold(m[1], t.api.owner+"/"+t.api.repo) {
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no issue of this repository")}
	}
	i, err := t.issue(ctx, op, event.Ref{ID: m[2]})
	if err != nil {
		return event.Change{}, err
	}
	return i.change(), nil
}

// ByField implements adapters.Searcher. GitHub's search lags, and its list has no
// filter for texts that is exact: all issues are looked at, newest change last.
func (t *Tracker) ByField(ctx context.Context, name, value string, limit int) ([]event.Change, error) {
	op := "find issues by " + name
	def, err := t.dir.named(ctx, name)
	if err != nil {
		return nil, err
	}
	known := def != nil || name == event.FieldSummary || name == event.FieldLabels || name == fieldMilestone
	if !known || strings.TrimSpace(value) == "" {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("%q is no field that can be searched for this value", name)}
	}
	var out []event.Change
	p := rounds.Position{}
	for ended := false; !ended && len(out) < limit; {
		var rows []issue
		if rows, ended, err = t.after(ctx, op, &p, nil); err != nil {
			return nil, err
		}
		for n := range rows {
			i := &rows[n]
			p.At, p.ID = i.Updated.UnixMilli(), i.Number
			if !i.isTicket() || len(out) == limit {
				continue
			}
			fields, err := t.fieldsOf(ctx, i, "")
			if err != nil {
				return nil, err
			}
			if holds(fields[name], value) {
				out = append(out, i.change())
			}
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
		return fmt.Sprint(v) == value
	}
	return v == value
}
