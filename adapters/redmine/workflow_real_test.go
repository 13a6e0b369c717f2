//go:build real

package redmine_test

import (
	"errors"
	"slices"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// TestTrap_AWayIsReadFromIssuesAlike: Redmine tells of an issue what may follow its
// own status only, and what it does not allow it ignores.
func TestTrap_AWayIsReadFromIssuesAlike(t *testing.T) {
	t.Parallel()
	in := another(t, "redmine-workflow")
	tracker := openReal(t, in.base(t), map[string]string{"api_key": in.Env["BOT_API_KEY"]})
	t.Cleanup(func() { _ = tracker.Close() })
	fields := event.Fields{event.FieldType: "Support"}
	seed := create(t, tracker, fields)
	for _, status := range []string{"In Progress", "Resolved"} {
		// As long as every move is allowed, one issue is left in each status.
		like := create(t, tracker, fields)
		must(t, set(t, tracker, like.Ref, event.Fields{event.FieldStatus: status}))
	}
	in.sqlite(t, `DELETE FROM workflows WHERE tracker_id = 3 AND type = 'WorkflowTransition';
		INSERT INTO workflows (tracker_id, role_id, old_status_id, new_status_id, assignee, author, type)
		SELECT 3, r.id, m.a, m.b, 0, 0, 'WorkflowTransition' FROM roles r,
		(SELECT 0 a, 1 b UNION SELECT 1, 2 UNION SELECT 2, 3 UNION SELECT 3, 5) m`)
	if err := set(t, tracker, seed.Ref, event.Fields{event.FieldStatus: "Closed"}); !errors.Is(err, adapters.ErrRejected) {
		t.Fatalf("a move that is not allowed: %v, want it refused", err)
	}
	moves, err := tracker.(adapters.Workflow).Moves(t.Context(), seed.Ref)
	must(t, err)
	for _, to := range []string{"In Progress", "Resolved", "Closed"} {
		ticket := read(t, tracker, seed.Ref)
		from, _ := ticket.Fields[event.FieldStatus].(string)
		if !slices.Contains(ticket.Next, to) || !slices.Contains(moves[from], to) {
			t.Fatalf("from %s: next are %q, moves %q; want %s among them", from, ticket.Next, moves[from], to)
		}
		if from == "New" && slices.Contains(ticket.Next, "Closed") {
			t.Errorf("next are %q, and Closed is not allowed", ticket.Next)
		}
		must(t, set(t, tracker, seed.Ref, event.Fields{event.FieldStatus: to}))
	}
	if got := read(t, tracker, seed.Ref).Fields[event.FieldStatus]; got != "Closed" {
		t.Errorf("status is %v at the way's end", got)
	}
}
