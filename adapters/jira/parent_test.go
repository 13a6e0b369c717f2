package jira_test

import (
	"errors"
	"testing"

	"parley/adapters"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

func (b *bench) create(marker event.Marker, fields event.Fields) (event.Ref, error) {
	b.Helper()
	if fields[event.FieldSummary] == nil {
		fields[event.FieldSummary] = "one of a family"
	}
	w, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepCreate, Marker: marker, Fields: fields}, nil)
	return w.Ref, err
}

// TestTrap_AParentIsTakenAwayByAnOperation: null is no value of it, and an issue without one
// has no such field, which is not the same as one that was not read.
func TestTrap_AParentIsTakenAwayByAnOperation(t *testing.T) {
	t.Parallel()
	b := newBench(t, jiradouble.Options{Cloud: true}, nil)
	epic, err := b.create(mark, event.Fields{event.FieldType: "Epic"})
	b.must(err)
	child, err := b.create("ponmlkjihgfedcba", event.Fields{event.FieldType: "Task", event.FieldParent: map[string]any{"id": epic.ID}})
	b.must(err)
	for range 2 { // and once more, when there is none
		step := event.Step{Kind: event.StepUpdate, Ref: child, Fields: event.Fields{event.FieldParent: nil, event.FieldLabels: []any{"free"}}}
		_, err = b.tracker.Write(t.Context(), step, nil)
		b.must(err)
		ticket, err := b.tracker.Read(t.Context(), child)
		b.must(err)
		if v, said := ticket.Fields[event.FieldParent]; v != nil || !said || ticket.Fields[event.FieldLabels] == nil {
			t.Errorf("the parent is %v (said %v), the labels are %v", v, said, ticket.Fields[event.FieldLabels])
		}
	}
}

// TestTrap_ASubTaskHasOneParentAndOthersAreOfTheirHierarchy: what Jira refuses is refused,
// and leaves the issue as it was.
func TestTrap_ASubTaskHasOneParentAndOthersAreOfTheirHierarchy(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		task, err := b.create(mark, event.Fields{event.FieldType: "Task"})
		b.must(err)
		above := map[string]any{"id": task.ID}
		sub, err := b.create("ponmlkjihgfedcba", event.Fields{event.FieldType: "Sub-task", event.FieldParent: above})
		b.must(err)
		_, err = b.create("aaaaaaaaaaaaaaaa", event.Fields{event.FieldType: "Sub-task"})
		rejected(t, "a sub-task of nothing", err)
		_, err = b.create("bbbbbbbbbbbbbbbb", event.Fields{event.FieldType: "Bug", event.FieldParent: above})
		rejected(t, "a bug below a task", err)
		_, err = b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: sub, Fields: event.Fields{event.FieldParent: nil}}, nil)
		rejected(t, "a sub-task without its parent", err)
		ticket, err := b.tracker.Read(t.Context(), sub)
		b.must(err)
		if got, _ := ticket.Fields[event.FieldParent].(map[string]any); got["id"] != task.ID {
			t.Errorf("the parent is %v, want %s", got, task.ID)
		}
		schema, err := b.tracker.Schema(t.Context())
		b.must(err)
		if f := schema.Fields[event.FieldParent]; !f.Writable || f.Required || f.Type != event.TypeRef {
			t.Errorf("the schema has the parent as %+v: it is written, and required of sub-tasks only", f)
		}
	})
}

func rejected(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("%s: got %v, want a refusal", what, err)
	}
}
