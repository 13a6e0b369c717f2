package gitlab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Tracker is one account at one project.
type Tracker struct {
	api client
	set settings
	dir *directory

	me recall.Once[user]
}

var (
	_ adapters.Clocked  = (*Tracker)(nil)
	_ adapters.Tracker  = (*Tracker)(nil)
	_ adapters.Files    = (*Tracker)(nil)
	_ adapters.People   = (*Tracker)(nil)
	_ adapters.Prober   = (*Tracker)(nil)
	_ adapters.Workflow = (*Tracker)(nil)
	_ adapters.Hooked   = (*Tracker)(nil)
)

// SettleTime implements adapters.Tracker: lists show at once what was written, but a
// request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.settle }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: milliseconds, and a second of skew between
// the servers that a GitLab runs on.
func (t *Tracker) Precision() time.Duration { return time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

// check asks for the project: a list is not believed without it. A public project is
// shown to nobody too, but without permissions.
func (t *Tracker) check(ctx context.Context) (project, error) {
	const op = "check the sign-in"
	p, err := t.api.project(ctx)
	switch {
	case err != nil:
		return p, err
	case p.Permissions == nil:
		return p, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("GitLab answers as it does without a sign-in"),
			Hint: "check the token, and what stands between this machine and GitLab",
		}
	case p.Issues == "disabled" || p.Enabled != nil && !*p.Enabled:
		return p, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errors.New("issues are switched off in this project"),
			Hint: "switch them on in its settings, under General, Visibility",
		}
	}
	return p, nil
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
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	if found.Moved > 0 {
		// What is left here is closed for good, and what is said there is read by nobody.
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue was moved to another project")}
	}
	if ref.Created != 0 && found.Created.Unix() != ref.Created {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another issue has this number")}
	}
	return found, nil
}

// believeGone takes a 404 for a deletion only from a project that knows us, and that
// would show us a confidential issue too: the answers are alike.
func (t *Tracker) believeGone(ctx context.Context, op string, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	p, checked := t.check(ctx)
	if checked != nil {
		return checked
	}
	if p.level() < levelPlanner {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("not there, or confidential: this account does not see confidential issues"),
			Hint: "give the account the role Reporter in the project, so that a deleted issue can be told from a hidden one",
		}
	}
	return err
}
