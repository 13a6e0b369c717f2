package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

const (
	// maxPages bounds one list, maxRestarts how often it is begun anew.
	maxPages    = 1000
	maxRestarts = 5
)

// list is what a paged list is asked for.
type list[T any] struct {
	op    string
	path  string
	query url.Values
	args  []string
	// key tells rows apart; sound tells whether one holds what it must.
	key   func(*T) string
	sound func(*T) bool
	// enough ends the list early; nil reads all of it.
	enough func([]T) bool
}

var errMoves = errors.New("the list moves faster than it can be read")

// read gives all rows, each once. A row that is taken out of the list while it is
// read moves those behind it forward, over the edge of a page: each page is read
// again when the next one was, and the list begun anew if its end is another one.
// Where GitHub gives a cursor instead of a page's number, nothing moves.
func (l list[T]) read(ctx context.Context, c client) ([]T, error) {
	for range maxRestarts {
		all, whole, err := l.once(ctx, c)
		if err != nil || whole {
			return all, err
		}
	}
	return nil, &adapters.Error{Class: adapters.ErrTransient, Op: l.op, Err: errMoves}
}

func (l list[T]) once(ctx context.Context, c client) (all []T, whole bool, err error) {
	seen := map[string]bool{}
	next, before, last := url.Values(nil), url.Values(nil), ""
	for n := range maxPages {
		rows, link, err := l.fetch(ctx, c, next)
		if err != nil {
			return nil, false, err
		}
		if n > 0 && next.Get("after") == "" {
			again, _, err := l.fetch(ctx, c, before)
			if err != nil {
				return nil, false, err
			}
			if len(again) == 0 || l.key(&again[len(again)-1]) != last {
				return nil, false, nil
			}
		}
		for i := range rows {
			if k := l.key(&rows[i]); !seen[k] {
				seen[k] = true
				all = append(all, rows[i])
			}
		}
		if link == nil || len(rows) == 0 || l.enough != nil && l.enough(all) {
			return all, true, nil
		}
		before, next, last = next, link, l.key(&rows[len(rows)-1])
	}
	return nil, false, &adapters.Error{Class: adapters.ErrConfiguration, Op: l.op, Err: errors.New("the list does not end")}
}

// fetch reads one page; next is where it goes on, nil at the end.
func (l list[T]) fetch(ctx context.Context, c client, at url.Values) (rows []T, next url.Values, err error) {
	query := url.Values{"per_page": {strconv.Itoa(c.page)}}
	for _, from := range []url.Values{l.query, at} {
		for name, v := range from {
			query[name] = v
		}
	}
	res, err := c.do(ctx, rest.Request{
		Op: l.op, Path: c.below(l.path), Args: c.args(l.args...), Query: query, Out: &rows, Expect: []int{http.StatusOK},
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range rows {
		if !l.sound(&rows[i]) {
			return nil, nil, incomplete(l.op, adapters.ErrConfiguration)
		}
	}
	return rows, nextPage(res.Header), nil
}

// nextPage reads the Link header. Of the address only what names the place in the
// list is taken: where the list is, is known, and the address may name a host that
// the credential was not entered for.
func nextPage(h http.Header) url.Values {
	for part := range strings.SplitSeq(strings.Join(h.Values("Link"), ","), ",") {
		address, params, ok := strings.Cut(part, ">")
		if _, at, found := strings.Cut(address, "<"); ok && found && strings.Contains(params, `rel="next"`) {
			u, err := url.Parse(at)
			if err != nil {
				return nil
			}
			out := url.Values{}
			for _, name := range []string{"page", "after"} {
				if v := u.Query().Get(name); v != "" {
					out.Set(name, v)
				}
			}
			if len(out) > 0 {
				return out
			}
		}
	}
	return nil
}
