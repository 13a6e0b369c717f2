package simtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/transport"
)

// crash is what a process panics with when it dies.
type crash struct{}

// node is one process in front of its tracker; it may die and start again.
type node struct {
	world   *world
	name    string
	tracker *tracker
	store   *memstore.Store
	blobs   *blobs
	path    *flow.Path
	ends    []*end
	lanes   *flow.Lanes
	boots   uint64
	dead    bool
	depth   int // of calls of the process that are under way
	polling bool
	skew    time.Duration // of its clock
	due     time.Time     // when its next task is due
	seen    map[string]int
	backup  *memstore.Snapshot
}

// end is one node's side of a connection.
type end struct {
	node *node
	peer *end
	line *line
	id   event.ConnectionID
	con  *flow.Connection
}

func (w *world) newNode(name string, coarse bool) *node {
	n := &node{world: w, name: name, store: memstore.New(), blobs: newBlobs(), seen: map[string]int{}}
	n.tracker = newTracker(name, &w.clock, w.rng, coarse)
	n.tracker.trace = w.trace
	n.tracker.fault = n.call
	n.tracker.late = func() bool { return w.chance(w.limits.late) }
	n.tracker.arrives = func(text string) { w.arrives(n.tracker, text) }
	n.tracker.meddle = func(k *ticket) {
		if w.odds(w.limits.meddle) {
			w.person(n.tracker, k)
		}
	}
	n.store.SetHooks(memstore.Hooks{Before: n.commit, After: n.commit})
	w.nodes = append(w.nodes, n)
	return n
}

func (n *node) now() time.Time { return n.world.clock.at.Add(n.skew) }

// commit is asked before and after each commit of the store.
func (n *node) commit() error {
	if n.world.chance(n.world.limits.die) {
		n.dead = true
		return errors.New("process dies")
	}
	return nil
}

// call is asked before and after each call of the tracker.
func (n *node) call(op string, after bool) error {
	w := n.world
	if !n.dead {
		w.aside(n)
	}
	switch {
	case n.dead:
		panic(crash{})
	case w.chance(w.limits.dieInCall), op == "cut" && w.rng.IntN(2) == 0:
		n.dead = true
		panic(crash{})
	case op == "cut", after && op == "write" && w.chance(w.limits.doubt):
		return errDoubt
	case !after && slices.Contains(n.tracker.refuses, op):
		n.tracker.noticed = n.tracker.noticed || op == "changes"
		return errDenied
	case !after && w.chance(w.limits.transient):
		return errTransient
	}
	return nil
}

// restore ends the process and begins another on the last backup.
func (n *node) restore() error {
	n.world.trace("%s is restored from a backup", n.name)
	faults := n.world.faults
	n.world.faults = false // a restore that dies is run again by who ran it
	defer func() { n.world.faults = faults }()
	n.store = n.store.Restore(*n.backup)
	n.backup = nil
	n.seen["restored"]++
	if n.world.admitsRestore() {
		for _, e := range n.ends {
			if err := n.store.Update(func(tx store.Tx) error { return flow.Renew(tx, e.id) }); err != nil {
				return err
			}
		}
	}
	return n.start()
}

// start begins a new process on what is durable.
func (n *node) start() error {
	n.boots++
	n.dead = false
	n.lanes = flow.NewLanes()
	n.path = flow.New(flow.Options{
		Store: n.store, Tracker: n.tracker, TrackerName: "t", Blobs: n.blobs,
		Now: n.now, Random: reader{n.world.rng}, Secret: sha256.Sum256([]byte(n.name)),
		Boot: envelope.Boot{Counter: n.boots, Random: n.world.rng.Uint64()}, Log: zerolog.Nop(),
		Wake: n.wake, Ahead: n.world.ahead(),
		Observe: func(o flow.Observation) {
			n.seen[o.What]++
			n.world.trace("%s %s %s %s %v %s %s", n.name, o.Connection, o.What, o.Key, o.Twin, o.Code, o.Detail)
		},
	})
	for _, e := range n.ends {
		if err := e.add(); err != nil {
			return err
		}
	}
	if err := n.path.Resume(); err != nil {
		return err
	}
	for _, e := range n.ends {
		if err := n.path.Rouse(e.con); err != nil {
			return err
		}
	}
	return nil
}

// wake is told of work to do. A timer runs by the time that passes, whatever becomes
// of the clock meanwhile.
func (n *node) wake(t flow.Task, w flow.When) {
	if !w.At.IsZero() {
		w.At = w.At.Add(-n.skew)
	}
	n.lanes.Add(t, w)
}

