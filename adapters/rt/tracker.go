package rt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Tracker is an account at a Request Tracker.
type Tracker struct {
	client *rest.Client
	web    *url.URL
	set    settings

	mu sync.Mutex // guards what follows: knowledge that a restart only has to ask for again
	// self is our own login, "" as long as it is not known.
	self string
	// checked is when the account's zone and view were last found good.
	checked time.Time
	// fields are the custom fields by queue id, as of fieldsAt.
	fields   map[string]queueFields
	fieldsAt time.Time
	// unmarked is set when RT dropped the marker of a created ticket.
	unmarked bool
}

// What a Tracker is able to do.
var (
	_ adapters.Clocked   = (*Tracker)(nil)
	_ adapters.Tracker   = (*Tracker)(nil)
	_ adapters.Files     = (*Tracker)(nil)
	_ adapters.People    = (*Tracker)(nil)
	_ adapters.Searcher  = (*Tracker)(nil)
	_ adapters.Prober    = (*Tracker)(nil)
	_ adapters.Historian = (*Tracker)(nil)
	_ adapters.Workflow  = (*Tracker)(nil)
)

const (
	// pageSize is RT's own upper limit; more is cut silently.
	pageSize = 100
	// maxPages bounds what one call reads of a ticket's history.
	maxPages = 200
	// knowledge is how long what was asked about the account is believed.
	knowledge = 10 * time.Minute
)

func newTracker(client *rest.Client, web *url.URL, set settings) *Tracker {
	return &Tracker{client: client, web: web, set: set, fields: map[string]queueFields{}}
}

// SettleTime implements adapters.Tracker. RT reads from its database; what may
// lag is a request that RT still works on after we gave up on it.
func (t *Tracker) SettleTime() time.Duration { return 5 * time.Second }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.client.Settled()
}

// Precision implements adapters.Tracker: whole seconds, and the mail that RT
// sends about a change moves LastUpdated a second or two later.
func (t *Tracker) Precision() time.Duration { return 3 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.client.Close()
	return nil
}

// get reads JSON.
func (t *Tracker) get(ctx context.Context, op, path string, args []string, query url.Values, out any) (*rest.Response, error) {
	return t.client.Do(ctx, rest.Request{Op: op, Path: path, Args: args, Query: query, Header: english(), Out: out})
}

// list reads one page of a collection. A collection that is not there means
// that the address is wrong, not that it is empty.
func list[T any](ctx context.Context, t *Tracker, op, path string, args []string, query url.Values) (page[T], error) {
	var out page[T]
	if query.Get("per_page") == "" {
		query.Set("per_page", "100")
	}
	_, err := t.get(ctx, op, path, args, query, &out)
	if err == nil && out.Items == nil {
		return out, failed(adapters.ErrConfiguration, op, "", "what answers is JSON and no list of Request Tracker: check the address")
	}
	return out, reclass(err, adapters.ErrGone, adapters.ErrConfiguration, "the address is not that of Request Tracker 5 with REST 2")
}

// english asks for RT's sentences in the language that they are told apart by.
func english() http.Header { return http.Header{"Accept-Language": {"en"}} }

// failed makes an error of a class; detail are the tracker's words or ours.
func failed(class error, op, detail, hint string) error {
	return &adapters.Error{Class: class, Op: op, Detail: rest.Cut(detail), Hint: hint}
}

// reclass gives an error of one class another.
func reclass(err error, from, to error, hint string) error {
	var e *adapters.Error
	if !errors.As(err, &e) || !errors.Is(e.Class, from) {
		return err
	}
	other := *e
	other.Class, other.Hint, other.After = to, hint, 0
	return &other
}
