//go:build real

package rt_test

import (
	"net/http"
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

func TestTrap_ALinkThatRTDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	one, other := create(t, tracker, nil), create(t, tracker, event.Fields{event.FieldSummary: "other"})
	write := func(kind event.StepKind, ref event.Ref, value any) error {
		fields := event.Fields{event.FieldLinks: value}
		if kind == event.StepCreate {
			fields[event.FieldProject], fields[event.FieldSummary] = "Sync", "with a link"
		}
		_, err := tracker.Write(t.Context(), event.Step{Kind: kind, Ref: ref, Marker: "abcdefghijklmnop", Fields: fields}, nil)
		return err
	}
	nowhere := event.Ref{ID: "999999"}
	wantError(t, write(event.StepUpdate, one, links("refers to", nowhere)), adapters.ErrRejected, "Couldn't resolve")
	wantError(t, write(event.StepUpdate, one, links("refers to", one)), adapters.ErrRejected, "itself")
	wantError(t, write(event.StepCreate, event.Ref{}, links("refers to", nowhere)), adapters.ErrRejected, "no ticket 999999")
	wantError(t, write(event.StepCreate, event.Ref{}, links(event.RelatesTo, one)), adapters.ErrRejected, "no link")
	if err := write(event.StepUpdate, one, links(event.Blocks, other)); err != nil {
		t.Fatal(err)
	}
	wantError(t, write(event.StepUpdate, other, links(event.Blocks, one)), adapters.ErrRejected, "circular")
	if got := read(t, tracker, other).Fields[event.FieldLinks]; !cmp.Equal(got, links(event.IsBlockedBy, one)) {
		t.Errorf("links %v after refusals", got)
	}
}
