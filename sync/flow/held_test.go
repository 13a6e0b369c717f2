package flow_test

import (
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/twin"
	"parley/sync/work"
)

// heldLook is the one look of a node that is held.
func (n *node) heldLook() (ref event.Ref, row work.Row) {
	n.w.t.Helper()
	count := 0
	n.must(n.path.Works(n.con(), func(r event.Ref, w work.Row) bool {
		ref, row, count = r, w, count+1
		return true
	}))
	if count != 1 || row.State != work.Held {
		n.w.t.Fatalf("%d looks, the last one %s: want one that is held", count, row.State)
	}
	return ref, row
}

// TestWork_AFilterThatFailsHoldsOnlyItsTicket: a value that a table does not have.
// The others leave, and the ticket does as soon as the filter knows it.
func TestWork_AFilterThatFailsHoldsOnlyItsTicket(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	with := func(statuses ...string) {
		table := filters.Table{Policy: filters.TablePark}
		for _, s := range statuses {
			table.Pairs = append(table.Pairs, filters.Pair{Ours: s, Wire: s})
		}
		e := env()
		e.Tables = map[string]filters.Table{"status": table}
		out, err := filters.CompileOutgoing(strings.Replace(outgoing, "= issue.status", `= lookup("status", issue.status)`, 1), e)
		a.must(err)
		r := *a.con().Rules()
		r.Outgoing = out
		a.con().SetRules(&r)
	}
	with("Open")
	ref := a.desk.open("one")
	w.settle()
	a.desk.set(ref, "status", "Waiting")
	a.desk.set(ref, "summary", "one, changed")
	a.desk.open("two")
	a.poll()
	w.settle()
	at, row := a.heldLook()
	if at != ref || row.Code != event.CodeFilterError || !row.Parked || !strings.Contains(row.Reason, "outgoing filter") {
		t.Errorf("held: %v %+v", at, row)
	}
	if got := b.desk.all(); len(got) != 2 || got[0].Fields["summary"] != "one" {
		t.Errorf("the peer has %d tickets, the first one %v: want the other ticket and nothing of this one", len(got), got[0].Fields)
	}
	with("Open", "Waiting")
	a.must(a.path.RetryWork(a.con(), ref))
	w.settle()
	if got := b.desk.all()[0].Fields; got["status"] != "Waiting" || got["summary"] != "one, changed" {
		t.Errorf("with the value in the table the peer has %v", got)
	}
}

// TestWork_WhatTheEgressGateStopsIsHeldWhole: not the rest of it either, since what
// is left may mean something else. A look that a person skips comes up again with
// the ticket's next change.
func TestWork_WhatTheEgressGateStopsIsHeldWhole(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	allow := func(fields ...string) {
		r := *a.con().Rules()
		r.Egress = filters.Egress{Allow: append(fields, "key", "summary", "labels", "parent", "comments", "attachments")}
		a.con().SetRules(&r)
	}
	allow()
	a.desk.set(ref, "status", "Waiting")
	a.desk.set(ref, "summary", "changed")
	a.poll()
	w.settle()
	at, row := a.heldLook()
	if at != ref || row.Code != event.CodeByGate || row.Reason != "egress gate: field status" {
		t.Fatalf("held: %v %+v", at, row)
	}
	if got := b.one().Fields["summary"]; got != "one" {
		t.Errorf("part of it has left: %v", got)
	}
	a.must(a.path.SkipWork(a.con(), ref))
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d looks are left after it was skipped", got)
	}
	allow("status")
	a.desk.set(ref, "summary", "changed again")
	a.poll()
	w.settle()
	if got := b.one().Fields; got["summary"] != "changed again" || got["status"] != "Waiting" {
		t.Errorf("after the next change the peer has %v", got)
	}
}

// TestSkip_AFileThatAPersonGivesUpIsNotSentAgain: the sender is told.
func TestSkip_AFileThatAPersonGivesUpIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w, a, b, ref, job := twice(t)
	b.must(b.path.SkipFile(b.con(), job.Twin, job.Item))
	b.must(b.path.SkipFile(b.con(), job.Twin, job.Item)) // by two people
	w.settle()
	i, err := a.path.Inspect(a.con(), ref, event.TwinID{})
	a.must(err)
	for _, item := range i.Items {
		if item.State != twin.Declined {
			t.Errorf("the sender has it as %c, want that it was declined", item.State)
		}
	}
	a.desk.set(ref, "summary", "two")
	a.poll()
	w.settle()
	if got := b.one().Fields["summary"]; got != "two" {
		t.Errorf("the ticket does not go on: %v", got)
	}
	if got := b.rows('j'); got != 0 {
		t.Errorf("%d files are under way again", got)
	}
	if got := files(b.one()); len(got) != 2 {
		t.Errorf("the peer has the files %q", got)
	}
}

// TestRetry_AFileGoesOnWhenAPersonHasMended: with one of the two taken out, the
// other one is ours.
func TestRetry_AFileGoesOnWhenAPersonHasMended(t *testing.T) {
	t.Parallel()
	w, _, b, _, job := twice(t)
	k := b.desk.find(b.one().Ref)
	k.Attachments = k.Attachments[:1]
	b.desk.touch(k)
	b.must(b.path.RetryFile(b.con(), job.Twin, job.Item))
	w.settle()
	if got := b.rows('j'); got != 0 {
		t.Errorf("%d files wait", got)
	}
	if got := files(b.one()); len(got) != 1 {
		t.Errorf("the ticket has the files %q, want the one", got)
	}
}
