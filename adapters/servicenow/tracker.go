package servicenow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Tracker is one account at one instance of ServiceNow.
type Tracker struct {
	api client
	web *url.URL
	set settings
	dir *directory

	me recall.Once[user]
}

// Audited is a Tracker whose account may read sys_audit.
type Audited struct{ *Tracker }

var (
	_ adapters.Clocked   = (*Tracker)(nil)
	_ adapters.Tracker   = (*Tracker)(nil)
	_ adapters.Files     = (*Tracker)(nil)
	_ adapters.People    = (*Tracker)(nil)
	_ adapters.Searcher  = (*Tracker)(nil)
	_ adapters.Prober    = (*Tracker)(nil)
	_ adapters.Hooked    = (*Tracker)(nil)
	_ adapters.Tracker   = (*Audited)(nil)
	_ adapters.Historian = (*Audited)(nil)
)

func newTracker(api client, web *url.URL, set settings) *Tracker {
	return &Tracker{api: api, web: web, set: set, dir: newDirectory(api, set)}
}

// SettleTime implements adapters.Tracker: what is looked up is read from the database,
// but a request that timed out here may still be at work there.
func (t *Tracker) SettleTime() time.Duration { return t.set.lag + 2*time.Second }

// Skew implements adapters.Clocked.
func (t *Tracker) Skew() (time.Duration, bool) {
	return t.api.rest.Settled()
}

// Precision implements adapters.Tracker: a second, and two of skew between the nodes of
// an instance.
func (t *Tracker) Precision() time.Duration { return 3 * time.Second }

// Close implements adapters.Tracker.
func (t *Tracker) Close() error {
	t.api.rest.Close()
	return nil
}

const opSignIn = "check the sign-in"

// ownLogin makes ServiceNow itself say who asks. The documentation has the like of it
// in an example of the Table API.
const ownLogin = "user_name=javascript:gs.getUserName()"

// check asks who is signed in: a list is not believed without it.
func (t *Tracker) check(ctx context.Context) (user, error) {
	got, err := t.api.list(ctx, asked{op: opSignIn, table: "sys_user", script: ownLogin, fields: userFields(), limit: 2})
	if err != nil {
		return user{}, err
	}
	if len(got.rows) != 1 {
		// Scripts in queries may be switched off; then the setting is believed.
		if got, err = t.api.list(ctx, asked{
			op: opSignIn, table: "sys_user", where: query{}.and("user_name", "=", t.set.user), fields: userFields(), limit: 2,
		}); err != nil {
			return user{}, err
		}
	}
	if len(got.rows) != 1 {
		return user{}, &adapters.Error{
			Class: adapters.ErrDenied, Op: opSignIn, Err: errors.New("the account does not see its own user record"),
			Hint: "check setting user, and let the account read sys_user",
		}
	}
	me := userOf(got.rows[0])
	switch {
	case !isID(me.ID) || me.Login == "" || me.created == "":
		return user{}, incomplete(opSignIn, adapters.ErrConfiguration)
	case !strings.EqualFold(me.Login, t.set.user):
		return user{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opSignIn, Err: fmt.Errorf("the credential belongs to %q", me.Login),
			Hint: "set user to the login of the account that the credential belongs to",
		}
	}
	t.me.Set(me)
	return me, nil
}

// account is who is signed in, asked once.
func (t *Tracker) account(ctx context.Context) (user, error) {
	return t.me.Get(func() (user, error) { return t.check(ctx) })
}

// zone proves that times in queries are read as UTC. What ServiceNow tells of the zone
// proves nothing: it tells none where the account has the instance's. So rows are looked
// for by their own times: the account's record, and a ticket of late, since a zone may
// be that of Greenwich for half of the year only.
func (t *Tracker) zone(ctx context.Context) error {
	_, err := recall.Of(&t.dir.memory, "zone", func() (bool, error) {
		const op = "check the time zone"
		me, err := t.check(ctx)
		if err != nil {
			return false, err
		}
		proven, err := t.foundBy(ctx, op, "sys_user", me.ID, "sys_created_on", me.created)
		if err == nil && proven {
			proven, err = t.lateFound(ctx, op)
		}
		if err == nil && !proven {
			err = &adapters.Error{
				Class: adapters.ErrConfiguration, Op: op, Err: errors.New("ServiceNow reads times in queries in another zone than GMT"),
				Hint: "set the time zone of the account's user record to GMT, not to the system's: changes would be left out",
			}
		}
		return true, err
	})
	return err
}

