package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/work"
)

// TestSettle_WhatWasParkedAndThenAppliedIsWithThePeer: it is on record as said, and
// is not said again.
func TestSettle_WhatWasParkedAndThenAppliedIsWithThePeer(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	a.desk.comment(ref, "later", false)
	a.desk.set(ref, "summary", "two")
	w.settle()
	if a.saw("parked by peer") != 1 {
		t.Fatal("the event was not parked")
	}
	b.desk.on = func(string, event.Step) error { return nil }
	w.pass(time.Hour)
	w.settle()
	for _, n := range []*node{a, b} {
		if c := n.compare(); len(c.Differ)+len(c.Moving) > 0 {
			t.Errorf("not alike on both sides: %+v %+v", c.Differ, c.Moving)
		}
	}
	sent := a.saw("queued")
	a.must(a.path.Touch(a.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseEdit}))
	w.settle()
	if got := a.saw("queued") - sent; got != 0 {
		t.Errorf("it was said again: %d events", got)
	}
}

// TestPark_WhatAParkedEventSaidCountsAsReceived: a newer event takes its place and
// does not say all of it again, since ours won meanwhile.
func TestPark_WhatAParkedEventSaidCountsAsReceived(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	there := b.one().Ref
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	a.desk.set(ref, "summary", "two")
	w.settle()
	w.pass(time.Minute)
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrRejected, call)
		}
		return nil
	}
	b.desk.set(there, "summary", "three")
	w.settle()
	if got := a.one().Fields["summary"]; got != "three" {
		t.Fatalf("the later edit did not win: %v", got)
	}
	b.desk.on = func(string, event.Step) error { return nil }
	a.desk.set(ref, "status", "Done")
	w.settle()
	if got := b.one().Fields; got["summary"] != "three" || got["status"] != "Done" {
		t.Errorf("the peer has %v", got)
	}
	for _, n := range []*node{a, b} {
		if c := n.compare(); len(c.Differ)+len(c.Moving) > 0 {
			t.Errorf("not alike on both sides: %+v %+v", c.Differ, c.Moving)
		}
	}
}
