package zendesk

import (
	"context"
	"errors"
	"strconv"

	"parley/adapters"
	"parley/sync/event"
)

// Find implements adapters.Tracker.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: "look for a step", Err: errors.New("a step without a marker cannot be looked for"),
		}
	}
	if step.Kind == event.StepCreate {
		return t.findTicket(ctx, step)
	}
	op := "look at ticket " + step.Ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	x, err := t.ticket(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	audits, err := t.api.audits(ctx, op, x.key())
	if err != nil {
		return event.Found{}, t.believeGone(ctx, op, err)
	}
	var items []int64
	for i := range audits {
		a := &audits[i]
		said := a.comment()
		if a.Author != me.ID || said == nil || a.mark().Marker != step.Marker {
			continue
		}
		if step.Kind != event.StepAttach {
			items = append(items, said.ID)
			continue
		}
		// The comment alone is not the file: its upload may have run out.
		for _, f := range said.Files {
			items = append(items, f.ID)
		}
	}
	found := event.Found{Presence: presence(len(items))}
	if len(items) == 1 {
		found.Written = event.Written{Ref: x.ref(), Key: x.key(), Item: strconv.FormatInt(items[0], 10)}
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

// findTicket looks for the ticket that a create made, by the external id that the
// create gave it. The list is read from the database: it does not lag.
func (t *Tracker) findTicket(ctx context.Context, step event.Step) (event.Found, error) {
	const op = "look for a created ticket"
	me, err := t.check(ctx)
	if err != nil {
		return event.Found{}, err
	}
	all, err := t.api.byExternalID(ctx, op, markerPrefix+string(step.Marker))
	if err != nil {
		return event.Found{}, err
	}
	var matches []ticket
	for _, x := range all {
		if x.marker(me) == step.Marker && !x.deleted() {
			matches = append(matches, x)
		}
	}
	found := event.Found{Presence: presence(len(matches))}
	if len(matches) == 1 {
		found.Written = event.Written{Ref: matches[0].ref(), Key: matches[0].key()}
	}
	return found, nil
}
