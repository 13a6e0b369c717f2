package flow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// TestBreaker_WhatFailsForAllIsTriedWithOneAndGoesOnAtOnce: while the tracker
// takes nothing, a few tickets are tried and the rest waits untouched; once it
// takes one, all go on, without anybody's help.
func TestBreaker_WhatFailsForAllIsTriedWithOneAndGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	for name, class := range map[string]error{"denied": adapters.ErrDenied, "away": adapters.ErrTransient, "rejected": adapters.ErrRejected} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			w.settle()
			tries, refuse := 0, true
			b.desk.on = func(call string, _ event.Step) error {
				if call != "write" || !refuse {
					return nil
				}
				tries++
				return trouble(class, call)
			}
			for i := range 60 {
				a.desk.open(fmt.Sprint("ticket ", i))
			}
			a.poll()
			w.run()
			for range 12 {
				w.pass(5 * time.Minute)
				w.run()
			}
			// Ten open it, a dozen probes a minute apart and more make an hour.
			if tries < 10 || tries > 60 {
				t.Errorf("%d writes were tried in an hour, want some ten and a few probes", tries)
			}
			_, in := b.con().Broken()
			if in.Since.IsZero() || b.saw("broken") != 1 {
				t.Errorf("the connection is not shown as broken: %+v", in)
			}
			refuse = false
			w.pass(5 * time.Minute)
			w.run()
			if got := len(b.desk.all()); got != 60 {
				t.Errorf("%d tickets five minutes after the tracker takes them, want 60", got)
			}
			if _, in = b.con().Broken(); !in.Since.IsZero() || b.saw("mended") != 1 {
				t.Errorf("the connection is still shown as broken: %+v", in)
			}
			w.settle()
			if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
				t.Errorf("the two sides (-a +b):\n%s", diff)
			}
		})
	}
}

// TestBreaker_ATicketThatIsGoneWhileItIsTriedStopsNoProbing: the next one is tried.
func TestBreaker_ATicketThatIsGoneWhileItIsTriedStopsNoProbing(t *testing.T) {
	t.Parallel()
	w, a, _ := pair(t)
	w.settle()
	refuse := true
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" && refuse {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	for i := range 20 {
		a.desk.open(fmt.Sprint("ticket ", i))
	}
	a.poll()
	w.run()
	if out, _ := a.con().Broken(); out.Since.IsZero() {
		t.Fatal("it is not broken")
	}
	for _, k := range a.desk.all()[:15] {
		a.must(a.path.SkipWork(a.con(), k.Ref))
	}
	refuse = false
	w.pass(time.Hour)
	w.run()
	if out, _ := a.con().Broken(); !out.Since.IsZero() {
		t.Errorf("it is still broken: %+v", out)
	}
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d rows of work are left", got)
	}
}

// TestLimit_OneAnswerHoldsForAllTickets: a tracker that wants to be left alone is
// left alone.
func TestLimit_OneAnswerHoldsForAllTickets(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	calls := 0
	b.desk.on = func(call string, _ event.Step) error {
		if calls++; calls == 1 {
			return &adapters.Error{Class: adapters.ErrLimited, Op: call, After: 10 * time.Minute}
		}
		return nil
	}
	for i := range 20 {
		a.desk.open(fmt.Sprint("ticket ", i))
	}
	a.poll()
	w.run()
	for range 9 {
		w.pass(time.Minute)
		w.run()
	}
	if calls != 1 {
		t.Errorf("the tracker was called %d times in nine minutes after it asked for ten of silence", calls)
	}
	if got, want := b.path.Limited(), w.at.Add(time.Minute); !got.Equal(want) {
		t.Errorf("it is shown as limited until %v, want %v", got, want)
	}
	w.pass(2 * time.Minute)
	w.settle()
	if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
		t.Errorf("the two sides (-a +b):\n%s", diff)
	}
}

// TestPark_APermissionThatComesBackDrivesWhatItParked: not the hour of a late
// retry, but the next poll.
func TestPark_APermissionThatComesBackDrivesWhatItParked(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	deny := true
	b.desk.on = func(call string, _ event.Step) error {
		if deny {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	a.desk.open("one")
	w.run()
	a.poll()
	w.run()
	if _, err := b.path.Poll(t.Context()); err == nil {
		t.Fatal("the poll was let in")
	}
	if b.saw("parked") != 1 {
		t.Fatalf("parked %d times, want once", b.saw("parked"))
	}
	deny = false
	b.poll()
	w.run()
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("%d tickets after the permission came back, want 1", got)
	}
}

// TestPark_ARestartDrivesWhatAPermissionParked: the process that saw the permission
// come back may have died before it polled.
func TestPark_ARestartDrivesWhatAPermissionParked(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	b.desk.on = func(call string, _ event.Step) error { return trouble(adapters.ErrDenied, call) }
	a.desk.open("one")
	a.poll()
	w.run()
	if b.saw("parked") != 1 {
		t.Fatalf("parked %d times, want once", b.saw("parked"))
	}
	b.desk.on = func(string, event.Step) error { return nil }
	b.crash()
	for range 5 {
		w.pass(time.Second)
		w.run()
	}
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("%d tickets after the restart, want 1", got)
	}
}
