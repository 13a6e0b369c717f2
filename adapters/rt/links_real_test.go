//go:build real

package rt_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

func links(relation string, to ...event.Ref) any {
	var all []event.Link
	for _, r := range to {
		all = append(all, event.Link{Type: relation, ID: r.ID, Key: r.ID})
	}
	return event.LinksValue(all)
}

func TestTrap_ALinkMovesBothTicketsAndStandsInTheHistoryOfBoth(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	one, other := create(t, tracker, nil), create(t, tracker, nil)
	before := []event.Ticket{read(t, tracker, one), read(t, tracker, other)}
	for _, verb := range []string{"Add", "Delete", "Add"} {
		root().must(t, http.MethodPut, "ticket/"+one.ID, map[string]any{verb + "RefersTo": []string{other.ID}}, http.StatusOK)
	}
	root().must(t, http.MethodPut, "ticket/"+one.ID, map[string]any{"AddRefersTo": "https://example.org/x"}, http.StatusOK)
	for i, want := range []struct {
		ref event.Ref
		has any
	}{{one, links("refers to", other)}, {other, links("is referred to by", one)}} {
		ticket := read(t, tracker, want.ref)
		if d := cmp.Diff(want.has, ticket.Fields[event.FieldLinks]); d != "" {
			t.Errorf("links (-want +got):\n%s", d)
		}
		if ticket.Lock == before[i].Lock {
			t.Errorf("the lock of ticket %d did not move", i)
		}
		edits, err := tracker.History(t.Context(), want.ref, before[i].Updated)
		if err != nil {
			t.Fatal(err)
		}
		var told [][2]any
		for _, e := range edits {
			if e.Field == event.FieldLinks && !e.Own {
				told = append(told, [2]any{e.Old, e.New})
			}
		}
		if d := cmp.Diff([][2]any{{nil, want.has}, {want.has, nil}, {nil, want.has}}, told); d != "" {
			t.Errorf("history of the links (-want +got):\n%s", d)
		}
	}
}

func TestTrap_ATicketThatDependsOnAnOpenOneIsResolvedBesideIt(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	blocker, ref := create(t, tracker, nil), create(t, tracker, nil)
	blocked := links(event.IsBlockedBy, blocker)
	write := func(status string, was, is any) error {
		_, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: ref, Lock: read(t, tracker, ref).Lock, Was: event.Fields{event.FieldLinks: was},
			Fields: event.Fields{event.FieldLinks: is, event.FieldStatus: status},
		}, nil)
		return err
	}
	for _, step := range []struct {
		status  string
		was, is any
	}{{"resolved", nil, blocked}, {"open", blocked, blocked}, {"resolved", blocked, nil}} {
		if err := write(step.status, step.was, step.is); err != nil {
			t.Fatal(err)
		}
		got := read(t, tracker, ref).Fields
		if got[event.FieldStatus] != step.status || !cmp.Equal(got[event.FieldLinks], step.is) {
			t.Errorf("status %v and links %v, want %s and %v", got[event.FieldStatus], got[event.FieldLinks], step.status, step.is)
		}
	}
	if err := write("open", nil, blocked); err != nil {
		t.Fatal(err)
	}
	wantError(t, write("resolved", blocked, blocked), adapters.ErrRejected, "unresolved dependencies")
}

func TestTrap_ALinkThatRTDoesNotTakeKeepsNothingElseBack(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	one, other := create(t, tracker, nil), create(t, tracker, event.Fields{event.FieldSummary: "other"})
	write := func(kind event.StepKind, ref event.Ref, value any, partly string) event.Ref {
		t.Helper()
		fields := event.Fields{event.FieldLinks: value, event.FieldSummary: "with a link"}
		if kind == event.StepCreate {
			fields[event.FieldProject] = "Sync"
		}
		w, err := tracker.Write(t.Context(), event.Step{Kind: kind, Ref: ref, Marker: "abcdefghijklmnop", Fields: fields}, nil)
		if err != nil || !strings.HasSuffix(w.Partly, partly) || (partly == "") != (w.Partly == "") {
			t.Fatalf("said %q, %v; want %q", w.Partly, err, partly)
		}
		if got := read(t, tracker, w.Ref).Fields[event.FieldSummary]; got != "with a link" {
			t.Errorf("the summary is %v", got)
		}
		return w.Ref
	}
	nowhere := event.Ref{ID: "999999"}
	write(event.StepUpdate, one, links("refers to", nowhere), ": refers to #999999")
	write(event.StepUpdate, one, links("refers to", one), ": refers to #"+one.ID)
	made := write(event.StepCreate, event.Ref{}, links("refers to", nowhere, one), ": refers to #999999")
	if got := read(t, tracker, made).Fields[event.FieldLinks]; !cmp.Equal(got, links("refers to", one)) {
		t.Errorf("links %v of a new ticket", got)
	}
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: one, Fields: event.Fields{event.FieldLinks: links(event.RelatesTo, other)}}, nil)
	wantError(t, err, adapters.ErrRejected, "no link")
	write(event.StepUpdate, one, links(event.Blocks, other), "")
	write(event.StepUpdate, other, links(event.Blocks, one), ": blocks #"+one.ID)
	if got := read(t, tracker, other).Fields[event.FieldLinks]; !cmp.Equal(got, links(event.IsBlockedBy, one)) {
		t.Errorf("links %v after refusals", got)
	}
}
