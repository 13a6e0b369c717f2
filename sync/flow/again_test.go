package flow_test

import (
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/work"
)

// halfway brings a into a state where its event stands half written in b's ticket:
// the tracker took the fields, and refused the comment until it is mended.
func halfway(t *testing.T, winner string, made bool) (w *world, a, b *node, ref event.Ref, mend func()) {
	t.Helper()
	w = newWorld(t)
	a, b = w.node("a"), w.node("b")
	atA, atB := w.join(1, a, b)
	atA.winner, atB.winner = winner, winner
	a.boot()
	b.boot()
	refuses := true
	b.desk.on = func(call string, step event.Step) error {
		if refuses && call == "write" && step.Kind == event.StepComment {
			return trouble(adapters.ErrRejected, "write")
		}
		return nil
	}
	ref = a.desk.open("one")
	if made {
		w.settle()
		a.desk.set(ref, "summary", "two")
	}
	a.desk.comment(ref, "hello", false)
	a.poll()
	a.alone()
	b.alone()
	a.alone() // hears that it is parked
	if b.saw("parked") != 1 {
		t.Fatalf("parked %d events, want 1", b.saw("parked"))
	}
	w.pass(time.Minute)
	return w, a, b, ref, func() { refuses = false }
}

// TestApply_WhatAParkedEventWroteIsNoEdit: nobody has edited b's ticket.
func TestApply_WhatAParkedEventWroteIsNoEdit(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"create": false, "update": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, b, _, _ := halfway(t, "newest", made)
			b.poll()
			b.alone()
			for name, sent := range b.twinOf(b.one().Ref).Sent {
				if sent.Seq != 0 && name != "key" {
					t.Errorf("b sent the %s that it had written itself", name)
				}
			}
		})
	}
}

// TestApply_NoEditOverrulesAnEdit: while an event is parked a person edits what it has
// written, and at the other side another field is edited. The event that takes the
// parked one's place says both fields; whoever wins conflicts, this is none.
func TestApply_NoEditOverrulesAnEdit(t *testing.T) {
	t.Parallel()
	for _, winner := range []string{"newest", "a", "b"} {
		for _, order := range []string{"unsent", "sent", "crossing"} {
			for name, made := range map[string]bool{"create": false, "update": true} {
				t.Run(winner+"/"+name+"/"+order, func(t *testing.T) {
					t.Parallel()
					noEditOverrules(t, winner, order, made)
				})
			}
		}
	}
}

func noEditOverrules(t *testing.T, winner, order string, made bool) {
	t.Helper()
	w, a, b, ref, mend := halfway(t, winner, made)
	b.desk.set(b.one().Ref, "summary", "edited")
	w.pass(time.Minute)
	if order != "unsent" {
		b.wires[0].cut = order == "crossing"
		b.poll()
		b.alone()
	}
	a.desk.set(ref, "status", "Done")
	a.poll()
	a.alone()
	mend()
	b.wires[0].cut = false
	b.alone()
	w.settle()
	for _, n := range w.nodes {
		if k := n.one(); k.Fields["summary"] != "edited" || k.Fields["status"] != "Done" || len(k.Comments) != 1 {
			t.Errorf("%s has %q in status %q with %d comments, want the edit, Done, and one", n.name, k.Fields["summary"], k.Fields["status"], len(k.Comments))
		}
	}
}

// TestApply_WhatIsSaidAgainKeepsItsTime: an edit that was parked before anything of it
// was written is said again with a later one, and meets an edit made in between.
func TestApply_WhatIsSaidAgainKeepsItsTime(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"unsent", "sent", "crossing"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			ref := a.desk.open("one")
			w.settle()
			refuses := true
			b.desk.on = func(call string, step event.Step) error {
				if refuses && call == "write" && step.Kind == event.StepUpdate {
					return trouble(adapters.ErrRejected, "write")
				}
				return nil
			}
			a.desk.set(ref, "summary", "two")
			a.poll()
			a.alone()
			b.alone()
			a.alone()
			w.pass(time.Minute)
			b.desk.set(b.one().Ref, "summary", "newer")
			w.pass(time.Minute)
			b.wires[0].cut = order == "crossing"
			if order != "unsent" {
				b.poll()
				b.alone()
			}
			a.desk.set(ref, "status", "Done")
			a.poll()
			a.alone()
			refuses = false
			b.wires[0].cut = false
			b.alone()
			w.settle()
			for _, n := range w.nodes {
				if k := n.one(); k.Fields["summary"] != "newer" || k.Fields["status"] != "Done" {
					t.Errorf("%s has %q in status %q, want the newer edit, and Done", n.name, k.Fields["summary"], k.Fields["status"])
				}
			}
		})
	}
}

