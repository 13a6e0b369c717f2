package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// Two tickets that both exist become a twin when one side's admin asks for it:
// the first event names the receiver's ticket, and says whose values stand. What
// the receiver makes of it, its answer says in the same way, and from then on it
// is a twin like others.

// Whether a peer, or a filter, may pair a twin with a ticket that is here.
const (
	PermitNever = "never"
	PermitAsk   = "ask"
	PermitAuto  = "auto"
)

// Why two tickets are not connected.
var (
	ErrTwinned = errors.New("it has a twin on this connection, or had one, which `ticket sync` takes up again")
	ErrOutside = errors.New("the scope does not match")
)

// Connect asks the peer to pair one of our tickets with one of its own.
func (p *Path) Connect(ctx context.Context, con *Connection, c event.Change, ask event.Connect) error {
	if err := p.Connectable(ctx, con, c.Ref); err != nil {
		return err
	}
	err := p.Store.Update(func(tx store.Tx) error {
		k := known{ref: c.Ref}
		if err := p.knowTwins(tx, con, con.Rules(), &k); err != nil {
			return err
		}
		if !k.unpaired() {
			return ErrTwinned
		}
		o := &outgoing{con: con, known: known{ref: c.Ref, elsewhere: k.elsewhere}}
		p.identify(o, nil)
		head, err := outHead(tx, con.ID, 'd')
		if err != nil {
			return err
		}
		row := &twin.Row{
			Ref: c.Ref, Key: c.Key, Origin: o.change.Origin, Hops: o.change.Hops, State: twin.Live, Since: p.Now(), Epoch: head.Epoch, Connect: &ask,
		}
		if err := p.putTwin(tx, con.ID, o.change.Twin, row); err != nil {
			return err
		}
		return p.workNext(tx, con.ID, c.Ref, work.Seen{Key: c.Key, Cause: event.CauseEdit, Forced: true})
	})
	if err != nil {
		return fmt.Errorf("connect ticket %s: %w", c.Key, err)
	}
	p.refs.set(con.ID, event.TwinID(p.ownID("twin", con.ID, c.Ref)), c.Ref)
	p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: c.Ref}, When{})
	return nil
}

// Connectable tells why a ticket of ours may not get a twin; nil if it may.
func (p *Path) Connectable(ctx context.Context, con *Connection, ref event.Ref) error {
	ticket, err := p.readTicket(ctx, ref)
	if err != nil {
		return err
	}
	rules, k := con.Rules(), known{ref: ref}
	if err := p.Store.View(func(r store.Reader) error { return p.knowTwins(r, con, con.Rules(), &k) }); err != nil {
		return storeError{err}
	}
	if !k.unpaired() {
		return ErrTwinned
	}
	if ticket.Restricted && !rules.Egress.Restricted {
		return ErrOutside
	}
	matches, err := rules.Scope.Match(ctx, ours(con, ticket, &k), p.context(con, rules, event.TwinID{}, nil, ticket, nil))
	if err != nil {
		return filterFailed("scope", err)
	}
	if !matches {
		return ErrOutside
	}
	return nil
}

// unpaired tells whether a ticket may get a twin: it has and had none, or one
// that the peer refused to connect. An old pair is taken up again, not replaced.
func (k *known) unpaired() bool {
	return k.row == nil || k.row.State == twin.Ended && k.row.Connect != nil && !k.row.Theirs
}

// putTwin stores a twin with what finds it.
func (p *Path) putTwin(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row) error {
	return errors.Join(
		put(tx, store.TwinKey(con, id), row),
		bind(tx, con, row.Ref, id),
		tx.Put(store.OriginKey(row.Origin), []byte(row.Ref.String())),
	)
}

// pair binds a new twin to the ticket that its first event, or our filter, names.
// Afterwards the event is decided on anew, as one about a ticket that is there.
func (p *Path) pair(ctx context.Context, in *incoming, ref event.Ref) error {
	ask, who := event.Connect{Prefer: event.PreferSender}, "the incoming filter"
	if in.body.Connect != nil {
		ask, who = *in.body.Connect, "the peer"
	}
	if err := in.mayConnect(); err != nil {
		return err
	}
	if err := p.Connectable(ctx, in.con, ref); err != nil {
		switch {
		case errors.Is(err, ErrTwinned):
			return &refusedError{event.CodeConflict, "our ticket has a twin on this connection already"}
		case errors.Is(err, ErrOutside):
			return &refusedError{event.CodeByGate, "our ticket is not in the connection's scope"}
		}
		return err
	}
	if _, approved := in.con.approved.Load(in.id); in.rules.Connect == PermitAsk && !approved {
		return &holdError{code: event.CodeApproval, reason: who + " asks to connect " + cmp.Or(ask.Key, ref.ID), parked: true}
	}
	err := p.update(in, "pair the ticket", func(tx store.Tx, _ *inbox.Row) error {
		head, err := outHead(tx, in.con.ID, 'd')
		if err != nil {
			return err
		}
		row := &twin.Row{
			Ref: ref, Origin: in.body.Origin, Hops: in.body.Hops, State: twin.Live, Since: p.Now(), Theirs: true, Epoch: head.Epoch,
			Connect: answer(ask),
		}
		if err := p.putTwin(tx, in.con.ID, in.id, row); err != nil {
			return err
		}
		return p.workNext(tx, in.con.ID, ref, work.Seen{Cause: event.CauseEdit, Forced: true})
	})
	if err != nil {
		return err
	}
	in.con.approved.Delete(in.id)
	p.refs.set(in.con.ID, in.id, ref)
	p.Observe(Observation{What: "paired", Connection: in.con.Name, Twin: in.id, At: p.Now()})
	return errReplan
}

