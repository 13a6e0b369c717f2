package redmine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Tracker is one account at one Redmine.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory

	me recall.Once[account]
}

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

func newTracker(c *rest.Client, web *url.URL, set settings) *Tracker {
	api := client{rest: c}
	return &Tracker{api: api, web: web, set: set, dir: newDirectory(api, set)}
}

// SettleTime implements adapters.Tracker. Redmine answers from its database:
// what a request did shows as soon as it has ended. A request that timed out
// here may still wait for a lock of the database there.
func (t *Tracker) SettleTime() time.Duration { return 3 * time.Second }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: whole seconds, and a second of skew
// between several application servers.
func (t *Tracker) Precision() time.Duration { return 2 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

// check asks who is signed in: a list is not believed without it.
func (t *Tracker) check(ctx context.Context) (account, error) {
	a, err := t.api.current(ctx)
	if err != nil {
		return a, err
	}
	t.me.Set(a)
	return a, nil
}

// account is who is signed in, asked once: the id of an account never changes.
func (t *Tracker) account(ctx context.Context) (account, error) {
	return t.me.Get(func() (account, error) { return t.check(ctx) })
}

// list is one page of issues, believed: whether the key was good is asked
// afterwards, for a key that was good before may be revoked in between.
func (t *Tracker) list(ctx context.Context, op string, query url.Values) ([]issue, error) {
	found, err := t.api.issues(ctx, op, query)
	if err != nil {
		return nil, listError(err, op)
	}
	if len(found) == 0 {
		if _, err := t.check(ctx); err != nil {
			return nil, err
		}
	}
	t.dir.learn(found...)
	return found, nil
}

// listError: a list cannot be gone; its project, or all of Redmine, can.
func listError(err error, op string) error {
	var known *adapters.Error
	if errors.As(err, &known) && errors.Is(known.Class, adapters.ErrGone) {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: known.Err,
			Hint: "check the address and the projects: this account sees no such project there",
		}
	}
	return err
}

// issue reads one issue and makes sure that it is the one meant.
func (t *Tracker) issue(ctx context.Context, op string, ref event.Ref, include string) (*issue, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an issue", ref.ID)}
	}
	found, err := t.api.issue(ctx, op, ref.ID, include)
	if err != nil {
		return nil, t.believeGone(ctx, err)
	}
	t.dir.learn(*found)
	if ref.Created != 0 && found.CreatedOn.Unix() != ref.Created {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another issue has this id")}
	}
	return found, nil
}

// believeGone takes a 404 for a deletion only from a Redmine that knows us.
func (t *Tracker) believeGone(ctx context.Context, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	return err
}

func isID(s string) bool {
	if s == "" || len(s) > 18 || s[0] == '0' {
		return false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