// TestApply_WhatIsSaidAThirdTimeKeepsItsTime: the event that repeats it was parked, too,
// and is repeated itself.
func TestApply_WhatIsSaidAThirdTimeKeepsItsTime(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	refuses := true
	b.desk.on = func(call string, step event.Step) error {
		if refuses && call == "write" && step.Kind == event.StepUpdate {
			return trouble(adapters.ErrRejected, "write")
		}
		return nil
	}
	edit := func(field string, value any) {
		w.pass(time.Minute)
		a.desk.set(ref, field, value)
		a.poll()
		a.alone()
		b.alone()
		a.alone()
	}
	edit("summary", "two")
	w.pass(time.Minute)
	b.desk.set(b.one().Ref, "summary", "newer") // nobody looks at it before the end
	edit("labels", []any{"a"})
	refuses = false
	edit("status", "Done")
	w.settle()
	if got := b.saw("parked"); got != 2 {
		t.Errorf("parked %d events, want 2", got)
	}
	for _, n := range w.nodes {
		if k := n.one(); k.Fields["summary"] != "newer" || k.Fields["status"] != "Done" {
			t.Errorf("%s has %q in status %q, want the newer edit, and Done", n.name, k.Fields["summary"], k.Fields["status"])
		}
	}
}

// TestApply_AHealRepeatsAParkedEditAsTheEditItWas: of two edits that meet the newer one
// stands, whatever brings the older one once more.
func TestApply_AHealRepeatsAParkedEditAsTheEditItWas(t *testing.T) {
	t.Parallel()
	for want, first := range map[string]string{"theirs": "b", "ours": "a"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			ref := a.desk.open("one")
			w.settle()
			refuses := true
			b.desk.on = func(call string, step event.Step) error {
				if refuses && call == "write" && step.Kind == event.StepUpdate {
					return trouble(adapters.ErrRejected, "write")
				}
				return nil
			}
			edit := map[string]func(){
				"a": func() {
					a.desk.set(ref, "summary", "theirs")
					a.poll()
					a.alone()
					b.alone()
					a.alone()
				},
				"b": func() { b.desk.set(b.one().Ref, "summary", "ours") },
			}
			second := map[string]string{"a": "b", "b": "a"}[first]
			edit[first]()
			w.pass(time.Minute)
			edit[second]()
			w.pass(time.Minute)
			b.wires[0].cut = true // so that the two cross
			b.poll()
			b.alone()
			a.must(a.path.Touch(a.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseHeal}))
			a.alone()
			refuses = false
			b.wires[0].cut = false
			w.settle()
			for _, n := range w.nodes {
				if got := n.one().Fields["summary"]; got != want {
					t.Errorf("%s has %v, want the newer edit, %s", n.name, got, want)
				}
			}
		})
	}
}

// TestApply_ARepetitionOfWhatWasAppliedOverrulesNoEdit: the parked one kept its
// plan and is gone on with when the newer one comes, which repeats it.
func TestApply_ARepetitionOfWhatWasAppliedOverrulesNoEdit(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	lost, many := true, true
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write done" && step.Kind == event.StepComment && lost:
			lost = false
			return trouble(adapters.ErrDoubt, "write")
		case call == "find" && many:
			return trouble(adapters.ErrDenied, "find")
		}
		return nil
	}
	ref := a.desk.open("one")
	a.desk.comment(ref, "hello", false)
	for range 5 {
		a.poll()
		a.alone()
		b.alone()
		w.pass(10 * time.Second)
	}
	a.alone()
	if b.saw("parked") != 1 {
		t.Fatalf("parked %d events, want 1", b.saw("parked"))
	}
	b.desk.set(b.one().Ref, "summary", "edited")
	w.pass(time.Minute)
	a.desk.set(ref, "status", "Done")
	a.poll()
	a.alone()
	many = false
	w.settle()
	for _, n := range w.nodes {
		if k := n.one(); k.Fields["summary"] != "edited" || k.Fields["status"] != "Done" || len(k.Comments) != 1 {
			t.Errorf("%s has %q in status %q with %d comments, want the edit, Done, and one", n.name, k.Fields["summary"], k.Fields["status"], len(k.Comments))
		}
	}
}
