package servicenow

import (
	"context"
	"errors"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// Find implements adapters.Tracker.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: "look for a step", Err: errNoMarker}
	}
	if step.Kind == event.StepCreate {
		return t.findTicket(ctx, step.Marker)
	}
	op := "look at ticket " + step.Ref.ID
	r, err := t.ticket(ctx, op, step.Ref, public, internal)
	if err != nil {
		return event.Found{}, err
	}
	items, err := t.itemsMarked(ctx, op, r, step)
	if err != nil {
		return event.Found{}, err
	}
	found := event.Found{Presence: presence(len(items))}
	if len(items) == 1 {
		found.Written = event.Written{Ref: r.ref(), Key: r.key(), Item: items[0]}
	}
	return found, nil
}

func presence(n int) event.Presence {
	switch n {
	case 0:
		return event.FoundNone
	case 1:
		return event.FoundOne
	}
	return event.FoundMany
}

// itemsMarked are the ids of comments or files with the step's marker. None is only said
// where nothing could be hidden: what the ticket itself shows of its journals counts too.
func (t *Tracker) itemsMarked(ctx context.Context, op string, r *record, step event.Step) ([]string, error) {
	if step.Kind == event.StepAttach {
		return t.filesMarked(ctx, op, r, step.Marker)
	}
	items, err := t.entriesMarked(ctx, op, r, step.Marker)
	if err == nil && len(items) == 0 && strings.Contains(r.row[public].Display+r.row[internal].Display, string(step.Marker)) {
		err = journalHidden(op)
	}
	return items, err
}

func (t *Tracker) filesMarked(ctx context.Context, op string, r *record, m event.Marker) ([]string, error) {
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	files, hidden, err := t.attachments(ctx, op, r)
	if err != nil {
		return nil, err
	}
	var items []string
	for _, f := range files {
		if f.attachment(me, nil).Marker == m {
			items = append(items, f.id)
		}
	}
	if len(items) == 0 && hidden > 0 {
		return nil, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("files of the ticket are hidden from the account"),
			Hint: "let the account read sys_attachment: without it, files would be written twice",
		}
	}
	return items, nil
}

// findTicket looks for the ticket that a create made. The database is read: there is no
// index that lags.
func (t *Tracker) findTicket(ctx context.Context, m event.Marker) (event.Found, error) {
	const op = "look for a created ticket"
	me, err := t.check(ctx)
	if err != nil {
		return event.Found{}, err
	}
	rows, hidden, err := t.api.all(ctx, asked{
		op: op, table: t.set.table, where: query{}.and("correlation_id", "=", correlation(m)),
		fields: append(settleFields(), "sys_created_by"), order: []string{"sys_id"},
	})
	if err != nil {
		return event.Found{}, err
	}
	var out []*record
	for _, row := range rows {
		r, err := settle(row)
		if err != nil {
			return event.Found{}, incomplete(op, adapters.ErrConfiguration)
		}
		if ticketMarker(r, me) == m {
			out = append(out, r)
		}
	}
	if hidden > 0 {
		return event.Found{}, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("a ticket with the marker is hidden from the account"),
			Hint: "let the account read the tickets that it creates",
		}
	}
	found := event.Found{Presence: presence(len(out))}
	if len(out) == 1 {
		found.Written = event.Written{Ref: out[0].ref(), Key: out[0].key()}
	}
	return found, nil
}