// add puts the connection into the node's path.
func (e *end) add() error {
	rules, err := e.rules()
	if err != nil {
		return err
	}
	n, peer := e.node, e.peer.node.name
	e.con = flow.NewConnection(&flow.Connection{
		ID: e.id, Name: peer, Us: n.name, Them: peer, Codec: codec{end: e}, Link: link{e},
		Policy: n.world.policy(n.name, peer),
	}, rules)
	return n.path.Add(e.con)
}

// protect runs fn as the process n. A process that died is started again once
// all that it was doing has ended.
func (n *node) protect(fn func() error) (err error) {
	n.depth++
	defer func() {
		n.depth--
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			n.dead = true
		}
		switch {
		case n.dead && n.depth == 0:
			err = n.restart()
		case n.dead:
			err = nil
		}
	}()
	if err := fn(); err != nil && !n.dead && n.store.Err() == nil {
		return err
	}
	return nil
}

func (n *node) restart() error {
	faults := n.world.faults
	n.world.faults = false // a start that dies is the next crash's business
	defer func() { n.world.faults = faults }()
	n.store = n.store.Crash()
	n.blobs.crash()
	n.polling = false
	n.seen["restart"]++
	n.world.trace("%s restarts", n.name)
	return n.start()
}

// step does one thing in n: a task that is due, if there is one.
func (n *node) step(ctx context.Context) (bool, error) {
	t, ok, next := n.lanes.Take(n.world.clock.at)
	n.due = next
	if !ok {
		return false, nil
	}
	lanes := n.lanes
	return true, n.protect(func() error {
		lane, err := n.path.Lane(t)
		if err != nil || !lanes.Enter(t, lane) {
			return err
		}
		err = n.do(ctx, t)
		if !n.dead {
			lanes.Leave(t, lane)
		}
		return err
	})
}

func (n *node) do(ctx context.Context, t flow.Task) error {
	if t.Kind != flow.KindShip {
		return n.path.Do(ctx, t)
	}
	more, err := n.path.Ship(ctx, t.Con, t.Stream)
	switch {
	case err != nil:
		n.wake(t, flow.When{At: n.now().Add(time.Second)})
	case more:
		n.lanes.Add(t, flow.When{})
	}
	return nil
}

func (n *node) poll(ctx context.Context) error {
	if n.polling {
		return nil
	}
	return n.protect(func() error {
		n.polling = true
		_, err := n.path.Poll(ctx)
		n.polling = false
		if errors.Is(err, adapters.ErrTransient) || errors.Is(err, adapters.ErrDenied) {
			return nil
		}
		return err
	})
}

// link is an end of the faulty network.
type link struct{ *end }

var errLost = errors.New("lost on the way")

func (l link) Request(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	w, to := l.node.world, l.peer
	switch {
	case to.node.dead, l.line.cut:
		return nil, transport.ErrNoPeer
	case w.chance(w.limits.drop):
		return nil, errLost
	}
	if w.chance(w.limits.stray) {
		w.strays = append(w.strays, stray{to, kind, bytes.Clone(body)})
	}
	l.aside()
	reply, err := to.receive(ctx, kind, body)
	if w.chance(w.limits.repeat) {
		reply, err = to.receive(ctx, kind, body)
	}
	l.aside()
	if w.chance(w.limits.dropReply) {
		return nil, errLost
	}
	return reply, err
}

// aside lets others act while a message is on its way.
func (l link) aside() {
	l.node.world.aside(l.node)
	if l.node.dead {
		panic(crash{})
	}
}

func (e *end) receive(ctx context.Context, kind transport.Kind, body []byte) (reply []byte, err error) {
	n := e.node
	if n.dead {
		return nil, transport.ErrNoPeer
	}
	failed := n.protect(func() error {
		reply, err = n.path.Receive(ctx, e.id, kind, body)
		return nil
	})
	if n.dead || failed != nil {
		return nil, errLost
	}
	return reply, err
}

func (l link) Handle(transport.Handler) error { return nil }
func (l link) Close() error                   { return nil }

// reader draws bytes from the world's seed.
type reader struct{ rng *rand.Rand }

func (r reader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return len(b), nil
}

// count counts rows of a kind.
func (e *end) count(kind byte) int {
	count := 0
	_ = e.node.store.View(func(r store.Reader) error {
		return r.Keys(store.Prefix(kind, e.id), nil, func([]byte) (bool, error) {
			count++
			return true, nil
		})
	})
	return count
}

// ahead makes every third world one in which a node soon has too many events that wait
// for its peer.
func (w *world) ahead() int {
	if w.seed%3 == 0 {
		return 3
	}
	return 0
}
