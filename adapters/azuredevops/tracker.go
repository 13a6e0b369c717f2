package azuredevops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Tracker is one account at one organisation or collection.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory

	me recall.Once[identity]
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
	_ adapters.Deleter   = (*Tracker)(nil)
	_ adapters.Hooked    = (*Tracker)(nil)
)

func newTracker(api client, web *url.URL, set settings) *Tracker {
	return &Tracker{api: api, web: web, set: set, dir: newDirectory(api, set)}
}

// SettleTime implements adapters.Tracker: queries by core fields show at once what was
// written, but a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.settle }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: changes are told apart by their revision.
func (t *Tracker) Precision() time.Duration { return time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	t.api.people.Close()
	return nil
}

// check asks who is signed in: a list is not believed without it.
func (t *Tracker) check(ctx context.Context) (identity, error) {
	who, err := t.api.myself(ctx)
	if err != nil {
		return who, err
	}
	t.me.Set(who)
	return who, nil
}

// account is who is signed in, asked once.
func (t *Tracker) account(ctx context.Context) (identity, error) {
	return t.me.Get(func() (identity, error) { return t.check(ctx) })
}

// item reads one work item and makes sure that it is the one meant, and ours.
func (t *Tracker) item(ctx context.Context, op string, ref event.Ref) (*item, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of a work item", ref.ID)}
	}
	found, err := t.api.item(ctx, op, ref.ID)
	if err != nil {
		return nil, t.believeGone(ctx, op, ref.ID, err)
	}
	switch {
	case ref.Created != 0 && found.created.Unix() != ref.Created:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another work item has this id")}
	case found.change().Deleted:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("it is in the recycle bin")}
	case !t.ours(found.text(refProject)):
		return nil, &adapters.Error{
			Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("it was moved to project %q", found.text(refProject)),
			Hint: "add the project to the setting projects, if its work items shall be kept in step",
		}
	}
	return found, nil
}

// ours tells whether a project is one of those configured, whose names have no case.
func (t *Tracker) ours(project string) bool {
	return slices.ContainsFunc(t.set.projects, func(p string) bool { return strings.EqualFold(p, project) })
}

// believeGone takes a 404 for a deletion only where the recycle bin has the item, or
// where no item had such a number yet: one that the account may not see is answered
// alike, and so is one that was destroyed.
func (t *Tracker) believeGone(ctx context.Context, op, id string, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	for _, project := range t.set.projects {
		var bin struct {
			Project string `json:"project"`
		}
		asked := t.api.get(ctx, op, "{project}/_apis/wit/recyclebin/{id}", nil, &bin, project, id)
		if asked == nil {
			return &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("it is in the recycle bin")}
		}
		if !errors.Is(asked, adapters.ErrGone) {
			return asked
		}
	}
	newest, asked := t.api.wiql(ctx, op, "SELECT [System.Id] FROM WorkItems WHERE [System.Id] > 0 ORDER BY [System.Id] DESC", 1)
	if asked != nil {
		return asked
	}
	if n, bad := strconv.ParseInt(id, 10, 64); bad != nil || len(newest) == 0 || n > newest[0] {
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("it was destroyed, or the account may not see it"),
		Hint: "let the account see all areas of the project; twins of destroyed work items have to be ended by hand",
	}
}

// changed tells whether the item was newer than the test of a patch had it.
func changed(err error) bool {
	return errors.Is(err, adapters.ErrChanged) || rest.HasStatus(err, http.StatusPreconditionFailed)
}

// Delete implements adapters.Deleter: into the recycle bin, from where it can be
// restored.
func (t *Tracker) Delete(ctx context.Context, ref event.Ref) error {
	op := "delete work item " + ref.ID
	i, err := t.item(ctx, op, ref)
	if err != nil {
		return err
	}
	_, err = t.api.do(ctx, rest.Request{
		Op: op, Method: http.MethodDelete, Path: "{project}/_apis/wit/workitems/{id}", Args: []string{i.text(refProject), i.key()}, Write: true,
		Expect: []int{http.StatusOK, http.StatusNoContent},
	})
	return t.believeGone(ctx, op, i.key(), err)
}
