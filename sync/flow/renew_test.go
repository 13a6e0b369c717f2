package flow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/flow"
	"parley/sync/store"
)

// TestRenew_WhatThePeerCannotProveIsNotDoneTwice: an event is applied, and the
// backup that comes back knows nothing of it; nor does the peer, whose receipt
// was lost. No hello can find that out, so the restore says it.
func TestRenew_WhatThePeerCannotProveIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	backup := b.store.Snapshot()
	ref := a.desk.open("one")
	a.desk.comment(ref, "said once", false)
	a.poll()
	a.wires[0].deaf = true // what b replies is lost
	b.wires[0].deaf = true
	a.alone()
	a.wires[0].cut = true
	b.alone()
	if len(b.desk.all()) != 1 {
		t.Fatal("the event was not applied")
	}
	b.store = b.store.Restore(backup)
	b.must(b.store.Update(func(tx store.Tx) error { return flow.Renew(tx, b.wires[0].id) }))
	b.boot()
	a.wires[0].cut, a.wires[0].deaf, b.wires[0].deaf = false, false, false
	w.settle()
	if got := len(b.desk.all()); got != 1 {
		t.Fatalf("the ticket stands %d times at the restored peer", got)
	}
	if diff := cmp.Diff([]string{"said once"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the restored peer (-want +got):\n%s", diff)
	}
	b.desk.set(b.one().Ref, "summary", "two")
	w.settle()
	if got := a.one().Fields["summary"]; got != "two" {
		t.Errorf("we have %q", got)
	}
}

// TestRenew_BeginsOneEpochAtTheNextHello: and no second one at the hello after it.
func TestRenew_BeginsOneEpochAtTheNextHello(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	w.settle()
	healed := a.saw("healing")
	a.must(a.store.Update(func(tx store.Tx) error { return flow.Renew(tx, a.wires[0].id) }))
	a.crash()
	w.settle()
	if got := a.saw("healing") - healed; got != 1 {
		t.Errorf("%d heals after the first hello, want 1", got)
	}
	a.crash()
	b.crash()
	w.settle()
	if got := a.saw("healing") - healed; got != 1 {
		t.Errorf("%d heals in all, want 1", got)
	}
	for _, n := range w.nodes {
		n.one()
	}
}
