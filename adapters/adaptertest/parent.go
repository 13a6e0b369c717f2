package adaptertest

import (
	"maps"
	"testing"

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
	first, second, child := made(s.Parent), made(s.Parent), made(s.Child)
	if !e.schema().Fields[event.FieldParent].Writable {
		t.Error("Schema does not say that the parent can be written")
	}
	for _, parent := range []event.Ref{first, second, {}} {
		var value any
		if !parent.IsZero() {
			value = map[string]any{"id": parent.ID}
		}
		e.write(event.Step{Kind: event.StepUpdate, Ref: child, Fields: event.Fields{event.FieldParent: value}})
		got, _ := e.read(child).Fields[event.FieldParent].(map[string]any)
		if id, _ := got["id"].(string); id != parent.ID {
			t.Errorf("the parent is %v, want %q", got, parent.ID)
		}
		if key, _ := got["key"].(string); got != nil && key == "" {
			t.Errorf("the parent %v has no key", got)
		}
	}
}
