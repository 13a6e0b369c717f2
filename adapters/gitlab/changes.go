package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rounds"
	"parley/sync/event"
)

// overlap is how far behind the newest change a poll looks back: a change carries the
// time at which it began, and shows when its transaction ends.
const overlap = 15 * time.Second

const opChanges = "list changed issues"

// The two times that GitLab orders and filters by.
const (
	byUpdate   = "updated"
	byCreation = "created"
)

func (i *issue) at(by string) time.Time {
	if by == byCreation {
		return i.Created
	}
	return i.Updated
}

func (t *Tracker) changes() rounds.Source[issue] {
	return rounds.Source[issue]{
		Clock: t.api.rest, Overlap: overlap,
		At: func(i *issue) (time.Time, int64) { return i.Updated, i.IID },
		After: func(ctx context.Context, p *rounds.Position) ([]issue, bool, error) {
			return t.after(ctx, opChanges, p, byUpdate, nil)
		},
	}
}

// Changes implements adapters.Tracker.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if cursor == "" {
		start, err := t.startNow(ctx)
		return nil, start, err
	}
	found, next, err := t.changes().Poll(ctx, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	// A sign-in that is good afterwards was good for the whole of the list.
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	return changesOf(found), next, nil
}

func changesOf(found []issue) []event.Change {
	var out []event.Change
	for i := range found {
		out = append(out, found[i].change())
	}
	return out
}

// startNow is a cursor at the tracker's own present.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	l := t.issues(opChanges, url.Values{"order_by": {"updated_at"}, "sort": {"desc"}})
	found, _, err := l.fetch(ctx, t.api, url.Values{"per_page": {"1"}})
	if err != nil {
		return "", t.api.listError(ctx, err, opChanges)
	}
	if _, err := t.check(ctx); err != nil {
		return "", err
	}
	var newest time.Time
	if len(found) > 0 {
		newest = found[0].Updated
	}
	return t.changes().Start(newest), nil
}

// issues is a list of issues: of all states, and not only those that we made.
func (t *Tracker) issues(op string, query url.Values) list[issue] {
	l := list[issue]{
		op: op, path: "issues", query: url.Values{"scope": {"all"}, "state": {"all"}},
		key: func(i *issue) string { return i.id() + " " + i.version() }, sound: (*issue).sound,
	}
	for name, v := range query {
		l.query[name] = v
	}
	return l
}

// after reads some issues behind p in the order of a time and the number, and tells
// whether they are the last. It always asks for the first page from p on: an issue that
// is changed meanwhile moves to the end, and those behind it move forward.
func (t *Tracker) after(ctx context.Context, op string, p *rounds.Position, by string, query url.Values) ([]issue, bool, error) {
	l := t.issues(op, url.Values{
		by + "_after": {time.UnixMilli(p.At).UTC().Format(stampLayout)}, "order_by": {by + "_at"}, "sort": {"asc"},
	})
	for name, v := range query {
		l.query[name] = v
	}
	found, next, err := l.fetch(ctx, t.api, nil)
	if err != nil {
		return nil, false, t.api.listError(ctx, err, op)
	}
	more := next != nil && len(found) > 0
	last := time.Time{}
	if more {
		// The page may end in the middle of a moment, whose order is not known.
		last = found[len(found)-1].at(by)
	}
	kept := slices.DeleteFunc(found, func(i issue) bool {
		return !p.Behind(i.at(by), i.IID) || more && !i.at(by).Before(last)
	})
	sortIssues(kept, by)
	if !more || len(kept) > 0 {
		return kept, !more, nil
	}
	if at := last.UnixMilli(); at > p.At {
		// The whole of the page lies before p, or within a later moment.
		p.At, p.ID = at, 0
		return nil, false, nil
	}
	return t.dense(ctx, l, p, by)
}

// dense reads one moment with more changes than a page holds, to its end.
func (t *Tracker) dense(ctx context.Context, l list[issue], p *rounds.Position, by string) ([]issue, bool, error) {
	moment := time.UnixMilli(p.At)
	l.enough = func(all []issue) bool { return all[len(all)-1].at(by).After(moment) }
	found, err := l.read(ctx, t.api)
	if err != nil {
		return nil, false, t.api.listError(ctx, err, l.op)
	}
	found = slices.DeleteFunc(found, func(i issue) bool { return !i.at(by).Equal(moment) || !p.Behind(i.at(by), i.IID) })
	if len(found) == 0 {
		p.At, p.ID = p.At+1, 0
	}
	sortIssues(found, by)
	return found, false, nil
}

func sortIssues(all []issue, by string) {
	slices.SortFunc(all, func(a, b issue) int {
		return cmp.Or(a.at(by).Compare(b.at(by)), cmp.Compare(a.IID, b.IID))
	})
}

const opList = "list issues"

// filterNames are the filters of GitLab's list that a query may hold.
var filterNames = [...]string{"state", "issue_type", "labels", "milestone", "search", "author_username", "confidential", "due_date"}

// readQuery reads a query: the filters of GitLab's list as its addresses have them,
// "state=opened&labels=bug,urgent".
func readQuery(query string) (url.Values, error) {
	fail := func(err error) (url.Values, error) {
		return nil, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: err,
			Hint: `a query is NAME=VALUE&NAME=VALUE with the filters of GitLab's list: "state=opened&labels=bug,urgent"`,
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
	}
	return values, nil
}

// List implements adapters.Tracker: by creation time, so that an edit moves nothing.
func (t *Tracker) List(ctx context.Context, query string, page event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	values, err := readQuery(query)
	if err != nil {
		return nil, "", err
	}
	var p rounds.Position
	if page != "" {
		if err := json.Unmarshal([]byte(page), &p); err != nil || p.At < 0 {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", page)}
		}
	}
	var out []issue
	for ended := false; !ended && len(out) == 0; {
		if out, ended, err = t.after(ctx, opList, &p, byCreation, values); err != nil {
			return nil, "", err
		}
		if ended && len(out) <= max(limit, 1) {
			_, err := t.check(ctx)
			return changesOf(stayed(out)), "", err
		}
	}
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	out = out[:min(len(out), max(limit, 1))]
	last := &out[len(out)-1]
	raw, _ := json.Marshal(rounds.Position{At: last.Created.UnixMilli(), ID: last.IID}) //nolint:errchkjson // numbers only
	return changesOf(stayed(out)), event.Cursor(raw), nil
}

// stayed leaves out what was moved to another project.
func stayed(all []issue) []issue {
	return slices.DeleteFunc(all, func(i issue) bool { return i.Moved > 0 })
}

var issueKey = regexp.MustCompile(`^(?:([^#\s]+)?#)?([1-9][0-9]{0,17})$`)

// Locate implements adapters.Tracker: people write 12, #12 or GROUP/NAME#12.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find issue"
	m := issueKey.FindStringSubmatch(strings.TrimSpace(key))
	elsewhere := &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no issue of this project")}
	if m == nil {
		return event.Change{}, elsewhere
	}
	if m[1] != "" && !strings.EqualFold(m[1], t.api.name) {
		// The setting may be the project's number.
		p, err := t.dir.project(ctx)
		if err != nil {
			return event.Change{}, err
		}
		if !strings.EqualFold(m[1], p.Path) {
			return event.Change{}, elsewhere
		}
	}
	i, err := t.issue(ctx, op, event.Ref{ID: m[2]})
	if err != nil {
		return event.Change{}, err
	}
	return i.change(), nil
}
