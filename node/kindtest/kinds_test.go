package kindtest_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"parley/adapters/desk"
	"parley/sync/event"
)

// ahead is the clock of a tracker that is wrong by so much.
func ahead(by time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(by) } }

// deskSide is a built-in desk.
func deskSide(t *testing.T) side {
	t.Helper()
	const project = "DESK"
	d, err := desk.Open(filepath.Join(t.TempDir(), "desk"), desk.Options{
		Name: "desk", Token: "bot-token", Projects: []string{project}, Tokens: map[string]string{"alice-token": "alice"},
	})
	must(t, err)
	web := httptest.NewServer(d)
	t.Cleanup(func() { web.Close(); must(t, d.Close()) })
	return side{
		kind: desk.Kind(), url: web.URL, internal: true,
		node:     map[string]string{"token": "bot-token", "project": project},
		person:   map[string]string{"token": "alice-token", "project": project},
		create:   event.Fields{event.FieldProject: project, event.FieldType: "Request"},
		statuses: map[string]string{"open": "Open", "working": "In progress", "done": "Resolved"},
	}
}
