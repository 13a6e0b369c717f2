package plan_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/sync/event"
	"parley/sync/plan"
)

// aTracker is what a plan is carried out on: it counts what was added and remembers the order.
type aTracker struct {
	added   map[string]int
	visible map[string]time.Time // when a search finds it
	order   []string
}

// carryOut plays a whole life of a plan: writes that happen or do not, with an answer, without one, or with the
// process dying before or after; searches that come too early would find nothing. The clock may be set back by a day.
func carryOut(t *rapid.T, p *plan.Plan) *aTracker {
	tracker := &aTracker{added: map[string]int{}, visible: map[string]time.Time{}}
	now, back, process := at(), time.Duration(0), uint64(1)
	for turn := 0; ; turn++ {
		// Trouble ends, so that the plan does: what is proved is where it ends.
		trouble := turn < 40
		now = now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
		if trouble && rapid.IntRange(0, 6).Draw(t, "dies") == 0 {
			process++
		}
		if trouble && rapid.IntRange(0, 9).Draw(t, "set back") == 0 {
			back += 24 * time.Hour
		}
		clock := now.Add(-back)
		a := plan.Next(p, process, settle, clock)
		if a.Do == plan.Finish {
			return tracker
		}
		if turn > 400 {
			t.Fatalf("no end: %+v of %+v", a, p.Steps)
		}
		if a.Do == plan.Await {
			if wait := a.At.Sub(clock); wait <= 0 || wait > time.Minute {
				t.Fatalf("awaits %v, %v from now", a.At, wait)
			}
			now = a.At.Add(back)
			continue
		}
		tracker.do(t, p, a, process, now, clock, trouble)
	}
}

func (tr *aTracker) do(t *rapid.T, p *plan.Plan, a plan.Action, process uint64, now, clock time.Time, trouble bool) {
	step := &p.Steps[a.Index]
	name := fmt.Sprintf("step %d", a.Index)
	for i := range p.Steps[:a.Index] {
		if s := p.Steps[i].State; a.Do == plan.Write && s != plan.Done && s != plan.Dropped {
			t.Fatalf("writes step %d while step %d is %s", a.Index, i, s)
		}
	}
	switch a.Do {
	case plan.Intend:
		p.SetIntended(a.Index, process, clock)
	case plan.Write:
		if step.State != plan.Intended || step.Boot != process {
			t.Fatalf("writes step %d, which is %s by process %d of %d", a.Index, step.State, step.Boot, process)
		}
		happens := !trouble || rapid.Bool().Draw(t, "happens")
		if happens {
			tr.added[name]++
			tr.visible[name] = now.Add(settle)
			tr.order = append(tr.order, name)
		}
		switch {
		case happens && (!trouble || rapid.Bool().Draw(t, "answered")):
			p.SetDone(a.Index, event.Written{Ref: event.Ref{ID: "9"}})
		case rapid.Bool().Draw(t, "in doubt"):
			p.SetDoubt(a.Index, clock.Add(settle))
		default:
			step.Boot = 0 // the process died: another one will meet the step
		}
	case plan.Find, plan.Check:
		adds := step.Write.Kind == event.StepCreate || step.Write.Comment != nil && step.Write.Comment.ID == ""
		if a.Do == plan.Find != adds {
			t.Fatalf("%s of step %d, which adds: %v", a.Do, a.Index, adds)
		}
		if _, happened := tr.visible[name]; happened && now.Before(tr.visible[name]) {
			t.Fatalf("step %d is asked about at %v, and shows at %v", a.Index, now, tr.visible[name])
		}
		if tr.added[name] > 0 {
			p.SetDone(a.Index, event.Written{Ref: event.Ref{ID: "9"}})
		} else {
			p.SetIntended(a.Index, process, clock)
		}
	default:
		t.Fatalf("unknown: %+v", a)
	}
}

// TestPlan_EveryStepHappensOnceAndInOrderWhateverBreaks is the machine's whole promise: with a tracker that shows
// what was written within its SettleTime, no crash and no lost answer makes a step happen twice, never, or early.
func TestPlan_EveryStepHappensOnceAndInOrderWhateverBreaks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kinds := []func() event.Step{update, func() event.Step { return comment("") }, func() event.Step { return comment("c1") }}
		steps := []event.Step{}
		if rapid.Bool().Draw(t, "creates") {
			steps = append(steps, create())
		}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			steps = append(steps, rapid.SampledFrom(kinds).Draw(t, "kind")())
		}
		p := planOf(steps...)
		if rapid.Bool().Draw(t, "together") {
			p.IntendAll(1, at())
		}
		tracker := carryOut(t, p)
		for i := range p.Steps {
			if n := tracker.added[fmt.Sprintf("step %d", i)]; n != 1 {
				t.Fatalf("step %d happened %d times", i, n)
			}
			if want := fmt.Sprintf("step %d", i); tracker.order[i] != want {
				t.Fatalf("order is %v", tracker.order)
			}
		}
		if p.InDoubt() {
			t.Fatal("in doubt at the end")
		}
	})
}
