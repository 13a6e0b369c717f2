package flow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// ranOver is a pair in which b's node writes a field over an edit that a person of
// b made after the ticket was read for it. b's tracker has no lock, but a history.
// With ask the people of the winner decide.
func ranOver(t *testing.T, winner, field string, theirs, ours any) (w *world, a, b *node) {
	t.Helper()
	return ranOverUnder(t, twin.Policy{Winner: winner}, field, theirs, ours)
}

func ranOverUnder(t *testing.T, policy twin.Policy, field string, theirs, ours any) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	b.desk.history = append(b.desk.history, nothing())
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	for _, n := range w.nodes {
		n.con().Policy = twin.Policy{Winner: policy.Winner, Ask: policy.Ask, Us: n.con().Us, Them: n.con().Them}
	}
	ref := a.desk.open("one")
	w.settle()
	done := false
	b.desk.on = func(call string, step event.Step) error {
		if _, sets := step.Fields[field]; call == "write" && step.Kind == event.StepUpdate && sets && !done {
			done = true
			w.pass(2 * time.Second)
			b.desk.set(step.Ref, field, ours)
		}
		return nil
	}
	a.desk.set(ref, field, theirs)
	w.settle()
	if !done {
		t.Fatal("nothing was written at b")
	}
	return w, a, b
}

func TestHistory_AnEditThatOurWriteRanOverIsAConflict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		winner, field, want string
		overran             int
	}{
		{winner: twin.Newest, field: "summary", want: "ours", overran: 1},
		{winner: "b", field: "summary", want: "ours", overran: 1},
		{winner: "a", field: "summary", want: "theirs", overran: 1},
		{winner: twin.Newest, field: "status", want: "Waiting", overran: 1},
	} {
		t.Run(tt.winner+" "+tt.field, func(t *testing.T) {
			t.Parallel()
			theirs, ours := "theirs", "ours"
			if tt.field == "status" {
				theirs, ours = "Done", "Waiting"
			}
			_, a, b := ranOver(t, tt.winner, tt.field, theirs, ours)
			if x, y := a.one().Fields[tt.field], b.one().Fields[tt.field]; x != tt.want || y != tt.want {
				t.Errorf("a has %v, b has %v; want %s", x, y, tt.want)
			}
			if got := b.saw("overran"); got != tt.overran {
				t.Errorf("%d conflicts were told, want %d", got, tt.overran)
			}
			writes := 0
			for _, e := range b.desk.history {
				if e.Own && e.Field == tt.field {
					writes++
				}
			}
			if want := map[string]int{"theirs": 1}[tt.want]; writes > 2 || want > 0 && writes != want {
				t.Errorf("%d writes of ours: the field goes to and fro", writes)
			}
			for _, n := range []*node{a, b} {
				if row := n.twinOf(n.one().Ref); len(row.Lost)+len(row.LostLocal) != 0 {
					t.Errorf("%s: lost %q and %q", n.name, row.LostLocal, row.Lost)
				}
			}
		})
	}
}

// TestHistory_AnEditThatWasKnownIsNoConflict: what stands in the history from
// before our ticket was read was decided about already.
func TestHistory_AnEditThatWasKnownIsNoConflict(t *testing.T) {
	t.Parallel()
	w, a, b := ranOver(t, "a", "summary", "theirs", "ours")
	was := b.saw("overran")
	a.desk.set(a.one().Ref, "summary", "theirs again")
	for range 3 {
		a.poll()
		w.run()
	}
	if got := b.one().Fields["summary"]; got != "theirs again" || b.saw("overran") != was {
		t.Errorf("b has %v, %d conflicts more", got, b.saw("overran")-was)
	}
}

// TestHistory_AnEditThatTheWritingBackRanOverIsWrittenBackToo: it is a write as any
// other, and the newest edit stands.
func TestHistory_AnEditThatTheWritingBackRanOverIsWrittenBackToo(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.history = append(b.desk.history, nothing())
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	edits := []string{"first", "second", "third"}
	b.desk.on = func(call string, step event.Step) error {
		if call == "write" && step.Kind == event.StepUpdate && len(edits) > 0 {
			w.pass(2 * time.Second)
			b.desk.set(step.Ref, "summary", edits[0])
			edits = edits[1:]
		}
		return nil
	}
	a.desk.set(ref, "summary", "theirs")
	w.settle()
	if len(edits) > 0 {
		t.Fatalf("%d edits did not come between a reading and a write", len(edits))
	}
	for _, n := range []*node{a, b} {
		if got := n.one().Fields["summary"]; got != "third" {
			t.Errorf("%s has %v, want the newest edit", n.name, got)
		}
	}
}

// TestHistory_AnEditThatAWritingBackRanOverBeforeACrashIsFound: the process that wrote
// back died before it looked what its write had made.
func TestHistory_AnEditThatAWritingBackRanOverBeforeACrashIsFound(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.history = append(b.desk.history, nothing())
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	edits := []string{"first", "second"}
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write" && step.Kind == event.StepUpdate && len(edits) > 0:
			w.pass(2 * time.Second)
			b.desk.set(step.Ref, "summary", edits[0])
			edits = edits[1:]
		case call == "write done" && step.Fields["summary"] == "first":
			b.store.FailCommit(1)
		}
		return nil
	}
	a.desk.set(ref, "summary", "theirs")
	died := false
	for range 20 {
		a.poll()
		a.alone()
		died = b.dies() || died
		w.pass(5 * time.Second)
	}
	w.settle()
	for _, n := range []*node{a, b} {
		if got := n.one().Fields["summary"]; !died || got != "second" {
			t.Errorf("died: %v; %s has %v, want the newest edit", died, n.name, got)
		}
	}
}

