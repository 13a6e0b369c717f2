package flow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/flow"
)

// standing is what people see of a desk: tickets with their comments and files.
func (n *node) standing() []string {
	var out []string
	for _, k := range n.desk.all() {
		comments, attachments := bodies(k), files(k)
		slices.Sort(comments)
		slices.Sort(attachments)
		out = append(out, fmt.Sprintf("%v %v %v %v %v", k.Fields["summary"], k.Fields["status"], k.Fields["labels"], comments, attachments))
	}
	slices.Sort(out)
	return out
}

// restored lets two nodes live, takes a backup of one, lets them live on, goes
// back to the backup, and holds them to "nothing lost, nothing twice".
func restored(t *testing.T, pick func(a, b *node) *node) {
	t.Helper()
	w, a, b := pair(t)
	life := func(round string) {
		for _, n := range w.nodes {
			for _, k := range n.desk.all() {
				n.desk.comment(k.Ref, fmt.Sprint(round, n.name, "on", k.Fields["summary"]), false)
			}
			ref := n.desk.open(round + " of " + n.name)
			n.desk.attach(ref, round+".txt", round+n.name)
		}
		w.settle()
	}
	life("before")
	victim := pick(a, b)
	backup := victim.store.Snapshot()
	life("after")
	for _, k := range a.desk.all() {
		a.desk.set(k.Ref, "status", "Done")
	}
	w.settle()
	a.desk.open("under way")
	a.poll()
	a.alone() // the peer has it, and its outcome is not back
	want := append(a.standing(), b.standing()...)
	if len(want) != 9 {
		t.Fatalf("the nodes were not in step: %q", want)
	}
	victim.restore(backup)
	w.settle()
	if a.saw("healing")+b.saw("healing") == 0 {
		t.Error("nobody noticed")
	}
	if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
		t.Errorf("the two sides (-a +b):\n%s", diff)
	}
	if got := a.standing(); len(got) != 5 || !slices.Contains(got, fmt.Sprintf("%v %v %v %v %v", "under way", "Open", []any{}, []string(nil), []string(nil))) {
		t.Errorf("tickets: %q", got)
	}
	seen := append(a.standing(), b.standing()...)
	for _, k := range want {
		if !slices.Contains(seen, k) {
			t.Errorf("was lost, or has something twice: %s", k)
		}
	}
	for _, n := range w.nodes {
		for _, kind := range []byte("wiqjd") {
			if got := n.rows(kind); got != 0 {
				t.Errorf("%s: %d rows %c are left", n.name, got, kind)
			}
		}
	}
}

func TestHello_PeerRestoredFromBackupHeals(t *testing.T) {
	t.Parallel()
	restored(t, func(_, b *node) *node { return b })
}

func TestHello_WeRestoredFromBackupHeal(t *testing.T) {
	t.Parallel()
	restored(t, func(a, _ *node) *node { return a })
}

// TestHeal_GoesOnAfterACrash: a heal that a crash cuts short is finished by the
// next process, whichever commit was the last.
func TestHeal_GoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	cut := 0
	for commit := 1; commit <= 8; commit++ {
		w, a, b := pair(t)
		ref := a.desk.open("one")
		w.settle()
		backup := b.store.Snapshot()
		a.desk.set(ref, "summary", "two")
		w.settle()
		b.restore(backup)
		b.desk.set(b.one().Ref, "status", "Done")
		b.poll()
		b.alone() // it says hello, and a makes sure that the last process is gone
		a.store.FailCommit(commit)
		cut += a.cutShort()
		if a.rows('d') != 0 {
			t.Errorf("commit %d: the heal is still under way after the start", commit)
		}
		w.settle()
		if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
			t.Errorf("commit %d: the two sides (-a +b):\n%s", commit, diff)
		}
		if got := a.one(); got.Fields["summary"] != "two" || got.Fields["status"] != "Done" {
			t.Errorf("commit %d: ended as %v", commit, got.Fields)
		}
	}
	if cut == 0 {
		t.Error("no crash was in the midst of a heal")
	}
}

// cutShort runs a node until its store fails, and starts it again; it counts the
// heals that were under way.
func (n *node) cutShort() (cut int) {
	n.w.t.Helper()
	for n.store.Err() == nil {
		task, ok, _ := n.lanes.Take(n.w.at)
		if !ok {
			break
		}
		if task.Kind == flow.KindShip {
			_, _ = n.path.Ship(context.Background(), task.Con, task.Stream) // it may fail with the store
		}
		n.lanes.Leave(task, "")
	}
	n.store.FailCommit(0)
	n.store = n.store.Crash()
	cut = n.rows('d')
	n.boot()
	return cut
}

func TestHello_OfAnotherConnectionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node("a"), w.node("b")
	atA, _ := w.join(1, a, b)
	atA.con.ID = event.ConnectionID{2}
	b.desk.open("one")
	b.poll()
	b.alone()
	if got := a.arrived(); len(got) != 0 {
		t.Errorf("%d events arrived", len(got))
	}
}
