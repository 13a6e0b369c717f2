package adaptertest

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"parley/sync/event"
)

func markerPromises() []promise {
	return []promise{
		{"FindTellsNoneOneAndMany", markerCounts},
		{"FindSurvivesACrashBetweenWriteAndRecord", markerCrash},
		{"MarkersAreNotInTheText", markerHidden},
		{"LaterWritesKeepTheMarker", markerKept},
	}
}

// addition is a step that adds something, with its bytes.
type addition struct {
	step event.Step
	data []byte
}

// adding is one of each kind.
func adding(e *env, ref event.Ref) map[string]addition {
	data := []byte("a file")
	all := map[string]addition{
		"create": {step: event.Step{
			Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("adding"), "text"),
		}},
		"comment": {step: event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "adding"},
		}},
		"internal comment": {step: event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "adding", Internal: true},
		}},
		"update with comment": {step: event.Step{
			Kind: event.StepUpdate, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "adding"},
			Fields: event.Fields{event.FieldSummary: unique("adding")},
		}},
		"attach": {step: attachStep(ref, "added.txt", data), data: data},
	}
	if as := e.subject.WritesAs; as != "" {
		all["comment in another's name"] = addition{step: event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "adding", As: as},
		}}
	}
	if e.subject.PublicComments {
		delete(all, "internal comment")
	}
	if e.subject.NoFiles {
		delete(all, "attach")
	}
	return all
}

func bodyOf(data []byte) io.Reader {
	if data == nil {
		return nil
	}
	return bytes.NewReader(data)
}

func markerCounts(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("find"))
	all := adding(e, ref)
	written := map[string]event.Written{}
	e.settle()
	for name, a := range all {
		a.step.Since = ref.Created - 60
		if got := e.found(a.step); got.Presence != event.FoundNone {
			t.Errorf("%s: before it was written Find says %q, want none", name, got.Presence)
		}
		written[name] = e.add(a)
	}
	e.settle()
	for name, a := range all {
		w, got := written[name], e.found(a.step)
		if got.Presence != event.FoundOne || got.Written.Ref != w.Ref {
			t.Errorf("%s: Find says %+v, want one at %v", name, got, w.Ref)
		}
		if a.step.Kind == event.StepCreate && got.Written.Key != w.Key {
			t.Errorf("%s: Find says key %q, Write %q", name, got.Written.Key, w.Key)
		}
		if w.Item != "" && got.Written.Item != "" && got.Written.Item != w.Item {
			t.Errorf("%s: Find says item %q, Write %q", name, got.Written.Item, w.Item)
		}
		if again := e.add(a); s.CreatesOnce && a.step.Kind == event.StepCreate && again.Ref != w.Ref {
			t.Errorf("%s: written again it is %v, want %v", name, again.Ref, w.Ref)
		}
	}
	e.settle()
	for name, a := range all {
		want := event.FoundMany
		if s.CreatesOnce && a.step.Kind == event.StepCreate {
			want = event.FoundOne
		}
		if got := e.found(a.step); got.Presence != want {
			t.Errorf("%s: written twice, Find says %q, want %q", name, got.Presence, want)
		}
	}
}

// add writes an addition.
func (e *env) add(a addition) event.Written {
	e.Helper()
	w, err := e.tracker.Write(e.Context(), a.step, bodyOf(a.data))
	e.must(err)
	return w
}

func markerCrash(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("crash"))
	all, written := adding(e, ref), map[string]event.Written{}
	for name, a := range all {
		written[name] = e.add(a)
	}
	e.reopen()
	e.settle()
	for name, a := range all {
		if got := e.found(a.step); got.Presence != event.FoundOne || got.Written.Ref != written[name].Ref {
			t.Errorf("%s: after a restart Find says %+v, want one at %v", name, got, written[name].Ref)
		}
	}
}

func markerHidden(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("hidden"))
	markers := []event.Marker{e.read(ref).Marker}
	for _, a := range adding(e, ref) {
		e.add(a)
		if a.step.Kind != event.StepCreate {
			markers = append(markers, a.step.Marker)
		}
	}
	ticket := e.read(ref)
	// The Marker fields themselves are not part of the JSON.
	raw, err := json.Marshal([]any{ticket.Fields, ticket.Comments, ticket.Attachments})
	e.must(err)
	for _, m := range markers {
		if m == "" || strings.Contains(string(raw), string(m)) {
			t.Errorf("the marker %q shows in fields, comments or file names: %s", m, raw)
		}
	}
}

func markerKept(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	create := event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("kept"), "text")}
	ref := e.write(create).Ref
	fields := event.Fields{event.FieldSummary: unique("kept"), s.Text: s.Fields[s.Text][0]}
	if !s.DescriptionFixed {
		fields[event.FieldDescription] = "another text"
	}
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields})
	if got := e.read(ref).Marker; got != create.Marker {
		t.Errorf("after an update the ticket's marker is %q, want %q", got, create.Marker)
	}
	e.settle()
	if got := e.found(create); got.Presence != event.FoundOne {
		t.Errorf("after an update Find says %q, want one", got.Presence)
	}
	if s.DescriptionFixed {
		return
	}
	e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldDescription: nil}})
	if got := e.found(create); got.Presence != event.FoundOne {
		t.Errorf("after the description was emptied Find says %q, want one", got.Presence)
	}
}
