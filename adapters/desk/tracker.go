package desk

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Tracker is one account at one desk.
type Tracker struct {
	api     *rest.Client
	watcher *rest.Client // apart: it holds a request for as long as it listens
	base    string
	project string

	cancel  context.CancelFunc
	watch   sync.Once
	ctx     context.Context // ends at Close; the watching goroutine's only
	hints   chan struct{}
	stopped chan struct{}
}

var (
	_ adapters.Clocked   = (*Tracker)(nil)
	_ adapters.Tracker   = (*Tracker)(nil)
	_ adapters.Files     = (*Tracker)(nil)
	_ adapters.People    = (*Tracker)(nil)
	_ adapters.Searcher  = (*Tracker)(nil)
	_ adapters.Prober    = (*Tracker)(nil)
	_ adapters.Historian = (*Tracker)(nil)
	_ adapters.Watcher   = (*Tracker)(nil)
	_ adapters.Workflow  = (*Tracker)(nil)
	_ adapters.Deleter   = (*Tracker)(nil)
	_ adapters.Remover   = (*Tracker)(nil)
)

// New opens a desk from its address and settings. It makes no request.
func New(o adapters.Options) (*Tracker, error) {
	token := o.Settings["token"]
	if token == "" {
		return nil, errors.New("the setting token is missing")
	}
	options := rest.Options{
		Base:      o.URL,
		UserAgent: o.UserAgent,
		Timeout:   o.Timeout,
		Sign: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		},
	}
	api, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	options.Timeout = 0 // it waits for news
	watcher, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Tracker{
		api: api, watcher: watcher, base: strings.TrimSuffix(o.URL.String(), "/"), project: o.Settings["project"],
		ctx: ctx, cancel: cancel, hints: make(chan struct{}, 1), stopped: make(chan struct{}),
	}, nil
}

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.cancel()
	t.watch.Do(func() { close(t.stopped) }) // nobody watched
	<-t.stopped
	t.api.Close()
	t.watcher.Close()
	return nil
}

// SettleTime implements adapters.Tracker. The desk's look-up is exact; the
// time is for a request still on its way when we gave it up.
func (*Tracker) SettleTime() time.Duration { return 500 * time.Millisecond }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.Settled()
}

// Precision implements adapters.Tracker: versions are numbers, not times.
func (*Tracker) Precision() time.Duration { return 0 }

// get does one read. A desk that says no to a question, rather than to values,
// was asked wrongly: that is set up wrongly, not refused.
func (t *Tracker) get(ctx context.Context, r rest.Request) error {
	r.Path = "api/v1/" + r.Path
	_, err := t.api.Do(ctx, r)
	return t.believe(ctx, asRead(err))
}

func (t *Tracker) send(ctx context.Context, r rest.Request) error {
	r.Path, r.Write = "api/v1/"+r.Path, true
	_, err := t.api.Do(ctx, r)
	return t.believe(ctx, err)
}

func asRead(err error) error {
	var e *adapters.Error
	if errors.As(err, &e) && errors.Is(e.Class, adapters.ErrRejected) {
		e.Class = adapters.ErrConfiguration
	}
	return err
}

// believe holds a 404 against a request that must work: a wrong address or a
// proxy's page says 404 too, and no ticket is gone for that.
func (t *Tracker) believe(ctx context.Context, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	var who wireWho
	_, probe := t.api.Do(ctx, rest.Request{Op: "check the sign-in", Path: "api/v1/whoami", Out: &who})
	switch {
	case errors.Is(probe, adapters.ErrGone):
		// Not wrapped: an error has one class, and this one is not gone.
		return notTheDesk("check the sign-in", errors.New("not even this is there"))
	case probe != nil:
		return asRead(probe)
	case who.Desk == "":
		return notTheDesk("check the sign-in", nil)
	default:
		return err
	}
}

// notTheDesk is for an answer that is JSON and says nothing of what it should.
func notTheDesk(op string, err error) error {
	if err == nil {
		err = errors.New("the answer is not a desk's")
	}
	return &adapters.Error{
		Class: adapters.ErrConfiguration, Op: op, Err: err,
		Hint: "check that the address is the desk's, without /api",
	}
}

func (c *wireChange) change() (event.Change, error) {
	if c.ID == "" || c.Key == "" || c.Version == 0 || c.Created.IsZero() {
		return event.Change{}, errors.New("a ticket without id, key, version or time")
	}
	return event.Change{
		Ref: event.NewRef(c.ID, c.Created), Key: c.Key, Version: strconv.FormatUint(c.Version, 10),
		Updated: c.Updated.UTC(), Deleted: c.Deleted,
	}, nil
}

func (w *wireChanges) all(op string) ([]event.Change, error) {
	if w.Changes == nil || w.Desk == "" {
		return nil, notTheDesk(op, nil)
	}
	out := make([]event.Change, 0, len(*w.Changes))
	for _, c := range *w.Changes {
		change, err := c.change()
		if err != nil {
			return nil, notTheDesk(op, err)
		}
		out = append(out, change)
	}
	return out, nil
}

func gone(op string) error {
	return &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another ticket has this id")}
}
