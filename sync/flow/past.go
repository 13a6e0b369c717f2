package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
)

// beforeRow is what the fields that an event changed were before it, and what they
// were after.
type beforeRow struct{ Before, After event.Fields }

// MarshalBinary writes the row; the first byte is the layout's version.
func (b *beforeRow) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 1024), 1)}
	w.Map(b.Before)
	w.Map(b.After)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (b *beforeRow) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	b.Before, b.After = p.Map(), p.Map()
	return p.Version(version, 1)
}

// maxBefore bounds what is kept of one event: a longer text cannot be put back.
const maxBefore = 64 << 10

// remember notes an event of a twin; what is forgotten for it is returned.
func (p *Path) remember(row *twin.Row, e twin.Past) []twin.Past {
	e.At = p.Now().Unix()
	return row.Remember(e)
}

// keepBefore remembers an applied event, with what the fields that it changed were
// (part of T7).
func (p *Path) keepBefore(tx store.Tx, in *incoming, row *twin.Row, r result) error {
	at := event.Position{Epoch: in.row.Epoch, Seq: in.row.Seq}
	e := twin.Past{Pos: at, Verdict: event.Applied}
	if was := in.overwritten(); len(was) > 0 && r.ticket != nil {
		before := beforeRow{Before: was, After: event.Fields{}}
		for name := range before.Before {
			before.After[name] = r.local[name]
		}
		if fieldsSize(before.Before)+fieldsSize(before.After) <= maxBefore {
			e.Kept = true
			if err := put(tx, store.BeforeKey(in.con.ID, in.id, at), &before); err != nil {
				return err
			}
		}
	}
	in.tellOverran(row, r, e.Kept)
	for _, old := range p.remember(row, e) {
		if !old.Kept {
			continue
		}
		if err := tx.Delete(store.BeforeKey(in.con.ID, in.id, old.Pos)); err != nil {
			return err
		}
	}
	return nil
}

// PastEvent is an event of a twin, as people see it.
type PastEvent struct {
	twin.Past
	Twin    event.TwinID
	Cause   event.Cause
	Fields  []string
	Items   int
	Filter  string
	Waiting bool
	// Changed are the fields that it changed here, with their values before and
	// after; only of the peer's events, and only if they can be put back.
	Before, After event.Fields
}

