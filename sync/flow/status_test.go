package flow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/twin"
)

// flowing is a desk that tells its workflow.
type flowing struct {
	*desk
	// silent desks say of a ticket's next statuses nothing, and find out when one
	// is set.
	silent bool
}

var _ adapters.Workflow = flowing{}

func (f flowing) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	k, err := f.desk.Read(ctx, ref)
	if status, ok := k.Fields["status"].(string); ok && !f.silent {
		k.Next = f.moves[status]
	}
	return k, err
}

func (f flowing) Moves(context.Context, event.Ref) (map[string][]string, error) { return f.moves, nil }

func (f flowing) History(_ context.Context, _ event.Ref, since time.Time) ([]adapters.Edit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.history), func(e adapters.Edit) bool { return e.At.Before(since) }), nil
}

// longWay is a workflow in which Open and Done are three moves apart.
func longWay() map[string][]string {
	return map[string][]string{"Open": {"Waiting", "Closed"}, "Waiting": {"Open", "Testing"}, "Testing": {"Waiting", "Done"}, "Done": {"Open"}}
}

// walking is a pair whose b has a workflow, and one ticket in step.
func walking(t *testing.T, silent bool) (w *world, a, b *node, ref event.Ref) {
	t.Helper()
	w, a, b = pair(t)
	b.desk.moves, b.desk.history = longWay(), []adapters.Edit{}
	b.tracker = flowing{desk: b.desk, silent: silent}
	b.boot()
	ref = a.desk.open("one")
	w.settle()
	return w, a, b, ref
}

// statuses are those that a desk was made to write, in order.
func (d *desk) statuses() (out []string) {
	for _, e := range d.history {
		if e.Own && e.Field == "status" {
			out = append(out, e.New.(string))
		}
	}
	return out
}

func TestPlan_TheStatusIsWrittenLast(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	var wrote []string
	b.desk.on = func(call string, step event.Step) error {
		if call == "write done" {
			what := string(step.Kind)
			if _, ok := step.Fields["status"]; ok {
				what += " status"
			}
			wrote = append(wrote, what)
		}
		return nil
	}
	a.desk.set(ref, "status", "Done")
	a.desk.set(ref, "summary", "two")
	a.desk.comment(ref, "that is why", false)
	w.settle()
	if diff := cmp.Diff([]string{"update", "comment", "update status"}, wrote); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
	// With nothing behind them, fields go with the transition that may demand them.
	wrote = nil
	a.desk.set(ref, "status", "Open")
	a.desk.set(ref, "summary", "three")
	w.settle()
	if diff := cmp.Diff([]string{"update status"}, wrote); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
}

func TestPlan_AStatusIsWalkedToWhereTheWorkflowAllowsNoDirectMove(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"told beforehand": false, "found out": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b, ref := walking(t, silent)
			a.desk.set(ref, "status", "Done")
			a.desk.set(ref, "summary", "two")
			a.desk.comment(ref, "that is why", false)
			w.settle()
			if diff := cmp.Diff([]string{"Waiting", "Testing", "Done"}, b.desk.statuses()); diff != "" {
				t.Errorf("statuses written (-want +got):\n%s", diff)
			}
			k := b.one()
			if k.Fields["status"] != "Done" || k.Fields["summary"] != "two" || len(k.Comments) != 1 {
				t.Errorf("b has %v and %d comments", k.Fields, len(k.Comments))
			}
			if got := a.one().Fields["status"]; got != "Done" {
				t.Errorf("a has status %v: a hop came back as if a person had made it", got)
			}
			if row := b.twinOf(k.Ref); len(row.LostLocal) != 0 {
				t.Errorf("lost: %q", row.LostLocal)
			}
		})
	}
}

func TestPlan_ACreateIsWalkedToItsStatus(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.moves, b.desk.history = longWay(), []adapters.Edit{}
	b.desk.first = "Open"
	b.tracker = flowing{desk: b.desk}
	b.boot()
	ref := a.desk.open("one")
	a.desk.set(ref, "status", "Done")
	w.settle()
	if got := b.one().Fields["status"]; got != "Done" {
		t.Errorf("the ticket made has status %v, want Done", got)
	}
	if row := b.twinOf(b.one().Ref); len(row.LostLocal) != 0 {
		t.Errorf("lost: %q", row.LostLocal)
	}
}

