package node

import (
	"context"
	"sync"
	"time"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/work"
)

// What waits and what is in step is counted by reading the rows. Where that is done in
// countSoon it is done each time somebody asks; where there are very many rows, what was
// counted before is shown, and counting again takes a countShare of the time at most.
const (
	countSoon  = 50 * time.Millisecond
	countShare = 100
)

// tally is what was counted of a connection.
type tally struct {
	at                                               time.Time
	took                                             time.Duration
	oldest                                           time.Time // event without an outcome
	waiting, sending, applying, files, parked, twins int
}

// counts remembers what took long to count.
type counts struct {
	mu       sync.Mutex // guards the fields below
	known    map[event.ConnectionID]tally
	counting map[event.ConnectionID]chan struct{} // closed when it is done
	all      sync.WaitGroup
}

// of is what is counted of a connection: known if that is young enough for what it costs,
// else counted; where something is known, nobody waits for that.
func (c *counts) of(id event.ConnectionID, now func() time.Time, count func() (tally, error)) (tally, error) {
	c.mu.Lock()
	known, ok := c.known[id]
	if ok && now().Sub(known.at) < countShare*known.took {
		c.mu.Unlock()
		return known, nil
	}
	done, busy := c.counting[id]
	switch {
	case ok && busy:
		c.mu.Unlock()
		return known, nil
	case busy:
		c.mu.Unlock()
		<-done
		return c.of(id, now, count)
	}
	done = make(chan struct{})
	if c.counting == nil {
		c.counting = map[event.ConnectionID]chan struct{}{}
	}
	c.counting[id] = done
	c.mu.Unlock()
	if !ok {
		return c.again(id, now, count, done)
	}
	c.all.Go(func() { _, _ = c.again(id, now, count, done) }) // who asks next counts, and hears of it
	return known, nil
}

func (c *counts) again(id event.ConnectionID, now func() time.Time, count func() (tally, error), done chan struct{}) (tally, error) {
	began := now()
	t, err := count()
	t.at = now()
	t.took = t.at.Sub(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.counting, id)
	close(done)
	delete(c.known, id)
	if err == nil && t.took > countSoon {
		if c.known == nil {
			c.known = map[event.ConnectionID]tally{}
		}
		c.known[id] = t
	}
	return t, err
}

// counted fills in what waits and what is in step.
func (n *Node) counted(con *flow.Connection, c *admin.Connection) error {
	t, err := n.counts.of(con.ID, time.Now, func() (tally, error) { return n.count(con) })
	c.Waiting, c.Sending, c.Applying, c.Files, c.Parked, c.Twins = t.waiting, t.sending, t.applying, t.files, t.parked, t.twins
	if !t.oldest.IsZero() {
		c.Oldest = time.Since(t.oldest).Seconds()
	}
	if t.took > countSoon {
		c.Counted = t.at.UTC()
	}
	return err
}

// parkedNow is how many tickets of a connection wait for a person.
func (n *Node) parkedNow(l *link) (int, error) {
	if l.flow == nil {
		return 0, nil
	}
	var c admin.Connection
	err := n.counted(l.flow, &c)
	return c.Parked, err
}

// countFirst counts what takes long before anybody asks.
func (n *Node) countFirst(ctx context.Context) {
	for _, l := range n.all() {
		if l.flow == nil || ctx.Err() != nil {
			continue
		}
		if err := n.counted(l.flow, &admin.Connection{}); err != nil {
			n.log.Warn().Str("connection", l.record.Name).Err(err).Msg("what waits cannot be counted")
		}
	}
}

func (n *Node) count(con *flow.Connection) (tally, error) {
	var t tally
	parked := func(is bool) {
		if is {
			t.parked++
		}
	}
	twins, err := n.path.InStep(con)
	t.twins = twins
	return t, firstError(
		err,
		n.path.Works(con, func(_ event.Ref, row work.Row) bool {
			t.waiting++
			parked(row.Parked)
			return true
		}),
		n.path.Outboxes(con, func(_ event.Seq, row outbox.Row, _ bool) bool {
			t.sending++
			if at := time.UnixMilli(row.At); row.At != 0 && (t.oldest.IsZero() || at.Before(t.oldest)) {
				t.oldest = at
			}
			return true
		}),
		n.path.Inboxes(con, func(_ event.TwinID, row inbox.Row) bool {
			t.applying++
			parked(row.State == inbox.Parked)
			return true
		}),
		n.path.Files(con, func(j flow.FileJob) bool {
			t.files++
			parked(j.Parked)
			return true
		}),
		n.path.Chores(con, func(j flow.ChoreInfo) bool {
			t.applying++
			parked(j.Parked)
			return true
		}),
	)
}
