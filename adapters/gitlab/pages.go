package gitlab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/paged"
	"parley/adapters/internal/rest"
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

func (l list[T]) read(ctx context.Context, c client) ([]T, error) {
	return paged.List[T]{
		Op: l.op, Key: l.key, Cursor: "cursor", Enough: l.enough,
		Fetch: func(ctx context.Context, at url.Values) ([]T, url.Values, error) { return l.fetch(ctx, c, at) },
	}.Read(ctx)
}

func (l list[T]) fetch(ctx context.Context, c client, at url.Values) (rows []T, next url.Values, err error) {
	query := url.Values{"per_page": {strconv.Itoa(c.page)}}
	maps.Copy(query, l.query)
	maps.Copy(query, at)
	res, err := c.rest.Do(ctx, rest.Request{
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
	return rows, paged.Next(res.Header, "page", "cursor"), nil
}

// listError: a list cannot be gone. It is the project that is not to be seen.
func (c client) listError(ctx context.Context, err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrGone) {
		return err
	}
	if _, err := c.project(ctx); err != nil {
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err,
		Hint: fmt.Sprintf("check the address and the project %s: this account sees nothing of the kind there", c.name),
	}
}
