package flow

import (
	"errors"
	"fmt"

	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// healing is the place of a heal under way; it survives a crash.
type healing struct {
	// All twins are sent whole; else only those with an unsettled event.
	All bool `json:"all,omitempty"`
	// Limit is the last event that may be unsettled for good.
	Limit event.Seq `json:"limit,omitempty"`
	// After is the last key done.
	After []byte `json:"after,omitempty"`
}

// healPage is how many twins one transaction does.
const healPage = 200

// heal voids what was under way and makes the twins be looked at anew.
func (p *Path) heal(con *Connection, all bool) error {
	con.session.end()
	for {
		done, refs, err := p.healSome(con)
		if err != nil {
			return fmt.Errorf("heal the twins of %s: %w", con.Name, err)
		}
		for _, ref := range refs {
			p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{Bulk: true})
		}
		if done {
			p.Observe(Observation{What: "healing", Connection: con.Name, At: p.Now()})
			return nil
		}
	}
}

// Resume goes on with heals that a crash cut short.
func (p *Path) Resume() error {
	for _, con := range p.Connections() {
		if err := p.resumeHeal(con); err != nil {
			return err
		}
	}
	return nil
}

func (p *Path) resumeHeal(con *Connection) error {
	var state *healing
	err := p.Store.View(func(r store.Reader) error {
		var err error
		state, err = get[healing](r, store.HealKey(con.ID))
		return err
	})
	if err != nil || state == nil {
		return err
	}
	return p.heal(con, state.All)
}

func (p *Path) healSome(con *Connection) (done bool, refs []event.Ref, err error) {
	err = p.Store.Finish(func(tx store.Tx) error {
		refs, done = nil, true
		state, err := get[healing](tx, store.HealKey(con.ID))
		if err != nil || state == nil {
			return err
		}
		if state.All {
			refs, err = p.healTwins(tx, con, state)
		} else {
			refs, err = p.healUnsettled(tx, con, state.Limit)
		}
		if err != nil {
			return err
		}
		if done = len(refs) < healPage; done {
			return tx.Delete(store.HealKey(con.ID))
		}
		return put(tx, store.HealKey(con.ID), state)
	})
	return done, refs, err
}

// healTwins takes the next page of all twins.
func (p *Path) healTwins(tx store.Tx, con *Connection, state *healing) ([]event.Ref, error) {
	var ids []event.TwinID
	err := tx.Keys(store.Prefix('t', con.ID), state.After, func(key []byte) (bool, error) {
		ids = append(ids, store.TwinOf(key))
		state.After = key
		return len(ids) < healPage, nil
	})
	if err != nil {
		return nil, err
	}
	if err := dropOutbox(tx, con.ID); err != nil {
		return nil, err
	}
	var refs []event.Ref
	for _, id := range ids {
		ref, err := p.healTwin(tx, con, id, 0)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// dropOutbox forgets entries of epochs that have ended.
func dropOutbox(tx store.Tx, con event.ConnectionID) error {
	head, err := outHead(tx, con, 'd')
	if err != nil {
		return err
	}
	var keys [][]byte
	err = tx.Scan(store.Prefix('q', con), nil, func(key, value []byte) (bool, error) {
		var row outbox.Row
		if err := decodeRow(value, &row); err != nil {
			return false, err
		}
		if row.Epoch < head.Epoch {
			keys = append(keys, key)
		}
		return len(keys) < 4*healPage, nil
	})
	for _, key := range keys {
		err = errors.Join(err, tx.Delete(key))
	}
	return err
}

// healUnsettled takes the next page of events whose outcome may be lost with
// the peer's old epoch.
func (p *Path) healUnsettled(tx store.Tx, con *Connection, limit event.Seq) ([]event.Ref, error) {
	var rows []outbox.Row
	var keys [][]byte
	err := tx.Scan(store.Prefix('q', con.ID), nil, func(key, value []byte) (bool, error) {
		if store.SeqOf(key) > limit {
			return false, nil
		}
		var row outbox.Row
		if err := decodeRow(value, &row); err != nil {
			return false, err
		}
		rows, keys = append(rows, row), append(keys, key)
		return len(keys) < healPage, nil
	})
	if err != nil {
		return nil, err
	}
	var refs []event.Ref
	for i, row := range rows {
		if err := tx.Delete(keys[i]); err != nil {
			return nil, err
		}
		ref, err := p.healTwin(tx, con, row.Twin, store.SeqOf(keys[i]))
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// healTwin makes one twin be sent whole; its event void, if any, waits for no
// outcome.
func (p *Path) healTwin(tx store.Tx, con *Connection, id event.TwinID, void event.Seq) (event.Ref, error) {
	row, err := twinRow(tx, con.ID, id)
	if err != nil || row == nil || row.Ref.IsZero() || row.State != twin.Live {
		return event.Ref{}, err
	}
	if row.Out != nil && row.Out.Seq == void {
		row.Out = nil
	}
	if err := put(tx, store.TwinKey(con.ID, id), row); err != nil {
		return row.Ref, err
	}
	return row.Ref, p.workNext(tx, con.ID, row.Ref, work.Seen{Key: row.Key, Cause: event.CauseHeal, Bulk: true})
}