func TestPlan_AStatusThatNoWayLeadsToIsLostAndTheRestIsWritten(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"told beforehand": false, "found out": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b, ref := walking(t, silent)
			b.desk.moves["Testing"] = []string{"Waiting"}
			a.desk.set(ref, "status", "Done")
			a.desk.set(ref, "summary", "two")
			a.desk.comment(ref, "that is why", false)
			w.settle()
			k := b.one()
			if k.Fields["status"] != "Open" || k.Fields["summary"] != "two" || len(k.Comments) != 1 {
				t.Errorf("b has %v and %d comments, want all but the status", k.Fields, len(k.Comments))
			}
			want := []string{twin.Loss("status", event.CodeWorkflow)}
			if there, here := b.twinOf(k.Ref).LostLocal, a.twinOf(ref).Lost; !slices.Equal(there, want) || !slices.Equal(here, want) {
				t.Errorf("lost at b: %q, told to a: %q; want %q", there, here, want)
			}
			if b.rows('i') != 0 || a.rows('q') != 0 {
				t.Errorf("b has %d events left, a %d", b.rows('i'), a.rows('q'))
			}
		})
	}
}

func TestPlan_AWayIsCapped(t *testing.T) {
	t.Parallel()
	w, a, b, ref := walking(t, false)
	b.desk.moves = map[string][]string{"Open": {"1"}, "1": {"2"}, "2": {"3"}, "3": {"4"}, "4": {"5"}, "5": {"Done"}}
	a.desk.set(ref, "status", "Done")
	w.settle()
	if got := b.desk.statuses(); len(got) != 0 {
		t.Errorf("a status six moves away was walked to: %q", got)
	}
}

func TestPlan_APersonsMoveBetweenHopsIsNotRunOver(t *testing.T) {
	t.Parallel()
	w, a, b, ref := walking(t, false)
	b.desk.moves["Reopened"] = []string{"Done"}
	hops := 0
	b.desk.on = func(call string, step event.Step) error {
		if _, ok := step.Fields["status"]; ok && call == "write done" {
			if hops++; hops == 1 {
				b.desk.set(b.one().Ref, "status", "Reopened")
			}
		}
		return nil
	}
	a.desk.set(ref, "status", "Done")
	w.settle()
	if got := b.one().Fields["status"]; got != "Reopened" || hops != 1 {
		t.Errorf("b has status %v after %d moves of ours, want the person's after one", got, hops)
	}
	if got := a.one().Fields["status"]; got != "Reopened" {
		t.Errorf("a has status %v, want the person's", got)
	}
}

// TestPlan_APersonsMoveOfATicketThatWeMakeIsNotRunOver: a status that is set after
// the create, because something is written in between, is a write as any other.
func TestPlan_APersonsMoveOfATicketThatWeMakeIsNotRunOver(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]event.StepKind{"before the status is decided on": event.StepComment, "right before it is written": event.StepUpdate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.desk.history = []adapters.Edit{nothing()}
			b.tracker = flowing{desk: b.desk, silent: true}
			b.boot()
			moved := false
			b.desk.on = func(call string, step event.Step) error {
				late := before == event.StepUpdate
				if step.Kind == before && !moved && call == map[bool]string{true: "write", false: "write done"}[late] {
					moved = true
					w.pass(2 * time.Second)
					b.desk.set(step.Ref, "status", "Waiting")
				}
				return nil
			}
			ref := a.desk.open("one")
			a.desk.comment(ref, "that is why", false)
			a.desk.set(ref, "status", "Done")
			w.settle()
			for _, n := range []*node{a, b} {
				if got := n.one().Fields["status"]; !moved || got != "Waiting" {
					t.Errorf("%s has status %v, want the person's; moved: %v", n.name, got, moved)
				}
			}
		})
	}
}

func TestPlan_AWayGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	for hop := 1; hop <= 3; hop++ {
		for _, before := range []bool{true, false} {
			w, a, b, ref := walking(t, false)
			writes := 0
			b.desk.on = func(call string, step event.Step) error {
				if _, ok := step.Fields["status"]; !ok || call != map[bool]string{true: "write", false: "write done"}[before] {
					return nil
				}
				if writes++; writes == hop {
					b.store.FailCommit(1)
					if before {
						return trouble(adapters.ErrTransient, "write")
					}
				}
				return nil
			}
			a.desk.set(ref, "status", "Done")
			died := false
			for range 40 {
				a.poll()
				a.alone()
				died = b.dies() || died
				w.pass(5 * time.Second)
			}
			w.settle()
			if got := b.desk.statuses(); !died || !slices.Equal(got, []string{"Waiting", "Testing", "Done"}) {
				t.Errorf("crash at hop %d, before it %v: died %v, statuses written %q", hop, before, died, got)
			}
			if row := b.twinOf(b.one().Ref); len(row.LostLocal) != 0 || a.one().Fields["status"] != "Done" {
				t.Errorf("crash at hop %d: lost %q, a has %v", hop, row.LostLocal, a.one().Fields["status"])
			}
		}
	}
}

// nothing makes a history one that is written down.
func nothing() adapters.Edit { return adapters.Edit{Field: "none"} }

