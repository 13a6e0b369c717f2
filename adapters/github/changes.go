package github

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"parley/adapters/internal/rounds"
	"parley/sync/event"
)

// overlap is how far behind the newest change a poll looks back: what is written
// to one server shows on the others a moment later.
const overlap = 15 * time.Second

const opChanges = "list changed issues"

func (i *issue) change() event.Change {
	return event.Change{Ref: i.ref(), Key: i.key(), Version: i.version(), Updated: i.Updated.UTC()}
}

// isTicket leaves out pull requests.
func (i *issue) isTicket() bool { return i.Pull == nil }

func (t *Tracker) changes() rounds.Source[issue] {
	return rounds.Source[issue]{
		Clock: t.api.rest, Overlap: overlap, Keep: (*issue).isTicket,
		At: func(i *issue) (time.Time, int64) { return i.Updated, i.Number },
		After: func(ctx context.Context, p *rounds.Position) ([]issue, bool, error) {
			return t.after(ctx, opChanges, p, nil)
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
	var out []event.Change
	for i := range found {
		out = append(out, found[i].change())
	}
	return out, next, nil
}

// startNow is a cursor at the tracker's own present.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	l := t.issues(opChanges, url.Values{"sort": {"updated"}, "direction": {"desc"}})
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

// issues is a list of issues, of all states.
func (t *Tracker) issues(op string, query url.Values) list[issue] {
	l := list[issue]{
		op: op, path: "issues", query: url.Values{"state": {"all"}},
		key: func(i *issue) string { return i.id() + " " + i.version() }, sound: (*issue).sound,
	}
	for name, v := range query {
		l.query[name] = v
	}
	return l
}

// newest is the newest issue or pull request; nil if there is none.
func (t *Tracker) newest(ctx context.Context, op string) (*issue, error) {
	l := t.issues(op, url.Values{"sort": {"created"}, "direction": {"desc"}})
	found, _, err := l.fetch(ctx, t.api, url.Values{"per_page": {"1"}})
	if err != nil || len(found) == 0 {
		return nil, t.api.listError(ctx, err, op)
	}
	return &found[0], nil
}

// after reads some issues behind p in the order of second and number, and tells
// whether they are the last. It always asks for the first page from p on: an issue
// that is changed meanwhile moves to the end, and those behind it move forward.
func (t *Tracker) after(ctx context.Context, op string, p *rounds.Position, query url.Values) ([]issue, bool, error) {
	second := p.At / 1000
	l := t.issues(op, url.Values{
		"since": {time.Unix(second, 0).UTC().Format(time.RFC3339)}, "sort": {"updated"}, "direction": {"asc"},
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
		// The page may end in the middle of a second, whose order is not known.
		last = found[len(found)-1].Updated
	}
	kept := slices.DeleteFunc(found, func(i issue) bool {
		return !p.Behind(i.Updated, i.Number) || more && !i.Updated.Before(last)
	})
	sortIssues(kept)
	if !more || len(kept) > 0 {
		return kept, !more, nil
	}
	if at := last.UnixMilli(); at > p.At {
		// The whole of the page lies before p, or within a later second.
		p.At, p.ID = at, 0
		return nil, false, nil
	}
	return t.dense(ctx, l, p)
}

// dense reads one second with more changes than a page holds, to its end.
func (t *Tracker) dense(ctx context.Context, l list[issue], p *rounds.Position) ([]issue, bool, error) {
	second := time.UnixMilli(p.At)
	l.enough = func(all []issue) bool { return all[len(all)-1].Updated.After(second) }
	found, err := l.read(ctx, t.api)
	if err != nil {
		return nil, false, t.api.listError(ctx, err, l.op)
	}
	found = slices.DeleteFunc(found, func(i issue) bool { return !i.Updated.Equal(second) || !p.Behind(i.Updated, i.Number) })
	if len(found) == 0 {
		p.At, p.ID = second.Add(time.Second).UnixMilli(), 0
	}
	sortIssues(found)
	return found, false, nil
}

func sortIssues(all []issue) {
	slices.SortFunc(all, func(a, b issue) int {
		return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Number, b.Number))
	})
}

// number reads the number of an issue.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
