package flow_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

func (n *node) past(ref event.Ref) []flow.PastEvent {
	n.w.t.Helper()
	past, err := n.path.Past(n.con(), ref)
	n.must(err)
	return past
}

func (n *node) planUndo(ref event.Ref, at event.Position) flow.Undo {
	n.w.t.Helper()
	u, err := n.path.PlanUndo(context.Background(), n.con(), ref, at)
	n.must(err)
	return u
}

// edited is a pair of which a changed summary and status, and b has applied it.
func edited(t *testing.T) (w *world, a, b *node, ours, theirs event.Ref) {
	t.Helper()
	w, a, b = pair(t)
	ours = a.desk.open("one")
	w.settle()
	theirs = b.one().Ref
	a.desk.set(ours, "summary", "two")
	a.desk.set(ours, "status", "Done")
	a.desk.comment(ours, "why", false)
	w.settle()
	return w, a, b, ours, theirs
}

func TestPast_TellsBothSidesWhatEachEventDid(t *testing.T) {
	t.Parallel()
	_, a, b, ours, theirs := edited(t)
	got := b.past(theirs)
	last := got[len(got)-1]
	want := twin.Past{Pos: last.Pos, At: last.At, Verdict: event.Applied, Kept: true}
	if diff := cmp.Diff(want, last.Past); diff != "" {
		t.Errorf("the last event at b (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"status", "summary"}, last.Fields); diff != "" || last.Items != 1 || last.Cause != event.CauseEdit {
		t.Errorf("fields (-want +got):\n%s%d items, %s", diff, last.Items, last.Cause)
	}
	if diff := cmp.Diff(event.Fields{"summary": "one", "status": "Open"}, last.Before); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	for _, e := range got[:len(got)-1] {
		if e.Before != nil {
			t.Errorf("event %v can be undone: a create cannot", e.Pos)
		}
	}
	sent := a.past(ours)
	if e := sent[len(sent)-1]; !e.Out || e.Verdict != event.Applied || e.Waiting || len(e.Fields) != 2 {
		t.Errorf("the last event at a: %+v", e)
	}
}

func TestUndo_PutsBackAndLeavesAsAnEdit(t *testing.T) {
	t.Parallel()
	w, a, b, _, theirs := edited(t)
	u := b.planUndo(theirs, event.Position{})
	if diff := cmp.Diff(event.Fields{"summary": "one", "status": "Open"}, u.Set); diff != "" || len(u.Changed) != 0 {
		t.Fatalf("to be put back (-want +got):\n%s changed since: %v", diff, u.Changed)
	}
	if got := b.one().Fields["summary"]; got != "two" {
		t.Fatalf("planning wrote %v", got)
	}
	b.must(b.path.Undo(b.con(), u, false))
	if err := b.path.Undo(b.con(), u, false); !errors.Is(err, flow.ErrBusy) {
		t.Errorf("a second undo meanwhile: %v, want ErrBusy", err)
	}
	w.settle()
	inStep(t, a.one(), b.one(), "one", "Open", []string{"why"})
	if len(b.chores()) != 0 || b.saw("undone") != 1 {
		t.Errorf("left to do: %+v; undone %d times", b.chores(), b.saw("undone"))
	}
	// What was undone is undone: nothing of it is left to put back.
	if again := b.planUndo(theirs, u.At); len(again.Set) != 0 {
		t.Errorf("a second time it would write %v", again.Set)
	}
}

func TestUndo_OfAnOlderEventTellsWhatWasChangedSince(t *testing.T) {
	t.Parallel()
	w, a, b, ours, theirs := edited(t)
	first := b.planUndo(theirs, event.Position{}).At
	a.desk.set(ours, "summary", "three")
	w.settle()
	b.desk.set(theirs, "status", "Waiting")
	w.settle()
	u := b.planUndo(theirs, first)
	if diff := cmp.Diff([]string{"status", "summary"}, u.Changed); diff != "" {
		t.Errorf("changed since (-want +got):\n%s", diff)
	}
	b.must(b.path.Undo(b.con(), u, true))
	w.settle()
	inStep(t, a.one(), b.one(), "one", "Open", []string{"why"})
}

// TestUndo_GivesWayToAPersonWhoWasFaster: between the asking and the writing.
func TestUndo_GivesWayToAPersonWhoWasFaster(t *testing.T) {
	t.Parallel()
	w, _, b, _, theirs := edited(t)
	b.must(b.path.Undo(b.con(), b.planUndo(theirs, event.Position{}), false))
	b.desk.set(theirs, "summary", "a person's")
	w.settle()
	waiting := b.chores()
	if len(waiting) != 1 || !waiting[0].Parked || waiting[0].Stuck != event.CodeConflict {
		t.Fatalf("waiting: %+v, want one conflict", waiting)
	}
	if got := b.one().Fields["summary"]; got != "a person's" {
		t.Errorf("the undo wrote %v over it", got)
	}
	b.must(b.path.SkipChore(b.con(), waiting[0].Twin, waiting[0].Name))
	w.settle()
	if len(b.chores()) != 0 {
		t.Errorf("left to do: %+v", b.chores())
	}
}

func TestUndo_IsDoneOnceAlsoAfterACrash(t *testing.T) {
	t.Parallel()
	w, a, b, _, theirs := edited(t)
	writes := 0
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write done" {
			if writes++; writes == 1 {
				b.store.FailCommit(1)
			}
		}
		return nil
	}
	b.must(b.path.Undo(b.con(), b.planUndo(theirs, event.Position{}), false))
	if !b.dies() {
		t.Fatal("nothing died")
	}
	w.settle()
	inStep(t, a.one(), b.one(), "one", "Open", []string{"why"})
	if writes != 1 || len(b.chores()) != 0 {
		t.Errorf("%d writes, want 1; left to do: %+v", writes, b.chores())
	}
}

