package flow

import (
	"context"
	"fmt"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
)

// Facts are a ticket as the two filters of a connection see it.
type Facts struct {
	Ticket event.Ticket
	Ours   filters.Ours
	// Received is what the peer last said of it, Sent what was last sent, where that
	// is kept; nil if nothing.
	Received, Sent *filters.Replica
	// First tells that the peer has not heard of the ticket.
	First bool
}

// Facts reads a ticket and what is known of it; nothing is stored.
func (p *Path) Facts(ctx context.Context, con *Connection, ref event.Ref) (Facts, error) {
	ticket, err := p.readTicket(ctx, ref)
	if err != nil {
		return Facts{}, err
	}
	k := known{ref: ref}
	f := Facts{Ticket: ticket}
	err = p.Store.View(func(r store.Reader) error {
		if err := p.knowTwins(r, con, con.Rules(), &k); err != nil {
			return err
		}
		f.First = k.fresh()
		if f.First {
			return nil
		}
		f.Received, err = getReplica(r, store.ReceivedKey(con.ID, k.id))
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read what is known of ticket %s: %w", ref, err)
	}
	f.Ours, f.Sent = ours(con, ticket, &k), k.sent
	return f, nil
}
