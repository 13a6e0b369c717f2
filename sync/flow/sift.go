package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/work"
)

// With few connections the poll keeps work for each of them, and each look
// finds out whether the ticket belongs there. With many, nearly all of these looks
// would find that it does not, each at the price of a row and a reading. So the
// poll reads a changed ticket once and leaves out the connections that it surely
// does not belong on. Whatever is not certain is kept: the look decides.

const (
	siftFrom = 8 // connections, by default
	sifters  = 8 // that read side by side
)

// many tells whether there are so many connections that sifting pays.
func (p *Path) many(connections int) bool { return connections >= p.SiftFrom }

// pending is a ticket to be looked at for a connection.
type pending struct {
	con    event.ConnectionID
	change event.Change
}

// sift says who must look at which of the changes, in the order of the changes.
func (p *Path) sift(ctx context.Context, changes []event.Change) ([]pending, error) {
	connections := p.pollFor()
	kept := make([][]event.ConnectionID, len(changes))
	if !p.many(len(connections)) {
		for i := range kept {
			kept[i] = connections
		}
	} else if err := p.siftAll(ctx, changes, connections, kept); err != nil {
		return nil, err
	}
	var out []pending
	for i, change := range changes {
		for _, con := range kept[i] {
			if !p.fresh.is(con, change.Ref, change.Version) {
				out = append(out, pending{con, change})
			}
		}
	}
	return out, nil
}

// candidates finds the connections whose scopes may match a ticket. It is made of
// what was in force when it was made, and never changed.
type candidates struct {
	connections []event.ConnectionID // ascending
	rules       []*Rules
	scopes      *filters.Index
}

// candidatesOf indexes the scopes in force; those of the last time are taken if
// they still are.
func (p *Path) candidatesOf(connections []event.ConnectionID) *candidates {
	c := &candidates{connections: connections, rules: make([]*Rules, len(connections))}
	scopes := make([]*filters.Scope, len(connections))
	for i, id := range connections {
		if con := p.Connection(id); con != nil {
			c.rules[i] = con.Rules()
			scopes[i] = c.rules[i].Scope
		}
	}
	last := p.candidates.Load()
	if last != nil && slices.Equal(last.connections, c.connections) && slices.Equal(last.rules, c.rules) {
		return last
	}
	c.scopes = filters.NewIndex(scopes)
	p.candidates.Store(c)
	return c
}

