package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/plan"
)

const (
	boot   = 7
	settle = 30 * time.Second
)

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func update() event.Step {
	return event.Step{Kind: event.StepUpdate, Fields: event.Fields{"status": "Done"}}
}
func create() event.Step { return event.Step{Kind: event.StepCreate, Marker: "m"} }
func comment(id string) event.Step {
	return event.Step{Kind: event.StepComment, Comment: &event.CommentWrite{ID: id, Body: "hello"}}
}

func planOf(steps ...event.Step) *plan.Plan {
	p := &plan.Plan{}
	for _, s := range steps {
		p.Steps = append(p.Steps, plan.Step{Write: s, State: plan.Planned})
	}
	return p
}

func next(p *plan.Plan, boot uint64, now time.Time) plan.Action {
	return plan.Next(p, boot, settle, now)
}

func want(t *testing.T, what string, got, want plan.Action) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestPlan_StepsAreIntendedBeforeTheyAreTriedAndDoneInOrder(t *testing.T) {
	t.Parallel()
	p := planOf(create(), comment(""), comment(""))
	ref := event.Ref{ID: "9", Created: 5}
	for i := range p.Steps {
		want(t, "a planned step", next(p, boot, at()), plan.Action{Do: plan.Intend, Index: i})
		p.SetIntended(i, boot, at())
		want(t, "an intended step", next(p, boot, at()), plan.Action{Do: plan.Write, Index: i})
		p.SetDone(i, event.Written{Ref: ref})
	}
	want(t, "the end", next(p, boot, at()), plan.Action{Do: plan.Finish})
	if p.Ref != ref {
		t.Errorf("ticket of the plan: %v, want %v", p.Ref, ref)
	}
	for i, s := range p.Steps[1:] {
		if s.Write.Ref != ref {
			t.Errorf("ticket of step %d: %v, want the one created", i+1, s.Write.Ref)
		}
	}
}

func TestPlan_StepOfAnotherProcessIsInDoubt(t *testing.T) {
	t.Parallel()
	p := planOf(create())
	p.SetIntended(0, boot, at())
	// It may have been tried as late as Ahead after it was recorded.
	settled := at().Add(plan.Ahead + settle)
	want(t, "before it has settled", next(p, boot+1, settled.Add(-1)), plan.Action{Do: plan.Await, At: settled})
	want(t, "when it has settled", next(p, boot+1, settled), plan.Action{Do: plan.Find})
	// The process that found it in doubt never takes it for its own intention.
	want(t, "even for the process that intended it", next(p, boot, settled), plan.Action{Do: plan.Find})
}

// TestPlan_NothingIsAskedOfATicketThatIsNotThere: the create is in doubt, because a
// backup may have forgotten it, and what follows has not been tried.
func TestPlan_NothingIsAskedOfATicketThatIsNotThere(t *testing.T) {
	t.Parallel()
	comment := update()
	comment.Comment = &event.CommentWrite{Body: "hello"}
	p := planOf(create(), comment, update())
	p.DoubtAll(at())
	p.IntendAll(boot, at())
	if got := p.Steps[2].State; got != plan.Planned {
		t.Errorf("an update of a ticket that is not there is %s", got)
	}
	want(t, "at first", next(p, boot, at()), plan.Action{Do: plan.Find})
	p.SetIntended(0, boot, at())
	want(t, "when there is none", next(p, boot, at()), plan.Action{Do: plan.Write})
	p.SetDone(0, event.Written{Ref: event.Ref{ID: "7", Created: 1}})
	want(t, "when it is made", next(p, boot, at()), plan.Action{Do: plan.Find, Index: 1})
}

func TestPlan_WhatAddsIsSearchedAndWhatSetsIsCompared(t *testing.T) {
	t.Parallel()
	withComment := update()
	withComment.Comment = &event.CommentWrite{Body: "hello"}
	editing := update()
	editing.Comment = &event.CommentWrite{ID: "4", Body: "hello"}
	for _, tt := range []struct {
		name string
		step event.Step
		want plan.Do
	}{
		{"a create", create(), plan.Find},
		{"a comment", comment(""), plan.Find},
		{"a file", event.Step{Kind: event.StepAttach}, plan.Find},
		{"an update with a comment", withComment, plan.Find},
		{"an update", update(), plan.Check},
		{"an update that edits a comment", editing, plan.Check},
		{"an edit of a comment", comment("4"), plan.Check},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := planOf(tt.step)
			p.SetDoubt(0, at())
			want(t, "in doubt", next(p, boot, at()), plan.Action{Do: tt.want})
			if got := plan.Adds(tt.step); got != (tt.want == plan.Find) {
				t.Errorf("adds: %v", got)
			}
		})
	}
}

