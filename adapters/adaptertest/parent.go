package adaptertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// writeParent sets a ticket below another one, as a filter does with the twin of the
// peer's parent: by the id alone.
func writeParent(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	if s.Parent == nil {
		if e.schema().Fields[event.FieldParent].Writable {
			t.Error("Schema says that the parent can be written, and Subject.Parent says that it cannot")
		}
		return
	}
	made := func(with event.Fields) event.Ref {
		fields := e.fields(unique("family"), "text")
		maps.Copy(fields, with)
		return e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: fields}).Ref
	}
	first, second := made(s.Parent), made(s.Parent)
	if s.ParentFixed {
		e.parentStays(first, second, made)
		return
	}
	child := made(s.Child)
	if !e.schema().Fields[event.FieldParent].Writable {
		t.Error("Schema does not say that the parent can be written")
	}
	for _, parent := range []event.Ref{first, second, {}} {
		var value any
		if !parent.IsZero() {
			value = map[string]any{"id": parent.ID}
		}
		e.write(event.Step{Kind: event.StepUpdate, Ref: child, Fields: event.Fields{event.FieldParent: value}})
		e.hasParent(child, parent)
	}
	// And at once, when it is made.
	below := maps.Clone(s.Child)
	if below == nil {
		below = event.Fields{}
	}
	below[event.FieldParent] = map[string]any{"id": second.ID}
	e.hasParent(made(below), second)
}

// hasParent expects a parent, or that there is none.
func (e *env) hasParent(child, parent event.Ref) {
	e.Helper()
	value, said := e.read(child).Fields[event.FieldParent]
	got, _ := value.(map[string]any)
	if id, _ := got["id"].(string); id != parent.ID || !said {
		e.Errorf("the parent is %v (said %v), want %q", got, said, parent.ID)
	}
	if key, _ := got["key"].(string); got != nil && key == "" {
		e.Errorf("the parent %v has no key", got)
	}
	if e.subject.Children && !parent.IsZero() {
		e.hasChild(parent, child)
	}
}

// hasChild expects a parent to tell its child, under the child's own key.
func (e *env) hasChild(parent, child event.Ref) {
	e.Helper()
	if f := e.schema().Fields[event.FieldChildren]; f.Type != event.TypeRefs || f.Writable {
		e.Errorf("Schema says of children %+v", f)
	}
	list, _ := e.read(parent).Fields[event.FieldChildren].([]any)
	want := map[string]any{"id": child.ID, "key": e.read(child).Key}
	if !slices.ContainsFunc(list, func(one any) bool { return cmp.Equal(one, any(want)) }) {
		e.Errorf("the children are %v, want %v among them", list, want)
	}
}

// parentStays: a parent that cannot be changed is written when the ticket is made, may be
// said again, and another one is refused.
func (e *env) parentStays(first, second event.Ref, made func(event.Fields) event.Ref) {
	e.Helper()
	below := maps.Clone(e.subject.Child)
	below[event.FieldParent] = map[string]any{"id": first.ID}
	child := made(below)
	e.hasParent(child, first)
	update := event.Step{Kind: event.StepUpdate, Ref: child, Fields: event.Fields{event.FieldParent: map[string]any{"id": first.ID}}}
	e.write(update)
	for _, value := range []any{map[string]any{"id": second.ID}, nil} {
		update.Fields = event.Fields{event.FieldParent: value}
		_, err := e.tracker.Write(e.Context(), update, nil)
		wantClass(e.T, "another parent", err, adapters.ErrRejected)
		e.hasParent(child, first)
	}
}
