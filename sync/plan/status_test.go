package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/plan"
)

func sets(fields event.Fields) event.Step { return event.Step{Kind: event.StepUpdate, Fields: fields} }

func moves(to string) event.Step { return sets(event.Fields{event.FieldStatus: to}) }

func TestMovesStatus_IsAnUpdateOfTheStatusAndItsResolutionAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		step event.Step
		want bool
	}{
		{"status", moves("Done"), true},
		{"status and resolution", sets(event.Fields{event.FieldStatus: "Done", event.FieldResolution: "fixed"}), true},
		{"resolution alone", sets(event.Fields{event.FieldResolution: "fixed"}), false},
		{"status and summary", sets(event.Fields{event.FieldStatus: "Done", event.FieldSummary: "x"}), false},
		{"nothing", sets(nil), false},
		{"a create", event.Step{Kind: event.StepCreate, Fields: event.Fields{event.FieldStatus: "Done"}}, false},
		{"with a comment", event.Step{Kind: event.StepUpdate, Fields: event.Fields{event.FieldStatus: "Done"}, Comment: &event.CommentWrite{}}, false},
	} {
		if got := plan.MovesStatus(c.step); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStatusLast_TheStatusIsBehindWhateverFollowsIt(t *testing.T) {
	t.Parallel()
	both := func() event.Step {
		return sets(event.Fields{event.FieldStatus: "Done", event.FieldResolution: "fixed", event.FieldSummary: "x"})
	}
	done := sets(event.Fields{event.FieldStatus: "Done", event.FieldResolution: "fixed"})
	for _, c := range []struct {
		name  string
		apart bool
		steps []event.Step
		want  []event.Step
	}{
		{"nothing follows: a transition may demand the fields", false, []event.Step{both()}, []event.Step{both()}},
		{"nothing follows, apart", true, []event.Step{both()}, []event.Step{sets(event.Fields{event.FieldSummary: "x"}), done}},
		{"a comment follows", false, []event.Step{both(), comment("")}, []event.Step{sets(event.Fields{event.FieldSummary: "x"}), comment(""), done}},
		{"only the status, and a comment", false, []event.Step{moves("Done"), comment("")}, []event.Step{comment(""), moves("Done")}},
		{"only the status", true, []event.Step{moves("Done")}, []event.Step{moves("Done")}},
		{"no status", true, []event.Step{comment(""), sets(event.Fields{event.FieldSummary: "x"})}, []event.Step{comment(""), sets(event.Fields{event.FieldSummary: "x"})}},
		{
			"a create stays, even with nothing left to set", true,
			[]event.Step{{Kind: event.StepCreate, Marker: "m", Fields: event.Fields{event.FieldStatus: "Done"}}},
			[]event.Step{{Kind: event.StepCreate, Marker: "m", Fields: event.Fields{}}, moves("Done")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := planOf(c.steps...)
			p.StatusLast(c.apart)
			if diff := cmp.Diff(planOf(c.want...).Steps, p.Steps); diff != "" {
				t.Errorf("steps differ (-want +got):\n%s", diff)
			}
			p.StatusLast(c.apart)
			if diff := cmp.Diff(planOf(c.want...).Steps, p.Steps); diff != "" {
				t.Errorf("a second time changes it (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatus_AWalkKnowsWhereItIsAndHowFarItCame(t *testing.T) {
	t.Parallel()
	p := planOf(moves("In progress"), comment(""), moves("Done"))
	p.Before = event.Fields{event.FieldStatus: "New"}
	if p.Hop(2) || !p.Hop(0) || p.Hop(1) {
		t.Errorf("hops: got %v, %v, %v; want the first alone", p.Hop(0), p.Hop(1), p.Hop(2))
	}
	check := func(what string, hops int, before any, passed bool) {
		t.Helper()
		at, known := p.StatusBefore(2)
		if p.Hops(2) != hops || !known || at != before || p.Passed(event.FieldStatus, "In progress") != passed {
			t.Errorf("%s: got %d hops, before it %v (%v), passed %v", what, p.Hops(2), at, known, p.Passed(event.FieldStatus, "In progress"))
		}
	}
	check("before the walk", 0, "New", false)
	p.SetDone(0, event.Written{})
	check("after a hop", 1, "In progress", true)
	if p.Passed(event.FieldSummary, "In progress") || p.Passed(event.FieldStatus, "Done") {
		t.Error("what no hop made is taken for a hop's")
	}
	p.Steps[1] = plan.Step{State: plan.Done, Write: moves("Waiting")}
	check("after another hop", 2, "Waiting", true)
	if _, known := planOf(moves("Done")).StatusBefore(0); known {
		t.Error("a status that nobody read is known")
	}
}

func TestDrop_SaysWhyAFieldWasGivenUp(t *testing.T) {
	t.Parallel()
	p := planOf(sets(event.Fields{event.FieldSummary: "x", event.FieldStatus: "Waiting"}), moves("Done"))
	if got := p.Why(event.FieldStatus); got != "" {
		t.Errorf("before: %q", got)
	}
	p.Drop(1, event.CodeWorkflow)
	if p.Why(event.FieldStatus) != event.CodeWorkflow || p.Why(event.FieldSummary) != "" {
		t.Errorf("got %q of the status, %q of the summary", p.Why(event.FieldStatus), p.Why(event.FieldSummary))
	}
	p.SetDone(0, event.Written{})
	want(t, "a dropped step holds nothing up", next(p, boot, at()), plan.Action{Do: plan.Finish})
}

func TestRoute_IsTheShortestAndNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	graph := map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d", "a"}, "d": {"e"}, "e": {"a"}}
	for _, c := range []struct {
		name, from, to string
		most           int
		want           []string
	}{
		{"one move", "a", "b", 1, []string{"b"}},
		{"of two as short the one named first", "a", "d", 5, []string{"b", "d"}},
		{"just long enough", "a", "e", 3, []string{"b", "d", "e"}},
		{"too long", "a", "e", 2, nil},
		{"there already", "a", "a", 5, nil},
		{"a circle, and no way", "a", "z", 1000, nil},
		{"unknown start", "z", "a", 5, nil},
		{"no moves allowed", "a", "b", 0, nil},
	} {
		if diff := cmp.Diff(c.want, plan.Route(graph, c.from, c.to, c.most)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
