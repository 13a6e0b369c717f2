package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// ours to settle: what a look does about fields of ours that are not simply ours
// to send, because a person must decide on them, or because they are the peer's.
type upkeep struct {
	// theirs is what the incoming filter makes of the peer's replica as last received.
	theirs event.Fields
	// makes is what it wants made for that.
	makes []event.Making
	// resolved are fields that a person decided on, void those whose decision does
	// not hold any more, alike those of a dispute that have come to the same.
	resolved, void, alike map[string]bool
	// told are fields in dispute that the peer hears of by this look.
	told map[string]bool
	// astray are fields of the peer's that people changed here, lost those that
	// our tracker does not let us put back.
	astray, lost []string
	// touched is the ticket's version after a write of ours.
	touched string
}

// upkeep does what is to be done before anything leaves of a ticket: it writes what a person
// decided, puts back what is the peer's, and hides from the filter what is not to leave.
func (p *Path) upkeep(ctx context.Context, o *outgoing) error {
	row := o.known.row
	if row == nil || len(row.Disputes) == 0 && !o.rules.theirs() && len(row.Astray) == 0 {
		return nil
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	if err := p.lookAtTheirs(ctx, o); err != nil {
		return err
	}
	set := event.Fields{}
	o.decisions(schema, set)
	o.owners(schema, set)
	if ok, again := p.mayWrite(o.con); len(set) > 0 && !ok {
		return &awaitError{at: again, reason: "the peer has not said that it deals with this process"}
	}
	if len(set) > 0 {
		if err := p.setOurs(ctx, o, set, schema); err != nil {
			return err
		}
	}
	o.hide(schema)
	return nil
}

// lookAtTheirs runs the incoming filter on what the peer said last.
func (p *Path) lookAtTheirs(ctx context.Context, o *outgoing) error {
	o.up = upkeep{resolved: map[string]bool{}, void: map[string]bool{}, alike: map[string]bool{}, told: map[string]bool{}}
	var received *filters.Replica
	err := p.Store.View(func(r store.Reader) error {
		var err error
		received, err = getReplica(r, store.ReceivedKey(o.con.ID, o.known.id))
		return err
	})
	if err != nil {
		return storeError{err}
	}
	if received == nil {
		return nil
	}
	input := filters.InInput{
		Context: p.returning(o), Issue: &o.ours, Replica: *received, Previous: received,
	}
	result, err := o.rules.Incoming.Run(ctx, input)
	var unanswered *adapters.Error
	if errors.As(err, &unanswered) {
		return err
	}
	if err == nil && result.Stop == nil {
		o.up.theirs, o.up.makes = result.Fields, result.Make
	}
	return nil
}

// decisions finds what has become of the fields in dispute.
func (o *outgoing) decisions(schema event.Schema, set event.Fields) {
	for name, d := range o.known.row.Disputes {
		ours := o.ticket.Fields[name]
		theirs, known := o.up.theirs[name]
		switch {
		case known && twin.Equal(schema.Fields[name].Type, ours, theirs):
			o.up.alike[name] = true
		case d.Decision == nil:
		case !d.Decision.Holds(ours):
			o.up.void[name] = true
		default:
			o.up.resolved[name] = true
			if !twin.Equal(schema.Fields[name].Type, ours, d.Decision.Value) {
				set[name] = d.Decision.Value
			}
		}
	}
}

// setOurs writes fields of our own ticket and reads it again. It sets values and
// adds nothing: after a crash the next look compares and does what is left.
func (p *Path) setOurs(ctx context.Context, o *outgoing, set event.Fields, schema event.Schema) error {
	_, err := p.writeStep(ctx, event.Step{
		Kind: event.StepUpdate, Ref: o.ticket.Ref, Fields: set, Lock: o.ticket.Lock, Make: needed(o.up.makes, set, o.ticket.Fields),
	})
	if err != nil {
		return err
	}
	o.readAt = p.Now()
	ticket, err := p.readTicket(ctx, o.known.ref)
	if err != nil {
		return err
	}
	o.ticket, o.local = ticket, nil
	o.ours = ours(o.con, ticket, &o.known)
	o.up.touched = ticket.Version
	for name, want := range set {
		if !twin.Equal(schema.Fields[name].Type, want, ticket.Fields[name]) && !o.up.resolved[name] {
			o.up.lost = append(o.up.lost, name)
		}
	}
	p.Observe(Observation{What: "set here", Connection: o.con.Name, Twin: o.known.id, Key: ticket.Key, At: p.Now()})
	return nil
}

// found tells whether the twin's row is to change by what the look found.
func (u *upkeep) found(row *twin.Row) bool {
	return len(u.resolved)+len(u.void)+len(u.alike)+len(u.told)+len(u.lost) > 0 || u.touched != "" || !slices.Equal(row.Astray, u.astray)
}

// keepUp changes the twin's row as the look found.
func (o *outgoing) keepUp(row *twin.Row) {
	for name, d := range row.Disputes {
		switch {
		case o.up.resolved[name], o.up.alike[name] && len(o.up.resolved) == 0:
			delete(row.Disputes, name)
		case o.up.void[name]:
			d.Decision = nil
			row.Disputes[name] = d
		}
	}
	if len(o.up.lost) > 0 {
		row.LostLocal = twin.Relost(row.LostLocal, func(string) bool { return false }, o.up.lost)
	}
	row.Told(func(name string) bool { _, open := row.Disputes[name]; return !open || o.up.told[name] })
	row.Astray = o.up.astray
	if o.up.touched != "" {
		row.Wrote, row.Turn = event.HashValue(o.up.touched), 0
	}
}

// dispute makes the change say of which of its fields a person must decide; what a
// person has decided leaves alone, so that nothing else wins with it.
func (p *Path) dispute(ctx context.Context, o *outgoing) {
	if len(o.up.resolved) > 0 {
		names := p.swayed(ctx, o, o.up.resolved)
		o.change.Cause, o.change.First, o.change.More = event.CauseResolve, false, true
		o.change.Fields, o.hashes = nil, nil
		o.say(names)
		return
	}
	if len(o.up.alike) > 0 {
		// The peer must hear of it, also where it was told the same before: its
		// filter may not show it that they are.
		o.say(p.swayed(ctx, o, o.up.alike))
	}
	open := map[string]bool{}
	for name := range o.known.row.Disputes {
		open[name] = !o.up.alike[name]
	}
	maps.DeleteFunc(open, func(_ string, open bool) bool { return !open })
	for _, name := range o.known.row.Untold {
		if open[name] {
			o.up.told[name] = true
		}
	}
	if len(o.up.told) > 0 {
		o.say(p.swayed(ctx, o, o.up.told))
	}
	if len(open) == 0 || len(o.change.Fields) == 0 {
		return
	}
	for name := range p.swayed(ctx, o, open) {
		if _, named := o.change.Fields[name]; named {
			o.change.Disputed = append(o.change.Disputed, name)
		}
	}
	slices.Sort(o.change.Disputed)
}

// say puts fields of the replica into the change.
func (o *outgoing) say(names map[string]bool) {
	if o.change.Fields == nil {
		o.change.Fields, o.hashes = event.Fields{}, twin.Hashes{}
	}
	for name := range names {
		value := o.replica.Fields[name]
		o.change.Fields[name], o.hashes[name] = value, event.HashValue(value)
	}
}

// swayed are the fields of the replica that follow from fields of ours. Where the
// script tells nothing without them, it is those of the same name.
func (p *Path) swayed(ctx context.Context, o *outgoing, names map[string]bool) map[string]bool {
	out := map[string]bool{}
	schema, err := p.Schema(ctx)
	if err != nil {
		schema = event.Schema{} // it was there a moment ago; without it fewer values can be tried
	}
	values := others{schema.Fields, o.ticket.Ref}
	for _, change := range []func(string, any) any{values.other, values.another} {
		fields := maps.Clone(o.ours.Fields)
		for name := range names {
			fields[name] = change(name, fields[name])
		}
		in := filters.OutInput{Context: p.leaving(o), Issue: o.ours, Previous: o.known.previous(&o.ours)}
		in.Issue.Fields = fields
		result, err := o.rules.Outgoing.Run(ctx, in)
		if err != nil || result.Stop != nil {
			continue
		}
		passed, _ := o.rules.Egress.Check(result.Replica, filters.MetaOf(in.Issue, o.ticket.Restricted))
		without, _, err := p.wireFields(o.con, passed.Fields)
		if err != nil {
			continue
		}
		for name, value := range o.replica.Fields {
			if was, had := without[name]; !had || !twin.Same(was, value) {
				out[name] = true
			}
		}
		return out
	}
	for name := range names {
		if _, ok := o.replica.Fields[name]; ok {
			out[name] = true
		}
	}
	return out
}

// disputed are our fields of which the event says that a person must decide: those
// that the incoming filter makes otherwise without the fields that it names so.
func (p *Path) disputed(ctx context.Context, in *incoming, input filters.InInput, all event.Fields) (map[string]bool, error) {
	if len(in.body.Disputed) == 0 || !in.con.Policy.Ask {
		return nil, nil
	}
	fields := maps.Clone(in.replica.Fields)
	for _, name := range in.body.Disputed {
		delete(fields, name)
	}
	input.Replica = filters.Replica{Fields: fields}
	result, err := in.rules.Incoming.Run(ctx, input)
	var unanswered *adapters.Error
	if errors.As(err, &unanswered) {
		return nil, err
	}
	without := result.Fields
	if err != nil || result.Stop != nil {
		without = nil
	}
	out := map[string]bool{}
	for name, value := range all {
		if was, had := without[name]; !had || !twin.Same(was, value) {
			out[name] = true
		}
	}
	return out, nil
}

// putTwin stores a twin's row, and lists it if people must know of something in it.
func putTwin(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row) error {
	row.Superseded()
	if err := put(tx, store.TwinKey(con, id), row); err != nil {
		return err
	}
	key := store.TroubleKey(con, id)
	if row.State == twin.Live && len(row.Disputes)+len(row.Astray)+len(row.Overran) > 0 {
		return tx.Put(key, nil)
	}
	_, err := tx.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return errors.Join(err, tx.Delete(key))
}

// Troubled calls fn for every twin of a connection with a field that a person must
// decide, that is the peer's and was changed here, or whose edit was written over.
func (p *Path) Troubled(con *Connection, fn func(event.TwinID, twin.Row) bool) error {
	return p.Store.View(func(r store.Reader) error {
		return r.Keys(store.Prefix('f', con.ID), nil, func(key []byte) (bool, error) {
			id := store.TwinOf(key)
			row, err := twinRow(r, con.ID, id)
			if err != nil || row == nil {
				return err == nil, err
			}
			return fn(id, *row), nil
		})
	})
}

// Conflict is a field that both sides changed without knowing of each other.
type Conflict struct {
	Field string
	twin.Dispute
	// Ours and Theirs are what the two tickets hold, as our values; Known is set if
	// the peer's is known.
	Ours, Theirs any
	Known        bool
}

// Conflicts reads a ticket and tells what stands against what in it.
func (p *Path) Conflicts(ctx context.Context, con *Connection, id event.TwinID, row twin.Row) (event.Ticket, []Conflict, error) {
	ticket, err := p.readTicket(ctx, row.Ref)
	if err != nil {
		return event.Ticket{}, nil, err
	}
	o := &outgoing{con: con, rules: con.Rules(), ticket: ticket, known: known{ref: row.Ref, id: id, row: &row}}
	o.ours = ours(con, ticket, &o.known)
	if err := p.lookAtTheirs(ctx, o); err != nil {
		return ticket, nil, err
	}
	var out []Conflict
	for _, name := range slices.Sorted(maps.Keys(row.Disputes)) {
		c := Conflict{Field: name, Dispute: row.Disputes[name], Ours: ticket.Fields[name]}
		c.Theirs, c.Known = o.up.theirs[name]
		out = append(out, c)
	}
	return ticket, out, nil
}

// Resolve stores what a person decided about a field in dispute. The way out does
// it: our ticket gets the value, and the peer an event that wins there. ErrNone:
// there is no such dispute, or our ticket has another value than the person saw.
func (p *Path) Resolve(con *Connection, id event.TwinID, field string, d twin.Decision) error {
	var ref event.Ref
	err := p.Store.Update(func(tx store.Tx) error {
		row, err := twinRow(tx, con.ID, id)
		if err != nil {
			return err
		}
		if row == nil {
			return ErrNone
		}
		dispute, open := row.Disputes[field]
		if !open || row.State != twin.Live {
			return ErrNone
		}
		dispute.Decision = &d
		row.Disputes[field], ref = dispute, row.Ref
		if err := putTwin(tx, con.ID, id, row); err != nil {
			return err
		}
		return p.workNext(tx, con.ID, row.Ref, work.Seen{Key: row.Key, Cause: event.CauseResolve})
	})
	if err != nil {
		return fmt.Errorf("store the decision about %s: %w", field, err)
	}
	p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{})
	return nil
}
