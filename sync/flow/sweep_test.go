package flow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
)

func atOnce(context.Context) error { return nil }

// sweep does a whole round.
func (n *node) sweep() flow.Swept {
	n.w.t.Helper()
	for range 20 {
		state, err := n.path.Sweep(n.w.t.Context(), n.con(), atOnce)
		n.must(err)
		if !state.Ended.IsZero() {
			return state
		}
	}
	n.w.t.Fatal("the sweep has no end")
	return flow.Swept{}
}

// TestSweep_FindsWhatAChangeTimeHides: an edit that moves no change time is not
// polled; the sweep finds it, and finds nothing in tickets that are as they were.
func TestSweep_FindsWhatAChangeTimeHides(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	for range 45 {
		a.desk.open("other")
	}
	ref := a.desk.open("one")
	a.desk.comment(ref, "as it was", false)
	w.settle()
	if state := a.sweep(); state.Tickets != 46 || state.Found != 0 {
		t.Errorf("of tickets in step the sweep says %+v", state)
	}
	a.desk.secretly(ref, "as it is")
	w.settle()
	if got := commentsOf(b, "one"); !cmp.Equal(got, []string{"as it was"}) {
		t.Fatalf("before the sweep the peer has %q", got)
	}
	before := len(w.sent)
	if state := a.sweep(); state.Found != 1 || state.Tickets != 46 {
		t.Errorf("the sweep says %+v", state)
	}
	w.settle()
	if got := commentsOf(b, "one"); !cmp.Equal(got, []string{"as it is"}) {
		t.Errorf("after the sweep the peer has %q", got)
	}
	if sent := len(w.sent) - before; sent > 4 {
		t.Errorf("%d messages left for one comment", sent)
	}
}

func commentsOf(n *node, summary string) []string {
	for _, k := range n.desk.all() {
		if k.Fields["summary"] == summary {
			return bodies(k)
		}
	}
	return nil
}

// TestSweep_GoesOnWhereItStopped: neither a restart nor a tracker that fails makes it
// begin anew, or leave a ticket out.
func TestSweep_GoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w, a, _ := pair(t)
	for range 50 {
		a.desk.open("other")
	}
	w.settle()
	first, err := a.path.Sweep(t.Context(), a.con(), atOnce)
	if err != nil || first.Tickets != 20 || !first.Ended.IsZero() {
		t.Fatalf("the first part says %+v, %v", first, err)
	}
	a.crash()
	away := trouble(adapters.ErrTransient, "read")
	reads := 0
	a.desk.on = func(call string, _ event.Step) error {
		if call != "read" {
			return nil
		}
		if reads++; reads == 5 {
			return away
		}
		return nil
	}
	part, err := a.path.Sweep(t.Context(), a.con(), atOnce)
	if !errors.Is(err, adapters.ErrTransient) || part.Tickets != 24 {
		t.Fatalf("with a tracker that fails: %+v, %v", part, err)
	}
	if state := a.sweep(); state.Tickets != 50 || reads != 5+26 {
		t.Errorf("the round ended as %+v after %d reads", state, reads)
	}
	if state := a.sweep(); state.Tickets != 50 {
		t.Errorf("the next round ended as %+v", state)
	}
}

// TestSweep_IsDueByItsInterval: a round begins an interval after the last one began.
func TestSweep_IsDueByItsInterval(t *testing.T) {
	t.Parallel()
	at := start()
	for _, tt := range []struct {
		name  string
		state flow.Swept
		every time.Duration
		want  bool
	}{
		{"never swept", flow.Swept{}, time.Hour, true},
		{"off", flow.Swept{}, 0, false},
		{"off, and asked for by a person", flow.Swept{Began: at}, 0, true},
		{"under way", flow.Swept{Began: at}, time.Hour, true},
		{"ended just now", flow.Swept{Began: at.Add(-time.Minute), Ended: at}, time.Hour, false},
		{"ended long ago", flow.Swept{Began: at.Add(-time.Hour), Ended: at}, time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.state.Due(at, tt.every); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestSweep_LeavesInteractiveWorkAlone: what it finds waits behind everything else,
// and what is under way already is not taken up twice.
func TestSweep_LeavesInteractiveWorkAlone(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	hidden, busy := a.desk.open("hidden"), a.desk.open("busy")
	a.desk.comment(hidden, "as it was", false)
	w.settle()
	a.desk.secretly(hidden, "as it is")
	if state := a.sweep(); state.Found != 1 {
		t.Fatalf("the sweep says %+v", state)
	}
	a.desk.set(busy, "summary", "urgent")
	a.poll()
	if state := a.sweep(); state.Found != 0 || state.Tickets != 2 {
		t.Errorf("of tickets that are to be looked at the sweep says %+v", state)
	}
	a.step() // one look: the urgent one
	a.step() // and its event leaves
	b.alone()
	if b.saw("applied") == 0 {
		a.step()
		b.alone()
	}
	if got := commentsOf(b, "hidden"); !cmp.Equal(got, []string{"as it was"}) {
		t.Errorf("bulk work came before the urgent: %q", got)
	}
	w.settle()
	if got := commentsOf(b, "hidden"); !cmp.Equal(got, []string{"as it is"}) {
		t.Errorf("in the end the peer has %q", got)
	}
	for _, k := range b.desk.all() {
		if k.Fields["summary"] == "busy" {
			t.Error("the urgent change did not arrive")
		}
	}
}
