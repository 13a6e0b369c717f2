package flow_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const withdrawn = "(withdrawn by the other side)"

// TestWithdraw_ACommentMadeInternalIsTakenBack: its text does not stand at the peer any
// more, nothing of what became of it leaves, and it comes back when it is public again.
func TestWithdraw_ACommentMadeInternalIsTakenBack(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	ref := a.desk.open("first")
	a.desk.comment(ref, "one", false)
	a.desk.comment(ref, "two", false)
	w.settle()
	a.desk.hide(ref, 0)
	a.desk.reword(ref, 0, "the password is tulip")
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{withdrawn, "two"}) {
		t.Errorf("the peer has %q", got)
	}
	for _, m := range w.sent {
		if bytes.Contains(m, []byte("tulip")) {
			t.Error("what was written for our own left")
		}
	}
	queued := a.saw("queued")
	a.desk.set(ref, "summary", "second")
	w.settle()
	if got := a.saw("queued") - queued; got != 1 {
		t.Errorf("an edit afterwards made %d events", got)
	}
	a.desk.show(ref, 0, "one, for all")
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"one, for all", "two"}) {
		t.Errorf("made public again, the peer has %q", got)
	}
}

// TestWithdraw_APeerThatCannotEditIsAskedOnce: it declines, and other things go on.
func TestWithdraw_APeerThatCannotEditIsAskedOnce(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("first")
	a.desk.comment(ref, "one", false)
	w.settle()
	queued := a.saw("queued")
	a.desk.hide(ref, 0)
	w.settle()
	a.desk.set(ref, "summary", "second")
	w.settle()
	if got := b.one(); !cmp.Equal(bodies(got), []string{"one"}) || got.Fields["summary"] != "second" {
		t.Errorf("the peer has %q and %q", got.Fields["summary"], bodies(got))
	}
	if got := a.saw("queued") - queued; got != 2 {
		t.Errorf("%d events, want the request and the edit", got)
	}
	if got := a.saw("not withdrawn"); got != 1 {
		t.Errorf("the operator heard %d times of it", got)
	}
}

// TestWithdraw_AHealSaysItAgain: a peer that was restored has the text once more.
func TestWithdraw_AHealSaysItAgain(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	ref := a.desk.open("first")
	a.desk.comment(ref, "one", false)
	w.settle()
	backup := b.store.Snapshot()
	a.desk.hide(ref, 0)
	w.settle()
	b.desk.reword(b.one().Ref, 0, "one")
	b.restore(backup)
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{withdrawn}) {
		t.Errorf("after a restore the peer has %q", got)
	}
}

// TestWithdraw_WhatAFilterLeavesOutStays: a comment that is as public as it was is not
// taken back because another filter does not name it.
func TestWithdraw_WhatAFilterLeavesOutStays(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	ref := a.desk.open("first")
	a.desk.comment(ref, "one", false)
	a.desk.comment(ref, "two", false)
	w.settle()
	a.wires[0].rules.Outgoing, _ = compile(t, strings.Replace(outgoing, "issue.comments\n", "issue.comments | filter(not (.body contains \"better\"))\n", 1), incoming)
	a.desk.reword(ref, 0, "one, better")
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"one", "two"}) {
		t.Errorf("the peer has %q", got)
	}
}

// TestWithdraw_WhatThePeerNeverTookIsNotWithdrawn: nothing stands there to be replaced.
func TestWithdraw_WhatThePeerNeverTookIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	ref := a.desk.open("first")
	w.settle()
	b.wires[0].rules.Accept.Comments = false
	a.desk.comment(ref, "one", false)
	w.settle()
	b.wires[0].rules.Accept.Comments = true
	a.desk.hide(ref, 0)
	w.settle()
	if got := bodies(b.one()); len(got) > 0 {
		t.Errorf("the peer has %q", got)
	}
}