// overruns are the edits of a node's one ticket that were written over.
func (n *node) overruns() []flow.Overran {
	n.w.t.Helper()
	ref := n.one().Ref
	out, err := n.path.Overruns(n.con(), twinID(n.w.t, n, ref), n.one(), *n.twinOf(ref))
	n.must(err)
	return out
}

// TestHistory_AnEditThatLostIsToldUntilAPersonChooses: the policy decides, and whoever
// made the edit sees both values and may have it back.
func TestHistory_AnEditThatLostIsToldUntilAPersonChooses(t *testing.T) {
	t.Parallel()
	for _, choice := range []string{"ours", "theirs", "a third"} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			w, a, b := ranOver(t, "a", "summary", "theirs", "ours")
			b.crash()
			lost := b.overruns()
			if len(lost) != 1 || b.rows('f') != 1 || a.rows('f') != 0 {
				t.Fatalf("told: %+v; listed %d here, %d there", lost, b.rows('f'), a.rows('f'))
			}
			o := lost[0]
			if o.Field != "summary" || o.Edit != "ours" || o.Stands != "theirs" || o.OursAt == 0 || o.TheirsAt == 0 || o.Since == 0 {
				t.Errorf("side by side: %+v", o)
			}
			b.must(b.path.Choose(b.con(), twinID(t, b, b.one().Ref), o, choice))
			w.settle()
			if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != choice || y != choice {
				t.Errorf("a has %v, b has %v; want %s", x, y, choice)
			}
			if len(b.overruns())+b.rows('f') != 0 {
				t.Errorf("still told: %+v", b.overruns())
			}
			if err := b.path.Choose(b.con(), twinID(t, b, b.one().Ref), o, o.Stands); !errors.Is(err, flow.ErrNone) {
				t.Errorf("chosen twice: %v, want ErrNone", err)
			}
		})
	}
}

// TestHistory_AnEditThatLostIsForgottenWhenTheFieldChanges: by whomever; but not when
// another field does.
func TestHistory_AnEditThatLostIsForgottenWhenTheFieldChanges(t *testing.T) {
	t.Parallel()
	for _, side := range []int{0, 1} {
		w, a, b := ranOver(t, "a", "summary", "theirs", "ours")
		a.desk.set(a.one().Ref, "status", "Done")
		w.settle()
		if len(b.overruns()) != 1 {
			t.Fatal("another field's change made it forgotten")
		}
		w.nodes[side].desk.set(w.nodes[side].one().Ref, "summary", "newer")
		w.settle()
		if len(b.overruns())+b.rows('f') != 0 {
			t.Errorf("changed at %s, and still told: %+v", w.nodes[side].name, b.overruns())
		}
	}
}

// TestHistory_AnUndoPutsBackTheEditThatWasWrittenOver, not what was there before it.
func TestHistory_AnUndoPutsBackTheEditThatWasWrittenOver(t *testing.T) {
	t.Parallel()
	w, a, b := ranOver(t, "a", "summary", "theirs", "ours")
	u := b.planUndo(b.one().Ref, event.Position{})
	if u.Set["summary"] != "ours" || len(u.Changed) != 0 {
		t.Fatalf("it would put back %v, changed since: %v", u.Set, u.Changed)
	}
	b.must(b.path.Undo(b.con(), u, false))
	w.settle()
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "ours" || y != "ours" {
		t.Errorf("a has %v, b has %v", x, y)
	}
}

// TestAsk_AnEditThatOurWriteRanOverWaitsForAPerson: it is written back, both tickets
// keep their own, and the owner's people decide.
func TestAsk_AnEditThatOurWriteRanOverWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for _, owner := range []int{0, 1} {
		policy := twin.Policy{Winner: []string{"a", "b"}[owner], Ask: true}
		w, a, b := ranOverUnder(t, policy, "summary", "theirs", "ours")
		if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "theirs" || y != "ours" {
			t.Fatalf("a has %v, b has %v: something was overwritten", x, y)
		}
		decider := w.nodes[owner]
		ref := decider.one().Ref
		for _, n := range w.nodes {
			if got := n.disputes(n.one().Ref); !slices.Equal(got, []string{"summary"}) {
				t.Fatalf("%s knows of %v in dispute", n.name, got)
			}
		}
		_, conflicts, err := decider.path.Conflicts(t.Context(), decider.con(), twinID(t, decider, ref), *decider.twinOf(ref))
		decider.must(err)
		if c := conflicts[0]; !c.Known || c.Ours == c.Theirs || c.OursAt == 0 || c.TheirsAt == 0 {
			t.Errorf("side by side: %+v", c)
		}
		if len(b.overruns()) != 0 {
			t.Error("an edit that stands is told as lost")
		}
		decider.must(decider.decide(ref, "summary", "decided"))
		w.settle()
		if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "decided" || y != "decided" {
			t.Errorf("a has %v, b has %v", x, y)
		}
		if len(a.disputes(a.one().Ref))+len(b.disputes(b.one().Ref))+a.rows('f')+b.rows('f') != 0 {
			t.Error("a decided field is still in dispute")
		}
	}
}
