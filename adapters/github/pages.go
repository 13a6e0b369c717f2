package github

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/paged"
	"parley/adapters/internal/rest"
)

// maxRestarts bounds how often a list is begun anew.
const maxRestarts = 5

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

// read gives all rows, each once.
func (l list[T]) read(ctx context.Context, c client) ([]T, error) {
	return paged.List[T]{
		Op: l.op, Key: l.key, Cursor: "after", Enough: l.enough,
		Fetch: func(ctx context.Context, at url.Values) ([]T, url.Values, error) { return l.fetch(ctx, c, at) },
	}.Read(ctx)
}

// fetch reads one page; next is where it goes on, nil at the end.
func (l list[T]) fetch(ctx context.Context, c client, at url.Values) (rows []T, next url.Values, err error) {
	query := url.Values{"per_page": {strconv.Itoa(c.page)}}
	maps.Copy(query, l.query)
	maps.Copy(query, at)
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
	// Beyond some pages numbers are refused, and the cursor is to be followed.
	return rows, paged.Next(res.Header, "page", "after"), nil
}
