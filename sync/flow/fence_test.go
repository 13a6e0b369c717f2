package flow_test

import (
	"testing"
	"time"

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