func TestPlan_ADoubtIsNotAskedAboutBeforeItsTime(t *testing.T) {
	t.Parallel()
	p := planOf(create())
	p.SetIntended(0, boot, at())
	p.SetDoubt(0, at().Add(time.Minute))
	want(t, "before", next(p, boot, at()), plan.Action{Do: plan.Await, At: at().Add(time.Minute)})
	p.SetIntended(0, boot, at().Add(time.Minute))
	want(t, "intended again", next(p, boot, at().Add(time.Minute)), plan.Action{Do: plan.Write})
	if p.Steps[0].Attempt != 2 {
		t.Errorf("attempts: %d, want 2", p.Steps[0].Attempt)
	}
}

func TestPlan_AStepInDoubtHoldsUpTheNext(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""))
	p.SetDoubt(0, at().Add(time.Minute))
	want(t, "the next step", next(p, boot, at()), plan.Action{Do: plan.Await, At: at().Add(time.Minute)})
}

func TestPlan_InDoubtTellsWhatMayHaveHappened(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""))
	if p.InDoubt() {
		t.Error("a plan that was not begun is in doubt")
	}
	p.SetIntended(0, boot, at())
	if !p.InDoubt() {
		t.Error("an intended step is not in doubt")
	}
	p.SetDone(0, event.Written{})
	if p.InDoubt() {
		t.Error("a done step is in doubt")
	}
	p.SetDoubt(1, at())
	if !p.InDoubt() {
		t.Error("a step in doubt is not in doubt")
	}
}

func TestPlan_StepsAreIntendedTogetherButACreateAlone(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""), comment(""))
	p.IntendAll(boot, at())
	for i := range p.Steps {
		want(t, "a step", next(p, boot, at()), plan.Action{Do: plan.Write, Index: i})
		p.SetDone(i, event.Written{})
	}
	p = planOf(create(), comment(""))
	p.IntendAll(boot, at())
	if got := p.Steps[1].State; got != plan.Planned {
		t.Errorf("the step after a create is %s before its ticket is known", got)
	}
}

func TestPlan_AStepIsRecordedAnewIfItIsTriedLate(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""))
	p.IntendAll(boot, at())
	p.SetDone(0, event.Written{})
	late := at().Add(plan.Ahead)
	want(t, "in time", next(p, boot, late), plan.Action{Do: plan.Write, Index: 1})
	want(t, "late", next(p, boot, late.Add(1)), plan.Action{Do: plan.Intend, Index: 1})
}

func TestPlan_DoubtsAreFoundOutBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""), comment(""))
	p.IntendAll(boot, at())
	now := at().Add(plan.Ahead + settle)
	want(t, "first", next(p, boot+1, now), plan.Action{Do: plan.Check})
	p.SetIntended(0, boot+1, now) // it did not happen
	want(t, "then", next(p, boot+1, now), plan.Action{Do: plan.Find, Index: 1})
	p.SetDone(1, event.Written{})
	p.SetIntended(2, boot+1, now)
	want(t, "then the first write", next(p, boot+1, now), plan.Action{Do: plan.Write})
}

// TestPlan_AClockThatIsSetBackPutsNoDoubtOffForADay: how long ago the attempt was, the
// clock cannot tell any more, so what is in doubt settles anew, all of it at once.
func TestPlan_AClockThatIsSetBackPutsNoDoubtOffForADay(t *testing.T) {
	t.Parallel()
	p := planOf(update(), comment(""), comment(""))
	p.IntendAll(boot, at())
	p.SetDoubt(1, at().Add(settle))
	p.SetDone(0, event.Written{})
	back := at().Add(-24 * time.Hour)
	settled := back.Add(plan.Ahead + settle)
	want(t, "the clock was set back", next(p, boot+1, back), plan.Action{Do: plan.Await, Index: 1, At: settled, Anew: true})
	want(t, "the wait goes on", next(p, boot+1, back.Add(time.Second)), plan.Action{Do: plan.Await, Index: 1, At: settled})
	want(t, "it is over", next(p, boot+1, settled), plan.Action{Do: plan.Find, Index: 1})
	p.SetDone(1, event.Written{})
	want(t, "the next", next(p, boot+1, settled), plan.Action{Do: plan.Find, Index: 2})
}
