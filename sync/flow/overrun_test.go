package flow_test

import (
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/twin"
)

// ranOver is a pair in which b's node writes a field over an edit that a person of
// b made after the ticket was read for it. b's tracker has no lock, but a history.
func ranOver(t *testing.T, winner, field string, theirs, ours any) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	for _, n := range w.nodes {
		n.con().Policy = twin.Policy{Winner: winner, Us: n.con().Us, Them: n.con().Them}
	}
	b.desk.history = append(b.desk.history, nothing())
	b.tracker = flowing{desk: b.desk, silent: true}
	b.boot()
	for _, n := range w.nodes {
		n.con().Policy = twin.Policy{Winner: winner, Us: n.con().Us, Them: n.con().Them}
	}
	ref := a.desk.open("one")
	w.settle()
	done := false
	b.desk.on = func(call string, step event.Step) error {
		if call == "write" && step.Kind == event.StepUpdate && !done {
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
