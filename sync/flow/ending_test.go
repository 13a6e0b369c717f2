package flow_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
	"parley/sync/work"
)

// touch makes a ticket be looked at, as a load or a person does.
func (n *node) touch(ref event.Ref, seen work.Seen) {
	n.w.t.Helper()
	n.must(n.path.Touch(n.con().ID, []event.Change{{Ref: ref}}, seen))
}

// chores lists what waits of a node's own writes.
func (n *node) chores() []flow.ChoreInfo {
	n.w.t.Helper()
	var out []flow.ChoreInfo
	n.must(n.path.Chores(n.con(), func(c flow.ChoreInfo) bool {
		out = append(out, c)
		return true
	}))
	return out
}

// notes are the comments that a node itself wrote on a ticket about its end.
func notes(k event.Ticket) []string {
	var out []string
	for _, c := range k.Comments {
		if strings.Contains(c.Body, "no longer kept in step") {
			out = append(out, c.Body)
		}
	}
	return out
}

func oneNote(t *testing.T, k event.Ticket, words string) {
	t.Helper()
	got := notes(k)
	if len(got) != 1 || !strings.Contains(got[0], words) {
		t.Errorf("last notes: %q, want one with %q", got, words)
	}
	for _, c := range k.Comments {
		if strings.Contains(c.Body, "no longer kept in step") && !c.Internal {
			t.Error("the last note is public")
		}
	}
}

func inScope(t *testing.T, scope string) *filters.Scope {
	t.Helper()
	s, err := filters.CompileScope(scope, filters.Env{Schema: schema(), Key: []byte("k"), Limits: filters.Limits{Time: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// gonePair is a pair whose ticket at a was deleted; rules of b are set before.
func gonePair(t *testing.T, set func(*flow.Rules)) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	set(b.wires[0].rules)
	ref := a.desk.open("one")
	w.settle()
	a.desk.drop(ref)
	a.touch(ref, work.Seen{Cause: event.CauseEdit})
	return w, a, b
}

func TestEnding_OfThePeersTicketEndsOursWithALastNote(t *testing.T) {
	t.Parallel()
	w, a, b := gonePair(t, func(r *flow.Rules) { r.Ended = flow.EndNote })
	w.settle()
	theirs := b.one()
	oneNote(t, theirs, "was deleted")
	if got := b.twinOf(theirs.Ref).State; got != twin.Orphan {
		t.Errorf("our half is %s, want orphan", got)
	}
	if len(b.chores()) != 0 {
		t.Errorf("left to do: %+v", b.chores())
	}
	b.desk.comment(theirs.Ref, "to nobody", false)
	w.settle()
	b.must(b.path.Unsync(b.con(), theirs.Ref))
	w.settle()
	if a.saw("refused here") != 0 || a.saw("peer ended") != 0 {
		t.Error("an end was answered, or something left behind it")
	}
}

// TestEnding_IsCarriedOutOnceAlsoAfterACrash: between a write and its record.
func TestEnding_IsCarriedOutOnceAlsoAfterACrash(t *testing.T) {
	t.Parallel()
	for call, kind := range map[event.StepKind]string{event.StepComment: "write done", event.StepUpdate: "write done", event.StepDelete: "delete done"} {
		t.Run(string(call), func(t *testing.T) {
			t.Parallel()
			w, a, b := gonePair(t, func(r *flow.Rules) {
				r.Ended, r.Closed = flow.EndClose, []string{"Done"}
				if call == event.StepDelete {
					r.Ended, r.Remove = flow.EndDelete, flow.RemoveAllow
				}
			})
			writes := 0
			b.desk.on = func(done string, step event.Step) error {
				if done == kind && (step.Kind == call || step.Kind == "") {
					if writes++; writes == 1 {
						b.store.FailCommit(1)
					}
				}
				return nil
			}
			died := false
			for range 40 {
				a.poll()
				a.alone()
				died = died || b.dies()
				w.pass(5 * time.Second)
			}
			w.settle()
			if !died || writes != 1 || len(b.chores()) != 0 {
				t.Errorf("died: %v; %d writes, want 1; left to do: %+v", died, writes, b.chores())
			}
			if call == event.StepDelete {
				return
			}
			oneNote(t, b.one(), "was deleted")
			if got := b.one().Fields["status"]; got != "Done" {
				t.Errorf("status %v, want Done", got)
			}
		})
	}
}

// TestUnsync_ANoteThatComesAfterTheNextSyncEndsNothing: the two streams are not
// ordered among each other.
func TestUnsync_ANoteThatComesAfterTheNextSyncEndsNothing(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Ended = flow.EndNote
	ref := a.desk.open("one")
	w.settle()
	a.must(a.path.Unsync(a.con(), ref))
	a.desk.set(ref, "summary", "two")
	a.touch(ref, work.Seen{Cause: event.CauseEdit, Forced: true})
	must(t, a.path.Work(context.Background(), a.con().ID, ref))
	if _, err := a.path.Ship(context.Background(), a.con().ID, 'd'); err != nil {
		t.Fatal(err)
	}
	b.alone()
	if got := b.one().Fields["summary"]; got != "two" {
		t.Fatalf("b has %v: the note overtook the data", got)
	}
	w.settle()
	if got := b.twinOf(b.one().Ref); got.State != twin.Live || len(notes(b.one())) != 0 {
		t.Errorf("our half is %s, notes %q", got.State, notes(b.one()))
	}
}

func TestEnding_ClosesAndDeletesOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rules  flow.Rules
		status string // "" is deleted
		note   bool
		parked int
	}{
		{name: "keep", rules: flow.Rules{Ended: flow.EndKeep}, status: "Open"},
		{name: "note", rules: flow.Rules{Ended: flow.EndNote}, status: "Open", note: true},
		{name: "close", rules: flow.Rules{Ended: flow.EndClose, Closed: []string{"Done"}}, status: "Done", note: true},
		{name: "delete never", rules: flow.Rules{Ended: flow.EndDelete, Remove: flow.RemoveNever}, status: "Open", note: true},
		{name: "delete unsaid", rules: flow.Rules{Ended: flow.EndDelete}, status: "Open", note: true},
		{name: "delete ask", rules: flow.Rules{Ended: flow.EndDelete, Remove: flow.RemoveAsk}, status: "Open", parked: 1},
		{name: "delete allowed", rules: flow.Rules{Ended: flow.EndDelete, Remove: flow.RemoveAllow}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _, b := gonePair(t, func(r *flow.Rules) {
				r.Ended, r.Remove, r.Closed = tt.rules.Ended, tt.rules.Remove, tt.rules.Closed
			})
			w.settle()
			if tt.status == "" {
				if len(b.desk.all()) != 0 {
					t.Error("the ticket is still there")
				}
				return
			}
			k := b.one()
			if k.Fields["status"] != tt.status || (len(notes(k)) == 1) != tt.note || b.saw("parked") != tt.parked {
				t.Errorf("status %v, notes %q, parked %d times", k.Fields["status"], notes(k), b.saw("parked"))
			}
		})
	}
}

