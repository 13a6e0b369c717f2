package flow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/work"
)

// TestAttach_ADoubtOutlivesAPermissionThatWasLost: nobody can be asked whether the
// file was written; that does not mean that it was not.
func TestAttach_ADoubtOutlivesAPermissionThatWasLost(t *testing.T) {
	t.Parallel()
	// A tracker that does not tell the file's id is read after the write.
	for asked, mute := range map[string]bool{"find": false, "read": true} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			ref := a.desk.open("one")
			w.settle()
			written, denied := false, 0
			b.desk.mute = mute
			b.desk.on = func(call string, step event.Step) error {
				switch {
				case call == "write done" && step.Kind == event.StepAttach && !written:
					written = true
					if !mute {
						return trouble(adapters.ErrDoubt, call)
					}
				case call == asked && written && denied == 0:
					denied++
					return trouble(adapters.ErrDenied, call)
				}
				return nil
			}
			a.desk.attach(ref, "file", "content")
			w.settle()
			if denied != 1 || b.saw("parked") != 1 {
				t.Fatalf("the tracker refused an answer %d times, parked %d times, want 1 and 1", denied, b.saw("parked"))
			}
			w.pass(2 * time.Hour)
			w.settle()
			if got := files(b.one()); len(got) != 1 || a.rows('j')+b.rows('j') != 0 {
				t.Errorf("the peer has the files %q, and %d are under way", got, b.rows('j'))
			}
		})
	}
}

// TestAttach_AFileOnItsWaySentAgainIsNotWrittenTwice: a heal names a file whose
// write was cut off and may still land.
func TestAttach_AFileOnItsWaySentAgainIsNotWrittenTwice(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	var late event.Step
	b.desk.on = func(call string, step event.Step) error {
		if call == "write" && step.Kind == event.StepAttach && late.Kind == "" {
			late = step
			return trouble(adapters.ErrDoubt, call)
		}
		return nil
	}
	a.desk.attach(ref, "file", "content")
	a.poll()
	w.run()
	if late.Kind == "" {
		t.Fatal("no write was cut off")
	}
	a.must(a.path.Touch(a.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseHeal}))
	applied := b.saw("applied")
	w.run()
	if b.saw("applied") == applied {
		t.Fatal("the heal did not arrive")
	}
	w.pass(settleTime - time.Second)
	w.run()
	if _, err := b.desk.Write(context.Background(), late, strings.NewReader("content")); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := files(b.one()); len(got) != 1 || a.rows('j')+b.rows('j') != 0 {
		t.Errorf("the peer has the files %q, and %d are under way", got, b.rows('j'))
	}
}

// TestAttach_AFileThatIsThereTwiceWaitsForAPerson: which of the two is the peer's,
// the node does not guess.
func TestAttach_AFileThatIsThereTwiceWaitsForAPerson(t *testing.T) {
	t.Parallel()
	_, _, b, _, _ := twice(t)
	if got := b.rows('j'); got != 1 || b.saw("parked") != 1 {
		t.Errorf("%d files under way, parked %d times, want 1 and 1", got, b.saw("parked"))
	}
	if got := files(b.one()); len(got) != 2 {
		t.Errorf("the peer has the files %q, want the tracker's two", got)
	}
}

// twice is a file of one's that the other's tracker wrote twice: its node does not
// know which is ours, and waits for a person.
func twice(t *testing.T) (w *world, a, b *node, ref event.Ref, job flow.FileJob) {
	t.Helper()
	w, a, b = pair(t)
	ref = a.desk.open("one")
	w.settle()
	cut := false
	b.desk.on = func(call string, step event.Step) error {
		if call != "write done" || step.Kind != event.StepAttach || cut {
			return nil
		}
		cut = true
		if _, err := b.desk.write(step, strings.NewReader("content")); err != nil {
			return err
		}
		return trouble(adapters.ErrDoubt, call)
	}
	a.desk.attach(ref, "file", "content")
	w.settle()
	b.must(b.path.Files(b.con(), func(j flow.FileJob) bool { job = j; return true }))
	if !job.Parked || job.Name != "file" || job.Code != event.CodeAmbiguous {
		t.Fatalf("the file: %+v, want it parked as ambiguous", job)
	}
	return w, a, b, ref, job
}

// jobs are the files that wait to be written.
func (n *node) jobs() []flow.FileJob {
	n.w.t.Helper()
	var all []flow.FileJob
	n.must(n.path.Files(n.con(), func(j flow.FileJob) bool { all = append(all, j); return true }))
	return all
}

// TestApply_AFileThatWasWrittenMeanwhileIsNotWantedAgain: the event that names it once
// more was decided on before.
func TestApply_AFileThatWasWrittenMeanwhileIsNotWantedAgain(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	meanwhile := false
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write" && step.Kind == event.StepAttach && !meanwhile:
			return trouble(adapters.ErrTransient, call)
		case call == "write" && step.Kind == event.StepUpdate && !meanwhile:
			meanwhile = true
			w.pass(time.Hour)
			for _, j := range b.jobs() {
				b.must(b.path.Attach(t.Context(), b.con().ID, j.Twin, j.Item))
			}
		}
		return nil
	}
	a.desk.attach(ref, "log.txt", "content")
	a.poll()
	w.run()
	if len(b.jobs()) != 1 {
		t.Fatalf("%d files wait, want 1", len(b.jobs()))
	}
	a.desk.set(ref, "status", "Done")
	i, err := a.path.Inspect(a.con(), ref, event.TwinID{})
	a.must(err)
	if n, err := a.path.HealTwins(a.con(), []event.TwinID{i.TwinID}); n != 1 || err != nil {
		t.Fatalf("healed %d: %v", n, err)
	}
	a.poll()
	for range 3 {
		w.run()
		w.pass(100 * time.Millisecond)
	}
	if !meanwhile || len(b.one().Attachments) != 1 {
		t.Fatal("the file was not written while the event was")
	}
	// A tracker's index may not show yet what was written just now.
	if got := b.saw("file"); got != 1 || len(b.jobs()) != 0 {
		t.Errorf("it was fetched %d times, and is wanted %d times more", got, len(b.jobs()))
	}
}

// TestWrite_WhatOfAStepDidNotComeAboutIsTold: it is not tried again, so nobody else would
// say so.
func TestWrite_WhatOfAStepDidNotComeAboutIsTold(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.partly = "the description may not show the file"
	a.desk.attach(ref, "file", "content")
	w.settle()
	if got := files(b.one()); len(got) != 1 || b.saw("partly") != 1 {
		t.Errorf("the peer has the files %q, and was told %d times of what is missing, want 1 and 1", got, b.saw("partly"))
	}
	a.desk.set(ref, "summary", "two")
	w.settle()
	if b.saw("partly") != 2 {
		t.Errorf("told %d times after an update, want 2", b.saw("partly"))
	}
}