// answer is how our first event answers one that asked to connect: only where
// the receiver was preferred may it overwrite the other's values.
func answer(ask event.Connect) *event.Connect {
	prefer := event.PreferNeither
	if ask.Prefer == event.PreferReceiver {
		prefer = event.PreferSender
	}
	return &event.Connect{Prefer: prefer, Old: ask.Old}
}

// pairAsked pairs with the ticket that the peer names.
func (p *Path) pairAsked(ctx context.Context, in *incoming) error {
	if err := in.mayConnect(); err != nil {
		return err // whether there is such a ticket is nobody's business then
	}
	key := in.body.Connect.Key
	found, err := p.Tracker.Locate(ctx, key)
	if errors.Is(err, adapters.ErrGone) {
		// The peer is told the same as of a ticket outside of the scope.
		return &refusedError{event.CodeByGate, "we have no ticket " + key}
	}
	if err != nil {
		return err
	}
	return p.pair(ctx, in, found.Ref)
}

// mayConnect holds an event to the accept gate.
func (in *incoming) mayConnect() error {
	if in.rules.Connect == PermitAuto || in.rules.Connect == PermitAsk {
		return nil
	}
	return &refusedError{event.CodeByGate, "accept gate: tickets that are here may not be connected"}
}

// Approve lets an event that waits for a person's leave pair its twin. It is
// remembered until the event is taken up, which is at once.
func (p *Path) Approve(con *Connection, id event.TwinID) error {
	in, err := p.pickAny(con, id)
	if err != nil {
		return err
	}
	if in.row.State != inbox.Parked || in.row.Code != event.CodeApproval {
		return fmt.Errorf("event of twin %s does not wait for approval: %w", id, ErrNone)
	}
	con.approved.Store(id, true)
	return p.RetryInbox(con, id)
}

// connecting tells whether an event is the first of a side of a new pair of
// tickets that both existed.
func (in *incoming) connecting() bool {
	return in.body.Connect != nil && in.twin != nil && in.ours != nil && in.twin.Seen == (event.Position{})
}

// atFirstContact leaves of what the peer's filter result sets what may stand: sets
// are united, an empty value stands against none, and of two values the one of
// the preferred side stays.
func (in *incoming) atFirstContact(w *wants, schema event.Schema) {
	for name, want := range w.result.Fields {
		have := in.ours.Fields[name]
		if t := schema.Fields[name].Type; t.IsSet() || twin.Equal(t, want, have) {
			continue
		}
		if twin.Empty(want) || !twin.Empty(have) && in.body.Connect.Prefer != event.PreferSender {
			delete(w.result.Fields, name)
		}
	}
}

// old tells whether a comment or file of ours was there before the pair was, and
// is to stay where it is.
func (o *outgoing) old(created time.Time) bool {
	row := o.known.row
	return row != nil && row.Connect != nil && row.Connect.Old && created.Before(row.Since)
}

// passOver records items that are not sent since they are old.
func (p *Path) passOver(o *outgoing) {
	for _, c := range o.replica.Comments {
		p.passOverItem(o, local{id: c.ID}, event.ItemComment, c.Created, twin.Item{Local: c.ID, Hash: commentHash(c.Body, c.Internal)})
	}
	for _, a := range o.replica.Attachments {
		p.passOverItem(o, local{file: true, id: a.ID}, event.ItemAttachment, a.Created, twin.Item{Local: a.ID, File: true, Name: a.Name})
	}
	o.replica.Comments = slices.DeleteFunc(slices.Clone(o.replica.Comments), func(c filters.Comment) bool { return o.old(c.Created) })
	o.replica.Attachments = slices.DeleteFunc(slices.Clone(o.replica.Attachments), func(a filters.Attachment) bool { return o.old(a.Created) })
}

func (p *Path) passOverItem(o *outgoing, at local, kind event.ItemKind, created time.Time, item twin.Item) {
	if _, known := o.known.here.at(at); known || !o.old(created) {
		return
	}
	item.State = twin.Declined
	o.items[p.itemID(o.con.ID, o.known.ref, kind, at.id)] = item
}

// SendAgain makes twins be sent again: named fields that the peer confirmed, or,
// with no names, everything, as after a heal.
func (p *Path) SendAgain(con *Connection, ids []event.TwinID, fields []string) error {
	var refs []event.Ref
	err := p.Store.Finish(func(tx store.Tx) error {
		refs = nil
		for _, id := range ids {
			row, err := twinRow(tx, con.ID, id)
			if err != nil {
				return err
			}
			if row == nil || row.State != twin.Live || row.Ref.IsZero() {
				continue
			}
			cause := event.CauseHeal
			if len(fields) > 0 {
				cause = event.CauseFilter
				row.Again(fields)
				if err := put(tx, store.TwinKey(con.ID, id), row); err != nil {
					return err
				}
			}
			if err := p.workNext(tx, con.ID, row.Ref, work.Seen{Key: row.Key, Cause: cause, Bulk: true}); err != nil {
				return err
			}
			refs = append(refs, row.Ref)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("send twins of %s again: %w", con.Name, err)
	}
	for _, ref := range refs {
		p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{Bulk: true})
	}
	return nil
}
