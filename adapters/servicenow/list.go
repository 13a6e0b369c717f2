package servicenow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

const opList = "list tickets"

// condition reads a query that a person wrote, and makes sure that ServiceNow knows its
// fields.
func (t *Tracker) condition(ctx context.Context, text string) (query, error) {
	q, err := parseQuery(text)
	if err != nil {
		return q, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opList, Err: err,
			Hint: "a query is an encoded query of conditions: active=true^priority<=2^ORstate=1",
		}
	}
	return q, t.dir.known(ctx, t.set.table, q)
}

// List implements adapters.Tracker: by creation time, so that an edit moves nothing.
func (t *Tracker) List(ctx context.Context, text string, from event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if err := t.ready(ctx); err != nil {
		return nil, "", err
	}
	q, err := t.condition(ctx, text)
	if err != nil {
		return nil, "", err
	}
	var p place
	if from != "" {
		if err := json.Unmarshal([]byte(from), &p); err != nil || p.At < 0 {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opList, Err: fmt.Errorf("%q is not one of our pages", from)}
		}
	}
	w := walker{t: t, op: opList, table: t.set.table, field: "sys_created_on", where: t.set.query.joined(q), fields: settleFields()}
	found, ended, err := t.gather(ctx, &w, p, max(limit, 1))
	if err != nil {
		return nil, "", err
	}
	if len(found) > max(limit, 1) {
		found, ended = found[:max(limit, 1)], false
	}
	out, err := t.changesOf(ctx, found)
	if err != nil {
		return nil, "", err
	}
	if ended {
		return out, "", nil
	}
	if len(found) > 0 {
		p = found[len(found)-1].place
	}
	raw, _ := json.Marshal(p) //nolint:errchkjson // a number and a string
	return out, event.Cursor(raw), nil
}

var ticketNumber = regexp.MustCompile(`^[A-Z][A-Z0-9_-]{0,38}[0-9]$`)

// Locate implements adapters.Tracker.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find ticket"
	key = strings.ToUpper(strings.TrimSpace(key))
	if !ticketNumber.MatchString(key) {
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no ticket's number")}
	}
	if _, err := t.check(ctx); err != nil {
		return event.Change{}, err
	}
	got, err := t.api.list(ctx, asked{
		op: op, table: t.set.table, where: query{}.and("number", "=", key), fields: settleFields(), order: []string{"sys_created_on"}, limit: 2,
	})
	if err != nil {
		return event.Change{}, err
	}
	if len(got.rows) == 0 {
		if got.total > 0 {
			return event.Change{}, hiddenOr(got.total, op, t.set.table, nil)
		}
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("no ticket has this number")}
	}
	r, err := settle(got.rows[0])
	if err != nil {
		return event.Change{}, incomplete(op, adapters.ErrConfiguration)
	}
	stamps, err := t.stamps(ctx, op, []*record{r})
	if err != nil {
		return event.Change{}, err
	}
	return event.Change{Ref: r.ref(), Key: r.key(), Version: r.version(stamps[r.id()]), Updated: r.updated}, nil
}

// ByField implements adapters.Searcher. ServiceNow compares without regard to case: what
// comes is compared again.
func (t *Tracker) ByField(ctx context.Context, name, value string, limit int) ([]event.Change, error) {
	op := "find tickets by " + name
	def, err := t.dir.byName(ctx, name)
	if err != nil {
		return nil, err
	}
	unfit := func(why string) ([]event.Change, error) {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: errors.New(why)}
	}
	if def == nil || strings.TrimSpace(value) == "" {
		return unfit("there is no such field that can be searched for this value")
	}
	e := &encoder{t: t, op: op}
	want := value
	switch def.kind {
	case event.TypeText:
	case event.TypeOption:
		if want, err = e.option(ctx, def, value); err != nil {
			return nil, err
		}
	default:
		return unfit(fmt.Sprintf("a field of type %s cannot be searched", def.kind))
	}
	if !harmless(want) {
		return unfit("ServiceNow's queries cannot hold this value")
	}
	w := walker{
		t: t, op: op, table: t.set.table, field: "sys_created_on", fields: append(settleFields(), def.name),
		where: t.set.query.and(def.name, "=", want),
	}
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	var same []moved
	for p, ended := (place{}), false; !ended && len(same) < limit; {
		var rows []row
		if rows, ended, err = w.after(ctx, p); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if p, err = w.place(r); err != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			if r.value(def.name) == want && len(same) < limit {
				same = append(same, moved{row: r, ticket: r.id()})
			}
		}
	}
	return t.changesOf(ctx, same)
}
