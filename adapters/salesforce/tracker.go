package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Tracker is one account at one org of Salesforce.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory
	how way

	me recall.Once[account]
}

var (
	_ adapters.Clocked = (*Tracker)(nil)
	_ adapters.Tracker = (*Tracker)(nil)
	_ adapters.Files   = (*Tracker)(nil)
	_ adapters.People  = (*Tracker)(nil)
	_ adapters.Prober  = (*Tracker)(nil)
	_ adapters.Deleter = (*Tracker)(nil)
	_ adapters.Hooked  = (*Tracker)(nil)
)

func newTracker(api client, web *url.URL, set settings, how way) *Tracker {
	return &Tracker{api: api, web: web, set: set, dir: newDirectory(api, set.keyField), how: how}
}

// SettleTime implements adapters.Tracker: queries show what was committed at once, but
// a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.settle }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: change times are whole seconds, of the moment
// at which the change was made and not of that at which it could be seen.
func (t *Tracker) Precision() time.Duration { return 3 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

// account is who is signed in.
type account struct {
	ID    string `json:"user_id"`
	Org   string `json:"organization_id"`
	Name  string `json:"name"`
	Login string `json:"preferred_username"`
	Zone  string `json:"zoneinfo"`
}

// check asks who is signed in. There a token that has ended is answered 403, not 401:
// a request for data renews it.
func (t *Tracker) check(ctx context.Context) (account, error) {
	const op = "check the sign-in"
	var out account
	ask := rest.Request{Op: op, Path: "services/oauth2/userinfo", Out: &out, Expect: []int{http.StatusOK}}
	_, err := t.api.send(ctx, ask)
	if rest.HasStatus(err, http.StatusForbidden) {
		if _, err := rows[person](ctx, t.api, op, "query", "SELECT Id FROM CaseStatus LIMIT 1"); err != nil {
			return out, err
		}
		_, err = t.api.send(ctx, ask)
	}
	switch {
	case errors.Is(err, adapters.ErrGone):
		return out, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errors.New("the sign-in is not there"), Hint: "there is no org of Salesforce at this address: check it",
		}
	case err != nil:
		return out, err
	case !isID(out.ID, idUser):
		return out, incomplete(op, adapters.ErrConfiguration)
	}
	t.me.Set(out)
	return out, nil
}

// account is who is signed in, asked once.
func (t *Tracker) account(ctx context.Context) (account, error) {
	return t.me.Get(func() (account, error) { return t.check(ctx) })
}

// caseOf reads one case whole and makes sure that it is the one meant, and still there.
func (t *Tracker) caseOf(ctx context.Context, op string, ref event.Ref) (record, error) {
	if !isID(ref.ID, idCase) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of a case", ref.ID)}
	}
	found, err := t.api.record(ctx, op, "Case", ref.ID)
	if errors.Is(err, adapters.ErrGone) {
		return nil, t.whyGone(ctx, op, ref.ID)
	}
	if err != nil {
		return nil, err
	}
	row := rowOf(found)
	switch {
	case !row.whole():
		return nil, incomplete(op, adapters.ErrConfiguration)
	case ref.Created != 0 && row.Created.Unix() != ref.Created:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another case has this id")}
	case row.Deleted:
		return nil, row.gone(op)
	}
	return found, nil
}

func (x *caseRow) gone(op string) error {
	if x.Master != "" {
		return &adapters.Error{Class: adapters.ErrMerged, Op: op, Err: errors.New("the case was merged into " + x.Master)}
	}
	return &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the case is deleted")}
}

// whyGone tells what became of a case that is not there: the recycle bin has it for
// fifteen days; after that only an account that sees all cases can tell.
func (t *Tracker) whyGone(ctx context.Context, op, id string) error {
	found, err := rows[caseRow](ctx, t.api, op, "queryAll", "SELECT "+caseFields+" FROM Case WHERE Id = "+quote(id))
	switch {
	case err != nil:
		return err
	case len(found) > 0 && found[0].Deleted:
		return found[0].gone(op)
	case len(found) > 0:
		return &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: errors.New("the case is in a list, and cannot be read")}
	}
	all, err := t.seesAll(ctx)
	if err != nil {
		return err
	}
	if !all {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("not there, or hidden: the account does not see all cases"),
			Hint: "give the account View All on cases, so that a deleted case can be told from a hidden one",
		}
	}
	return &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("there is no such case")}
}

// seesAll tells whether no case is hidden from the account.
func (t *Tracker) seesAll(ctx context.Context) (bool, error) {
	me, err := t.check(ctx)
	if err != nil {
		return false, err
	}
	return recall.Of(&t.dir.memory, "sees all", func() (bool, error) {
		found, err := rows[struct {
			All bool `json:"PermissionsViewAllRecords"`
		}](ctx, t.api, "read what the account may see", "query", "SELECT PermissionsViewAllRecords FROM ObjectPermissions "+
			"WHERE SobjectType = 'Case' AND PermissionsViewAllRecords = true AND ParentId IN "+
			"(SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = "+quote(me.ID)+")")
		if errors.Is(err, adapters.ErrConfiguration) && hasCode(err, "INVALID_TYPE") {
			return false, nil // who may not ask does not see all
		}
		return len(found) > 0 && found[0].All, err
	})
}

func (t *Tracker) webURL(id string) string { return t.web.JoinPath(id).String() }
