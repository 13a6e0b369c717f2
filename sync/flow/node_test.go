package flow_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/envelope/plain"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/transport"
	"parley/sync/twin"
)

// world is some nodes, one clock, and wires between them. It runs on the
// test's goroutine: a step of a node is a call of step.
type world struct {
	t     *testing.T
	at    time.Time
	nodes []*node
	// sent is every message that left a node, shapes those that tell a shape.
	sent   [][]byte
	shapes [][]byte
}

// node is a Path in front of a desk.
type node struct {
	w    *world
	name string
	desk *desk
	// tracker is desk, or what has more abilities.
	tracker adapters.Tracker
	store   *memstore.Store
	blobs   *blobs
	boots   uint64
	// successor is set if the process before is certainly gone.
	successor bool
	// ahead bounds the events that wait for a peer.
	ahead int
	path  *flow.Path
	lanes *flow.Lanes
	wires []*wire
	seen  []flow.Observation
}

// wire is a node's end of a connection.
type wire struct {
	n     *node
	peer  *wire
	id    event.ConnectionID
	rules *flow.Rules
	con   *flow.Connection
	cut   bool
	// asked is the node whose people decide conflicts, winner the one whose edits win;
	// without them the newest does.
	asked, winner string
	// quotas bound what the peer may send to n.
	quotas flow.Quotas
	deaf   bool // replies to it are lost
	// codec is plain.Codec if it is nil.
	codec envelope.Codec
	// copies hear what the peer hears, before it: the first reply counts.
	copies []*wire
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, at: start()}
}

func (w *world) node(name string) *node {
	n := &node{w: w, name: name, store: memstore.New(), blobs: newBlobs()}
	n.desk = newDesk(name, func() time.Time { return w.at })
	n.tracker = n.desk
	w.nodes = append(w.nodes, n)
	n.boot()
	return n
}

// pair is two nodes with one connection.
func pair(t *testing.T) (w *world, a, b *node) {
	t.Helper()
	w = newWorld(t)
	a, b = w.node("a"), w.node("b")
	w.join(1, a, b)
	return w, a, b
}

// join connects two nodes.
func (w *world) join(id byte, a, b *node) (atA, atB *wire) {
	w.t.Helper()
	atA = &wire{n: a, id: event.ConnectionID{id}, rules: rules(w.t)}
	atB = &wire{n: b, id: atA.id, rules: rules(w.t)}
	atA.peer, atB.peer = atB, atA
	for _, e := range []*wire{atA, atB} {
		e.n.wires = append(e.n.wires, e)
		e.n.plug(e)
	}
	return atA, atB
}

// boot begins a new process on what the node's store holds.
func (n *node) boot() {
	n.w.t.Helper()
	n.boots++
	n.lanes = flow.NewLanes()
	n.path = flow.New(n.options(func() time.Time { return n.w.at }, func(o flow.Observation) { n.seen = append(n.seen, o) }))
	for _, e := range n.wires {
		n.plug(e)
	}
	n.must(n.path.Resume())
}

func (n *node) options(now func() time.Time, observe func(flow.Observation)) flow.Options {
	lanes := n.lanes
	return flow.Options{
		Store: n.store, Tracker: n.tracker, TrackerName: "desk", Blobs: n.blobs, Now: now, Random: rand.Reader,
		Secret: sha256.Sum256([]byte(n.name)), Boot: envelope.Boot{Counter: n.boots, Random: n.boots}, Log: zerolog.Nop(),
		Wake: func(t flow.Task, w flow.When) { lanes.Add(t, w) }, Observe: observe, Successor: n.successor, Ahead: n.ahead,
	}
}

func (e *wire) connection(link transport.Link) *flow.Connection {
	policy := twin.Policy{Winner: twin.Newest, Us: e.n.name, Them: e.peer.n.name}
	if e.winner != "" {
		policy.Winner = e.winner
	}
	if e.asked != "" {
		policy.Winner, policy.Ask = e.asked, true
	}
	codec := envelope.Codec(plain.Codec{})
	if e.codec != nil {
		codec = e.codec
	}
	return flow.NewConnection(&flow.Connection{
		ID: e.id, Name: e.peer.n.name, Peer: e.peer.n.name, Us: e.n.name, Them: e.peer.n.name, Codec: codec, Link: link,
		Policy: policy, Quotas: e.quotas,
	}, e.rules)
}

