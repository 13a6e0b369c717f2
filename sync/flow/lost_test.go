package flow_test

import (
	"slices"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// renaming makes b's filter write the peer's status into another field than the
// peer's own.
func renaming(t *testing.T, b *node, script string) {
	t.Helper()
	in, err := filters.CompileIncoming(script, filters.Env{Schema: schema(), Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	r := *b.con().Rules()
	r.Incoming = in
	b.con().SetRules(&r)
}

// ignores makes a desk keep what a field was, without a word.
func ignores(field string) func(*event.Ticket, string, any) any {
	return func(k *event.Ticket, name string, value any) any {
		if name == field {
			return k.Fields[name]
		}
		return value
	}
}

func TestAnswer_WhatTheTrackerIgnoredIsOnRecordOnBothSides(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	// The names of b's own fields are none of a's business.
	renaming(t, b, "issue.summary = replica.status\nissue.labels = replica.labels\nissue.comments = replica.comments")
	ref := a.desk.open("one")
	w.settle()
	b.desk.takes = ignores("summary")
	a.desk.set(ref, "status", "Done")
	w.settle()
	there, here := b.twinOf(b.one().Ref), a.twinOf(ref)
	if !slices.Equal(there.LostLocal, []string{"summary"}) || !slices.Equal(here.Lost, []string{"status"}) {
		t.Fatalf("lost at b: %q, told to a: %q; want summary and status", there.LostLocal, here.Lost)
	}
	// Another field's change says nothing of it.
	a.desk.set(ref, "labels", []any{"x"})
	w.settle()
	if there, here = b.twinOf(b.one().Ref), a.twinOf(ref); len(there.LostLocal) != 1 || len(here.Lost) != 1 {
		t.Errorf("after another change lost at b: %q, told to a: %q; want one each", there.LostLocal, here.Lost)
	}
	b.desk.takes = nil
	a.desk.set(ref, "status", "Waiting")
	w.settle()
	if there, here = b.twinOf(b.one().Ref), a.twinOf(ref); len(there.LostLocal) != 0 || len(here.Lost) != 0 {
		t.Errorf("after it was written lost at b: %q, told to a: %q; want none", there.LostLocal, here.Lost)
	}
}

func TestAnswer_ALossEndsWhenAPersonChangesTheField(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.takes = ignores("status")
	a.desk.set(ref, "status", "Done")
	w.settle()
	if got := a.twinOf(ref).Lost; !slices.Equal(got, []string{"status"}) {
		t.Fatalf("told to a: %q, want status", got)
	}
	b.desk.set(b.one().Ref, "status", "Waiting")
	w.settle()
	if there, here := b.twinOf(b.one().Ref), a.twinOf(ref); len(there.LostLocal) != 0 || len(here.Lost) != 0 {
		t.Errorf("lost at b: %q, told to a: %q; want none", there.LostLocal, here.Lost)
	}
	if got := a.one().Fields["status"]; got != "Waiting" {
		t.Errorf("a has status %v, want b's", got)
	}
}
