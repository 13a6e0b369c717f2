package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Tracker is one account at one repository.
type Tracker struct {
	api client
	set settings
	dir *directory

	me recall.Once[user]
}

var (
	_ adapters.Clocked   = (*Tracker)(nil)
	_ adapters.Tracker   = (*Tracker)(nil)
	_ adapters.People    = (*Tracker)(nil)
	_ adapters.Searcher  = (*Tracker)(nil)
	_ adapters.Prober    = (*Tracker)(nil)
	_ adapters.Historian = (*Tracker)(nil)
	_ adapters.Workflow  = (*Tracker)(nil)
	_ adapters.Hooked    = (*Tracker)(nil)
)

// SettleTime implements adapters.Tracker: lists show at once what was written, but
// a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.settle }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: seconds, and one of skew between the
// servers that GitHub runs on.
func (t *Tracker) Precision() time.Duration { return 2 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	if t.api.app != nil {
		t.api.app.rest.Close()
	}
	return nil
}

// check asks for the repository: a list is not believed without it. A public
// repository is shown to nobody too, but without permissions.
func (t *Tracker) check(ctx context.Context) (repository, error) {
	const op = "check the sign-in"
	r, err := t.api.repository(ctx)
	switch {
	case err != nil:
		return r, err
	case r.Permissions == nil:
		return r, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("GitHub answers as it does without a sign-in"),
			Hint: "check the token, and what stands between this machine and GitHub",
		}
	case !strings.EqualFold(r.FullName, t.api.owner+"/"+t.api.repo):
		return r, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("the repository is called %q by now", r.FullName),
			Hint: "set repository to its name: GitHub sends reads on to it, but takes no writes under the old one",
		}
	case !*r.HasIssues:
		return r, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errors.New("issues are switched off in this repository"),
			Hint: "switch them on in its settings, under General, Features",
		}
	}
	return r, nil
}

// account is who is signed in, asked once.
func (t *Tracker) account(ctx context.Context) (user, error) {
	return t.me.Get(func() (user, error) { return t.api.myself(ctx) })
}

// issue reads one issue and makes sure that it is the one meant.
func (t *Tracker) issue(ctx context.Context, op string, ref event.Ref) (*issue, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the number of an issue", ref.ID)}
	}
	found, err := t.api.issue(ctx, op, ref.ID)
	switch {
	case err != nil:
		return nil, t.believeGone(ctx, op, ref, err)
	case found.Pull != nil:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is a pull request, not an issue")}
	case found.Repository != "" && !t.here(found.Repository):
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errTransferred}
	case ref.Created != 0 && found.Created.Unix() != ref.Created:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another issue has this number")}
	}
	return found, nil
}

// here tells whether the address of a repository is that of ours.
func (t *Tracker) here(address string) bool {
	return strings.HasSuffix(strings.ToLower(address), strings.ToLower("/repos/"+t.api.owner+"/"+t.api.repo))
}

// believeGone takes an issue for gone only from a repository that knows us. 410 and
// 301 are said of what was there; a 404 is said of what never was, and of what is
// hidden from us. Numbers are given in the order of time: one above the newest never
// was, unless it may be newer than that.
func (t *Tracker) believeGone(ctx context.Context, op string, ref event.Ref, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	if !isNotFound(err) {
		return err
	}
	newest, asked := t.newest(ctx, op)
	switch {
	case asked != nil:
		return asked
	case newest == nil && ref.Created == 0, newest != nil && number(ref.ID) > newest.Number && ref.Created <= newest.Created.Unix():
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("not there, or hidden from this account: GitHub says of deleted issues that they are deleted"),
		Hint: "look at the issue in the browser: GitHub hides what an account marked as spam wrote",
	}
}
