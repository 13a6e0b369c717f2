package paged

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"parley/adapters"
)

const (
	// maxPages bounds one list, maxRestarts how often it is begun anew.
	maxPages    = 1000
	maxRestarts = 5
)

// List is a list of rows of type T.
type List[T any] struct {
	Op string
	// Fetch reads one page: the first one for nil. next is where the list goes on, nil
	// at the end.
	Fetch func(ctx context.Context, at url.Values) (rows []T, next url.Values, err error)
	// Key tells rows apart.
	Key func(*T) string
	// Cursor names the parameter of a place that does not count rows: between such
	// pages nothing moves. "" is none.
	Cursor string
	// Enough ends the list early; nil reads all of it.
	Enough func([]T) bool
}

// ErrMoves is the cause where a list moves faster than it can be read.
var ErrMoves = errors.New("the list moves faster than it can be read")

// Read gives all rows.
func (l List[T]) Read(ctx context.Context) ([]T, error) {
	for range maxRestarts {
		all, whole, err := l.once(ctx)
		if err != nil || whole {
			return all, err
		}
	}
	return nil, &adapters.Error{Class: adapters.ErrTransient, Op: l.Op, Err: ErrMoves}
}

func (l List[T]) once(ctx context.Context) (all []T, whole bool, err error) {
	seen := map[string]bool{}
	next, before, last := url.Values(nil), url.Values(nil), ""
	for n := range maxPages {
		rows, link, err := l.Fetch(ctx, next)
		if err != nil {
			return nil, false, err
		}
		if n > 0 && (l.Cursor == "" || next.Get(l.Cursor) == "") {
			again, _, err := l.Fetch(ctx, before)
			if err != nil {
				return nil, false, err
			}
			if len(again) == 0 || l.Key(&again[len(again)-1]) != last {
				return nil, false, nil
			}
		}
		for i := range rows {
			if k := l.Key(&rows[i]); !seen[k] {
				seen[k] = true
				all = append(all, rows[i])
			}
		}
		if link == nil || len(rows) == 0 || l.Enough != nil && l.Enough(all) {
			return all, true, nil
		}
		before, next, last = next, link, l.Key(&rows[len(rows)-1])
	}
	return nil, false, &adapters.Error{Class: adapters.ErrConfiguration, Op: l.Op, Err: errors.New("the list does not end")}
}

// Next reads the Link header (RFC 8288): the parameters of these names of where the
// list goes on; nil if it does not.
func Next(h http.Header, names ...string) url.Values {
	for part := range strings.SplitSeq(strings.Join(h.Values("Link"), ","), ",") {
		address, params, ok := strings.Cut(part, ">")
		_, at, found := strings.Cut(address, "<")
		if !ok || !found || !strings.Contains(params, `rel="next"`) {
			continue
		}
		u, err := url.Parse(at)
		if err != nil {
			return nil
		}
		out := url.Values{}
		for _, name := range names {
			if v := u.Query().Get(name); v != "" {
				out.Set(name, v)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}
