package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/work"
)

// behind is a desk whose clock is behind, and that tells so.
type behind struct {
	*desk
	by time.Duration
}

func (b behind) Skew() (time.Duration, bool) { return -b.by, true }

// slow puts a node in front of a desk whose clock is behind ours.
func slow(w *world, n *node, by time.Duration) {
	n.desk.now = func() time.Time { return w.at.Add(-by) }
	n.tracker = behind{n.desk, by}
	n.boot()
}

// TestFind_ATrackerWhoseClockIsBehindIsAskedFurtherBack: what it made bears a time from
// before it was asked to.
func TestFind_ATrackerWhoseClockIsBehindIsAskedFurtherBack(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	slow(w, b, 5*time.Hour)
	lost := true
	b.desk.on = func(call string, step event.Step) error {
		if lost && call == "write done" && step.Kind == event.StepCreate {
			lost = false
			return trouble(adapters.ErrDoubt, "write")
		}
		return nil
	}
	a.desk.open("one")
	w.settle()
	if got := len(b.desk.all()); lost || got != 1 {
		t.Errorf("b has %d tickets, want 1", got)
	}
}

// TestWork_ATicketOfATrackerWhoseClockIsBehindStarts: made after the connection began, it
// bears a time from before.
func TestWork_ATicketOfATrackerWhoseClockIsBehindStarts(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	slow(w, a, 5*time.Minute)
	w.settle()
	a.wires[0].rules.Since = w.at
	old := a.desk.open("old")
	a.desk.find(old).Ref.Created -= 600
	w.pass(time.Minute)
	a.desk.open("new")
	w.settle()
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("b has %d tickets, want the new one", got)
	}
}

// TestWork_ATrackersClockIsKnownByAboutASecond: what it says and what is told of it are
// cut to seconds, each its own way.
func TestWork_ATrackersClockIsKnownByAboutASecond(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	slow(w, a, 5*time.Minute)
	a.desk.now = func() time.Time { return w.at.Add(-5*time.Minute - 2*time.Second) }
	w.settle()
	a.wires[0].rules.Since = w.at
	a.desk.open("new")
	w.settle()
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("b has %d tickets, want the new one", got)
	}
}

// misread is a desk of whose clock is told what was read last; one that is ahead is wrong
// and not settled.
type misread struct {
	*desk
	skew *time.Duration
}

func (m misread) Skew() (time.Duration, bool) { return *m.skew, *m.skew < 0 }

// TestWork_ATicketThatSeemsTooOldIsLookedAtAgain: what is known of the tracker's clock may
// be wrong when a ticket is looked at. One that is too old indeed stays where it is.
func TestWork_ATicketThatSeemsTooOldIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	wrong := 24 * time.Hour
	a.desk.now = func() time.Time { return w.at.Add(-5 * time.Hour) }
	a.tracker = misread{a.desk, &wrong}
	a.boot()
	w.settle()
	a.wires[0].rules.Since = w.at
	old := a.desk.open("old")
	a.desk.find(old).Ref.Created -= 600
	a.desk.open("new")
	for range 4 {
		a.poll()
		w.run()
		w.pass(5 * time.Second)
	}
	if got := len(b.desk.all()); got != 0 {
		t.Fatalf("b has %d tickets before the clock is known, want none", got)
	}
	wrong = -5 * time.Hour
	w.settle()
	if got := b.desk.all(); len(got) != 1 {
		t.Errorf("b has %d tickets, want the new one", len(got))
	}
	a.must(a.path.Works(a.con(), func(ref event.Ref, row work.Row) bool {
		t.Errorf("ticket %v waits for a clock that is known: %+v", ref, row)
		return true
	}))
}
