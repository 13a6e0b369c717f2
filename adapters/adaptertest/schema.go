package adaptertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

func schemaPromises() []promise {
	return []promise{
		{"NamesAndTypesAreThoseOfRead", schemaMatchesRead},
		{"SaysWhatTheAccountMay", schemaAbilities},
		{"WritableFieldsAreWritable", schemaWritable},
	}
}

func (e *env) schema() event.Schema {
	e.Helper()
	schema, err := e.tracker.Schema(e.Context())
	e.must(err)
	return schema
}

func schemaMatchesRead(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	fields := e.fields(unique("schema"), "text")
	for name, values := range s.Fields {
		fields[name] = values[1]
	}
	w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: fields})
	schema := e.schema()
	for name, v := range e.read(w.Ref).Fields {
		field, ok := schema.Fields[name]
		switch {
		case !ok:
			t.Errorf("Read gives %q, the schema does not have it", name)
		case !fits(field.Type, v):
			t.Errorf("%s is %s in the schema and %#v in the ticket", name, field.Type, v)
		case len(field.Options) > 0 && field.Type == event.TypeOption && v != nil && !slices.Contains(field.Options, v.(string)):
			t.Errorf("%s is %q, which is not among the schema's options %q", name, v, field.Options)
		}
	}
	for name := range fields {
		if _, ok := schema.Fields[name]; !ok {
			t.Errorf("the schema lacks %q", name)
		}
	}
}

func schemaAbilities(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	schema := e.schema()
	if schema.EditComments != s.EditsComments {
		t.Errorf("EditComments is %v, the Subject says %v", schema.EditComments, s.EditsComments)
	}
	if !schema.Comments || schema.Internal == s.PublicComments || schema.Attachments == s.NoFiles {
		t.Errorf("the account may comment %v, internally %v, attach %v; the suite did what the Subject says that there is",
			schema.Comments, schema.Internal, schema.Attachments)
	}
	if len(schema.Projects) == 0 {
		t.Error("the schema knows no project")
	}
	for name := range s.Fields {
		if !schema.Fields[name].Writable {
			t.Errorf("%s is not writable in the schema", name)
		}
	}
	if got := schema.Fields[event.FieldStatus].Writable; got != (len(s.Statuses) > 0) {
		t.Errorf("status writable: %v", got)
	}
	if f := schema.Fields[event.FieldSummary]; !f.Writable || f.Type != event.TypeText {
		t.Errorf("summary is %+v, want a writable text", f)
	}
	for _, name := range []string{event.FieldKey, event.FieldCreated, event.FieldUpdated} {
		if schema.Fields[name].Writable {
			t.Errorf("%s cannot be written, the schema says that it can", name)
		}
	}
}

// schemaWritable writes a value of its type to every custom field that the
// schema says can be written.
func schemaWritable(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("writable"))
	for name, field := range e.schema().Fields {
		v := exampleOf(field)
		if !field.Writable || v == nil || (!strings.HasPrefix(name, event.CustomPrefix) && name != event.FieldPriority) {
			continue
		}
		_, err := e.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{name: v}}, nil)
		if err != nil {
			t.Errorf("%s is writable in the schema: %v", name, err)
			continue
		}
		if d := cmp.Diff(e.read(ref).Fields[name], v); d != "" {
			t.Errorf("%s (-got +want):\n%s", name, d)
		}
	}
}

// exampleOf is a value to try, nil if there is none that surely fits.
func exampleOf(f event.Field) any {
	switch f.Type {
	case event.TypeText, event.TypeRich:
		return "example"
	case event.TypeOption:
		if len(f.Options) > 0 {
			return f.Options[len(f.Options)-1]
		}
	case event.TypeOptions:
		if len(f.Options) > 0 {
			return []any{f.Options[0]}
		}
	case event.TypeSet:
		return []any{"alpha", "beta"}
	case event.TypeNumber:
		return 3.0
	case event.TypeBool:
		return true
	case event.TypeDate:
		return "2026-01-31"
	case event.TypeTime:
		return "2026-01-31T12:00:00Z"
	}
	return nil
}
