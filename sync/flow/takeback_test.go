package flow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// lent is a pair of which the second side has two comments and two files of the first's.
func lent(t *testing.T) (w *world, a, b *node, ref event.Ref) {
	t.Helper()
	w, a, b = pair(t)
	b.desk.edits = true
	ref = a.desk.open("first")
	a.desk.comment(ref, "one", false)
	a.desk.comment(ref, "two", false)
	a.desk.attach(ref, "a.txt", "content")
	a.desk.attach(ref, "b.txt", "other content")
	w.settle()
	if k := b.one(); len(k.Comments) != 2 || len(k.Attachments) != 2 {
		t.Fatalf("the peer has %q and %q", bodies(k), files(k))
	}
	return w, a, b, ref
}

// lets has a node delete what the peer asks back.
func (n *node) lets() {
	r := *n.con().Rules()
	r.Remove = flow.RemoveAllow
	n.con().SetRules(&r)
}

// asked is what a node has asked back of a ticket: name or id, and what became of it.
func (n *node) asked(ref event.Ref) []flow.TakenBack {
	n.w.t.Helper()
	i, err := n.path.Inspect(n.con(), ref, event.TwinID{})
	n.must(err)
	return i.TakenBack()
}

func states(all []flow.TakenBack) []string {
	var out []string
	for _, one := range all {
		out = append(out, string(one.State))
	}
	slices.Sort(out)
	return out
}

// TestTakeBack_WhatIsDeletedGoesWhereThePeerMayRemove: comments and files, be they deleted
// here or made internal.
func TestTakeBack_WhatIsDeletedGoesWhereThePeerMayRemove(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	b.lets()
	a.desk.unsay(ref, 0)
	a.desk.discard(ref, 1)
	w.settle()
	if k := b.one(); !cmp.Equal(bodies(k), []string{"two"}) || !cmp.Equal(files(k), []string{"a.txt"}) {
		t.Errorf("after deletions the peer has %q and %q", bodies(k), files(k))
	}
	a.desk.hide(ref, 0)
	a.desk.hideFile(ref, 0, true)
	w.settle()
	if k := b.one(); len(k.Comments)+len(k.Attachments) > 0 {
		t.Errorf("made internal, the peer has %q and %q", bodies(k), files(k))
	}
	if got := states(a.asked(ref)); !cmp.Equal(got, []string{"taken back", "taken back", "taken back", "taken back"}) {
		t.Errorf("the sender sees %q", got)
	}
	if got := states(b.asked(b.one().Ref)); !cmp.Equal(got, []string{"removed", "removed", "removed", "removed"}) {
		t.Errorf("the receiver sees %q", got)
	}
	queued := a.saw("queued")
	a.desk.set(ref, "summary", "second")
	w.settle()
	if got := a.saw("queued") - queued; got != 1 {
		t.Errorf("an edit afterwards made %d events", got)
	}
	a.desk.show(ref, 0, "two, for all")
	a.desk.hideFile(ref, 0, false)
	w.settle()
	if k := b.one(); !cmp.Equal(bodies(k), []string{"two, for all"}) || !cmp.Equal(files(k), []string{"a.txt"}) {
		t.Errorf("made public again, the peer has %q and %q", bodies(k), files(k))
	}
}

// TestTakeBack_WithoutPermitATextIsReplacedAndAFileIsShown: to the admins of both sides,
// and not only in a log.
func TestTakeBack_WithoutPermitATextIsReplacedAndAFileIsShown(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	a.desk.unsay(ref, 0)
	a.desk.discard(ref, 1)
	a.desk.hideFile(ref, 0, true)
	w.settle()
	k := b.one()
	if !cmp.Equal(bodies(k), []string{withdrawn, "two"}) || !cmp.Equal(files(k), []string{"a.txt", "b.txt"}) {
		t.Errorf("the peer has %q and %q", bodies(k), files(k))
	}
	if got := a.saw("not withdrawn"); got != 2 { // the file that is gone was looked for once more
		t.Errorf("the operator heard %d times of it", got)
	}
	if got := states(a.asked(ref)); !cmp.Equal(got, []string{"not taken back", "not taken back", "taken back"}) {
		t.Errorf("the sender sees %q", got)
	}
	if got := states(b.asked(k.Ref)); !cmp.Equal(got, []string{"replaced", "still here", "still here"}) {
		t.Errorf("the receiver sees %q", got)
	}
	if got := b.asked(k.Ref); !slices.ContainsFunc(got, func(i flow.TakenBack) bool { return i.Name == "b.txt" && i.File }) {
		t.Errorf("the receiver is not told which file: %v", got)
	}
	a.desk.hideFile(ref, 0, false)
	w.settle()
	if got := files(b.one()); !cmp.Equal(got, []string{"a.txt", "b.txt"}) {
		t.Errorf("public again, the peer has %q", got)
	}
	if got := states(b.asked(k.Ref)); !cmp.Equal(got, []string{"replaced", "still here"}) {
		t.Errorf("public again, the receiver sees %q", got)
	}
}

// TestTakeBack_OneLookIsNotEnough: what is not seen for a moment is not what is deleted.
func TestTakeBack_OneLookIsNotEnough(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	had := a.one().Comments[0]
	a.desk.unsay(ref, 0)
	for range 3 {
		w.soon()
	}
	if got := a.rows('w'); got != 1 {
		t.Errorf("%d work rows, want the one of the second look", got)
	}
	a.desk.mu.Lock()
	k := a.desk.find(ref)
	k.Comments = slices.Insert(k.Comments, 0, had)
	a.desk.touch(k)
	a.desk.mu.Unlock()
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"one", "two"}) {
		t.Errorf("the peer has %q", got)
	}
}

