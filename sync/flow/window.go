package flow

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/sync/event"
	"parley/sync/store"
)

// Memory holds a window of the tasks, never all: each is a row, and one that does
// not fit is brought up again from its row when there is room.

// windowMost is the bound of the tasks in memory that can run: half of it for bulk,
// half as many more may wait for their time, and below a quarter there is room again.
const windowMost = 40_000

const (
	rousePage = 1_000
	// refillEvery is how often it is looked for room, refillLater how often for
	// tasks that wait for their time and found no place.
	refillEvery = 100 * time.Millisecond
	refillLater = 5 * time.Minute
)

// missing are the connections some of whose tasks found no place.
type missing struct {
	mu     sync.Mutex
	passes map[event.ConnectionID]*pass
	signal chan struct{}
}

// pass is a walk over a connection's rows that brings up their tasks.
type pass struct {
	kind      int // of rouseKinds
	after     []byte
	begun     bool // the first page is being read, or was
	notBefore time.Time
	// again is set if tasks found no place since it began: another follows at next.
	again bool
	next  time.Time
}

func newMissing() *missing {
	return &missing{passes: map[event.ConnectionID]*pass{}, signal: make(chan struct{}, 1)}
}

// note asks for a pass, or for another one after the present one.
func (m *missing) note(con event.ConnectionID, notBefore time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.passes[con]
	switch {
	case p == nil:
		m.passes[con] = &pass{notBefore: notBefore}
	case !p.begun:
		p.notBefore = earlier(p.notBefore, notBefore)
	case !p.again:
		p.again, p.next = true, notBefore
	default:
		p.next = earlier(p.next, notBefore)
	}
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// some tells whether a pass is due, or under way.
func (m *missing) some(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.passes {
		if !now.Before(p.notBefore) {
			return true
		}
	}
	return false
}

// due are the connections with a pass to go on with.
func (m *missing) due(now time.Time) (cons []event.ConnectionID, waiting bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for con, p := range m.passes {
		if now.Before(p.notBefore) {
			continue
		}
		cons = append(cons, con)
	}
	slices.SortFunc(cons, func(a, b event.ConnectionID) int { return bytes.Compare(a[:], b[:]) })
	return cons, len(m.passes) > 0
}

func (m *missing) place(con event.ConnectionID) pass {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.passes[con]; p != nil {
		return *p
	}
	return pass{kind: len(rouseKinds)}
}

// begin tells that a page is being read: what is noted from now on, it may not see.
func (m *missing) begin(con event.ConnectionID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.passes[con]; p != nil {
		p.begun = true
	}
}

// advance moves a pass on; one that is over ends, or begins again.
func (m *missing) advance(con event.ConnectionID, kind int, after []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.passes[con]
	switch {
	case p == nil:
	case kind < len(rouseKinds):
		p.kind, p.after = kind, after
	case p.again:
		m.passes[con] = &pass{notBefore: p.next}
	default:
		delete(m.passes, con)
	}
}

// rouseKinds are the rows that are tasks.
const rouseKinds = "ijow"

// durable tells whether a task can be made again from a row.
func (k Kind) durable() bool {
	switch k {
	case KindWork, KindApply, KindAttach, KindFetch, KindChore:
		return true
	}
	return false
}

// Waiting counts the tasks of tickets and files in memory: those that can run and
// those that wait for their time.
func (r *Runner) Waiting() (present, later int) {
	present, later = r.lanes.Waiting()
	files, filesLater := r.files.Waiting()
	return present + files, later + filesLater
}

// admit puts a task among lanes if it fits; what does not is found again later.
func (r *Runner) admit(lanes *Lanes, t Task, w When) {
	if t.Kind.durable() {
		present, later := lanes.Waiting()
		switch {
		case !w.At.IsZero() && later >= r.window/2:
			r.missing.note(t.Con, r.path.Now().Add(refillLater))
			return
		case w.At.IsZero() && (present >= r.window || w.Bulk && present >= r.window/2):
			r.missing.note(t.Con, time.Time{})
			return
		}
	}
	lanes.Add(t, w)
}

// refill brings tasks up from their rows as there is room for them.
func (r *Runner) refill(ctx context.Context) {
	for ctx.Err() == nil {
		cons, waiting := r.missing.due(r.path.Now())
		for _, con := range cons {
			if err := r.refillFrom(con); err != nil {
				r.path.Log.Error().Err(err).Msg("what waits cannot be brought up")
			}
		}
		wait := time.Hour
		if waiting {
			wait = refillEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.missing.signal:
		}
		timer.Stop()
	}
}

// refillFrom goes on with the pass of one connection until there is no room.
func (r *Runner) refillFrom(con event.ConnectionID) error {
	c := r.path.Connection(con)
	if c == nil {
		r.missing.advance(con, len(rouseKinds), nil)
		return nil
	}
	for at := r.missing.place(con); at.kind < len(rouseKinds); {
		if present, _ := r.Waiting(); present > r.window/4 {
			return nil
		}
		r.missing.begin(con)
		last, err := r.path.rousePage(c, rouseKinds[at.kind], at.after, min(rousePage, r.window/4))
		if err != nil {
			return err
		}
		if at.after = last; last == nil {
			at.kind++
		}
		r.missing.advance(con, at.kind, at.after)
	}
	return nil
}

// Rouse wakes all the work that the store holds of a connection.
func (p *Path) Rouse(c *Connection) error {
	for _, kind := range []byte(rouseKinds) {
		if err := p.rouse(c, kind); err != nil {
			return err
		}
	}
	p.rouseStreams(c)
	return p.rouseNamed(c)
}

// rouse wakes what the rows of one kind ask for.
func (p *Path) rouse(c *Connection, kind byte) error {
	for after, more := []byte(nil), true; more; more = after != nil {
		var err error
		if after, err = p.rousePage(c, kind, after, rousePage); err != nil {
			return err
		}
	}
	return nil
}

func (p *Path) rouseStreams(c *Connection) {
	for _, s := range streams {
		p.Wake(Task{Kind: KindShip, Con: c.ID, Stream: s}, When{})
	}
}

// rousePage wakes a page of rows of one kind behind a key; it returns the last
// key, nil if there are no more.
func (p *Path) rousePage(c *Connection, kind byte, after []byte, page int) ([]byte, error) {
	tasks := make([]Task, 0, 64)
	var last []byte
	err := p.Store.View(func(rd store.Reader) error {
		tasks, last = tasks[:0], nil
		return rd.Keys(store.Prefix(kind, c.ID), after, func(key []byte) (bool, error) {
			tasks = append(tasks, rowTask(c, key))
			if len(tasks) == page {
				last = bytes.Clone(key)
			}
			return last == nil, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits on %s: %w", c.Name, err)
	}
	for _, t := range tasks {
		p.Wake(t, When{Bulk: t.Kind == KindWork})
	}
	return last, nil
}

// rowTask is what a row asks to be done.
func rowTask(c *Connection, key []byte) Task {
	switch key[0] {
	case 'w':
		ref, _ := store.RefOf(key)
		return Task{Kind: KindWork, Con: c.ID, Ref: ref}
	case 'i':
		return Task{Kind: KindApply, Con: c.ID, Twin: store.TwinOf(key)}
	case 'j':
		return Task{Kind: KindFetch, Con: c.ID, Twin: store.TwinOf(key), Item: store.ItemOf(key)}
	}
	return Task{Kind: KindChore, Con: c.ID, Twin: store.TwinOf(key), Item: store.ItemOf(key)}
}
