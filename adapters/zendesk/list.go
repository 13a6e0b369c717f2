package zendesk

import (
	"context"
	"errors"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// List implements adapters.Tracker: by id, so that an edit moves nothing. Tickets
// that Zendesk has archived are not in it.
func (t *Tracker) List(ctx context.Context, query string, from event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "list tickets"
	if strings.TrimSpace(query) != "" {
		return nil, "", &adapters.Error{
			Class: adapters.ErrConfiguration, Op: op, Err: errors.New("a query is not taken"),
			Hint: "leave it empty and choose the tickets with the connection's scope: Zendesk's search shows changes late, and a thousand rows at most",
		}
	}
	rows, next, err := t.api.tickets(ctx, op, "id", min(max(limit, 1), pageSize), string(from))
	if err != nil {
		return nil, "", err
	}
	var out []event.Change
	for i := range rows {
		out = append(out, rows[i].change())
	}
	return out, event.Cursor(next), nil
}

// Locate implements adapters.Tracker.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find ticket"
	id := strings.TrimPrefix(strings.TrimSpace(key), "#")
	if !isID(id) {
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no ticket's number")}
	}
	x, err := t.ticket(ctx, op, event.Ref{ID: id})
	if err != nil {
		return event.Change{}, err
	}
	return x.change(), nil
}
