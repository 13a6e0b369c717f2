package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

// TestReceipt_OfARestoredPeerStopsNothing: the peer comes back from a backup
// between two envelopes and has less than it gave receipts for. That is for the
// hello to find out; it is no proof that it cheats.
func TestReceipt_OfARestoredPeerStopsNothing(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	backup := b.store.Snapshot()
	for _, summary := range []string{"two", "three"} {
		a.desk.set(ref, "summary", summary)
		w.settle()
	}
	b.restore(backup)
	a.desk.set(ref, "summary", "four")
	a.poll()
	a.alone() // it sends before the peer has said hello
	w.settle()
	if got := a.saw("stopped") + b.saw("stopped"); got != 0 {
		t.Errorf("the connection was stopped %d times", got)
	}
	if got := b.one().Fields["summary"]; got != "four" {
		t.Errorf("the peer has %q", got)
	}
}

// TestHeal_AddsNoCommentThatIsThere: also where fields are set before.
func TestHeal_AddsNoCommentThatIsThere(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	backup := b.store.Snapshot()
	a.desk.comment(ref, "said once", false)
	w.settle()
	b.restore(backup)
	a.desk.set(ref, "summary", "two") // the heal sets a field and brings the comment up
	w.settle()
	if diff := cmp.Diff([]string{"said once"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the restored peer (-want +got):\n%s", diff)
	}
}

// TestApply_WhatABackupStillHadToDoIsLookedForFirst: the backup was taken while an
// event waited that was applied since.
func TestApply_WhatABackupStillHadToDoIsLookedForFirst(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	a.desk.comment(ref, "said once", false)
	a.poll()
	a.alone()
	if len(b.arrived()) != 1 {
		t.Fatal("nothing waits at the peer")
	}
	backup := b.store.Snapshot()
	w.settle()
	b.restore(backup)
	w.settle()
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("the ticket stands %d times at the restored peer", got)
	}
	if diff := cmp.Diff([]string{"said once"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the restored peer (-want +got):\n%s", diff)
	}
}

// TestApply_WhatABackupForgotIsLookedForWhenItCanBeFound: the last write of the
// earlier life may have been a moment ago, and the tracker's index behind.
func TestApply_WhatABackupForgotIsLookedForWhenItCanBeFound(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	a.poll()
	a.alone()
	backup := b.store.Snapshot()
	w.run()
	b.restore(backup)
	restored, looked := w.at, time.Time{}
	b.desk.on = func(call string, _ event.Step) error {
		if call == "find" && looked.IsZero() {
			looked = w.at
		}
		return nil
	}
	w.settle()
	if looked.Sub(restored) < settleTime {
		t.Errorf("looked for after %v, want %v at least", looked.Sub(restored), settleTime)
	}
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("the ticket stands %d times at the restored peer", got)
	}
}

// TestApply_ATwinThatWasForgottenMakesNoSecondTicket: we are restored right after
// our ticket left, and the peer goes on with its twin before we have looked at the
// ticket again. What it says is a part, and no ticket is made of it.
func TestApply_ATwinThatWasForgottenMakesNoSecondTicket(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	backup := a.store.Snapshot()
	a.desk.open("one")
	a.poll()
	a.alone()
	a.restore(backup)
	w.run()
	b.poll()
	w.run() // the peer tells of its key
	if got := len(b.desk.all()); got != 1 {
		t.Fatalf("the peer has %d tickets, want 1", got)
	}
	if got := len(a.desk.all()); got != 1 {
		t.Errorf("we have %d tickets, want ours alone", got)
	}
	w.settle()
	for _, n := range w.nodes {
		if got := len(n.desk.all()); got != 1 {
			t.Errorf("%s has %d tickets, want 1", n.name, got)
		}
	}
}