// TestEnding_AClosingThatIsRefusedLeavesOneNote: it waits for a person, and what was
// done of it is not done again.
func TestEnding_AClosingThatIsRefusedLeavesOneNote(t *testing.T) {
	t.Parallel()
	w, _, b := gonePair(t, func(r *flow.Rules) { r.Ended, r.Closed = flow.EndClose, []string{"Done"} })
	refuse := true
	b.desk.on = func(call string, step event.Step) error {
		if refuse && call == "write" && step.Kind == event.StepUpdate {
			return trouble(adapters.ErrRejected, call)
		}
		return nil
	}
	w.settle()
	waiting := b.chores()
	if len(waiting) != 1 || !waiting[0].Parked || waiting[0].Stuck != event.CodeRejected {
		t.Fatalf("waiting: %+v, want one that was refused", waiting)
	}
	refuse = false
	b.must(b.path.RetryChore(b.con(), waiting[0].Twin, waiting[0].Name))
	w.settle()
	oneNote(t, b.one(), "was deleted")
	if got := b.one().Fields["status"]; got != "Done" || len(b.chores()) != 0 {
		t.Errorf("status %v, left to do: %+v", got, b.chores())
	}
}

func TestEnding_AProposalWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for _, leave := range []bool{true, false} {
		t.Run("leave "+strconv.FormatBool(leave), func(t *testing.T) {
			t.Parallel()
			w, _, b := gonePair(t, func(r *flow.Rules) { r.Ended, r.Remove = flow.EndDelete, flow.RemoveAsk })
			w.settle()
			w.pass(24 * time.Hour)
			w.settle()
			waiting := b.chores()
			if len(waiting) != 1 || waiting[0].Stuck != event.CodeProposal || !waiting[0].Parked {
				t.Fatalf("waiting: %+v, want one proposal", waiting)
			}
			decide := b.path.SkipChore
			if leave {
				decide = b.path.RetryChore
			}
			b.must(decide(b.con(), waiting[0].Twin, waiting[0].Name))
			w.settle()
			switch {
			case len(b.chores()) != 0:
				t.Errorf("left to do: %+v", b.chores())
			case leave && len(b.desk.all()) != 0:
				t.Error("the ticket was not deleted")
			case !leave:
				oneNote(t, b.one(), "was deleted")
			}
		})
	}
}

