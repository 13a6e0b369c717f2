package flow

import (
	"fmt"

	"parley/sync/envelope"
	"parley/sync/outbox"
	"parley/sync/store"
)

// A peer may be away for weeks. What people change meanwhile is kept as work rows, of a
// hundred bytes and one for each ticket, and not as events: only so many are made ahead
// of the peer as it takes in a few seconds. So neither the disk nor the time that a
// change takes grows with its absence, and it gets each ticket once, as it is then.

// ahead is Options.Ahead by default.
const ahead = 10_000

// room tells whether another event may be made for the peer. If not, the look waits
// for makeRoom.
func (p *Path) room(con *Connection) (bool, error) {
	n, err := p.unshipped(con)
	if err != nil || n < p.Ahead {
		return err == nil, err
	}
	con.full.Store(true)
	// Once more: what was shipped before that was seen by nobody.
	n, err = p.unshipped(con)
	return err == nil && n < p.Ahead, err
}

// unshipped counts the events that the peer has given no receipt for.
func (p *Path) unshipped(con *Connection) (int, error) {
	var head outbox.Head
	err := p.Store.View(func(r store.Reader) (err error) {
		head, err = outHead(r, con.ID, byte(envelope.Data))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count what waits for %s: %w", con.Name, err)
	}
	return unproven(con.session.latest(envelope.Data, head)), nil
}

func unproven(head outbox.Head) int { return int(head.Appended - head.Through) }

// makeRoom lets the looks go on that were put off, once half of what waited for the
// peer has left.
func (p *Path) makeRoom(con *Connection, head outbox.Head) error {
	if unproven(head) > p.Ahead/2 || !con.full.CompareAndSwap(true, false) {
		return nil
	}
	return p.rouse(con, 'w')
}
