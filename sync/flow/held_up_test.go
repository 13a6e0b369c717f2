package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// TestApply_WhatAPlanHeldUpGoesOnWhenItIsSkipped: while a plan waits for the tracker,
// an edit of our people waits for the plan. It leaves also if the plan is never done.
func TestApply_WhatAPlanHeldUpGoesOnWhenItIsSkipped(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrTransient, call)
		}
		return nil
	}
	a.desk.set(ref, "summary", "two")
	a.poll()
	w.run()
	b.desk.set(b.one().Ref, "status", "Done")
	b.poll()
	w.run()
	b.must(b.path.SkipInbox(b.con(), b.arrived()[0]))
	for range 5 {
		w.run()
		w.pass(time.Second)
	}
	if got := a.one().Fields["status"]; got != "Done" || b.rows('w') != 0 {
		t.Errorf("the edit that waited has not left: %v, %d rows of work", got, b.rows('w'))
	}
}
