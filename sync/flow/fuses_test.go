package flow_test

import (
	"strconv"
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/fuse"
	"parley/sync/twin"
	"parley/sync/work"
)

func TestFuse_ClosesThatBlewItWaitForAPerson(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Fuse, b.wires[0].rules.Closed = fuse.Limits{Closes: 3}, []string{"Done"}
	var refs []event.Ref
	for i := range 10 {
		refs = append(refs, a.desk.open(strconv.Itoa(i)))
	}
	w.settle()
	for _, ref := range refs {
		a.desk.set(ref, "status", "Done")
		a.desk.set(ref, "summary", "closed")
	}
	w.settle()
	closed := func() int {
		count := 0
		for _, k := range b.desk.all() {
			if k.Fields["status"] == "Done" {
				count++
			}
		}
		return count
	}
	if got := closed(); got != 3 || b.saw("fuse") != 1 {
		t.Fatalf("%d closed, want 3; blew %d times", got, b.saw("fuse"))
	}
	b.crash()
	w.pass(3 * time.Hour)
	w.settle()
	if got := closed(); got != 3 || len(b.con().Blown()) != 1 || b.rows('i') != 7 {
		t.Fatalf("after a restart %d are closed, blown: %v, %d events wait", got, b.con().Blown(), b.rows('i'))
	}
	// Others go on meanwhile.
	other := a.desk.open("other")
	w.settle()
	if a.twinOf(other).Out != nil {
		t.Error("another ticket waits too")
	}
	for range 3 {
		b.must(b.path.ResetFuses(b.con()))
		w.settle()
	}
	if got := closed(); got != 10 || len(b.con().Blown()) != 0 {
		t.Errorf("let go on three times, %d of 10 are closed, blown: %v", got, b.con().Blown())
	}
}

func TestFuse_CreatesAreSlowedAndNotStopped(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Fuse = fuse.Limits{Creates: 2}
	for i := range 5 {
		a.desk.open(strconv.Itoa(i))
	}
	a.poll()
	w.run()
	if got := len(b.desk.all()); got != 2 {
		t.Fatalf("%d tickets in the first minute, want 2", got)
	}
	w.pass(time.Minute)
	w.settle()
	if got := len(b.desk.all()); got != 5 || len(b.con().Blown()) != 0 {
		t.Errorf("%d of 5 tickets, blown: %v", got, b.con().Blown())
	}
}

// TestFuse_AScopeThatLosesAllTicketsEndsFewTwins: so does a tracker that finds
// none of its tickets any more.
func TestFuse_AScopeThatLosesAllTicketsEndsFewTwins(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{true, false} {
		t.Run("gone "+strconv.FormatBool(gone), func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.wires[0].rules.Ended = flow.EndNote
			var refs []event.Ref
			for i := range 8 {
				refs = append(refs, a.desk.open(strconv.Itoa(i)))
			}
			w.settle()
			r := a.wires[0].rules
			r.Fuse, r.Leave = fuse.Limits{Ends: 2}, flow.EndStop
			if gone {
				for _, ref := range refs {
					a.desk.drop(ref)
				}
			} else {
				r.Scope = inScope(t, "false")
			}
			for _, ref := range refs {
				a.touch(ref, work.Seen{Cause: event.CauseEdit})
			}
			w.settle()
			ended := 0
			for _, ref := range refs {
				if a.twinOf(ref).State != twin.Live {
					ended++
				}
			}
			noted := 0
			for _, k := range b.desk.all() {
				noted += len(notes(k))
			}
			if ended != 2 || noted != 2 || a.rows('w') != 6 {
				t.Errorf("%d twins ended, %d notes at the peer, %d tickets held; want 2, 2, 6", ended, noted, a.rows('w'))
			}
		})
	}
}
