package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store/memstore"
	"parley/sync/transport"
)

// copyOf starts a copy of a node beside it: the same store, keys and tracker. It
// hears all that the peer says, before the node itself.
func (w *world) copyOf(n *node) *node {
	w.t.Helper()
	c := &node{w: w, name: n.name, store: memstore.New().Restore(n.store.Snapshot()), blobs: n.blobs, desk: n.desk, tracker: n.tracker, boots: n.boots + 100}
	for _, e := range n.wires {
		twin := &wire{n: c, id: e.id, rules: e.rules, peer: e.peer}
		c.wires = append(c.wires, twin)
		e.peer.copies = append(e.peer.copies, twin)
	}
	w.nodes = append(w.nodes, c)
	c.boot()
	return c
}

func (n *node) fenced() bool {
	_, fenced := n.con().Fence()
	return fenced
}

// TestFence_ACopyBesideItsNodeWritesNothing: the later of two live processes
// stands back, whoever is faster to answer, and all three are told.
func TestFence_ACopyBesideItsNodeWritesNothing(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	c := w.copyOf(b)
	a.desk.open("two")
	a.desk.comment(ref, "said once", false)
	w.settle()
	if !c.fenced() || b.fenced() {
		t.Errorf("the copy stands back: %v, the node: %v", c.fenced(), b.fenced())
	}
	if got := len(b.desk.all()); got != 2 {
		t.Errorf("the tracker has %d tickets, want 2", got)
	}
	for what, n := range map[string]*node{"peer copied": a, "copied": b, "fenced": c} {
		if n.saw(what) == 0 {
			t.Errorf("nobody at %s was told: %q", n.name, what)
		}
	}
	if c.saw("applied")+c.saw("created")+c.saw("queued") != 0 {
		t.Errorf("the copy did something: %v", c.seen)
	}

	// It stays so over a restart; the node's own restarts are none of this.
	c.crash()
	b.crash()
	w.settle()
	if !c.fenced() || b.fenced() {
		t.Errorf("after restarts the copy stands back: %v, the node: %v", c.fenced(), b.fenced())
	}
	a.desk.set(ref, "summary", "uno")
	w.settle()
	if got := standing(b, "uno"); got != 1 {
		t.Errorf("the node has it %d times", got)
	}
}

// standing counts the tickets of a summary.
func standing(n *node, summary string) (count int) {
	for _, k := range n.desk.all() {
		if k.Fields["summary"] == summary {
			count++
		}
	}
	return count
}

// TestFence_ARestartIsNeverFenced: whatever dies, and whoever asks first.
func TestFence_ARestartIsNeverFenced(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	for i, dying := range [][]*node{{a}, {b}, {a, b}, {b, a}, {b, b, b}, {a, b, a, b}} {
		for _, n := range dying {
			n.crash()
			n.step() // it may have said hello before it dies again
		}
		summary := string(rune('a' + i))
		a.desk.set(ref, "summary", summary)
		w.settle()
		if got := b.one().Fields["summary"]; got != summary {
			t.Errorf("restart %d: the peer has %v, want %v", i, got, summary)
		}
	}
	for _, n := range w.nodes {
		if n.saw("copied")+n.saw("peer copied")+n.saw("fenced") != 0 {
			t.Errorf("%s takes a restart for a copy", n.name)
		}
	}
}

// TestFence_ALateHelloOfADeadProcessMovesNobody: it may have been under way when
// its process was killed.
func TestFence_ALateHelloOfADeadProcessMovesNobody(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	w.sent = nil
	b.crash()
	w.settle()
	sent := w.sent
	b.crash()
	w.settle()
	for _, n := range w.nodes {
		for _, body := range sent {
			_, _ = n.path.Receive(t.Context(), n.con().ID, transport.KindHello, body) // most are no hellos of the other side
		}
		w.run()
	}
	w.settle()
	for _, n := range w.nodes {
		if n.fenced() || n.saw("copied")+n.saw("peer copied") != 0 {
			t.Errorf("%s takes a late message for a copy", n.name)
		}
	}
	if _, there, _ := a.con().Contact(); !there {
		t.Error("they lost each other")
	}
}

// TestClaim_APersonDecidesForTheCopy: then the other one stands back, and nothing
// is lost or done twice.
func TestClaim_APersonDecidesForTheCopy(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	c := w.copyOf(b)
	w.settle()
	if !c.fenced() {
		t.Fatal("the copy does not stand back")
	}
	a.desk.comment(ref, "while it stood back", false)
	w.settle()
	c.must(c.path.Claim(c.con()))
	w.settle()
	if c.fenced() || !b.fenced() {
		t.Errorf("after the claim the copy stands back: %v, the node before: %v", c.fenced(), b.fenced())
	}
	a.desk.comment(ref, "since", false)
	c.desk.set(c.one().Ref, "summary", "two")
	w.settle()
	if got := bodies(c.one()); len(got) != 2 {
		t.Errorf("comments: %q", got)
	}
	if got := a.one().Fields["summary"]; got != "two" {
		t.Errorf("the peer has %v", got)
	}
	if b.saw("fenced") != 1 {
		t.Error("the node before was not told")
	}
}