// TestAnswer_AnEditRightAfterOurCreateIsSomebodys: also where our clock is a day
// ahead of the tracker's, which alone knows when it was made; and where the tracker's
// is set back before the edit, which then seems older than the ticket.
func TestAnswer_AnEditRightAfterOurCreateIsSomebodys(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("set back late: ", late), func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.desk.history = []adapters.Edit{nothing()}
			b.tracker = flowing{desk: b.desk, silent: true}
			b.boot()
			behind := func() time.Time { return w.at.Add(-24 * time.Hour) }
			if !late {
				b.desk.now = behind
			}
			edited := false
			b.desk.on = func(call string, step event.Step) error {
				if call == "write done" && step.Kind == event.StepCreate && !edited {
					edited, b.desk.now = true, behind
					b.desk.set(b.desk.all()[0].Ref, "summary", "by a person of b")
				}
				return nil
			}
			ref := a.desk.open("one")
			w.settle()
			b.desk.set(b.one().Ref, "labels", []any{"x"})
			w.settle()
			for _, n := range []*node{a, b} {
				if got := n.one().Fields["summary"]; got != "by a person of b" {
					t.Errorf("%s has %q of %v", n.name, got, ref)
				}
			}
		})
	}
}

// TestAnswer_AnEditBetweenTwoOfOurWritesIsSomebodys: also where our clock is a day
// ahead of the tracker's, and the last change of the ticket is our own.
func TestAnswer_AnEditBetweenTwoOfOurWritesIsSomebodys(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.history = []adapters.Edit{nothing()}
	b.desk.now = func() time.Time { return w.at.Add(-24 * time.Hour) }
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, step event.Step) error {
		if _, sets := step.Fields["summary"]; call == "write done" && sets {
			w.pass(time.Second)
			b.desk.set(step.Ref, "summary", "by a person of b")
			w.pass(10 * time.Second)
		}
		return nil
	}
	w.pass(time.Minute)
	a.desk.set(ref, "summary", "two")
	a.desk.comment(ref, "that is why", false)
	w.settle()
	for _, n := range []*node{a, b} {
		if got := n.one().Fields["summary"]; got != "by a person of b" {
			t.Errorf("%s has %q", n.name, got)
		}
		if row := n.twinOf(n.one().Ref); len(row.Lost)+len(row.LostLocal) != 0 {
			t.Errorf("%s: lost %q and %q", n.name, row.LostLocal, row.Lost)
		}
	}
}

// sketchy tells in its history of nothing but the status.
type sketchy struct{ flowing }

var _ adapters.Partial = sketchy{}

func (sketchy) Tells(field string) bool { return field == "status" }

func (s sketchy) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	all, err := s.flowing.History(ctx, ref, since)
	return slices.DeleteFunc(all, func(e adapters.Edit) bool { return !s.Tells(e.Field) }), err
}

// TestAnswer_AHistoryThatTellsOfSomeFieldsIsBelievedForThem: that it names no edit of
// another field does not mean that nobody made one.
func TestAnswer_AHistoryThatTellsOfSomeFieldsIsBelievedForThem(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.history = []adapters.Edit{nothing()}
	b.tracker = sketchy{flowing{desk: b.desk, silent: true}}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, step event.Step) error {
		if _, sets := step.Fields["summary"]; call == "write done" && sets {
			w.pass(time.Second)
			b.desk.set(step.Ref, "summary", "by a person of b")
		}
		return nil
	}
	w.pass(time.Minute)
	a.desk.set(ref, "summary", "two")
	w.settle()
	for _, n := range []*node{a, b} {
		if got := n.one().Fields["summary"]; got != "by a person of b" {
			t.Errorf("%s has %q, want the person's", n.name, got)
		}
	}
}

// TestAnswer_AnEditThatWasReadIsNoLaterOne: somebody's last edit was known when it was
// decided what to write, and the tracker ignores that.
func TestAnswer_AnEditThatWasReadIsNoLaterOne(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.history = []adapters.Edit{nothing()}
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	b.desk.set(b.one().Ref, "summary", "by a person of b")
	w.settle()
	b.desk.takes = func(k *event.Ticket, field string, _ any) any { return k.Fields[field] }
	b.desk.on = func(call string, step event.Step) error {
		if call == "write done" && step.Kind == event.StepUpdate {
			b.desk.history = b.desk.history[:len(b.desk.history)-1] // it did nothing
		}
		return nil
	}
	w.pass(time.Minute)
	a.desk.set(ref, "summary", "two")
	w.settle()
	if row := b.twinOf(b.one().Ref); !slices.Equal(row.LostLocal, []string{twin.Loss("summary", "")}) {
		t.Errorf("lost %q, want the summary", row.LostLocal)
	}
}
