package simtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"

	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/envelope/plain"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/transport"
	"parley/sync/twin"
)

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

// clock is virtual time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

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
	con     *flow.Connection
	lanes   *flow.Lanes
	boots   uint64
	dead    bool
	peer    *node
	seen    map[string]int
	backup  *memstore.Snapshot
}

// world is two nodes and what is between them.
type world struct {
	clock  clock
	rng    *rand.Rand
	faults bool
	a, b   *node
	trace  func(format string, args ...any)
	strays []stray
	limits limits
	// restores is how many more times a node is restored from a backup.
	restores int
	forgets  bool // there were any
}

// stray is a message that the network kept and delivers again later.
type stray struct {
	to   *node
	kind transport.Kind
	body []byte
}

// limits say how bad the world is, in parts of a thousand.
type limits struct{ drop, dropReply, repeat, stray, die, dieInCall, doubt, transient, meddle int }

const outgoingScript = `
replica.key      = issue.key
replica.summary  = unprefixed("[peer] ", issue.summary)
replica.status   = issue.status
replica.priority = issue.priority
replica.labels   = issue.labels
replica.comments = issue.comments
replica.attachments = issue.attachments
`

const incomingScript = `
issue.summary  = %s
issue.status   = replica.status
issue.priority = replica.priority
issue.labels   = replica.labels
issue.fields["Remote key"] = replica.key
issue.comments = replica.comments | map(with(#, {body: "from peer: " + .body}))
issue.attachments = replica.attachments
`

func newWorld(seed uint64, trace func(string, ...any)) (*world, error) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), trace: trace}
	defer func() { w.faults = true }()
	w.clock.at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.limits = limits{drop: 30, dropReply: 30, repeat: 30, stray: 20, die: 2, dieInCall: 3, doubt: 20, transient: 20, meddle: 15}
	if seed%5 == 0 {
		w.limits = limits{meddle: 60} // a quiet network and busy people
	}
	w.a, w.b = w.newNode("A", seed%3 == 0), w.newNode("B", seed%4 == 0)
	w.a.peer, w.b.peer = w.b, w.a
	return w, errors.Join(w.a.start(), w.b.start())
}

func (w *world) chance(perMille int) bool { return w.faults && w.rng.IntN(1000) < perMille }

func (w *world) newNode(name string, coarse bool) *node {
	n := &node{world: w, name: name, store: memstore.New(), blobs: newBlobs(), seen: map[string]int{}}
	n.tracker = newTracker(name, &w.clock, w.rng, coarse)
	n.tracker.trace = w.trace
	n.tracker.fault = n.call
	n.tracker.meddle = func(k *ticket) {
		if w.chance(w.limits.meddle) {
			w.person(n.tracker, k)
		}
	}
	n.store.SetHooks(memstore.Hooks{Before: n.commit, After: n.commit})
	return n
}

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
	switch {
	case n.dead:
		panic(crash{})
	case w.chance(w.limits.dieInCall):
		n.dead = true
		panic(crash{})
	case after && op == "write" && w.chance(w.limits.doubt):
		return errDoubt
	case !after && w.chance(w.limits.transient):
		return errTransient
	}
	return nil
}

// restore ends the process and begins another on the last backup.
func (n *node) restore() error {
	n.world.trace("%s is restored from a backup", n.name)
	n.store = n.store.Restore(*n.backup)
	n.backup = nil
	n.seen["restored"]++
	return n.start()
}

// start begins a new process on what is durable.
func (n *node) start() error {
	n.boots++
	n.dead = false
	n.lanes = flow.NewLanes()
	n.path = flow.New(flow.Options{
		Store: n.store, Tracker: n.tracker, TrackerName: "t", Blobs: n.blobs,
		Now: n.world.clock.now, Random: reader{n.world.rng}, Secret: sha256.Sum256([]byte(n.name)),
		Boot: envelope.Boot{Counter: n.boots, Random: n.world.rng.Uint64()}, Log: zerolog.Nop(),
		Wake: func(t flow.Task, w flow.When) { n.lanes.Add(t, w) },
		Observe: func(o flow.Observation) {
			n.seen[o.What]++
			n.world.trace("%s %s %s %v %s %s", n.name, o.What, o.Key, o.Twin, o.Code, o.Detail)
		},
	})
	rules, err := n.rules()
	if err != nil {
		return err
	}
	n.con = flow.NewConnection(&flow.Connection{
		ID: event.ConnectionID{1}, Name: "peer", Us: n.name, Them: n.peerName(), Codec: codec{world: n.world, name: n.name}, Link: link{n},
		Policy: twin.Policy{Winner: twin.Newest, Us: n.name, Them: n.peerName()},
	}, rules)
	if err := n.path.Add(n.con); err != nil {
		return err
	}
	return errors.Join(n.path.Resume(), n.path.Rouse(n.con))
}

func (n *node) peerName() string {
	if n.name == "A" {
		return "B"
	}
	return "A"
}

