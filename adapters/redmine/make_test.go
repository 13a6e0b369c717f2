package redmine_test

import (
	"errors"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// TestMake_AnAnswerIsOfTheProjectAndNotOfTheTicket: and what may have been made is looked
// for before it is made again.
func TestMake_AnAnswerIsOfTheProjectAndNotOfTheTicket(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		want         error
	}{
		{"made", "status 201 {}", nil},
		{"not allowed", "status 403", adapters.ErrDenied},
		{"no such project", "status 404", adapters.ErrConfiguration},
		{"not taken", `status 422 {"errors":["Name is too long"]}`, adapters.ErrRejected},
		{"an error of the server", "status 500", adapters.ErrDoubt},
	} {
		for kind, path := range map[string]string{event.MakeVersions: "/projects/1/versions.json", event.MakeComponents: "/projects/1/issue_categories.json"} {
			f, tracker := fakeProject(t)
			f.answers["GET /projects/1/versions.json"] = `{"versions":[{"id":1,"name":"1.0"}]}`
			f.answers["POST "+path] = tt.answer
			maker := tracker.(adapters.Maker)
			err := maker.Make(t.Context(), event.Making{Kind: kind, Name: "2.0"})
			if !errors.Is(err, tt.want) || errors.Is(err, adapters.ErrGone) || len(f.writes) != 1 {
				t.Errorf("%s, %s: %v, %q", kind, tt.name, err, f.writes)
			}
			// Somebody has made it by now.
			f.answers["GET /projects/1/versions.json"] = `{"versions":[{"id":1,"name":"1.0"},{"id":2,"name":"2.0"}]}`
			f.answers["GET /projects/sync.json"] = `{"project":{"id":1,"name":"Sync","identifier":"sync","issue_categories":[{"id":1,"name":"2.0"}]}}`
			if err := maker.Make(t.Context(), event.Making{Kind: kind, Name: "2.0"}); err != nil || len(f.writes) != 1 {
				t.Errorf("%s, %s, when it is there: %v, %q", kind, tt.name, err, f.writes)
			}
		}
	}
}
