package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/work"
)

// pollPage is how many changes one Poll takes.
const pollPage = 100

// Poll asks the tracker once for changes and stores work rows for them, with
// the cursor in the same transaction. It reports whether there may be more.
func (p *Path) Poll(ctx context.Context) (more bool, err error) {
	if p.standsBack() {
		return false, nil
	}
	cursor, err := p.cursor()
	if err != nil {
		return false, err
	}
	changes, next, err := p.Tracker.Changes(ctx, cursor, pollPage)
	if err := p.polled(err); err != nil {
		return false, fmt.Errorf("poll the tracker: %w", err)
	}
	if len(changes) == 0 && next == cursor {
		p.caughtUp.Store(true)
		return false, nil
	}
	p.fresh.listed(changes)
	if err := p.take(ctx, changes, cursor, next); err != nil {
		return false, err
	}
	more = len(changes) >= pollPage && next != cursor
	if !more {
		p.caughtUp.Store(true)
	}
	return more, nil
}

// lookedAtAll tells whether every ticket that has changed was looked at for a
// connection: a twin that has no row then is about none of them.
func (p *Path) lookedAtAll(con *Connection) (bool, error) {
	if !p.caughtUp.Load() {
		return false, nil
	}
	all := true
	err := p.Store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix('w', con.ID), nil, func(key, value []byte) (bool, error) {
			var row work.Row
			if err := row.UnmarshalBinary(value); err != nil || row.State != work.Dirty {
				return err == nil, err
			}
			ref, err := store.RefOf(key)
			if err == nil {
				_, all, err = twinByRef(r, con.ID, ref)
			}
			return all, err
		})
	})
	return all, err
}

// polled notes what the tracker answered. Once it lets us in again, what it
// refused meanwhile goes on.
func (p *Path) polled(err error) error {
	p.heed(err)
	if err != nil {
		p.denied.Store(p.denied.Load() || errors.Is(err, adapters.ErrDenied))
		return err
	}
	if p.denied.Swap(false) {
		return p.regained()
	}
	return nil
}

// regained lets everything go on that waits for a permission or a setting of the
// tracker.
func (p *Path) regained() error {
	for _, con := range p.Connections() {
		if err := p.regainedOn(con); err != nil {
			return err
		}
	}
	return nil
}

func (p *Path) regainedOn(con *Connection) error {
	_, err := p.Release(con, func(code event.Code) bool {
		return code == event.CodeDenied || code == event.CodeConfiguration || code == event.CodeRejected
	})
	return err
}

func (p *Path) cursor() (event.Cursor, error) {
	var cursor event.Cursor
	err := p.Store.View(func(r store.Reader) error {
		raw, err := r.Get(store.CursorKey(p.TrackerName))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		cursor = event.Cursor(raw)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the poll's cursor: %w", err)
	}
	return cursor, nil
}

// take is T1: work rows of every connection that the tickets may belong on, and
// the cursor, together. Rows that do not fit into one transaction are on disk
// before the cursor is.
func (p *Path) take(ctx context.Context, changes []event.Change, cursor, next event.Cursor) error {
	looks, err := p.sift(ctx, changes)
	if err != nil {
		return err
	}
	for len(looks) > takeMost {
		if err := p.takeSome(looks[:takeMost], cursor, cursor); err != nil {
			return err
		}
		looks = looks[takeMost:]
	}
	return p.takeSome(looks, cursor, next)
}

// takeMost is how many work rows one transaction writes.
const takeMost = 2000

func (p *Path) takeSome(looks []pending, cursor, next event.Cursor) error {
	err := p.Store.Update(func(tx store.Tx) error {
		for _, l := range looks {
			if err := p.changed(tx, l); err != nil {
				return err
			}
		}
		if cursor == next {
			return nil
		}
		return tx.Put(store.CursorKey(p.TrackerName), []byte(next))
	})
	if err != nil {
		return fmt.Errorf("store what the poll found: %w", err)
	}
	for _, l := range looks {
		p.Wake(Task{Kind: KindWork, Con: l.con, Ref: l.change.Ref}, When{})
	}
	return nil
}

// changed notes that a ticket changed. A row that says so already is written again
// only for the sake of a look that may have read the ticket before: a ticket that
// waits for its peer, and is edited again and again, costs nothing.
func (p *Path) changed(tx store.Tx, l pending) error {
	key, seen := store.WorkKey(l.con, l.change.Ref), work.Seen{Key: l.change.Key, Cause: event.CauseEdit}
	row, err := get[work.Row](tx, key)
	if err != nil || row != nil && row.Says(seen) && !p.looking.at(l.con, l.change.Ref) {
		return err
	}
	return put(tx, key, work.Next(row, seen, p.Now()))
}

// looking are the tickets that are being looked at.
type looking struct {
	mu  sync.Mutex
	set map[Task]int
}

// begin notes a look; the function that it returns ends it.
func (l *looking) begin(con event.ConnectionID, ref event.Ref) (end func()) {
	t := Task{Kind: KindWork, Con: con, Ref: ref}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set == nil {
		l.set = map[Task]int{}
	}
	l.set[t]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.set[t]--; l.set[t] == 0 {
			delete(l.set, t)
		}
	}
}

// at tells whether a ticket is being looked at for a connection.
func (l *looking) at(con event.ConnectionID, ref event.Ref) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set[Task{Kind: KindWork, Con: con, Ref: ref}] > 0
}

// workNext moves a ticket's work row.
func (p *Path) workNext(tx store.Tx, con event.ConnectionID, ref event.Ref, input work.Input) error {
	key := store.WorkKey(con, ref)
	row, err := get[work.Row](tx, key)
	if err != nil {
		return err
	}
	return put(tx, key, work.Next(row, input, p.Now()))
}

// Touch makes tickets of one connection be looked at: a load, a sync by hand,
// a filter that was published.
func (p *Path) Touch(con event.ConnectionID, refs []event.Change, seen work.Seen) error {
	err := p.Store.Update(func(tx store.Tx) error {
		for _, c := range refs {
			seen.Key = c.Key
			if err := p.workNext(tx, con, c.Ref, seen); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store work for %d tickets: %w", len(refs), err)
	}
	for _, c := range refs {
		p.Wake(Task{Kind: KindWork, Con: con, Ref: c.Ref}, When{Bulk: seen.Bulk})
	}
	return nil
}