// TestFence_BeforeAHelloNothingIsTakenOrWritten: a copy that never reaches the
// peer does not go on with what its folder says is under way.
func TestFence_BeforeAHelloNothingIsTakenOrWritten(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	a.desk.open("one")
	a.poll()
	a.alone()
	if len(b.arrived()) != 1 {
		t.Fatal("nothing waits")
	}
	a.wires[0].cut = true
	b.crash()
	for range 5 {
		b.poll()
		b.alone()
		w.pass(time.Minute)
	}
	if got := len(b.desk.all()); got != 0 {
		t.Errorf("%d tickets were written before the peer has said that it deals with this process", got)
	}
	a.wires[0].cut = false
	w.settle()
	b.one()
}

// waiting is a pair of which a has an event of b's on its way in, a decision and the last
// note of an end to write, and in which b is away when a's process begins anew.
func waiting(t *testing.T, successor bool) (w *world, a, b *node) {
	t.Helper()
	w, a, b, atA, atB := asking(t)
	a.wires[0].rules.Ended = flow.EndNote
	a.desk.open("to be ended")
	w.settle()
	w.part(a, b, atA, atB, "summary", "ours", "theirs")
	a.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrTransient, "write")
		}
		return nil
	}
	for _, k := range b.desk.all() {
		if k.Fields["summary"] == "to be ended" {
			b.must(b.path.Unsync(b.con(), k.Ref))
		}
	}
	b.desk.open("new")
	b.poll()
	b.alone()
	a.alone()
	a.must(a.decide(atA, "summary", "theirs"))
	if len(a.arrived()) != 1 || len(a.chores()) != 1 || a.rows('w') != 1 {
		t.Fatalf("%d events, %d chores and %d looks wait", len(a.arrived()), len(a.chores()), a.rows('w'))
	}
	a.desk.on = func(string, event.Step) error { return nil }
	a.wires[0].cut, a.successor = true, successor
	a.crash()
	return w, a, b
}

func (n *node) runsFor(d time.Duration) {
	for range int(d / (5 * time.Second)) {
		n.poll()
		n.alone()
		n.w.pass(5 * time.Second)
	}
}

// TestFence_ACopyWithoutAPeerWritesNothing, be it an event, a decision or the end of a twin.
func TestFence_ACopyWithoutAPeerWritesNothing(t *testing.T) {
	t.Parallel()
	w, a, _ := waiting(t, false)
	wrote := 0
	a.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			wrote++
		}
		return nil
	}
	a.runsFor(20 * time.Minute)
	if wrote != 0 {
		t.Errorf("it wrote %d times", wrote)
	}
	a.wires[0].cut = false
	w.settle()
	if got := len(a.arrived()) + len(a.chores()) + a.rows('w'); got != 0 || wrote == 0 {
		t.Errorf("when the peer is there, %d wait still, after %d writes", got, wrote)
	}
}

// TestFence_ARestartWaitsAMinuteForADeadPeer: if nobody else can be the node, what it had
// taken in is written then; before that the peer may say that another one lives.
func TestFence_ARestartWaitsAMinuteForADeadPeer(t *testing.T) {
	t.Parallel()
	w, a, b := waiting(t, true)
	wrote := 0
	a.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			wrote++
		}
		return nil
	}
	a.runsFor(55 * time.Second)
	if wrote != 0 {
		t.Errorf("it wrote %d times before a minute was over", wrote)
	}
	a.runsFor(2 * time.Minute)
	if got := len(a.arrived()) + len(a.chores()); got != 0 || standing(a, "new") != 1 {
		t.Errorf("%d wait still, the ticket stands %d times", got, standing(a, "new"))
	}
	before := len(a.desk.all())
	a.wires[0].cut = false
	w.settle()
	if got := len(a.desk.all()); got != before {
		t.Errorf("%d tickets, %d before the peer was there", got, before)
	}
	if x, y := len(a.disputes(a.desk.all()[0].Ref)), b.saw("peer copied"); x != 0 || y != 0 {
		t.Errorf("%d disputes, %d copies", x, y)
	}
}

// TestFence_AFencedProcessIsNotAlone: it is no successor, whatever its folder says.
func TestFence_AFencedProcessIsNotAlone(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	w.settle()
	a.desk.open("two")
	a.poll()
	a.alone()
	c := w.copyOf(b)
	w.settle()
	if !c.fenced() {
		t.Fatal("the copy does not stand back")
	}
	c.successor = true
	c.wires[0].cut = true
	c.crash()
	c.runsFor(10 * time.Minute)
	if got := len(c.arrived()); got != 1 {
		t.Errorf("%d events wait, want the one that the copy began with", got)
	}
}