// TestEnding_OnlyADeletionDeletes: a ticket that left the scope, or was taken out
// of step, deletes nothing anywhere.
func TestEnding_OnlyADeletionDeletes(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a *node, ref event.Ref){
		"unsync": func(a *node, ref event.Ref) { a.must(a.path.Unsync(a.con(), ref)) },
		"left":   func(a *node, ref event.Ref) { a.desk.set(ref, "status", "Waiting") },
		"merged": func(a *node, ref event.Ref) {
			a.desk.on = func(call string, _ event.Step) error {
				if call == "read" {
					return trouble(adapters.ErrMerged, call)
				}
				return nil
			}
			a.touch(ref, work.Seen{Cause: event.CauseEdit})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			a.wires[0].rules.Scope, a.wires[0].rules.Leave = inScope(t, `issue.status != "Waiting"`), flow.EndStop
			b.wires[0].rules.Ended, b.wires[0].rules.Remove = flow.EndDelete, flow.RemoveAllow
			ref := a.desk.open("one")
			w.settle()
			end(a, ref)
			w.settle()
			words := map[string]string{"unsync": "out of step", "left": "does not belong", "merged": "was merged"}
			oneNote(t, b.one(), words[name])
		})
	}
}

// TestEnding_IsNeverAChain: what the hub deletes for a's sake is not deleted at c.
func TestEnding_IsNeverAChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, hub, c := w.node("a"), w.node("hub"), w.node("c")
	_, fromA := w.join(1, a, hub)
	toC, atC := w.join(2, hub, c)
	toC.rules.Forward = []string{"a"}
	for _, e := range []*wire{fromA, toC, atC} {
		e.rules.Ended, e.rules.Remove = flow.EndDelete, flow.RemoveAllow
	}
	ref := a.desk.open("one")
	w.settle()
	c.one()
	a.desk.drop(ref)
	a.touch(ref, work.Seen{Cause: event.CauseEdit})
	w.settle()
	if got := len(hub.desk.all()); got != 0 {
		t.Fatalf("the hub has %d tickets, want none: it may delete for a", got)
	}
	oneNote(t, c.one(), "out of step")
}

func TestUnsync_ALaterSyncTakesTheOldPairUpAgain(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"the same side", "the other side", "both sides"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.wires[0].rules.Ended, a.wires[0].rules.Ended = flow.EndNote, flow.EndNote
			ref := a.desk.open("one")
			w.settle()
			theirs := b.one().Ref
			a.desk.comment(ref, "a before", false)
			w.settle()
			id := twinIDs(a)
			a.must(a.path.Unsync(a.con(), ref))
			if side == "both sides" {
				b.must(b.path.Unsync(b.con(), theirs))
			}
			w.settle()
			a.desk.set(ref, "summary", "of a")
			a.desk.comment(ref, "a between", false)
			b.desk.set(theirs, "status", "Waiting")
			b.desk.comment(theirs, "b between", false)
			w.settle()
			if got := b.one().Fields["summary"]; got != "one" {
				t.Fatalf("out of step, b has %q", got)
			}
			if side != "the other side" {
				a.touch(ref, work.Seen{Cause: event.CauseEdit, Forced: true})
				w.settle()
			}
			if side != "the same side" {
				b.touch(theirs, work.Seen{Cause: event.CauseEdit, Forced: true})
				w.settle()
			}
			if side != "the same side" && side != "both sides" {
				// a ended it, so a says so.
				if got := a.twinOf(ref).State; got != twin.Ended {
					t.Errorf("b's wish made it %s at a", got)
				}
				a.touch(ref, work.Seen{Cause: event.CauseEdit, Forced: true})
				w.settle()
			}
			inStep(t, a.one(), b.one(), "of a", "Waiting", []string{"a before", "a between", "b between"})
			if diff := cmp.Diff(id, twinIDs(a)); diff != "" {
				t.Errorf("twins (-before +after):\n%s", diff)
			}
			if x, y := a.twinOf(ref).State, b.twinOf(theirs).State; x != twin.Live || y != twin.Live {
				t.Errorf("the halves are %s and %s", x, y)
			}
		})
	}
}

