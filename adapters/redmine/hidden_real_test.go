//go:build real

package redmine_test

import (
	"errors"
	"slices"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// TestTrap_AnIssueThatIsHiddenIsNotGone: whatever takes an issue out of the
// account's sight, it is there, and nobody may conclude that it was deleted.
func TestTrap_AnIssueThatIsHiddenIsNotGone(t *testing.T) {
	t.Parallel()
	in := another(t, "redmine-hidden")
	tracker := openReal(t, in.base(t), map[string]string{"api_key": in.Env["BOT_API_KEY"]})
	t.Cleanup(func() { _ = tracker.Close() })
	// alice's: what the account made itself it might see for that reason.
	_, key, err := hand{in}.Create(t.Context(), event.Fields{
		event.FieldProject: "sync", event.FieldType: "Bug", event.FieldSummary: t.Name(),
	})
	must(t, err)
	change, err := tracker.Locate(t.Context(), key)
	must(t, err)
	var keep, back string
	for _, table := range []string{"issues", "roles", "member_roles", "members", "enabled_modules", "projects"} {
		keep += "CREATE TABLE kept_" + table + " AS SELECT * FROM " + table + ";"
		back += "DELETE FROM " + table + "; INSERT INTO " + table + " SELECT * FROM kept_" + table + ";"
	}
	in.sqlite(t, keep)
	for _, tt := range []struct{ name, hide string }{
		{"private issue of somebody else", `UPDATE issues SET is_private = 1; UPDATE roles SET issues_visibility = 'default'`},
		{"role that sees its own issues only", `UPDATE roles SET issues_visibility = 'own'`},
		{"role that sees no issues", `UPDATE roles SET permissions = replace(permissions, '- :view_issues', '')`},
		{"no member of the project", `DELETE FROM member_roles; DELETE FROM members`},
		{"project without issues", `UPDATE enabled_modules SET name = 'wiki' WHERE name = 'issue_tracking'`},
		{"project archived", `UPDATE projects SET status = 9`},
		{"moved to a project of others", `DELETE FROM members WHERE project_id = 2 AND user_id = 5; UPDATE issues SET project_id = 2`},
	} {
		read(t, tracker, change.Ref) // seen, as long as nothing hides it
		in.sqlite(t, tt.hide)
		_, err = tracker.Read(t.Context(), change.Ref)
		hidden(t, tt.name+": Read", err)
		_, err = tracker.Locate(t.Context(), key)
		hidden(t, tt.name+": Locate", err)
		hidden(t, tt.name+": a write", set(t, tracker, change.Ref, event.Fields{event.FieldSummary: "still there"}))
		in.sqlite(t, back)
	}
}

// hidden fails unless an error says that the account may not.
func hidden(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, adapters.ErrDenied) || errors.Is(err, adapters.ErrGone) {
		t.Errorf("%s: %v, want ErrDenied", what, err)
	}
}

// TestSchema_ClosedIsWhatRedmineSays: fuses and endings ask which statuses close
// an issue, and an administrator may name them as they like.
func TestSchema_ClosedIsWhatRedmineSays(t *testing.T) {
	t.Parallel()
	in := another(t, "redmine-closed")
	tracker := openReal(t, in.base(t), map[string]string{"api_key": in.Env["BOT_API_KEY"]})
	t.Cleanup(func() { _ = tracker.Close() })
	schema, err := tracker.Schema(t.Context())
	must(t, err)
	if got, want := schema.Fields[event.FieldStatus].Closed, []string{"Closed", "Rejected"}; !slices.Equal(got, want) {
		t.Errorf("closed are %q, want %q", got, want)
	}
	in.sqlite(t, `UPDATE issue_statuses SET is_closed = 1 WHERE name = 'Feedback'`)
	again := openReal(t, in.base(t), map[string]string{"api_key": in.Env["BOT_API_KEY"]})
	t.Cleanup(func() { _ = again.Close() })
	schema, err = again.Schema(t.Context())
	must(t, err)
	if got := schema.Fields[event.FieldStatus].Closed; !slices.Contains(got, "Feedback") {
		t.Errorf("closed are %q after an administrator made Feedback one", got)
	}
}