func (n *node) rules() (*flow.Rules, error) {
	env := filters.Env{Schema: schema(), Key: []byte(n.name), Limits: filters.Limits{Time: time.Minute}}
	summary := "replica.summary"
	if n.name == "B" {
		summary = `prefixed("[peer] ", replica.summary)`
	}
	out, err := filters.CompileOutgoing(outgoingScript, env)
	if err != nil {
		return nil, err
	}
	in, err := filters.CompileIncoming(fmt.Sprintf(incomingScript, summary), env)
	if err != nil {
		return nil, err
	}
	scope, err := filters.CompileScope("true", env)
	return &flow.Rules{
		Outgoing: out, Incoming: in, Scope: scope, Start: "auto", Leave: "keep",
		Accept: filters.Accept{Comments: true, Attachments: true},
	}, err
}

// protect runs fn as the process n; it reports whether the process died.
func (n *node) protect(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
			n.dead = true
		}
		if n.dead {
			err = n.restart()
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
	n.seen["restart"]++
	n.world.trace("%s restarts", n.name)
	return n.start()
}

// step does one thing in n: a task that is due, if there is one.
func (n *node) step(ctx context.Context) (bool, error) {
	t, ok, _ := n.lanes.Take(n.world.clock.now())
	if !ok {
		return false, nil
	}
	lanes := n.lanes
	return true, n.protect(func() error {
		lane, err := n.path.Lane(t)
		if err == nil && lanes.Enter(t, lane) {
			err = n.do(ctx, t)
		}
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
		n.lanes.Add(t, flow.When{At: n.world.clock.now().Add(time.Second)})
	case more:
		n.lanes.Add(t, flow.When{})
	}
	return nil
}

// link is a node's end of the faulty network.
type link struct{ n *node }

var errLost = errors.New("lost on the way")

func (l link) Request(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	w, to := l.n.world, l.n.peer
	switch {
	case to.dead:
		return nil, transport.ErrNoPeer
	case w.chance(w.limits.drop):
		return nil, errLost
	}
	if w.chance(w.limits.stray) {
		w.strays = append(w.strays, stray{to, kind, bytes.Clone(body)})
	}
	reply, err := to.receive(ctx, kind, body)
	if w.chance(w.limits.repeat) {
		reply, err = to.receive(ctx, kind, body)
	}
	if w.chance(w.limits.dropReply) {
		return nil, errLost
	}
	return reply, err
}

func (n *node) receive(ctx context.Context, kind transport.Kind, body []byte) (reply []byte, err error) {
	if n.dead {
		return nil, transport.ErrNoPeer
	}
	failed := n.protect(func() error {
		reply, err = n.path.Receive(ctx, n.con.ID, kind, body)
		return nil
	})
	if n.dead || failed != nil {
		return nil, errLost
	}
	return reply, err
}

func (l link) Handle(transport.Handler) error { return nil }
func (l link) Close() error                   { return nil }

// codec tells the trace what leaves.
type codec struct {
	plain.Codec
	world *world
	name  string
}

func (k codec) Seal(c envelope.Cut) ([]byte, string, error) {
	for i, e := range c.Entries {
		k.world.trace("%s sends %c%d %s", k.name, c.Stream, int(c.First)+i, e.Bytes)
	}
	return k.Codec.Seal(c)
}

// reader draws bytes from the world's seed.
type reader struct{ rng *rand.Rand }

func (r reader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return len(b), nil
}

// blobs keeps files in memory; a crash loses pieces that are not a whole file.
type blobs struct {
	whole map[string][]byte
	part  map[string][]byte
}

func newBlobs() *blobs { return &blobs{map[string][]byte{}, map[string][]byte{}} }

func (b *blobs) crash()            { b.part = map[string][]byte{} }
func (b *blobs) Has(d string) bool { _, ok := b.whole[d]; return ok }

func (b *blobs) Put(_ context.Context, r io.Reader, _ int64) (string, int64, error) {
	content, err := io.ReadAll(r)
	sum := sha256.Sum256(content)
	d := hex.EncodeToString(sum[:])
	b.whole[d] = content
	return d, int64(len(content)), err
}

func (b *blobs) Piece(d string, offset int64, n int) ([]byte, error) {
	content, ok := b.whole[d]
	if !ok || offset > int64(len(content)) {
		return nil, store.ErrNotFound
	}
	n = min(n, 7) // many pieces
	return content[offset:min(int(offset)+n, len(content))], nil
}

// Begin goes on where the last writer stopped.
func (b *blobs) Begin(d string, size int64) (flow.BlobWriter, error) {
	return &writer{b, d, size}, nil
}

type writer struct {
	b    *blobs
	d    string
	size int64
}

func (w *writer) Offset() int64 { return int64(len(w.b.part[w.d])) }
func (w *writer) Close() error  { return nil }

func (w *writer) Write(piece []byte) (int, error) {
	w.b.part[w.d] = append(w.b.part[w.d], piece...)
	return len(piece), nil
}

func (w *writer) Commit() error {
	content := w.b.part[w.d]
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != w.d || int64(len(content)) != w.size {
		return errors.New("digest or size differs")
	}
	w.b.whole[w.d] = content
	delete(w.b.part, w.d)
	return nil
}

func (b *blobs) Open(d string) (io.ReadCloser, error) {
	content, ok := b.whole[d]
	if !ok {
		return nil, store.ErrNotFound
	}
	return io.NopCloser(newReader(content)), nil
}