func (n *node) plug(e *wire) {
	e.con = e.connection(e)
	n.must(n.path.Add(e.con))
	n.must(n.path.Rouse(e.con))
}

func (n *node) con() *flow.Connection { return n.wires[0].con }

func (n *node) must(err error) {
	n.w.t.Helper()
	if err != nil {
		n.w.t.Fatalf("%s: %v", n.name, err)
	}
}

// crash ends the process as a power cut does, and begins another.
func (n *node) crash() {
	n.w.t.Helper()
	n.store = n.store.Crash()
	n.boot()
}

// restore begins a process on a backup.
func (n *node) restore(s memstore.Snapshot) {
	n.w.t.Helper()
	n.store = n.store.Restore(s)
	n.boot()
}

func (n *node) poll() {
	n.w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = n.path.Poll(context.Background()); errors.Is(err, store.ErrFull) {
			return
		}
		n.must(err)
	}
}

// step runs one task that is due; errors of the contact with a peer put a
// stream off by a second.
func (n *node) step() bool {
	n.w.t.Helper()
	lanes, path := n.lanes, n.path
	t, ok, _ := lanes.Take(n.w.at)
	if !ok {
		return false
	}
	if t.Kind == flow.KindShip {
		more, err := path.Ship(context.Background(), t.Con, t.Stream)
		lanes.Leave(t, "")
		switch {
		case err != nil:
			lanes.Add(t, flow.When{At: n.w.at.Add(time.Second)})
		case more:
			lanes.Add(t, flow.When{})
		}
		return true
	}
	lane, err := path.Lane(t)
	n.must(err)
	lanes.Enter(t, lane)
	err = path.Do(context.Background(), t)
	lanes.Leave(t, lane)
	if !errors.Is(err, store.ErrFull) { // the Runner puts it off
		n.must(err)
		return true
	}
	lanes.Add(t, flow.When{At: n.w.at.Add(time.Second)})
	return true
}

// run does all that is due in all nodes.
func (w *world) run() {
	w.t.Helper()
	for steps, moved := 0, true; moved; {
		moved = false
		for _, n := range w.nodes {
			for n.step() {
				if moved = true; steps > 2000 {
					w.t.Fatal("the nodes do not come to rest")
				}
				steps++
			}
		}
	}
}

// settle polls and runs until long after the last thing happened.
func (w *world) settle() {
	w.t.Helper()
	for range 40 {
		for _, n := range w.nodes {
			n.poll()
		}
		w.run()
		w.pass(5 * time.Second)
	}
}

func (w *world) pass(d time.Duration) { w.at = w.at.Add(d) }

// alone does all that is due in one node.
func (n *node) alone() {
	n.w.t.Helper()
	for n.step() {
	}
}

// arrived lists the twins with an event in the inbox.
func (n *node) arrived() []event.TwinID {
	n.w.t.Helper()
	var ids []event.TwinID
	n.must(n.path.Inboxes(n.con(), func(id event.TwinID, _ inbox.Row) bool {
		ids = append(ids, id)
		return true
	}))
	return ids
}

// one is the node's only ticket.
func (n *node) one() event.Ticket {
	n.w.t.Helper()
	all := n.desk.all()
	if len(all) != 1 {
		n.w.t.Fatalf("%s has %d tickets, want 1", n.name, len(all))
	}
	return all[0]
}

// twinOf is what the node knows of a ticket's twin on its first connection.
func (n *node) twinOf(ref event.Ref) *twin.Row {
	n.w.t.Helper()
	i, err := n.path.Inspect(n.con(), ref, event.TwinID{})
	n.must(err)
	return i.Twin
}

// saw counts what was observed.
func (n *node) saw(what string) int {
	count := 0
	for _, o := range n.seen {
		if o.What == what {
			count++
		}
	}
	return count
}

// rows counts the rows of a kind on the node's first connection.
func (n *node) rows(kind byte) int {
	n.w.t.Helper()
	count := 0
	n.must(n.store.View(func(r store.Reader) error {
		return r.Keys(store.Prefix(kind, n.wires[0].id), nil, func([]byte) (bool, error) {
			count++
			return true, nil
		})
	}))
	return count
}

