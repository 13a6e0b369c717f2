package adaptertest

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// writeLinks makes links and takes them away, as a merge decides them: by the ids of the
// other tickets, and with what it was decided on.
func writeLinks(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	field := e.schema().Fields[event.FieldLinks]
	if len(s.Links) == 0 {
		if field.Writable {
			t.Error("Schema says that links can be written, and Subject.Links says that they cannot")
		}
		return
	}
	if field.Type != event.TypeLinks || !field.Writable {
		t.Errorf("Schema says of the links: %+v", field)
	}
	for _, relation := range s.Links {
		if !slices.Contains(field.Options, relation) {
			t.Errorf("Schema does not name the relation %q among %q", relation, field.Options)
		}
		linkAround(e, relation)
	}
	one, other := e.linked(nil), e.linked(nil)
	value := event.LinksValue([]event.Link{{Type: "is older than", ID: other.ID}})
	_, err := e.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: one, Fields: event.Fields{event.FieldLinks: value}}, nil)
	if !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("a relation that the tracker does not have: %v, want ErrRejected", err)
	}
	e.hasLinks(one, "a relation that the tracker does not have")
}

func linkAround(e *env, relation string) {
	first, second := e.linked(nil), e.linked(nil)
	a, b := event.Link{Type: relation, ID: first.ID}, event.Link{Type: relation, ID: second.ID}
	ticket := e.linked(event.Fields{event.FieldLinks: event.LinksValue([]event.Link{a})})
	e.hasLinks(ticket, relation+" at a create", a)
	if links := event.LinksOf(e.read(first).Fields[event.FieldLinks]); !slices.ContainsFunc(links, func(l event.Link) bool { return l.ID == ticket.ID }) {
		e.Errorf("%s: the other ticket has %v", relation, links)
	}
	for _, step := range []struct {
		what          string
		was, set, has []event.Link
	}{
		{"a second, decided without the first", nil, []event.Link{b}, []event.Link{a, b}},
		{"the same once more", nil, []event.Link{b}, []event.Link{a, b}},
		{"one less", []event.Link{a, b}, []event.Link{b}, []event.Link{b}},
		{"none", []event.Link{a, b}, nil, nil},
		{"none once more", []event.Link{a, b}, nil, nil},
	} {
		e.write(event.Step{
			Kind: event.StepUpdate, Ref: ticket,
			Fields: event.Fields{event.FieldLinks: event.LinksValue(step.set)}, Was: event.Fields{event.FieldLinks: event.LinksValue(step.was)},
		})
		e.hasLinks(ticket, relation+", "+step.what, step.has...)
	}
}

// refuseLink writes a link to a ticket that was deleted in between, as a peer's may be.
// The tracker's no is never kept quiet: either the step is refused, and nothing of it is
// done, or all the rest is done, and the answer says that something is missing.
func refuseLink(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	if len(s.Links) == 0 {
		return
	}
	gone, there, ticket := e.linked(nil), e.linked(nil), e.linked(nil)
	e.must(s.Hand.Delete(t.Context(), gone.ID))
	left := event.Link{Type: s.Links[0], ID: there.ID}
	before, summary := e.read(ticket).Fields[event.FieldSummary], unique("beside a link")
	w, err := e.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ticket, Fields: event.Fields{
		event.FieldSummary: summary, event.FieldLinks: event.LinksValue([]event.Link{{Type: s.Links[0], ID: gone.ID}, left}),
	}}, nil)
	switch got := e.read(ticket).Fields[event.FieldSummary]; {
	case errors.Is(err, adapters.ErrRejected):
		e.hasLinks(ticket, "of a step that was refused")
		if got != before {
			t.Errorf("the summary of a step that was refused is %q", got)
		}
	case err != nil || w.Partly == "":
		t.Errorf("a link to a ticket that is gone: partly %q, %v", w.Partly, err)
	default:
		e.hasLinks(ticket, "beside a link to a ticket that is gone", left)
		if got != summary {
			t.Errorf("the summary beside it is %q", got)
		}
	}
}

// linked makes a ticket.
func (e *env) linked(with event.Fields) event.Ref {
	fields := e.fields(unique("linked"), "text")
	maps.Copy(fields, with)
	return e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: fields}).Ref
}

func (e *env) hasLinks(ref event.Ref, what string, want ...event.Link) {
	e.Helper()
	got := event.LinksOf(e.read(ref).Fields[event.FieldLinks])
	for i := range got {
		if got[i].Key == "" {
			e.Errorf("%s: the link %v has no key", what, got[i])
		}
		got[i].Key = ""
	}
	if d := cmp.Diff(event.LinksOf(event.LinksValue(want)), got); d != "" {
		e.Errorf("%s: links (-want +got):\n%s", what, d)
	}
}
