package jira

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"parley/adapters"
)

// place is one issue's in the order of a time and then of the id.
type place struct {
	// All up to (At, ID) were given; At is in milliseconds since 1970.
	At int64 `json:"t"`
	ID int64 `json:"n,omitempty"`
}

// walker reads issues in the order of one of their times.
type walker struct {
	t     *Tracker
	op    string
	field string // created or updated
	where string
}

func (w *walker) at(i *issue) int64 {
	if w.field == "created" {
		return i.created.UnixMilli()
	}
	return i.updated.UnixMilli()
}

func (w *walker) question(p place) question {
	return question{
		// What a time in JQL means depends on minute and zone: only a number has
		// none. It may be cut to the minute, so that rows of before come again.
		jql:    w.where + " AND " + w.field + " >= " + strconv.FormatInt(max(p.At, 1), 10) + " ORDER BY " + w.field + " ASC, key ASC",
		fields: []string{"created", "updated"},
		size:   w.t.set.page,
	}
}

// maxDeep bounds how many pages are read for one group of issues.
const maxDeep = 1000

// after reads some issues behind p in order, and tells whether they are the last.
// Rows move while a list is paged through, so that each call begins anew at p; it
// goes deeper only as long as nothing but rows of before came.
func (w *walker) after(ctx context.Context, p place) ([]issue, bool, error) {
	q := w.question(p)
	kept := map[int64]issue{}
	var at page
	var before []issue
	for range maxDeep {
		found, next, more, err := w.t.search(ctx, w.op, q, at)
		if err != nil {
			return nil, false, err
		}
		if w.slipped(before, found, at) {
			// Rows left the pages of before: begin anew.
			at, before = page{}, nil
			continue
		}
		for _, i := range found {
			if w.behind(&i, p) {
				kept[i.number()] = i
			}
		}
		if out := w.ordered(kept, found, more); len(out) > 0 || !more {
			return out, !more, nil
		}
		at, before = w.goOn(next, len(found)), found
	}
	return nil, false, &adapters.Error{Class: adapters.ErrTransient, Op: w.op, Err: errors.New("the list moves faster than it can be read")}
}

func (w *walker) behind(i *issue, p place) bool {
	at := w.at(i)
	return at > p.At || at == p.At && i.number() > p.ID
}

// ordered are the rows kept, without those whose time the page may have cut.
func (w *walker) ordered(kept map[int64]issue, found []issue, more bool) []issue {
	last := int64(-1)
	if more && len(found) > 0 {
		last = w.at(&found[len(found)-1])
	}
	var out []issue
	for _, i := range kept {
		if last < 0 || w.at(&i) < last {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b issue) int {
		return cmp.Or(cmp.Compare(w.at(&a), w.at(&b)), cmp.Compare(a.number(), b.number()))
	})
	return out
}

// pageOverlap is by how many rows pages that are counted overlap.
const pageOverlap = 5

func (w *walker) goOn(next page, got int) page {
	if next.token == "" {
		next.start -= min(pageOverlap, got-1)
	}
	return next
}

// slipped tells whether rows may have been left out between two counted pages:
// then none of the first is in the second.
func (w *walker) slipped(before, found []issue, at page) bool {
	if at.token != "" || len(before) == 0 {
		return false
	}
	return !slices.ContainsFunc(before, func(b issue) bool {
		return slices.ContainsFunc(found, func(f issue) bool { return f.ID == b.ID && w.at(&f) == w.at(&b) })
	})
}
