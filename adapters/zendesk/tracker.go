package zendesk

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Tracker is one account at one Zendesk.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory
	how way

	me recall.Once[user]

	mu sync.Mutex // guards the fields below
	// asked is when the export was asked last, and page what it answered then: all
	// of it can be asked for again.
	asked time.Time
	page  exportPage
}

var (
	_ adapters.Clocked   = (*Tracker)(nil)
	_ adapters.Tracker   = (*Tracker)(nil)
	_ adapters.Files     = (*Tracker)(nil)
	_ adapters.People    = (*Tracker)(nil)
	_ adapters.Prober    = (*Tracker)(nil)
	_ adapters.Historian = (*Tracker)(nil)
	_ adapters.Deleter   = (*Tracker)(nil)
	_ adapters.Hooked    = (*Tracker)(nil)
)

func newTracker(api client, web *url.URL, set settings, how way) *Tracker {
	return &Tracker{api: api, web: web, set: set, dir: newDirectory(api), how: how}
}

// SettleTime implements adapters.Tracker: the list by external id shows what was
// written at once, but a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.settle }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: Zendesk's times are whole seconds, and its
// servers may differ by two.
func (t *Tracker) Precision() time.Duration { return 3 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

// check asks who is signed in.
func (t *Tracker) check(ctx context.Context) (user, error) {
	u, err := t.api.me(ctx)
	if err != nil {
		return u, err
	}
	t.me.Set(u)
	return u, nil
}

// account is who is signed in, asked once.
func (t *Tracker) account(ctx context.Context) (user, error) {
	return t.me.Get(func() (user, error) { return t.check(ctx) })
}

// ticket reads one ticket and makes sure that it is the one meant, and still one.
func (t *Tracker) ticket(ctx context.Context, op string, ref event.Ref) (*ticket, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of a ticket", ref.ID)}
	}
	found, err := t.api.ticket(ctx, op, ref.ID)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	switch {
	case ref.Created != 0 && found.Created.Unix() != ref.Created:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another ticket has this id")}
	case found.deleted():
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the ticket is deleted")}
	case found.merged():
		return nil, &adapters.Error{Class: adapters.ErrMerged, Op: op, Err: errors.New("the ticket was closed by a merge")}
	}
	return found, nil
}

// believeGone takes a 404 for a deletion only from a Zendesk that knows us and hides
// no ticket from us: the answers are alike.
func (t *Tracker) believeGone(ctx context.Context, op string, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	me, checked := t.check(ctx)
	if checked != nil {
		return checked
	}
	if !me.seesAll() {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("not there, or hidden: the account does not see all tickets"),
			Hint: "let the account see all tickets, so that a deleted ticket can be told from a hidden one",
		}
	}
	return err
}

func (t *Tracker) webURL(key string) string { return t.web.JoinPath("agent", "tickets", key).String() }
