package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/twin"
	"parley/sync/work"
)

// strangers is a pair of nodes with a ticket each, that know nothing of each
// other: the connection came after them.
func strangers(t *testing.T, permit string) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	for _, n := range []*node{a, b} {
		n.wires[0].rules.Since = w.at.Add(time.Hour)
		n.wires[0].rules.Connect = permit
		ref := n.desk.open("summary of " + n.name)
		n.desk.set(ref, "labels", []any{"l", n.name})
		n.desk.comment(ref, "old of "+n.name, false)
		n.desk.comment(ref, "secret of "+n.name, true)
		n.desk.attach(ref, "old file of "+n.name, "content "+n.name)
	}
	a.desk.set(a.one().Ref, "status", "Closed")
	b.desk.set(b.one().Ref, "status", "")
	w.settle()
	if len(a.desk.all())+len(b.desk.all()) != 2 {
		t.Fatal("the tickets moved by themselves")
	}
	return w, a, b
}

func (n *node) connect(ask event.Connect) error {
	n.w.t.Helper()
	k := n.one()
	return n.path.Connect(context.Background(), n.con(), event.Change{Ref: k.Ref, Key: k.Key}, ask)
}

// public is what of a ticket the other side may know.
func public(k event.Ticket) map[string]any {
	out := map[string]any{"summary": k.Fields["summary"], "status": k.Fields["status"], "labels": fmt.Sprint(k.Fields["labels"])}
	comments, files := map[string]int{}, map[string]int{}
	for _, c := range k.Comments {
		if !c.Internal {
			comments[c.Body]++
		}
	}
	for _, f := range k.Attachments {
		files[f.Name]++
	}
	out["comments"], out["files"] = comments, files
	return out
}

// TestConnect_TwoTicketsBecomeOnePair: whoever is preferred, an empty value
// stands against none, sets are united, and from then on each edit crosses.
func TestConnect_TwoTicketsBecomeOnePair(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefer                 event.Prefer
		old                    bool
		summaryAtA, summaryAtB string
	}{
		{event.PreferSender, false, "summary of a", "summary of a"},
		{event.PreferReceiver, false, "summary of b", "summary of b"},
		{event.PreferNeither, false, "summary of a", "summary of b"},
		{event.PreferNeither, true, "summary of a", "summary of b"},
	} {
		t.Run(fmt.Sprint(tt.prefer, " old=", tt.old), func(t *testing.T) {
			t.Parallel()
			w, a, b := strangers(t, flow.PermitAuto)
			a.must(a.connect(event.Connect{Key: "b-1", Prefer: tt.prefer, Old: tt.old}))
			w.settle()
			for n, summary := range map[*node]string{a: tt.summaryAtA, b: tt.summaryAtB} {
				comments, files := map[string]int{"old of a": 1, "old of b": 1}, map[string]int{"old file of a": 1, "old file of b": 1}
				if tt.old {
					comments, files = map[string]int{"old of " + n.name: 1}, map[string]int{"old file of " + n.name: 1}
				}
				want := map[string]any{"summary": summary, "status": "Closed", "labels": "[a b l]", "comments": comments, "files": files}
				if diff := cmp.Diff(want, public(n.one())); diff != "" {
					t.Errorf("%s (-want +got):\n%s", n.name, diff)
				}
			}
			a.desk.set(a.one().Ref, "summary", "edited at a")
			a.desk.comment(a.one().Ref, "fresh of a", false)
			w.settle()
			b.desk.set(b.one().Ref, "status", "Reopened")
			w.settle()
			for _, n := range []*node{a, b} {
				got := public(n.one())
				if got["summary"] != "edited at a" || got["status"] != "Reopened" || got["comments"].(map[string]int)["fresh of a"] != 1 {
					t.Errorf("%s after edits: %v", n.name, got)
				}
				if row := n.twinOf(n.one().Ref); row.Connect != nil || row.State != twin.Live || n.rows('t') != 1 {
					t.Errorf("%s: %d twins, the pair is %s and still connecting: %v", n.name, n.rows('t'), row.State, row.Connect)
				}
			}
		})
	}
}

// TestConnect_NeedsLeave: what a peer asks for is done only where the accept
// gate, or a person, lets it be done.
func TestConnect_NeedsLeave(t *testing.T) {
	t.Parallel()
	w, a, b := strangers(t, flow.PermitAsk)
	a.must(a.connect(event.Connect{Key: "b-1", Prefer: event.PreferSender}))
	w.settle()
	var waiting event.TwinID
	b.must(b.path.Inboxes(b.con(), func(id event.TwinID, row inbox.Row) bool {
		if row.State == inbox.Parked && row.Code == event.CodeApproval {
			waiting = id
		}
		return true
	}))
	if waiting.IsZero() || b.rows('t') != 0 || b.one().Fields["summary"] != "summary of b" {
		t.Fatalf("it does not wait for approval: %d twins, %v", b.rows('t'), b.one().Fields)
	}
	if got := a.twinOf(a.one().Ref).Out; got == nil || got.Parked != event.CodeApproval {
		t.Errorf("the side that asked shows %+v, want it parked for approval", got)
	}
	b.must(b.path.Approve(b.con(), waiting))
	w.settle()
	if got := b.one().Fields["summary"]; got != "summary of a" {
		t.Errorf("approved, its summary is %v", got)
	}
}

