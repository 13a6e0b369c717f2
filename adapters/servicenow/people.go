package servicenow

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// FindUser implements adapters.People. Of several, those who are active count.
func (t *Tracker) FindUser(ctx context.Context, who string) ([]event.User, error) {
	who = strings.TrimSpace(who)
	if who == "" || !harmless(who) {
		return nil, nil
	}
	rows, err := recall.Of(&t.dir.memory, "find "+who, func() ([]row, error) {
		rows, _, err := t.api.all(ctx, asked{
			op: "look a person up", table: "sys_user", fields: append(userFields(), "active"), order: []string{"sys_id"},
			where: query{[][]term{{{"sys_id", "=", who}, {"user_name", "=", who}, {"email", "=", who}}}},
		})
		return rows, err
	})
	if err != nil {
		return nil, err
	}
	var active, all []event.User
	for _, r := range rows {
		u := userOf(r)
		if !isID(u.ID) || u.ID != who && !strings.EqualFold(u.Login, who) && !strings.EqualFold(u.Email, who) {
			continue
		}
		all = append(all, u.event())
		if isTrue(r.value("active")) {
			active = append(active, u.event())
		}
	}
	if len(active) > 0 {
		return active, nil
	}
	return all, nil
}

// change is a row of sys_audit.
type change struct {
	at             time.Time
	by, column     string
	before, after  string
	check, counter int
}

// History implements adapters.Historian from sys_audit, where only changes stand, not
// how a record began.
func (t *Audited) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of ticket " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.zone(ctx); err != nil {
		return nil, err
	}
	r, err := t.ticket(ctx, op, ref, "sys_created_by")
	if err != nil {
		return nil, err
	}
	all, err := t.audits(ctx, op, r, since)
	if err != nil {
		return nil, err
	}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	var logins []string
	for _, c := range all {
		logins = append(logins, c.by)
	}
	people, err := t.dir.people(ctx, nil, logins)
	if err != nil {
		return nil, err
	}
	var out []adapters.Edit
	for _, c := range all {
		n := slices.IndexFunc(defs, func(d definition) bool { return d.name == c.column })
		if n < 0 {
			continue
		}
		e := adapters.Edit{At: c.at, Author: author(c.by, people), Own: strings.EqualFold(c.by, me.Login), Field: defs[n].title}
		if e.Old, err = t.told(ctx, &defs[n], c.before); err != nil {
			return nil, err
		}
		if e.New, err = t.told(ctx, &defs[n], c.after); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// audits are the changes of a ticket, oldest first: sys_mod_count tells those of one
// second apart.
func (t *Tracker) audits(ctx context.Context, op string, r *record, since time.Time) ([]change, error) {
	since = time.Unix(max(since.Unix(), 0), 0)
	rows, hidden, err := t.api.all(ctx, asked{
		op: op, table: "sys_audit", order: []string{"sys_created_on", "sys_id"},
		where:  query{}.and("documentkey", "=", r.id()).since("sys_created_on", since),
		fields: []string{"fieldname", "oldvalue", "newvalue", "user", "record_checkpoint"},
	})
	if err != nil {
		return nil, err
	}
	if hidden > 0 {
		return nil, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("rows of sys_audit are hidden from the account"),
			Hint: "let the account read sys_audit, or set history to no",
		}
	}
	var out []change
	for n, row := range rows {
		at, err := row.time("sys_created_on")
		if err != nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		c := change{
			at: at, by: row.value("user"), column: row.value("fieldname"), before: row.value("oldvalue"), after: row.value("newvalue"), counter: n,
		}
		c.check, _ = strconv.Atoi(row.value("record_checkpoint"))
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b change) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.check, b.check), cmp.Compare(a.counter, b.counter))
	})
	return out, nil
}

// told is a value of sys_audit as Read gives it: references have only their sys_id there.
func (t *Tracker) told(ctx context.Context, def *definition, value string) (any, error) {
	c := cell{Value: value}
	var people map[string]user
	var err error
	switch {
	case value == "":
	case def.kind == event.TypeUser, def.kind == event.TypeUsers:
		people, err = t.dir.people(ctx, strings.Split(value, ","), nil)
	case def.reference != "":
		c.Display, err = t.dir.shown(ctx, def.reference, value)
	}
	if err != nil {
		return nil, err
	}
	return t.valueOf(ctx, def, c, people)
}
