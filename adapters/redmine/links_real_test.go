//go:build real

package redmine_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// related makes a relation as alice, from one issue to another, and gives its number.
func related(t *testing.T, from, to event.Ref, relation string) string {
	t.Helper()
	var out struct {
		Relation struct {
			ID int `json:"id"`
		} `json:"relation"`
	}
	body := map[string]any{"relation": map[string]any{"issue_to_id": to.ID, "relation_type": relation, "delay": 3}}
	must(t, server.as("ADMIN").call(t.Context(), "POST", "/issues/"+from.ID+"/relations.json", body, &out))
	return strconv.Itoa(out.Relation.ID)
}

func links(relation string, to ...event.Ref) any {
	var all []event.Link
	for _, r := range to {
		all = append(all, event.Link{Type: relation, ID: r.ID, Key: r.ID})
	}
	return event.LinksValue(all)
}

func TestTrap_ALinkMovesNoChangeTimeAndStandsInTheHistoryOfBoth(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	one, other := create(t, tracker, nil).Ref, create(t, tracker, nil).Ref
	before := []event.Ticket{read(t, tracker, one), read(t, tracker, other)}
	for read(t, tracker, create(t, tracker, nil).Ref).Updated.Equal(before[1].Updated) {
		continue // what comes has to be of a later second
	}
	number := related(t, one, other, "blocks")
	must(t, server.as("ADMIN").call(t.Context(), "DELETE", "/relations/"+number+".json", nil, nil))
	related(t, one, other, "blocks")
	for i, want := range []struct {
		ref event.Ref
		has any
	}{{one, links(event.Blocks, other)}, {other, links(event.IsBlockedBy, one)}} {
		ticket := read(t, tracker, want.ref)
		if d := cmp.Diff(want.has, ticket.Fields[event.FieldLinks]); d != "" {
			t.Errorf("links (-want +got):\n%s", d)
		}
		if ticket.Version != before[i].Version {
			t.Errorf("the version moved from %s to %s: what the documentation says of Redmine's links is not true", before[i].Version, ticket.Version)
		}
		edits, err := tracker.(adapters.Historian).History(t.Context(), want.ref, before[i].Updated)
		must(t, err)
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

func TestTrap_ABlockedIssueIsClosedBesideItsBlocker(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	blocker, ticket := create(t, tracker, nil).Ref, create(t, tracker, nil).Ref
	update := func(status string, was, is any) {
		t.Helper()
		_, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: ticket, Was: event.Fields{event.FieldLinks: was},
			Fields: event.Fields{event.FieldLinks: is, event.FieldStatus: status},
		}, nil)
		must(t, err)
		got := read(t, tracker, ticket).Fields
		if got[event.FieldStatus] != status || !cmp.Equal(got[event.FieldLinks], is) {
			t.Errorf("status %v and links %v, want %s and %v", got[event.FieldStatus], got[event.FieldLinks], status, is)
		}
	}
	blocked := links(event.IsBlockedBy, blocker)
	update("Closed", nil, blocked)
	update("In Progress", blocked, blocked)
	update("Closed", blocked, nil)
}

func TestTrap_ALinkThatRedmineRefusesIsToldAndKeepsNothingElseBack(t *testing.T) {
	t.Parallel()
	tracker := open(t, map[string]string{"projects": "sync,ops"})
	ticket, other := create(t, tracker, nil).Ref, create(t, tracker, nil).Ref
	related(t, ticket, other, "duplicates")
	has := links(event.Duplicates, other)
	elsewhere := event.Ref{ID: made(t, "ops")}
	for name, to := range map[string]event.Ref{"another project": elsewhere, "no issue": {ID: "999999"}, "a second relation": other} {
		w, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: ticket, Fields: event.Fields{event.FieldLinks: links(event.RelatesTo, to), event.FieldSummary: name},
		}, nil)
		must(t, err)
		got := read(t, tracker, ticket).Fields
		if !strings.Contains(w.Partly, "relates to #"+to.ID) || got[event.FieldSummary] != name || !cmp.Equal(got[event.FieldLinks], has) {
			t.Errorf("%s: said %q, got %v %v", name, w.Partly, got[event.FieldSummary], got[event.FieldLinks])
		}
	}
	w := create(t, tracker, event.Fields{event.FieldLinks: links(event.RelatesTo, elsewhere)})
	if !strings.Contains(w.Partly, "relates to #"+elsewhere.ID) {
		t.Errorf("of an issue made with a link that is refused it says %q", w.Partly)
	}
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ticket, Fields: event.Fields{event.FieldLinks: links(event.RelatesTo, ticket)}}, nil)
	wantClass(t, err, adapters.ErrRejected)
}

// made makes an issue in a project as the administrator.
func made(t *testing.T, project string) string {
	t.Helper()
	var out struct {
		Issue struct {
			ID int `json:"id"`
		} `json:"issue"`
	}
	body := map[string]any{"issue": map[string]any{"project_id": project, "subject": t.Name()}}
	must(t, server.as("ADMIN").call(t.Context(), "POST", "/issues.json", body, &out))
	return strconv.Itoa(out.Issue.ID)
}
