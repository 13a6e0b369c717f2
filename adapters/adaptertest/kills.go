package adaptertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"parley/sync/event"
)

func killPromises() []promise {
	return []promise{{"BetweenEveryTwoStepsOnce", killsBetweenSteps}}
}

// The places in a step where a process may die.
const (
	beforeCall   = "before the call"
	beforeEffect = "before the effect" // what prepares it has been sent
	beforeAnswer = "after the effect, before the answer"
	beforeRecord = "after the answer, before it is on record"
)

// life is a plan whose process dies once, and another goes on with.
type life struct {
	name  string
	steps []addition
	// dies at this step, in this place; the steps before are on record.
	dies  int
	where string
	ref   event.Ref
}

// killsBetweenSteps does a whole plan (create, fields, comment, file, status) for
// each place in each step where a process may die. The next one knows only what
// was recorded; it asks, as the product does, and goes on. Everything is there once.
func killsBetweenSteps(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	var all []*life
	for i := range e.wholePlan("") {
		for _, where := range []string{beforeCall, beforeEffect, beforeAnswer, beforeRecord} {
			l := &life{dies: i, where: where}
			l.name = string(newMarker()[:8])
			l.steps = e.wholePlan(l.name)
			all = append(all, l)
		}
	}
	for _, l := range all {
		e.liveUntilKilled(l)
	}
	e.reopen()
	e.settle()
	for _, l := range all {
		e.liveOn(l)
		e.checkLife(l)
	}
}

// wholePlan is one step of each kind, in the order of a plan.
func (e *env) wholePlan(name string) []addition {
	s := e.subject
	since := time.Now().Add(-time.Hour).Unix()
	data := []byte("file of " + name)
	steps := []addition{
		{step: event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields("killed "+name, "text of "+name), Since: since}},
		{step: event.Step{Kind: event.StepUpdate, Fields: event.Fields{
			event.FieldSummary: "killed and changed " + name, s.Text: s.Fields[s.Text][0],
		}}},
		{step: event.Step{
			Kind: event.StepComment, Marker: newMarker(), Since: since, Comment: &event.CommentWrite{Body: "comment of " + name},
		}},
	}
	if !s.NoFiles {
		steps = append(steps, addition{step: attachStep(event.Ref{}, "killed.txt", data), data: data})
	}
	if len(s.Statuses) > 0 {
		steps = append(steps, addition{step: event.Step{
			Kind: event.StepUpdate, Fields: event.Fields{event.FieldStatus: s.Statuses[0]},
		}})
	}
	return steps
}

// liveUntilKilled does the steps of a plan up to the one in which it dies.
func (e *env) liveUntilKilled(l *life) {
	e.Helper()
	for i := range l.dies {
		e.recorded(l, e.doStep(l, i))
	}
	ctx, die := context.WithCancel(e.Context())
	defer die()
	kill := func(w http.ResponseWriter, r *http.Request, _ forwarder) {
		die()
		hang(w, r, nil)
	}
	switch l.where {
	case beforeCall:
		return
	case beforeEffect:
		e.proxy.set(once(e.subject.Effect), kill)
	case beforeAnswer:
		e.proxy.set(once(e.subject.Effect), afterwards(kill))
	}
	a := l.at(l.dies)
	_, err := e.tracker.Write(ctx, a.step, bodyOf(a.data)) // nobody is left to hear the answer
	reached := e.proxy.heal()
	switch {
	case l.where == beforeRecord && err != nil:
		e.Fatalf("%s: %v", a.step.Kind, err)
	case l.where != beforeRecord && reached != 1:
		e.Fatalf("%s: no request was one with an effect: Subject.Effect does not fit the adapter", a.step.Kind)
	}
}

// at is step i with its ticket.
func (l *life) at(i int) addition {
	a := l.steps[i]
	if a.step.Kind != event.StepCreate {
		a.step.Ref = l.ref
	}
	return a
}

func (e *env) doStep(l *life, i int) event.Written {
	e.Helper()
	a := l.at(i)
	w, err := e.tracker.Write(e.Context(), a.step, bodyOf(a.data))
	if err != nil {
		e.Fatalf("%s, %s in step %d: %s: %v", l.name, l.where, l.dies, a.step.Kind, err)
	}
	return w
}

func (e *env) recorded(l *life, w event.Written) {
	e.Helper()
	if w.Ref.IsZero() || !l.ref.IsZero() && l.ref != w.Ref {
		e.Fatalf("a step answered ref %v, want %v", w.Ref, l.ref)
	}
	l.ref = w.Ref
}

// liveOn is the next process: the step in which the last one died is in doubt,
// those behind it are to be done.
func (e *env) liveOn(l *life) {
	e.Helper()
	if w, done := e.happened(l); done {
		e.recorded(l, w)
	} else {
		e.recorded(l, e.doStep(l, l.dies))
	}
	for i := l.dies + 1; i < len(l.steps); i++ {
		e.recorded(l, e.doStep(l, i))
	}
}

// happened asks about the step in doubt: what adds is looked up, what sets values
// is read and compared.
func (e *env) happened(l *life) (event.Written, bool) {
	e.Helper()
	step := l.at(l.dies).step
	there := l.where == beforeAnswer || l.where == beforeRecord
	var w event.Written
	var done bool
	if step.Kind == event.StepUpdate {
		ticket := e.read(l.ref)
		w, done = event.Written{Ref: ticket.Ref, Key: ticket.Key}, true
		for name, want := range step.Fields {
			done = done && ticket.Fields[name] == want
		}
	} else {
		found := e.found(step)
		if found.Presence == event.FoundMany {
			e.Fatalf("%s, killed %s: Find says many", step.Kind, l.where)
		}
		w, done = found.Written, found.Presence == event.FoundOne
	}
	if done != there {
		e.Fatalf("%s, killed %s: the next process sees it there: %v", step.Kind, l.where, done)
	}
	return w, done
}

// checkLife: all that the plan says is in the tracker, and once.
func (e *env) checkLife(l *life) {
	e.Helper()
	ticket := e.read(l.ref)
	what := func(step event.Step) string {
		return string(l.steps[l.dies].step.Kind) + " killed " + l.where + ", then " + string(step.Kind)
	}
	files := 1
	if e.subject.NoFiles {
		files = 0
	}
	if len(ticket.Comments) != 1 || len(ticket.Attachments) != files {
		e.Errorf("%s: %d comments, %d files; want one of each that there can be", what(event.Step{Kind: "all"}), len(ticket.Comments), len(ticket.Attachments))
	}
	for _, a := range l.steps {
		step := a.step
		switch step.Kind {
		case event.StepUpdate:
			for name, want := range step.Fields {
				if got := ticket.Fields[name]; got != want {
					e.Errorf("%s: %s is %v, want %v", what(step), name, got, want)
				}
			}
		default:
			if step.Kind != event.StepCreate {
				step.Ref = l.ref
			}
			if found := e.found(step); found.Presence != event.FoundOne || found.Written.Ref != l.ref {
				e.Errorf("%s: Find says %+v, want one at %v", what(step), found, l.ref)
			}
		}
	}
}