// foundBy tells whether a row is found by one of its times.
func (t *Tracker) foundBy(ctx context.Context, op, table, id, field, at string) (bool, error) {
	got, err := t.api.list(ctx, asked{
		op: op, table: table, limit: 1, fields: []string{field},
		where: query{}.and("sys_id", "=", id).and(field, ">=", at).and(field, "<=", at),
	})
	return len(got.rows) > 0, err
}

// lateFound looks for a ticket that changed of late by that time. One that changes again
// meanwhile proves nothing.
func (t *Tracker) lateFound(ctx context.Context, op string) (bool, error) {
	for range 3 {
		got, err := t.api.list(ctx, asked{
			op: op, table: t.set.table, where: t.set.query, order: []string{"-sys_updated_on"}, fields: []string{"sys_updated_on"}, limit: 20,
		})
		if err != nil || len(got.rows) == 0 {
			return true, err
		}
		last := got.rows[len(got.rows)-1]
		found, err := t.foundBy(ctx, op, t.set.table, last.id(), "sys_updated_on", last.value("sys_updated_on"))
		if err != nil || found {
			return found, err
		}
		again, err := t.api.list(ctx, asked{
			op: op, table: t.set.table, where: query{}.and("sys_id", "=", last.id()), fields: []string{"sys_updated_on"}, limit: 1,
		})
		if err != nil {
			return false, err
		}
		if len(again.rows) == 1 && again.rows[0].value("sys_updated_on") == last.value("sys_updated_on") {
			return false, nil
		}
	}
	return true, nil
}

// sees tells an account that may see no ticket from a table without tickets.
func (t *Tracker) sees(ctx context.Context, op string) error {
	_, err := recall.Of(&t.dir.memory, "sees", func() (bool, error) {
		for _, limit := range []int{100, mostAsked} {
			got, err := t.api.list(ctx, asked{
				op: op, table: t.set.table, where: t.set.query, order: []string{"-sys_updated_on"}, fields: []string{"sys_id"}, limit: limit,
			})
			if err != nil || len(got.rows) > 0 || got.total == 0 {
				return true, err
			}
		}
		return false, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: fmt.Errorf("the account may see no row of %s, and there are some", t.set.table),
			Hint: "give the account a role that may read " + t.set.table + " (itil for incidents)",
		}
	})
	return err
}

// ticket reads one record and makes sure that it is the one meant. No fields are all.
func (t *Tracker) ticket(ctx context.Context, op string, ref event.Ref, fields ...string) (*record, error) {
	if !isID(ref.ID) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not a sys_id", ref.ID)}
	}
	if len(fields) > 0 {
		fields = append(settleFields(), fields...)
	}
	r, err := t.api.get(ctx, op, t.set.table, ref.ID, fields...)
	if err != nil {
		return nil, t.believeGone(ctx, op, ref.ID, err)
	}
	out, err := settle(r)
	if err != nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	if ref.Created != 0 && out.created.Unix() != ref.Created {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("another record has this sys_id")}
	}
	return out, nil
}

// believeGone takes a 404 for a deletion only if there is no row that the account may
// not see: totals count those too. An archived ticket is not deleted either.
func (t *Tracker) believeGone(ctx context.Context, op, id string, err error) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	hidden := func(why string) error {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New(why),
			Hint: "let the account read it; a ticket that it may not read is not taken for deleted",
		}
	}
	here, asked := t.api.list(ctx, asked{op: op, table: t.set.table, where: query{}.and("sys_id", "=", id), limit: 1})
	switch {
	case asked != nil:
		return asked
	case here.total > 0:
		return hidden("the ticket is there, and hidden from the account")
	}
	archived, asked := t.archived(ctx, op, id)
	switch {
	case asked != nil:
		return asked
	case archived:
		return hidden("the ticket was archived")
	}
	return err
}

// archived asks the archive of the table, where there is one.
func (t *Tracker) archived(ctx context.Context, op, id string) (bool, error) {
	got, err := t.api.list(ctx, asked{op: op, table: "ar_" + t.set.table, where: query{}.and("sys_id", "=", id), limit: 1})
	if rest.HasStatus(err, http.StatusBadRequest) || rest.HasStatus(err, http.StatusNotFound) {
		return false, nil // no such table
	}
	return got.total > 0, err
}