func twinIDs(n *node) []event.TwinID {
	var out []event.TwinID
	n.must(n.path.Twins(n.con(), func(id event.TwinID, _ twin.Row) bool {
		out = append(out, id)
		return true
	}))
	return out
}

// inStep compares two tickets, notes about an end left out.
func inStep(t *testing.T, a, b event.Ticket, summary, status string, comments []string) {
	t.Helper()
	for name, k := range map[string]event.Ticket{"a": a, "b": b} {
		if k.Fields["summary"] != summary || k.Fields["status"] != status {
			t.Errorf("%s has %q, %v", name, k.Fields["summary"], k.Fields["status"])
		}
		got := slices.DeleteFunc(bodies(k), func(s string) bool { return strings.Contains(s, "kept in step") })
		slices.Sort(got)
		if diff := cmp.Diff(comments, got); diff != "" {
			t.Errorf("comments of %s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUnsync_WhatWasUnderWayLeavesLater: an event that the other side refused
// since it had ended its half is not declined for good.
func TestUnsync_WhatWasUnderWayLeavesLater(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	theirs := b.one().Ref
	a.wires[0].cut = true
	b.desk.comment(theirs, "crossing", false)
	b.desk.set(theirs, "summary", "crossing")
	b.poll()
	b.alone()
	a.must(a.path.Unsync(a.con(), ref))
	a.wires[0].cut = false
	w.settle()
	if a.saw("refused here") == 0 {
		t.Fatal("nothing crossed the end")
	}
	a.touch(ref, work.Seen{Cause: event.CauseEdit, Forced: true})
	w.settle()
	inStep(t, a.one(), b.one(), "crossing", "Open", []string{"crossing"})
}

// TestEnding_ANoteThatOvertakesTheCreateIsNotLost: the two streams are not
// ordered among each other.
func TestEnding_ANoteThatOvertakesTheCreateIsNotLost(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Ended = flow.EndNote
	first := a.desk.open("zero")
	w.settle()
	b.con().Pause(true, false) // what b sends would be refused, and tell it too
	ref := a.desk.open("one")
	a.desk.comment(ref, "last words", false)
	a.poll()
	must(t, a.path.Work(context.Background(), a.con().ID, ref))
	a.must(a.path.Unsync(a.con(), ref))
	if _, err := a.path.Ship(context.Background(), a.con().ID, 'c'); err != nil {
		t.Fatal(err)
	}
	b.alone()
	if len(b.desk.all()) != 1 {
		t.Fatal("the data overtook the note")
	}
	w.settle()
	for _, k := range b.desk.all() {
		if k.Fields["summary"] != "one" {
			continue
		}
		oneNote(t, k, "out of step")
		if got := bodies(k); got[0] != "last words" {
			t.Errorf("comments: %q, want what was sent before the end first", got)
		}
		if got := b.twinOf(k.Ref).State; got != twin.Orphan {
			t.Errorf("our half is %s, want orphan", got)
		}
	}
	if len(b.desk.all()) != 2 || a.twinOf(first).State != twin.Live {
		t.Errorf("b has %d tickets, want 2", len(b.desk.all()))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLeave_EndsNotesOrClosesAndComesBackByItself(t *testing.T) {
	t.Parallel()
	for _, leave := range []string{flow.EndKeep, flow.EndStop, flow.EndNote, flow.EndClose} {
		t.Run(leave, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			r := a.wires[0].rules
			r.Scope, r.Leave, r.Closed = inScope(t, `len(issue.labels) == 0`), leave, []string{"Done"}
			ref := a.desk.open("one")
			w.settle()
			a.desk.set(ref, "labels", []any{"away"})
			w.settle()
			k := a.one()
			wantState, wantStatus, wantNotes := twin.Ended, "Open", 0
			switch leave {
			case flow.EndKeep:
				wantState = twin.Live
			case flow.EndNote:
				wantNotes = 1
			case flow.EndClose:
				wantNotes, wantStatus = 1, "Done"
			}
			if got := a.twinOf(ref).State; got != wantState || k.Fields["status"] != wantStatus || len(notes(k)) != wantNotes {
				t.Errorf("%s, status %v, notes %q", got, k.Fields["status"], notes(k))
			}
			if got := b.one(); got.Fields["status"] != "Open" && leave != flow.EndKeep {
				t.Errorf("the peer's ticket is %v", got.Fields["status"])
			}
			a.desk.set(ref, "labels", []any{})
			a.desk.set(ref, "summary", "back")
			w.settle()
			if got := b.one().Fields["summary"]; got != "back" {
				t.Errorf("back in scope, the peer has %q", got)
			}
		})
	}
}

// TestGone_CountsOnlyIfTheTrackerSaysSoTwice: a ticket that is not seen for a
// moment, or by a tracker that answers nothing else, is not deleted.
func TestGone_CountsOnlyIfTheTrackerSaysSoTwice(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Ended, b.wires[0].rules.Remove = flow.EndDelete, flow.RemoveAllow
	ref := a.desk.open("one")
	w.settle()
	hidden := true
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" && hidden {
			return trouble(adapters.ErrGone, call)
		}
		return nil
	}
	a.touch(ref, work.Seen{Cause: event.CauseEdit})
	w.run()
	w.pass(30 * time.Second)
	a.touch(ref, work.Seen{Cause: event.CauseEdit})
	w.run()
	if row := a.twinOf(ref); row.State != twin.Live || row.End.Missing.IsZero() || a.rows('w') != 1 {
		t.Fatalf("after two looks in half a minute the twin is %s, missing since %v", row.State, row.End.Missing)
	}
	hidden = false
	w.settle()
	if row := a.twinOf(ref); row.State != twin.Live || !row.End.Missing.IsZero() {
		t.Errorf("seen again, the twin is %s, missing since %v", row.State, row.End.Missing)
	}
	b.one()
	// An event of the peer finds it gone in the same way.
	hidden = true
	b.desk.set(b.one().Ref, "status", "Waiting")
	b.poll()
	w.run()
	if got := a.twinOf(ref).State; got != twin.Live {
		t.Fatalf("an event that found no ticket once made the twin %s", got)
	}
	a.desk.noSchema = true
	w.settle()
	if got := a.twinOf(ref).State; got != twin.Live {
		t.Fatalf("with a tracker that does not answer the twin is %s", got)
	}
	a.desk.noSchema = false
	w.settle()
	if got := a.twinOf(ref).State; got != twin.Gone || len(b.desk.all()) != 0 {
		t.Errorf("at last the twin is %s, the peer has %d tickets", got, len(b.desk.all()))
	}
}

// TestGone_AnIDGivenOutAgainIsAnotherTicket: the old pair ends, the new ticket
// is its own.
func TestGone_AnIDGivenOutAgainIsAnotherTicket(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Ended = flow.EndNote
	old := a.desk.open("old")
	w.settle()
	theirs := b.one().Ref
	a.desk.drop(old)
	again := a.desk.reuse(old, "new")
	a.touch(old, work.Seen{Cause: event.CauseEdit})
	w.settle()
	if again.ID != old.ID || again == old {
		t.Fatalf("refs %v and %v: the desk did not give the id out again", old, again)
	}
	if x, y := a.twinOf(old).State, a.twinOf(again).State; x != twin.Gone || y != twin.Live {
		t.Errorf("the old twin is %s, the new one %s", x, y)
	}
	var summaries []string
	for _, k := range b.desk.all() {
		summaries = append(summaries, k.Fields["summary"].(string))
		if k.Ref == theirs {
			oneNote(t, k, "was deleted")
		}
	}
	if diff := cmp.Diff([]string{"old", "new"}, summaries); diff != "" {
		t.Errorf("b's tickets (-want +got):\n%s", diff)
	}
}
