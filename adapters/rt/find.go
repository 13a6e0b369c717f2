package rt

import (
	"context"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/sync/event"
)

// Find implements adapters.Tracker. RT answers from its database: what is not
// there did not happen.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, failed(adapters.ErrConfiguration, "look up a write", "the step has no marker", "")
	}
	if step.Kind == event.StepCreate {
		return t.findTicket(ctx, step)
	}
	return t.findMessage(ctx, step)
}

// findMessage looks for the comment or file among our messages.
func (t *Tracker) findMessage(ctx context.Context, step event.Step) (event.Found, error) {
	op := "look up a write to ticket " + step.Ref.ID
	body, lock, err := t.same(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	self, err := t.whoami(ctx, op)
	if err != nil || self == "" {
		return event.Found{Presence: event.FoundNone}, err
	}
	history, err := t.history(ctx, op, step.Ref.ID, lock)
	if err != nil {
		return event.Found{}, err
	}
	var ours []message
	for _, m := range messagesOf(history) {
		if m.Type != "Create" && user(m.Creator).ID == self && readTime(m.Created).Unix() >= step.Since {
			ours = append(ours, m)
		}
	}
	talk, err := t.messages(ctx, op, step.Ref.ID, ours)
	if err != nil {
		return event.Found{}, err
	}
	var items []string
	for _, m := range talk {
		if _, marker := cutMarker(m.body); marker != step.Marker {
			continue
		}
		item := string(m.ID)
		if step.Kind == event.StepAttach {
			item = ""
			if len(m.files) > 0 {
				item = string(m.files[0].ID)
			}
		}
		items = append(items, item)
	}
	return verdict(items, func(item string) event.Written {
		return event.Written{Ref: event.NewRef(step.Ref.ID, readTime(body.Created)), Key: step.Ref.ID, Item: item}
	}), nil
}

func verdict[T any](found []T, written func(T) event.Written) event.Found {
	switch len(found) {
	case 0:
		return event.Found{Presence: event.FoundNone}
	case 1:
		return event.Found{Presence: event.FoundOne, Written: written(found[0])}
	}
	return event.Found{Presence: event.FoundMany}
}

// findTicket looks for a created ticket, by the custom field and by the text.
func (t *Tracker) findTicket(ctx context.Context, step event.Step) (event.Found, error) {
	const op = "look up a created ticket"
	found, err := t.ticketsByField(ctx, op, step.Marker)
	if err != nil {
		return event.Found{}, err
	}
	if len(found) == 0 {
		// Also where there is a field: the create may be older than the setting.
		if found, err = t.ticketsByText(ctx, op, step); err != nil {
			return event.Found{}, err
		}
	}
	return verdict(found, func(c event.Change) event.Written { return event.Written{Ref: c.Ref, Key: c.Key} }), nil
}

func (t *Tracker) ticketsByField(ctx context.Context, op string, marker event.Marker) ([]event.Change, error) {
	if t.set.markerField == "" {
		return nil, nil
	}
	condition := quote("CF.{"+t.set.markerField+"}") + " = " + quote(string(marker))
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, rows(condition, pageSize, "id"))
	if err != nil {
		return nil, reclass(err, adapters.ErrRejected, adapters.ErrConfiguration, "RT cannot search by the custom field of the setting marker_field")
	}
	var out []event.Change
	for _, item := range found.Items {
		c, err := change(op, item)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return once.Rows(out, func(c *event.Change) event.Ref { return c.Ref }), nil
}

// ticketsByText reads the first messages of what we created, newest first.
func (t *Tracker) ticketsByText(ctx context.Context, op string, step event.Step) ([]event.Change, error) {
	var out []event.Change
	seen := map[text]bool{}
	for number := 1; number <= maxPages; number++ {
		query := map[string][]string{
			"query":   {"ObjectType = 'RT::Ticket' AND Type = 'Create' AND Creator = '__CurrentUser__'"},
			"fields":  {"Type,Created,ObjectId"},
			"orderby": {"id"}, "order": {"DESC"},
			"page": {itoa(number)}, "per_page": {itoa(batch)},
		}
		found, err := list[transaction](ctx, t, op, "transactions", nil, query)
		if err != nil {
			return nil, err
		}
		var made []message
		old := len(found.Items) == 0
		for _, tx := range found.Items {
			if tx == nil || seen[tx.ID] {
				continue // pages move when something is created meanwhile
			}
			seen[tx.ID] = true
			if readTime(tx.Created).Unix() < step.Since {
				old = true
				continue
			}
			made = append(made, message{transaction: *tx})
		}
		hits, err := t.marked(ctx, op, made, step.Marker)
		if err != nil {
			return nil, err
		}
		out = append(out, hits...)
		if old {
			return out, nil
		}
	}
	return nil, failed(adapters.ErrConfiguration, op, "too many tickets of our own to look through", "set marker_field: RT finds a custom field's value at once")
}

// marked are the tickets whose first message has the marker.
func (t *Tracker) marked(ctx context.Context, op string, made []message, marker event.Marker) ([]event.Change, error) {
	talk, err := t.messages(ctx, op, "", made)
	if err != nil {
		return nil, err
	}
	var out []event.Change
	for _, m := range talk {
		if _, found := cutMarker(m.body); found != marker {
			continue
		}
		body, _, err := t.ticket(ctx, op, string(m.ObjectID))
		if err != nil {
			return nil, err
		}
		c, err := change(op, body)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
