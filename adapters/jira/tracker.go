package jira

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Tracker is one account at one Jira.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory

	opened time.Time

	me recall.Once[user]

	mu sync.Mutex // guards the fields below
	// tries is when each create was last tried, for as long as the search may lag.
	tries map[event.Marker]time.Time
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
	_ adapters.Hooked    = (*Tracker)(nil)
)

func newTracker(api client, web *url.URL, set settings) *Tracker {
	return &Tracker{
		api: api, web: web, set: set, dir: newDirectory(api, set), opened: time.Now(), tries: map[event.Marker]time.Time{},
	}
}

// SettleTime implements adapters.Tracker: only the search finds a created issue,
// and a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.lag + 2*time.Second }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: milliseconds, and two seconds of skew
// between the servers that a site runs on.
func (t *Tracker) Precision() time.Duration { return 2 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

// check asks who is signed in: a list is not believed without it.
func (t *Tracker) check(ctx context.Context) (user, error) {
	u, err := t.api.myself(ctx)
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

// search is one page of issues, believed as far as the sign-in is good.
func (t *Tracker) search(ctx context.Context, op string, q question, at page) ([]issue, page, bool, error) {
	found, next, more, err := t.api.search(ctx, op, q, at)
	if err != nil {
		return nil, at, false, listError(err, op)
	}
	if len(found) == 0 {
		if _, err := t.check(ctx); err != nil {
			return nil, at, false, err
		}
	}
	return found, next, more, nil
}

// listError: a list cannot be gone, and a query that is not taken names a project
// or a field that the account does not see.
func listError(err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return err
	}
	switch {
	case errors.Is(known.Class, adapters.ErrGone), errors.Is(known.Class, adapters.ErrRejected):
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err,
			Hint: "check the address, the projects and the query: this account sees nothing of the kind there",
		}
	}
	return err
}

// issue reads one issue and makes sure that it is the one meant.
func (t *Tracker) issue(ctx context.Context, op string, ref event.Ref, query url.Values) (*issue, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an issue", ref.ID)}
	}
	found, err := t.api.issue(ctx, op, ref.ID, query)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	if ref.Created != 0 && found.created.Unix() != ref.Created {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another issue has this id")}
	}
	return found, nil
}

// believeGone takes a 404 for a deletion only from a Jira that knows us, and that
// could not hide the issue instead: the answers are alike.
func (t *Tracker) believeGone(ctx context.Context, op string, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	for _, key := range t.set.projects {
		why, asked := t.dir.hides(ctx, key)
		if asked != nil {
			return asked
		}
		if why != "" {
			return &adapters.Error{
				Class: adapters.ErrDenied, Op: op, Err: errors.New("not there, or hidden: " + why),
				Hint: "let the account see all issues of the project, so that a deleted issue can be told from a hidden one",
			}
		}
	}
	return err
}

// within is the condition for the configured projects.
func (s *settings) within() string {
	quoted := make([]string, len(s.projects))
	for i, p := range s.projects {
		quoted[i] = quote(p)
	}
	return "project in (" + strings.Join(quoted, ", ") + ")"
}

// quote makes a string of JQL.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(s) + `"`
}
