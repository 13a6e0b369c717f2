package adaptertest

import (
	"errors"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

func gonePromises() []promise {
	return []promise{
		{"DeletedTicketIsGone", goneDeleted},
		{"AnotherTicketUnderTheIDIsGone", goneStranger},
		{"WhatNeverWasIsGone", goneUnknown},
	}
}

func goneDeleted(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("deleted"), "text")})
	// A tracker that counts on from its highest id would give this one out again, to
	// another test and within the second it was made in: nothing tells the two apart.
	e.create(unique("newer"))
	e.must(s.Hand.Delete(t.Context(), w.Ref.ID))
	e.eventually("a deleted ticket to be gone", func() bool {
		_, err := e.tracker.Read(t.Context(), w.Ref)
		return errors.Is(err, adapters.ErrGone)
	})
	// Some trackers give the key out again at once, and others make tickets too.
	if c, err := e.tracker.Locate(t.Context(), w.Key); err != nil || c.Ref == w.Ref {
		wantClass(t, "Locate of a deleted ticket", err, adapters.ErrGone)
	}
	_, err := e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: w.Ref, Fields: event.Fields{event.FieldSummary: "too late"},
	}, nil)
	wantClass(t, "a write to a deleted ticket", err, adapters.ErrGone)
	_, err = e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: w.Ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "too late"},
	}, nil)
	wantClass(t, "a comment on a deleted ticket", err, adapters.ErrGone)
}

// goneStranger: some trackers give a deleted id out again. What is there under
// the id is somebody else's.
func goneStranger(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	summary := unique("stranger")
	ref := e.create(summary)
	other := event.Ref{ID: ref.ID, Created: ref.Created - 3600}
	_, err := e.tracker.Read(t.Context(), other)
	wantClass(t, "Read of an id with another created time", err, adapters.ErrGone)
	_, err = e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: other, Fields: event.Fields{event.FieldSummary: "not yours"},
	}, nil)
	wantClass(t, "a write to an id with another created time", err, adapters.ErrGone)
	_, err = e.tracker.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: other, Marker: newMarker(), Comment: &event.CommentWrite{Body: "not yours"},
	}, nil)
	wantClass(t, "a comment on an id with another created time", err, adapters.ErrGone)
	ticket := e.read(ref)
	if ticket.Fields[event.FieldSummary] != summary || len(ticket.Comments) != 0 {
		t.Errorf("a stranger was written to: %v %+v", ticket.Fields[event.FieldSummary], ticket.Comments)
	}
}

func goneUnknown(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("known"))
	_, err := e.tracker.Read(t.Context(), event.Ref{ID: "987654321", Created: ref.Created})
	wantClass(t, "Read of an unknown id", err, adapters.ErrGone)
	for _, id := range []string{"../1", "1?x=y", "", "1 OR 1=1", "x/y"} {
		_, err = e.tracker.Read(t.Context(), event.Ref{ID: id, Created: ref.Created})
		wantClass(t, "Read of the id "+id, err, adapters.ErrGone, adapters.ErrConfiguration)
	}
	for _, key := range []string{"NOSUCH-987654321", "987654321", "#no number"} {
		_, err = e.tracker.Locate(t.Context(), key)
		wantClass(t, "Locate of "+key, err, adapters.ErrGone)
	}
	if s.NoFiles {
		return
	}
	files, ok := e.tracker.(adapters.Files)
	if !ok {
		t.Fatal("the adapter does not implement Files")
	}
	_, err = files.Open(t.Context(), ref, "987654321")
	wantClass(t, "Open of an unknown file", err, adapters.ErrGone)
}