// Past are the last events of a ticket's twin, oldest first.
func (p *Path) Past(con *Connection, ref event.Ref) ([]PastEvent, error) {
	var out []PastEvent
	err := p.Store.View(func(r store.Reader) error {
		id, found, err := twinByRef(r, con.ID, ref)
		if err != nil || !found {
			return err
		}
		row, err := twinRow(r, con.ID, id)
		if err != nil || row == nil {
			return err
		}
		for _, e := range row.Past {
			past, err := pastEvent(r, con, id, e)
			if err != nil {
				return err
			}
			past.Waiting = e.Out && row.Out != nil && row.Out.Seq == e.Pos.Seq && row.Epoch == e.Pos.Epoch && e.Verdict == ""
			out = append(out, past)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the history of ticket %s: %w", ref, err)
	}
	return out, nil
}

func pastEvent(r store.Reader, con *Connection, id event.TwinID, e twin.Past) (PastEvent, error) {
	out := PastEvent{Past: e, Twin: id}
	if e.Kept {
		before, err := get[beforeRow](r, store.BeforeKey(con.ID, id, e.Pos))
		if err != nil {
			return out, err
		}
		if before != nil {
			out.Before, out.After = before.Before, before.After
		}
	}
	side := store.In
	if e.Out {
		side = store.Out
	}
	body, err := eventBody(r, con.ID, side, e.Pos)
	if err != nil || body == nil {
		return out, err
	}
	out.Filter, out.Cause, out.Items, out.Fields = body.Filter, body.Cause, len(body.Items), slices.Sorted(maps.Keys(body.Fields))
	return out, nil
}

// eventBody is a data event by its place; nil if it is not kept.
func eventBody(r store.Reader, con event.ConnectionID, side store.Side, at event.Position) (*event.ChangeBody, error) {
	var stored outbox.Stored
	err := getBinary(r, store.EventKey(con, side, at.Epoch, byte(envelope.Data), at.Seq), &stored)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := envelope.Decode(stored.Entry.Bytes)
	return m.Change, err
}

// Undo is what an undo would write, or writes.
type Undo struct {
	Twin event.TwinID
	Ref  event.Ref
	Key  string
	At   event.Position
	// Set are the fields with the values that they get, Now what they are, Changed
	// those that are not as the event left them.
	Set, Now event.Fields
	Changed  []string
}

// The ways in which there is nothing to undo.
var (
	ErrNoBefore = errors.New("what the fields were before is not kept")
	ErrBusy     = errors.New("an undo of this ticket is under way")
)

// PlanUndo finds out what undoing an event of the peer would write; the zero
// position means the last one that can be undone.
func (p *Path) PlanUndo(ctx context.Context, con *Connection, ref event.Ref, at event.Position) (Undo, error) {
	past, err := p.Past(con, ref)
	if err != nil {
		return Undo{}, err
	}
	var found *PastEvent
	for i := range past {
		if e := &past[i]; !e.Out && e.Before != nil && (e.Pos == at || at == event.Position{}) {
			found = e
		}
	}
	if found == nil {
		return Undo{}, ErrNoBefore
	}
	ticket, err := p.readTicket(ctx, ref)
	if err != nil {
		return Undo{}, err
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return Undo{}, err
	}
	u := Undo{Twin: found.Twin, Ref: ref, Key: ticket.Key, At: found.Pos, Set: event.Fields{}, Now: event.Fields{}}
	for name, before := range found.Before {
		now, t := ticket.Fields[name], schema.Fields[name].Type
		if twin.Equal(t, now, before) {
			continue
		}
		u.Set[name], u.Now[name] = before, now
		if !twin.Equal(t, now, found.After[name]) {
			u.Changed = append(u.Changed, name)
		}
	}
	slices.Sort(u.Changed)
	return u, nil
}

// Undo puts fields back: a write of our own, which leaves as an edit. It is on
// record when this returns, and done by the ticket's lane.
func (p *Path) Undo(con *Connection, u Undo, forced bool) error {
	key := store.ChoreKey(con.ID, u.Twin, choreUndo)
	err := p.Store.Update(func(tx store.Tx) error {
		had, err := get[chore](tx, key)
		if err != nil {
			return err
		}
		if had != nil {
			return ErrBusy
		}
		return put(tx, key, &chore{Name: choreUndo, Set: u.Set, Expect: u.Now, Forced: forced, After: u.At, Since: p.Now()})
	})
	if err != nil {
		return fmt.Errorf("undo an event of ticket %s: %w", u.Key, err)
	}
	p.Wake(Task{Kind: KindChore, Con: con.ID, Twin: u.Twin, Item: choreUndo}, When{})
	return nil
}

// planUndo makes the plan of an undo, if the fields are as when it was asked for.
func (p *Path) planUndo(ctx context.Context, c *choring) error {
	if c.row == nil || c.row.Ref.IsZero() {
		c.over = true
		return nil
	}
	busy, err := p.writingTo(c.row.Ref)
	if err != nil {
		return storeError{err}
	}
	if busy {
		// It would be taken for a write that did not happen, and done again.
		return &awaitError{at: p.Now().Add(retry.Curve(c.job.Attempt + 2)), reason: "an event of the peer is being written to the ticket"}
	}
	ticket, err := p.readTicket(ctx, c.row.Ref)
	if err != nil {
		return err
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	set := event.Fields{}
	c.job.Before = event.Fields{}
	for name, value := range c.job.Set {
		now, t := ticket.Fields[name], schema.Fields[name].Type
		if twin.Equal(t, now, value) {
			continue
		}
		if !c.job.Forced && !twin.Equal(t, now, c.job.Expect[name]) {
			return &holdError{code: event.CodeConflict, reason: "field " + name + " was changed after the undo was asked for", parked: true}
		}
		set[name], c.job.Before[name] = value, now
	}
	if len(set) == 0 {
		c.over = true
		return nil
	}
	c.plan(event.Step{Kind: event.StepUpdate, Ref: c.row.Ref, Fields: set, Was: was(set, ticket.Fields), Lock: ticket.Lock})
	return nil
}

// writingTo tells whether a plan of some connection writes to a ticket.
func (p *Path) writingTo(ref event.Ref) (busy bool, err error) {
	err = p.Store.View(func(r store.Reader) error {
		for _, con := range p.Connections() {
			id, found, err := twinByRef(r, con.ID, ref)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			entry, err := get[inbox.Row](r, store.InboxKey(con.ID, id))
			if err != nil {
				return err
			}
			busy = busy || entry != nil && entry.Holds()
		}
		return nil
	})
	return busy, err
}

// EventAt is our ticket that one of the peer's events was about.
func (p *Path) EventAt(con *Connection, at event.Position) (event.Ref, error) {
	var ref event.Ref
	err := p.Store.View(func(r store.Reader) error {
		body, err := eventBody(r, con.ID, store.In, at)
		if err != nil {
			return err
		}
		if body == nil {
			return ErrNone
		}
		row, err := twinRow(r, con.ID, body.Twin)
		if err == nil && (row == nil || row.Ref.IsZero()) {
			err = ErrNone
		}
		if row != nil {
			ref = row.Ref
		}
		return err
	})
	return ref, err
}