// Request implements transport.Link.
func (e *wire) Request(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	if e.cut || e.peer.cut {
		return nil, transport.ErrNoPeer
	}
	e.n.w.sent = append(e.n.w.sent, bytes.Clone(body))
	if kind == transport.KindShape {
		e.n.w.shapes = append(e.n.w.shapes, bytes.Clone(body))
	}
	var first []byte
	for _, c := range e.copies {
		if reply, err := c.n.path.Receive(ctx, e.id, kind, body); err == nil && first == nil {
			first = reply
		}
	}
	reply, err := e.peer.n.path.Receive(ctx, e.id, kind, body)
	if first != nil {
		reply, err = first, nil
	}
	if e.deaf {
		return nil, transport.ErrNoPeer
	}
	return reply, err
}

// Handle implements transport.Link.
func (e *wire) Handle(transport.Handler) error { return nil }

// Close implements transport.Link.
func (e *wire) Close() error { return nil }

const outgoing = `
replica.key         = issue.key
replica.summary     = issue.summary
replica.status      = issue.status
replica.labels      = issue.labels
replica.parent      = issue.parent
replica.comments    = issue.comments
replica.attachments = issue.attachments
`

const incoming = `
issue.summary     = replica.summary
issue.status      = replica.status
issue.labels      = replica.labels
issue.comments    = replica.comments
issue.attachments = replica.attachments
`

func rules(t *testing.T) *flow.Rules {
	t.Helper()
	out, in := compile(t, outgoing, incoming)
	return &flow.Rules{
		Outgoing: out, Incoming: in, Scope: scope(t, "true"), Start: "auto", Leave: "keep",
		Accept: filters.Accept{Comments: true, Attachments: true},
	}
}

func env() filters.Env {
	return filters.Env{Schema: schema(), Key: []byte("k"), Limits: filters.Limits{Time: time.Minute}}
}

func compile(t *testing.T, outgoing, incoming string) (*filters.Outgoing, *filters.Incoming) {
	t.Helper()
	out, err := filters.CompileOutgoing(outgoing, env())
	if err != nil {
		t.Fatal(err)
	}
	in, err := filters.CompileIncoming(incoming, env())
	if err != nil {
		t.Fatal(err)
	}
	return out, in
}

func scope(t *testing.T, source string) *filters.Scope {
	t.Helper()
	s, err := filters.CompileScope(source, env())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// blobs keeps whole files in memory.
type blobs struct {
	mu    sync.Mutex
	files map[string][]byte
}

func newBlobs() *blobs { return &blobs{files: map[string][]byte{}} }

func (b *blobs) get(d string) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.files[d]
	return content, ok
}

func (b *blobs) Has(d string) bool {
	_, ok := b.get(d)
	return ok
}

func (b *blobs) Put(_ context.Context, r io.Reader, _ int64) (string, int64, error) {
	content, err := io.ReadAll(r)
	sum := sha256.Sum256(content)
	d := hex.EncodeToString(sum[:])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[d] = content
	return d, int64(len(content)), err
}

func (b *blobs) Piece(d string, offset int64, n int) ([]byte, error) {
	content, ok := b.get(d)
	if !ok || offset > int64(len(content)) {
		return nil, store.ErrNotFound
	}
	return content[offset:min(int(offset)+n, len(content))], nil
}

func (b *blobs) Open(d string) (io.ReadCloser, error) {
	content, ok := b.get(d)
	if !ok {
		return nil, store.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (b *blobs) Begin(d string, _ int64) (flow.BlobWriter, error) {
	return &blobWriter{b: b, d: d}, nil
}

type blobWriter struct {
	bytes.Buffer
	b *blobs
	d string
}

func (w *blobWriter) Offset() int64 { return int64(w.Len()) }
func (w *blobWriter) Close() error  { return nil }

func (w *blobWriter) Commit() error {
	d, _, err := w.b.Put(context.Background(), &w.Buffer, 0)
	if d != w.d {
		return errors.Join(err, errors.New("digest differs"))
	}
	return err
}
