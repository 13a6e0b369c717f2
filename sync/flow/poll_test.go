package flow_test

import (
	"context"
	"io"
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/work"
)

// TestPoll_ATicketThatWaitsAnywayCostsNoWrite: while a peer is away, people edit the
// same tickets again and again. The row says already that the ticket is to be looked at.
func TestPoll_ATicketThatWaitsAnywayCostsNoWrite(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	a.wires[0].cut = true
	a.desk.set(ref, "summary", "two") // is on its way
	w.settle()
	a.desk.set(ref, "summary", "three") // waits behind it
	w.settle()
	before := a.store.Stats().Puts
	for range 5 {
		a.desk.set(ref, "summary", "four")
		a.poll()
		a.alone()
	}
	if got := a.store.Stats().Puts - before; got != 5 {
		t.Errorf("five edits were %d puts, want the cursor's five", got)
	}
	a.desk.set(ref, "summary", "five")
	a.poll()
	a.crash() // and what was not written again is not lost
	a.wires[0].cut = false
	w.settle()
	if got := b.one().Fields["summary"]; got != "five" || a.rows('w') != 0 {
		t.Errorf("the peer has %q, and %d rows are left", got, a.rows('w'))
	}
}

// lateReader is a tracker in which something happens after each time a ticket was read.
type lateReader struct {
	*desk
	after func()
	wrote func()
}

func (l *lateReader) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	ticket, err := l.desk.Read(ctx, ref)
	l.after()
	return ticket, err
}

// TestPoll_AnEditBehindTheReadingIsLookedAtAgain: the row was there, and says the
// same; but the look that is under way will end it.
func TestPoll_AnEditBehindTheReadingIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	once := true
	a.tracker = &lateReader{desk: a.desk, after: func() {
		if once && a.desk.get(ref).Fields["summary"] == "two" {
			once = false
			a.desk.set(ref, "summary", "three")
			a.poll()
		}
	}}
	a.boot()
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := b.one().Fields["summary"]; got != "three" || once {
		t.Errorf("the peer has %q, want three", got)
	}
}

// Write polls after each write.
func (l *lateReader) Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	w, err := l.desk.Write(ctx, step, body)
	if l.wrote != nil {
		l.wrote()
	}
	return w, err
}

// TestPoll_AnEditBehindTheReadingBackIsLookedAt: our write has been polled already, so
// that the row was there when the ticket was read back, which will end it.
func TestPoll_AnEditBehindTheReadingBackIsLookedAt(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	once, at := true, b.one().Ref
	tracker := &lateReader{desk: b.desk, wrote: b.poll}
	tracker.after = func() {
		if once && b.one().Fields["summary"] == "two" {
			once = false
			b.desk.set(at, "status", "Waiting")
			b.poll()
		}
	}
	b.tracker = tracker
	b.boot()
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := a.desk.get(ref).Fields["status"]; got != "Waiting" || once {
		t.Errorf("the other side has %q, want Waiting", got)
	}
}

// TestWork_AStopWithinAFilterParksNothing: a node that is stopped cuts its filters
// short, which says nothing about them.
func TestWork_AStopWithinAFilterParksNothing(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ctx, stop := context.WithCancel(t.Context())
	ref := a.desk.open("one")
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" {
			stop()
		}
		return nil
	}
	a.must(a.path.Touch(a.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseEdit}))
	a.must(a.path.Work(ctx, a.con().ID, ref))
	a.must(a.path.Works(a.con(), func(_ event.Ref, row work.Row) bool {
		if row.Parked || row.Code != event.CodeNone {
			t.Errorf("a stop within a filter left %+v", row)
		}
		return true
	}))
	a.desk.on = func(string, event.Step) error { return nil }
	w.pass(time.Second)
	w.settle()
	if len(b.desk.all()) != 1 || a.saw("held") != 0 {
		t.Errorf("the peer has %d tickets, held %d times", len(b.desk.all()), a.saw("held"))
	}
}

// TestApply_AStopWithinAFilterParksNothing is the same on the way in.
func TestApply_AStopWithinAFilterParksNothing(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	a.poll()
	a.alone()
	ids := b.arrived()
	if len(ids) != 1 {
		t.Fatalf("%d events arrived", len(ids))
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b.must(b.path.Apply(ctx, b.con().ID, ids[0]))
	if got := b.saw("parked"); got != 0 {
		t.Errorf("parked %d times", got)
	}
	w.settle()
	if len(b.desk.all()) != 1 {
		t.Errorf("the peer has %d tickets", len(b.desk.all()))
	}
}