// TestUndo_WaitsForAWriteThatIsInDoubt: what was written and is not on record must
// not be found missing, and written again over the undo.
func TestUndo_WaitsForAWriteThatIsInDoubt(t *testing.T) {
	t.Parallel()
	w, a, b, ours, theirs := edited(t)
	first := true
	b.desk.on = func(call string, step event.Step) error {
		if call == "write done" && step.Fields["status"] == "Waiting" && first {
			first = false
			return trouble(adapters.ErrDoubt, call)
		}
		return nil
	}
	u := b.planUndo(theirs, event.Position{})
	delete(u.Set, "status")
	a.desk.set(ours, "status", "Waiting")
	a.poll()
	w.run()
	if first {
		t.Fatal("nothing is in doubt")
	}
	b.must(b.path.Undo(b.con(), u, false))
	w.run()
	if got := b.one().Fields["summary"]; got != "two" {
		t.Errorf("beside a write in doubt the undo wrote %v", got)
	}
	w.settle()
	inStep(t, a.one(), b.one(), "one", "Waiting", []string{"why"})
}

// TestUndo_WaitsForATrackerThatDoesNotAnswer: it is on record before it is tried.
func TestUndo_WaitsForATrackerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w, a, b, _, theirs := edited(t)
	b.must(b.path.Undo(b.con(), b.planUndo(theirs, event.Position{}), false))
	down := true
	b.desk.on = func(call string, _ event.Step) error {
		if down {
			return trouble(adapters.ErrTransient, call)
		}
		return nil
	}
	b.alone()
	b.crash()
	down = false
	w.pass(time.Minute)
	w.settle()
	inStep(t, a.one(), b.one(), "one", "Open", []string{"why"})
}

// TestPast_IsBounded: in events, and in what is kept of each.
func TestPast_IsBounded(t *testing.T) {
	t.Parallel()
	w, a, b, ours, theirs := edited(t)
	for i := range 2 * twin.MostPast {
		a.desk.set(ours, "summary", strconv.Itoa(i))
		w.settle()
	}
	kept := 0
	for _, e := range b.past(theirs) {
		if e.Before != nil {
			kept++
		}
	}
	if got := b.rows('z'); kept != twin.MostPast || got != kept {
		t.Errorf("%d events can be undone, %d rows are kept, want %d", kept, got, twin.MostPast)
	}
	a.desk.set(ours, "summary", strings.Repeat("x", 80<<10))
	w.settle()
	if got := b.rows('z'); got != twin.MostPast-1 {
		t.Errorf("%d rows are kept after a text that is too long to be put back", got)
	}
}
