//go:build real

package redmine_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/sync/event"
)

func subject(in instance, change map[string]string) adaptertest.Subject {
	return adaptertest.Subject{
		Parent:   event.Fields{},
		Children: true,
		Links: []string{
			event.RelatesTo, event.Blocks, event.IsBlockedBy, event.Duplicates, event.IsDuplicatedBy,
			event.Precedes, event.Follows, event.Clones, event.IsClonedBy,
		},
		URL: in.Env["URL"],
		Open: func(t testing.TB, address *url.URL) adapters.Tracker {
			settings := map[string]string{"api_key": in.Env["BOT_API_KEY"]}
			maps.Copy(settings, change)
			return openReal(t, address, settings)
		},
		OpenWrong: func(t testing.TB, address *url.URL) adapters.Tracker {
			return openReal(t, address, map[string]string{"api_key": strings.Repeat("0", 40)})
		},
		Secrets: []string{in.Env["BOT_API_KEY"]},
		Hand:    hand{in},
		// Textile: Redmine finds the file by its name.
		Pictures: "!%s(The gauge)!",
		Create:   event.Fields{event.FieldProject: "sync", event.FieldType: "Bug"},
		Fields: map[string][2]any{
			event.FieldPriority:       {"High", "Low"},
			event.FieldDue:            {"2027-03-04", "2027-04-05"},
			event.FieldEstimate:       {float64(5400), float64(7200)},
			event.FieldComponents:     {[]any{"Backend"}, []any{"Frontend"}},
			event.FieldFixVersions:    {[]any{"1.0"}, nil},
			"fields.Severity":         {"major", "minor"},
			"fields.Affected systems": {[]any{"api", "web"}, []any{"db", "web"}},
			"fields.Story points":     {float64(3), float64(8)},
			"fields.Cost":             {1.5, 20.25},
			"fields.Needed by":        {"2027-01-02", "2027-12-31"},
			"fields.Billable":         {true, false},
			"fields.Details":          {"first ü", "other text"},
			"fields.Reviewer":         {event.User{ID: "6", Name: "Alice Agent"}.Value(), event.User{ID: "5", Name: "Sync Bot"}.Value()},
			event.FieldAssignee:       {event.User{ID: "5", Name: "Sync Bot"}.Value(), event.User{ID: "6", Name: "Alice Agent"}.Value()},
		},
		Text:          "fields.Details",
		Option:        "fields.Severity",
		Statuses:      []string{"In Progress", "Resolved", "Closed"},
		Refused:       "No such status",
		Query:         "project_id=sync",
		BadQuery:      "tracker_id=1&limit=5",
		EditsComments: true,
		PublicFiles:   true,
		Effect:        effect,
		// One process answers one request at a time, and all tests at once ask.
		Patience: 15 * time.Second,
	}
}

// effect knows the request that a step's marker goes with: an upload only
// prepares it.
func effect(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/issues.json")
}

func TestReal_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	plain := subject(server, nil)
	plain.Kind = "redmine"
	adaptertest.Run(t, plain)
}

func TestReal_KeepsThePromisesWithAMarkerField(t *testing.T) {
	t.Parallel()
	// A Redmine of its own: one answers one request at a time.
	in := another(t, "redmine-field")
	adaptertest.Run(t, subject(in, map[string]string{"marker_field": "Remote key"}))
}
