package flow_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

// holding is a pair whose first side keeps comments and files back for a minute.
func holding(t *testing.T) (w *world, a, b *node, ref event.Ref) {
	t.Helper()
	w, a, b = pair(t)
	a.wires[0].rules.Egress.Hold = time.Minute
	b.desk.edits = true
	ref = a.desk.open("first")
	w.settle()
	return w, a, b, ref
}

// soon lets a poll's changes go as far as they go at once.
func (w *world) soon() {
	w.t.Helper()
	for range 3 {
		for _, n := range w.nodes {
			n.poll()
		}
		w.run()
		w.pass(time.Second)
	}
}

// TestHold_CommentsAndFilesLeaveWhenTheyHaveStood: until then nothing of them leaves,
// while other fields of the ticket do.
func TestHold_CommentsAndFilesLeaveWhenTheyHaveStood(t *testing.T) {
	t.Parallel()
	w, a, b, ref := holding(t)
	a.desk.comment(ref, "one", false)
	a.desk.attach(ref, "log.txt", "content")
	w.soon()
	a.desk.set(ref, "summary", "second")
	w.soon()
	if k := b.one(); len(k.Comments)+len(k.Attachments) > 0 || k.Fields["summary"] != "second" {
		t.Errorf("after seconds the peer has %q with %q and %q", k.Fields["summary"], bodies(k), files(k))
	}
	w.pass(45 * time.Second)
	w.run()
	if k := b.one(); len(k.Comments)+len(k.Attachments) > 0 {
		t.Errorf("after %v the peer has %q and %q", w.at.Sub(a.one().Comments[0].Created), bodies(k), files(k))
	}
	w.pass(15 * time.Second)
	w.run()
	w.soon()
	if k := b.one(); !cmp.Equal(bodies(k), []string{"one"}) || !cmp.Equal(files(k), []string{"log.txt"}) {
		t.Errorf("after a minute the peer has %q and %q", bodies(k), files(k))
	}
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d work rows are left", got)
	}
}

// TestHold_AnEditInTheWindowIsAllThatThePeerSees: of what was written first nothing leaves.
func TestHold_AnEditInTheWindowIsAllThatThePeerSees(t *testing.T) {
	t.Parallel()
	w, a, b, ref := holding(t)
	a.desk.comment(ref, "the password is tulip", false)
	w.soon()
	a.desk.secretly(ref, "never mind")
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"never mind"}) {
		t.Errorf("the peer has %q", got)
	}
	for _, m := range w.sent {
		if bytes.Contains(m, []byte("tulip")) {
			t.Error("the first text left")
		}
	}
}

// TestHold_AnEditBeginsTheWaitAnew: what leaves has stood as it is, and a comment that
// was made later does not overtake it.
func TestHold_AnEditBeginsTheWaitAnew(t *testing.T) {
	t.Parallel()
	w, a, b, ref := holding(t)
	a.desk.comment(ref, "one", false)
	w.soon()
	a.desk.comment(ref, "two", false)
	w.pass(50 * time.Second)
	a.desk.reword(ref, 0, "one, better")
	w.pass(15 * time.Second)
	w.soon()
	if got := bodies(b.one()); len(got) > 0 {
		t.Errorf("after a minute and an edit the peer has %q", got)
	}
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"one, better", "two"}) {
		t.Errorf("the peer has %q", got)
	}
}

// TestHold_WhatIsTakenBackInTheWindowNeverLeaves: deleted, or made internal.
func TestHold_WhatIsTakenBackInTheWindowNeverLeaves(t *testing.T) {
	t.Parallel()
	w, a, b, ref := holding(t)
	a.desk.comment(ref, "one", false)
	a.desk.comment(ref, "two", false)
	w.soon()
	a.desk.hide(ref, 1)
	a.desk.unsay(ref, 0)
	w.settle()
	if got := bodies(b.one()); len(got) > 0 {
		t.Errorf("the peer has %q", got)
	}
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d work rows are left", got)
	}
}

// TestHold_AnotherProcessGoesOnWaiting: what waits is on record, and leaves after a crash
// without another change of the ticket.
func TestHold_AnotherProcessGoesOnWaiting(t *testing.T) {
	t.Parallel()
	w, a, b, ref := holding(t)
	a.desk.comment(ref, "one", false)
	w.soon()
	a.crash()
	w.run()
	if got := bodies(b.one()); len(got) > 0 {
		t.Errorf("after a crash the peer has %q", got)
	}
	w.pass(70 * time.Second)
	w.run()
	w.soon()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"one"}) {
		t.Errorf("after a minute the peer has %q", got)
	}
}

// TestHold_ATicketLeavesWithoutItsYoungComments: the ticket itself is not held.
func TestHold_ATicketLeavesWithoutItsYoungComments(t *testing.T) {
	t.Parallel()
	w, a, b, _ := holding(t)
	ref := a.desk.open("another")
	a.desk.comment(ref, "one", false)
	w.soon()
	all := b.desk.all()
	if len(all) != 2 || len(all[1].Comments) > 0 {
		t.Fatalf("the peer has %v", all)
	}
	w.settle()
	if got := bodies(b.desk.all()[1]); !cmp.Equal(got, []string{"one"}) {
		t.Errorf("the peer has %q", got)
	}
}
