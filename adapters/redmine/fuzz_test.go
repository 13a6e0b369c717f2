package redmine_test

import (
	"net/url"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/redmine"
	"parley/sync/event"
)

func FuzzAnswers(f *testing.F) {
	fake, _ := newFake(f)
	fake.touch(0, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	fake.answers["GET /issues/1.json"] = issueAnswer(`,"tracker":{"id":1,"name":"Bug"},"status":{"id":1,"name":"New"},
		"allowed_statuses":[{"id":1,"name":"New"},{"id":2,"name":"open"}],"custom_fields":[{"id":1,"name":"Remote key","value":"a\r\nb"}],
		"attachments":[{"id":1,"filename":"a","filesize":1,"author":{"id":6,"name":"Alice"},"created_on":"2026-01-31T12:00:01Z"}],
		"journals":[{"id":1,"user":{"id":6,"name":"Alice"},"notes":"a\r\nb","created_on":"2026-01-31T12:00:01Z","private_notes":false,
		"details":[{"property":"attr","name":"status_id","old_value":"1","new_value":"2"}]}]`)
	for path, answer := range map[string]string{
		"GET /projects/1.json":                    `{"project":{"id":1,"name":"Sync","identifier":"sync","trackers":[{"id":1,"name":"Bug"}],"issue_categories":[]}}`,
		"GET /projects.json":                      `{"projects":[{"id":1,"name":"Sync","identifier":"sync"}],"total_count":1}`,
		"GET /issue_statuses.json":                `{"issue_statuses":[{"id":1,"name":"New"},{"id":2,"name":"open"}]}`,
		"GET /enumerations/issue_priorities.json": `{"issue_priorities":[{"id":2,"name":"Normal"}]}`,
		"GET /projects/1/versions.json":           `{"versions":[]}`,
		"GET /projects/1/memberships.json":        `{"memberships":[{"id":1,"user":{"id":6,"name":"Alice"}}],"total_count":1}`,
		"GET /users/6.json":                       `{"user":{"id":6,"login":"alice"}}`,
		"GET /attachments/1.json":                 `{"attachment":{"id":1,"filename":"a","filesize":1}}`,
		"GET /attachments/download/1":             `a`,
		"GET /custom_fields.json":                 "status 403",
		"PUT /issues/1.json":                      "status 204",
	} {
		fake.answers[path] = answer
	}
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: event.Ref{ID: "1", Created: 1769860800}, Key: "1"}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		opened, err := redmine.Kind().Open(adapters.Options{URL: u, Settings: map[string]string{"api_key": goodKey, "projects": "1"}, UserAgent: "Parley test"})
		if err != nil {
			t.Fatal(err)
		}
		return opened
	})
}