// TestTakeBack_ManyAtOnceWaitForAPerson: a tracker that shows no comments for a while does
// not empty the peer's.
func TestTakeBack_ManyAtOnceWaitForAPerson(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.edits = true
	a.wires[0].rules.Fuse.Deletes = 2
	var refs []event.Ref
	for range 5 {
		ref := a.desk.open("ticket")
		a.desk.comment(ref, "one", false)
		refs = append(refs, ref)
	}
	w.settle()
	for _, ref := range refs {
		a.desk.unsay(ref, 0)
	}
	w.settle()
	gone := 0
	for _, k := range b.desk.all() {
		if slices.Contains(bodies(k), withdrawn) {
			gone++
		}
	}
	if gone != 2 {
		t.Errorf("%d comments were withdrawn, want the fuse's 2", gone)
	}
	a.must(a.path.ResetFuses(a.con()))
	a.wires[0].rules.Fuse.Deletes = 0
	w.settle()
	for _, k := range b.desk.all() {
		if !slices.Contains(bodies(k), withdrawn) {
			t.Errorf("after a person let them go on %s has %q", k.Key, bodies(k))
		}
	}
}

// TestTakeBack_AFileThatIsStillToBeFetchedIsNot: the peer was told of it, and that is all.
func TestTakeBack_AFileThatIsStillToBeFetchedIsNot(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("first")
	w.settle()
	refuse := true
	b.desk.on = func(call string, step event.Step) error {
		if refuse && call == "write" && step.Kind == event.StepAttach {
			return trouble(adapters.ErrRejected, "write")
		}
		return nil
	}
	a.desk.attach(ref, "a.txt", "content")
	w.settle()
	a.desk.hideFile(ref, 0, true)
	w.settle()
	refuse = false
	w.pass(2 * time.Hour)
	w.settle()
	if got := files(b.one()); len(got) > 0 || b.rows('j') > 0 {
		t.Errorf("the peer has %q, and %d files to write", got, b.rows('j'))
	}
}

// TestTakeBack_ACrashBetweenDoesItOnce: a removal in doubt is found out by reading.
func TestTakeBack_ACrashBetweenDoesItOnce(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	b.lets()
	calls := 0
	b.desk.on = func(call string, _ event.Step) error {
		if call == "remove done" {
			if calls++; calls == 1 {
				return trouble(adapters.ErrDoubt, "remove")
			}
		}
		return nil
	}
	a.desk.unsay(ref, 0)
	w.settle()
	b.crash()
	w.settle()
	if got := bodies(b.one()); !cmp.Equal(got, []string{"two"}) || calls != 1 {
		t.Errorf("the peer has %q, after %d removals", got, calls)
	}
}

// TestTakeBack_WhatTheTrackerDoesNotLetGoIsReplaced: and the file is among what was not
// taken back; the rest of the event is applied.
func TestTakeBack_WhatTheTrackerDoesNotLetGoIsReplaced(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	b.lets()
	b.desk.on = func(call string, _ event.Step) error {
		if call == "remove" {
			return trouble(adapters.ErrDenied, "remove")
		}
		return nil
	}
	a.desk.unsay(ref, 0)
	a.desk.discard(ref, 0)
	a.desk.set(ref, "summary", "second")
	w.settle()
	k := b.one()
	if !cmp.Equal(bodies(k), []string{withdrawn, "two"}) || !cmp.Equal(files(k), []string{"a.txt", "b.txt"}) || k.Fields["summary"] != "second" {
		t.Errorf("the peer has %q, %q and %q", k.Fields["summary"], bodies(k), files(k))
	}
	if got := states(a.asked(ref)); !cmp.Equal(got, []string{"not taken back", "taken back"}) {
		t.Errorf("the sender sees %q", got)
	}
}

// TestTakeBack_BothSidesAgreeAfterwards: a comparison finds nothing.
func TestTakeBack_BothSidesAgreeAfterwards(t *testing.T) {
	t.Parallel()
	for _, lets := range []bool{false, true} {
		w, a, b, ref := lent(t)
		if lets {
			b.lets()
		}
		a.desk.unsay(ref, 0)
		a.desk.hide(ref, 0)
		a.desk.discard(ref, 0)
		w.settle()
		if c := a.compare(); !c.Agreed() || len(c.Moving) > 0 {
			t.Errorf("removed there %v: %+v", lets, c)
		}
	}
}

// TestTakeBack_ATicketThatBecomesRestrictedLeaves: by the policy for what leaves, and it
// comes back when it is for all again.
func TestTakeBack_ATicketThatBecomesRestrictedLeaves(t *testing.T) {
	t.Parallel()
	w, a, b, ref := lent(t)
	a.wires[0].rules.Leave, b.wires[0].rules.Ended = flow.EndStop, flow.EndNote
	a.desk.restrict(ref, true)
	a.desk.set(ref, "summary", "the password is tulip")
	w.settle()
	if got := a.twinOf(ref).State; got != twin.Ended {
		t.Errorf("the twin is %q", got)
	}
	k := b.one()
	if k.Fields["summary"] != "first" || len(k.Comments) != 3 {
		t.Errorf("the peer has %q and %q, want no news but a last note", k.Fields["summary"], bodies(k))
	}
	a.desk.set(ref, "summary", "for all")
	a.desk.restrict(ref, false)
	w.settle()
	if got := b.one().Fields["summary"]; got != "for all" {
		t.Errorf("for all again, the peer has %q", got)
	}
}