// of are the connections on which a ticket may belong, and those that know it.
func (c *candidates) of(ticket filters.Ours, known []event.ConnectionID) []event.ConnectionID {
	at := c.scopes.Candidates(ticket)
	for _, id := range known {
		i, found := slices.BinarySearchFunc(c.connections, id, compareIDs)
		if found {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	out := make([]event.ConnectionID, len(at))
	for i := range at {
		out[i] = c.connections[at[i]]
	}
	return out
}

func compareIDs(a, b event.ConnectionID) int { return bytes.Compare(a[:], b[:]) }

func (p *Path) siftAll(ctx context.Context, changes []event.Change, connections []event.ConnectionID, kept [][]event.ConnectionID) error {
	among := p.candidatesOf(connections)
	var all sync.WaitGroup
	slots, wrong := make(chan struct{}, sifters), make([]error, len(changes))
	for i, change := range changes {
		slots <- struct{}{}
		all.Go(func() {
			kept[i], wrong[i] = p.siftOne(ctx, change, among)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(wrong...)
}

// siftOne leaves out the connections that a ticket does not belong on. An error
// is the store's; what the tracker does not tell is left to the looks.
func (p *Path) siftOne(ctx context.Context, change event.Change, among *candidates) ([]event.ConnectionID, error) {
	readAt := p.Now()
	ticket, err := p.readTicket(ctx, change.Ref)
	if err != nil {
		return among.connections, nil //nolint:nilerr // the looks will ask again, and tell
	}
	// Asked before the record: a create that is over by now is on it.
	maker, creating := p.creating.of(ticket.Marker)
	// Read behind the ticket: who had made something of it by then is on record.
	var known []event.ConnectionID
	err = p.Store.View(func(r store.Reader) (err error) {
		known, err = knownOn(r, change.Ref)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who knows ticket %s: %w", change.Ref, err)
	}
	switch {
	case creating:
		known = append(known, maker)
	case ticket.Marker != "" && len(known) == 0:
		return among.connections, nil // a node made it, and its twin is not on record
	}
	var kept []event.ConnectionID
	// Where no row is about it, the ticket looks alike to all filters.
	unknown := known0(change.Ref)
	o := &outgoing{ticket: ticket, readAt: readAt, known: unknown, ours: ours(nil, ticket, &unknown)}
	for _, id := range among.of(o.ours, known) {
		con := p.Connection(id)
		if con == nil || slices.Contains(known, id) {
			kept = append(kept, id)
			continue
		}
		o.con, o.rules = con, con.Rules()
		var outside *outsideError
		if err := p.belongs(ctx, o); !errors.As(err, &outside) || outside.again {
			kept = append(kept, id)
		}
	}
	return kept, nil
}

// awaitsPlan notes that a connection wants to look at a ticket once the plan of
// another one has ended: who knows a ticket is woken then.
func (p *Path) awaitsPlan(con *Connection, k known) error {
	if !p.many(len(p.Connections())) {
		return nil
	}
	noted := false
	err := p.Store.View(func(r store.Reader) error {
		all, err := knownOn(r, k.ref)
		noted = slices.Contains(all, con.ID)
		return err
	})
	if err != nil || noted {
		return err
	}
	if err := p.Store.Finish(func(tx store.Tx) error { return noteKnown(tx, con.ID, k.ref) }); err != nil {
		return fmt.Errorf("note who waits for ticket %s: %w", k.ref, err)
	}
	// The plan may have ended meanwhile.
	p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: k.ref}, When{})
	return nil
}

// known0 is what is known of a ticket that no row is about.
func known0(ref event.Ref) known {
	return known{ref: ref, work: &work.Row{}, here: &itemSet{}}
}

// knownOn are the connections that have something on record of one of our
// tickets, a twin or a look that was held; in the order of their ids.
func knownOn(r store.Reader, ref event.Ref) ([]event.ConnectionID, error) {
	raw, err := r.Get(store.KnownKey(ref))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	const size = len(event.ConnectionID{})
	if err != nil || len(raw)%size != 1 || raw[0] != 1 {
		return nil, fmt.Errorf("read the connections of ticket %s: %w", ref, errors.Join(err, errRow(raw)))
	}
	out := make([]event.ConnectionID, 0, len(raw)/size)
	for id := range slices.Chunk(raw[1:], size) {
		out = append(out, event.ConnectionID(id))
	}
	return out, nil
}

func errRow(raw []byte) error {
	return fmt.Errorf("row of %d bytes is not of this version", len(raw))
}

// noteKnown puts con among the connections that know a ticket.
func noteKnown(tx store.Tx, con event.ConnectionID, ref event.Ref) error {
	known, err := knownOn(tx, ref)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(known, con, compareIDs)
	if found {
		return nil
	}
	raw := []byte{1}
	for _, id := range slices.Insert(known, at, con) {
		raw = append(raw, id[:]...)
	}
	return tx.Put(store.KnownKey(ref), raw)
}

// bind makes id the twin of one of our tickets.
func bind(tx store.Tx, con event.ConnectionID, ref event.Ref, id event.TwinID) error {
	if err := tx.Put(store.RefKey(con, ref), id[:]); err != nil {
		return err
	}
	return noteKnown(tx, con, ref)
}

// connectionsOf are the connections of this node that may have a twin of a
// ticket, in the order of their ids.
func (p *Path) connectionsOf(r store.Reader, ref event.Ref) ([]*Connection, error) {
	all := p.Connections()
	if !p.many(len(all)) {
		return all, nil
	}
	known, err := knownOn(r, ref)
	if err != nil {
		return nil, err
	}
	out := make([]*Connection, 0, len(known))
	for _, id := range known {
		if c := p.Connection(id); c != nil {
			out = append(out, c)
		}
	}
	return out, nil
}

// wakeOthers lets every connection but one look at a ticket that may have waited for it.
func (p *Path) wakeOthers(ref event.Ref, but event.ConnectionID) {
	connections := p.Connections()
	err := p.Store.View(func(r store.Reader) (err error) {
		connections, err = p.connectionsOf(r, ref)
		return err
	})
	if err != nil {
		p.Log.Error().Err(err).Msg("who waits for the end of a plan cannot be read")
	}
	for _, c := range connections {
		if c.ID != but {
			p.Wake(Task{Kind: KindWork, Con: c.ID, Ref: ref}, When{})
		}
	}
}

// indexedKey tells that a store has what knownOn reads of a connection.
func indexedKey(con event.ConnectionID) []byte { return store.MetaKey("known-1/" + con.String()) }

// index writes what knownOn reads for the twins of a store that is older than
// it. It may be cut short at any time and begins again then.
func (p *Path) index(con *Connection) error {
	flag := indexedKey(con.ID)
	done, after := false, []byte(nil)
	err := p.Store.View(func(r store.Reader) error {
		_, err := r.Get(flag)
		if done = err == nil; errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("index the twins of %s: %w", con.Name, err)
	}
	for !done {
		err := p.Store.Finish(func(tx store.Tx) error {
			var refs []event.Ref
			last := after
			err := tx.Keys(store.Prefix('r', con.ID), after, func(key []byte) (bool, error) {
				ref, err := store.RefOf(key)
				refs, last = append(refs, ref), key
				return len(refs) < healPage, err
			})
			for _, ref := range refs {
				err = errors.Join(err, noteKnown(tx, con.ID, ref))
			}
			if done = len(refs) < healPage; err == nil && done {
				err = tx.Put(flag, nil)
			}
			after = last
			return err
		})
		if err != nil {
			return fmt.Errorf("index the twins of %s: %w", con.Name, err)
		}
	}
	return nil
}