// TestConnect_RefusalsSayWhyAndLeaveNothing: and another try may name another ticket.
func TestConnect_RefusalsSayWhyAndLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, permit, key string
		before            func(w *world, a, b *node)
		code              event.Code
	}{
		{"no leave", flow.PermitNever, "b-1", nil, event.CodeByGate},
		{"no leave to ask whether there is one", flow.PermitNever, "b-77", nil, event.CodeByGate},
		{"no such ticket", flow.PermitAuto, "b-77", nil, event.CodeByGate},
		{"out of scope", flow.PermitAuto, "b-1", func(_ *world, _, b *node) {
			b.desk.set(b.one().Ref, "summary", "outside")
		}, event.CodeByGate},
		{"twinned already", flow.PermitAuto, "b-1", func(w *world, _, b *node) {
			b.must(b.path.Touch(b.con().ID, []event.Change{{Ref: b.one().Ref}}, work.Seen{Cause: event.CauseEdit, Forced: true}))
			w.settle()
		}, event.CodeConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, a, b := strangers(t, tt.permit)
			b.wires[0].rules.Scope = scope(t, `issue.summary != "outside"`)
			ours := a.one()
			if tt.before != nil {
				tt.before(w, a, b)
			}
			before := b.one()
			a.must(a.path.Connect(t.Context(), a.con(), event.Change{Ref: ours.Ref, Key: ours.Key}, event.Connect{Key: tt.key, Prefer: event.PreferSender}))
			w.settle()
			row := a.twinOf(ours.Ref)
			if row == nil || row.State != twin.Ended || row.Refused != tt.code {
				t.Fatalf("the twin is %+v, want it ended for %s", row, tt.code)
			}
			if diff := cmp.Diff(before, b.one()); diff != "" {
				t.Errorf("b's ticket changed:\n%s", diff)
			}
			b.wires[0].rules.Connect = flow.PermitAuto
			other := b.desk.open("another")
			b.desk.set(other, "status", "")
			a.must(a.path.Connect(t.Context(), a.con(), event.Change{Ref: ours.Ref, Key: ours.Key}, event.Connect{Key: b.desk.get(other).Key, Prefer: event.PreferSender}))
			w.settle()
			if got := b.desk.get(other).Fields["summary"]; got != "summary of a" {
				t.Errorf("the other ticket's summary is %v after a second try", got)
			}
		})
	}
}

// TestConnect_AnswerComesAlsoWhenThereIsNothingToSay: otherwise the receiver's
// first edit would be taken for what it had at first contact.
func TestConnect_AnswerComesAlsoWhenThereIsNothingToSay(t *testing.T) {
	t.Parallel()
	w, a, b := strangers(t, flow.PermitAuto)
	b.wires[0].rules.Outgoing, _ = compile(t, "replica.summary = issue.summary", incoming)
	b.desk.set(b.one().Ref, "summary", "summary of a")
	w.settle()
	a.must(a.connect(event.Connect{Key: "b-1", Prefer: event.PreferNeither}))
	w.settle()
	b.desk.set(b.one().Ref, "summary", "edited at b")
	w.settle()
	if got := a.one().Fields["summary"]; got != "edited at b" {
		t.Errorf("the first edit at the receiver did not cross: %v", got)
	}
}

// TestConnect_AnOldPairIsTakenUpAgainNotReplaced: what is known of it would be lost.
func TestConnect_AnOldPairIsTakenUpAgainNotReplaced(t *testing.T) {
	t.Parallel()
	w, a, b := strangers(t, flow.PermitAuto)
	a.must(a.connect(event.Connect{Key: "b-1", Prefer: event.PreferSender}))
	w.settle()
	a.must(a.path.Unsync(a.con(), a.one().Ref))
	w.settle()
	for _, n := range []*node{a, b} {
		before := n.twinOf(n.one().Ref)
		if err := n.connect(event.Connect{Key: "other", Prefer: event.PreferSender}); !errors.Is(err, flow.ErrTwinned) {
			t.Errorf("%s: got %v, want ErrTwinned", n.name, err)
		}
		if diff := cmp.Diff(before, n.twinOf(n.one().Ref)); diff != "" {
			t.Errorf("%s: the old pair changed:\n%s", n.name, diff)
		}
	}
}
