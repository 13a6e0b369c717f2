package flow_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/transport"
)

const kept = 30 * 24 * time.Hour

func (n *node) trim() flow.Trimmed {
	n.w.t.Helper()
	done, err := n.path.Trim(n.w.t.Context(), n.con(), kept, atOnce)
	n.must(err)
	return done
}

// aged lets what both nodes hold grow old: it is marked, and kept is over.
func (w *world) aged() {
	w.t.Helper()
	for _, n := range w.nodes {
		if done := n.trim(); done != (flow.Trimmed{}) {
			w.t.Fatalf("young events went: %+v", done)
		}
	}
	w.pass(kept)
}

// edits changes a ticket many times, so that its twin remembers few of the events.
func (w *world) edits(n *node, ref event.Ref, what string) {
	w.t.Helper()
	for i := range 3 * 8 {
		n.desk.set(ref, "summary", fmt.Sprint(what, i))
		n.poll()
		w.run()
		w.pass(3 * time.Second)
		w.run()
	}
	w.settle()
}

// TestTrim_WhatNobodySpeaksOfGoes, and what somebody does stays: the history, an undo and
// the comparison are as they were, and both sides go on.
func TestTrim_WhatNobodySpeaksOfGoes(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	a.desk.set(ref, "status", "Waiting") // sent once, and never again
	w.settle()
	w.edits(a, ref, "two ")
	theirs := b.one().Ref
	before := map[*node][]flow.PastEvent{a: a.past(ref), b: b.past(theirs)}
	w.aged()
	for _, n := range w.nodes {
		events, tokens := n.rows('e'), n.rows('k')
		done := n.trim()
		if done.Events < 15 || done.Tokens < 15 || n.rows('e') != events-done.Events || n.rows('k') != tokens-done.Tokens {
			t.Errorf("%s: of %d and %d rows went %+v, %d and %d are left", n.name, events, tokens, done, n.rows('e'), n.rows('k'))
		}
		if again := n.trim(); again != (flow.Trimmed{}) {
			t.Errorf("%s: once more it removes %+v", n.name, again)
		}
	}
	for n, want := range before {
		if diff := cmp.Diff(want, n.past(n.one().Ref)); diff != "" {
			t.Errorf("%s: the history (-before +after):\n%s", n.name, diff)
		}
		if c := n.compare(); !c.Agreed() {
			t.Errorf("%s: they differ: %+v", n.name, c)
		}
	}
	b.must(b.path.Undo(b.con(), b.planUndo(theirs, event.Position{}), false))
	w.settle()
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "two 22" || y != x {
		t.Errorf("after the undo: %v and %v", x, y)
	}
	a.crash()
	b.crash()
	w.edits(b, theirs, "three ")
	if got := a.one().Fields["summary"]; got != "three 23" || a.saw("healing")+b.saw("healing") != 0 {
		t.Errorf("after it %v, healed %d times", got, a.saw("healing")+b.saw("healing"))
	}
}

// TestTrim_WhatWaitsStays: an event that nobody could do for very long is done in the end.
func TestTrim_WhatWaitsStays(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrTransient, "write")
		}
		return nil
	}
	a.desk.set(ref, "summary", "late")
	w.settle()
	for range 40 {
		a.desk.open("another")
	}
	w.settle()
	w.aged()
	a.trim()
	b.trim()
	if a.rows('q') != 41 || len(b.arrived()) != 41 {
		t.Fatalf("%d and %d wait", a.rows('q'), len(b.arrived()))
	}
	b.desk.on = func(string, event.Step) error { return nil }
	b.crash()
	w.pass(24 * time.Hour)
	w.settle()
	if standing(b, "late") != 1 || standing(b, "another") != 40 {
		t.Errorf("done are %d and %d", standing(b, "late"), standing(b, "another"))
	}
}

// TestTrim_ARestoredPeerIsFollowedUpOrHealed: from a backup that is younger than what was
// removed it goes on, from an older one it is healed; nothing is lost or doubled.
func TestTrim_ARestoredPeerIsFollowedUpOrHealed(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		for _, restored := range []int{0, 1} {
			w, a, b := pair(t)
			ref := a.desk.open("one")
			a.desk.comment(ref, "said once", false)
			w.settle()
			n := w.nodes[restored]
			backup := n.store.Snapshot()
			w.edits(a, ref, "two ")
			w.edits(b, b.one().Ref, "three ")
			if !old {
				backup = n.store.Snapshot()
			}
			w.aged()
			w.edits(a, ref, "four ")
			a.trim()
			b.trim()
			n.restore(backup)
			w.settle()
			b.desk.set(b.one().Ref, "status", "Done")
			w.settle()
			inStep(t, a.one(), b.one(), "four 23", "Done", []string{"said once"})
			if got := a.saw("stopped") + b.saw("stopped"); got != 0 {
				t.Errorf("stopped %d times", got)
			}
		}
	}
}

// TestTrim_AnEnvelopeFromBeforeIsAnsweredAndTakenNoMore: whoever keeps one and sends it again.
func TestTrim_AnEnvelopeFromBeforeIsAnsweredAndTakenNoMore(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	w.sent = nil
	w.edits(a, ref, "two ")
	sent := w.sent
	w.aged()
	if b.trim().Events == 0 {
		t.Fatal("nothing went")
	}
	answered, tried := 0, 0
	for _, body := range sent {
		if cut, _, err := b.con().Codec.Open(body); err != nil || cut.Stream != envelope.Data {
			continue // no envelope, or one of b's own
		}
		tried++
		reply, err := b.path.Receive(t.Context(), b.con().ID, transport.KindEnvelope, body)
		if err == nil && reply != nil {
			answered++
		}
	}
	w.settle()
	if answered < tried || tried < 20 || b.one().Fields["summary"] != "two 23" || b.saw("stopped") != 0 {
		t.Errorf("%d of %d answered; the ticket is %v, stopped %d times", answered, tried, b.one().Fields["summary"], b.saw("stopped"))
	}
}

// TestTrim_APeerThatIsRestoredMeanwhileGetsAll: between two pages of a trim.
func TestTrim_APeerThatIsRestoredMeanwhileGetsAll(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	backup := b.store.Snapshot()
	w.edits(a, ref, "two ")
	for _, n := range w.nodes {
		n.trim()
	}
	b.restore(backup)
	w.pass(kept)
	a.con().Pause(true, false)
	n := 0
	_, err := a.path.Trim(t.Context(), a.con(), kept, func(context.Context) error {
		if n++; n == 1 {
			w.settle() // it says what it wants again, and is not sent it yet
		}
		return nil
	})
	a.must(err)
	a.con().Pause(false, false)
	a.must(a.path.Rouse(a.con()))
	w.settle()
	if got := b.one().Fields["summary"]; got != "two 23" || b.rows('i')+a.rows('q') != 0 {
		t.Errorf("the restored peer has %v, %d events wait", got, a.rows('q'))
	}
}
