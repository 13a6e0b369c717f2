package flow_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// prescribed is a pair whose b reaches a status through others that its filter names.
func prescribed(t *testing.T, steps string, moves map[string][]string) (w *world, a, b *node, ref event.Ref) {
	t.Helper()
	w, a, b = pair(t)
	b.desk.moves, b.desk.history = moves, []adapters.Edit{}
	b.tracker = flowing{desk: b.desk}
	b.rule(func(r *flow.Rules) { r.Incoming = through(t, steps) })
	b.boot()
	ref = a.desk.open("one")
	w.settle()
	return w, a, b, ref
}

func through(t *testing.T, steps string) *filters.Incoming {
	t.Helper()
	_, in := compile(t, outgoing, "issue.summary = replica.summary\nissue.comments = replica.comments\n"+
		`issue.status = replica.status == "Done" ? via("Done", `+steps+`) : replica.status`)
	return in
}

// open is a workflow in which each status may follow each.
func open(statuses ...string) map[string][]string {
	moves := map[string][]string{}
	for _, from := range statuses {
		moves[from] = slices.DeleteFunc(slices.Clone(statuses), func(to string) bool { return to == from })
	}
	return moves
}

// TestVia_AStatusIsReachedThroughThosePrescribed, though the tracker would allow it at once.
func TestVia_AStatusIsReachedThroughThosePrescribed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps string
		moves map[string][]string
		from  string // b's ticket is put there first
		want  []string
	}{
		"where all is allowed":             {`"Testing", "Waiting"`, open("Open", "Waiting", "Testing", "Done"), "", []string{"Testing", "Waiting", "Done"}},
		"where nothing is told beforehand": {`"Testing", "Waiting"`, nil, "", []string{"Testing", "Waiting", "Done"}},
		"from one on the way":              {`"Testing", "Waiting"`, open("Open", "Waiting", "Testing", "Done"), "Testing", []string{"Waiting", "Done"}},
		"from the last one":                {`"Testing", "Waiting"`, open("Open", "Waiting", "Testing", "Done"), "Waiting", []string{"Done"}},
		"over others where it must":        {`"Testing"`, longWay(), "", []string{"Waiting", "Testing", "Done"}},
		"not the shortest":                 {`"Waiting"`, map[string][]string{"Open": {"Done", "Testing"}, "Testing": {"Waiting"}, "Waiting": {"Done"}}, "", []string{"Testing", "Waiting", "Done"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b, ref := prescribed(t, c.steps, c.moves)
			if c.from != "" {
				b.desk.set(b.one().Ref, "status", c.from)
				a.desk.set(ref, "status", c.from)
				w.settle()
				b.desk.history = []adapters.Edit{}
			}
			a.desk.set(ref, "status", "Done")
			a.desk.set(ref, "summary", "two")
			w.settle()
			if diff := cmp.Diff(c.want, b.desk.statuses()); diff != "" {
				t.Errorf("statuses written (-want +got):\n%s", diff)
			}
			if got := b.one(); got.Fields["status"] != "Done" || got.Fields["summary"] != "two" || a.one().Fields["status"] != "Done" {
				t.Errorf("b has %v, a %v", got.Fields, a.one().Fields)
			}
		})
	}
}

// TestVia_ATicketThatIsMadeGoesThroughThemToo: it is not made in the status to reach.
func TestVia_ATicketThatIsMadeGoesThroughThemToo(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.moves, b.desk.history = open("Open", "Testing", "Done"), []adapters.Edit{}
	b.desk.first = "Open"
	b.tracker = flowing{desk: b.desk}
	b.rule(func(r *flow.Rules) { r.Incoming = through(t, `"Testing"`) })
	b.boot()
	ref := a.desk.open("one")
	a.desk.set(ref, "status", "Done")
	w.settle()
	if diff := cmp.Diff([]string{"Testing", "Done"}, b.desk.statuses()); diff != "" || b.one().Fields["status"] != "Done" {
		t.Errorf("b is %v; statuses written (-want +got):\n%s", b.one().Fields["status"], diff)
	}
}

// TestVia_AStepThatTheTrackerRefusesLosesTheStatusAndNothingElse, and no shorter way is taken.
func TestVia_AStepThatTheTrackerRefusesLosesTheStatusAndNothingElse(t *testing.T) {
	t.Parallel()
	moves := map[string][]string{"Open": {"Done"}, "Testing": {"Done"}}
	w, a, b, ref := prescribed(t, `"Testing"`, moves)
	a.desk.set(ref, "status", "Done")
	a.desk.comment(ref, "that is why", false)
	w.settle()
	k := b.one()
	if k.Fields["status"] != "Open" || len(k.Comments) != 1 || len(b.desk.statuses()) != 0 {
		t.Errorf("b has %v, %d comments, was moved to %q", k.Fields, len(k.Comments), b.desk.statuses())
	}
	want := []string{twin.Loss("status", event.CodeWorkflow)}
	if there, here := b.twinOf(k.Ref).LostLocal, a.twinOf(ref).Lost; !slices.Equal(there, want) || !slices.Equal(here, want) {
		t.Errorf("lost at b: %q, told to a: %q; want %q", there, here, want)
	}
}

// TestVia_GoesOnAfterACrash, at each move, before and after it.
func TestVia_GoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	for hop := 1; hop <= 3; hop++ {
		for _, when := range []string{"write", "write done"} {
			t.Run(fmt.Sprint(hop, " ", when), func(t *testing.T) {
				t.Parallel()
				w, a, b, ref := prescribed(t, `"Testing", "Waiting"`, open("Open", "Waiting", "Testing", "Done"))
				writes := 0
				b.desk.on = func(call string, step event.Step) error {
					if _, ok := step.Fields["status"]; !ok || call != when {
						return nil
					}
					if writes++; writes == hop {
						b.store.FailCommit(1)
						if when == "write" {
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
				if got := b.one().Fields["status"]; !died || got != "Done" || a.one().Fields["status"] != "Done" {
					t.Errorf("b has %v after %q, a %v", got, b.desk.statuses(), a.one().Fields["status"])
				}
				if got := b.desk.statuses(); !slices.Equal(got, []string{"Testing", "Waiting", "Done"}) {
					t.Errorf("statuses written: %q", got)
				}
			})
		}
	}
}
