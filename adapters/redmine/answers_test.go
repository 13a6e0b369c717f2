package redmine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// TestRead_OnlyA404ToAGoodKeyIsADeletion: Redmine answers 403 for every issue that
// the account may not see (the real one is asked in TestTrap_AnIssueThatIsHiddenIsNotGone).
func TestRead_OnlyA404ToAGoodKeyIsADeletion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		wrongKey     bool
		want         error
		gone         bool
	}{
		{"hidden", "status 403", false, adapters.ErrDenied, false},
		{"deleted", "status 404", false, adapters.ErrGone, true},
		{"not there for a key that is not known", "status 404", true, adapters.ErrDenied, false},
		{"down", "status 503", false, adapters.ErrTransient, false},
	} {
		f, tracker, ref := fakeIssue(t, "")
		if _, err := tracker.Read(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		f.answers["GET /issues/1.json"], f.revoked = tt.answer, tt.wrongKey
		if _, err := tracker.Read(t.Context(), ref); !errors.Is(err, tt.want) || errors.Is(err, adapters.ErrGone) != tt.gone {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// fakeProject is a Redmine with a project to create issues in.
func fakeProject(t *testing.T) (*fake, adapters.Tracker) {
	t.Helper()
	f, u := newFake(t)
	f.answers["GET /projects/sync.json"] = `{"project":{"id":1,"name":"Sync","identifier":"sync","trackers":[{"id":1,"name":"Bug"}]}}`
	f.answers["GET /issue_statuses.json"] = `{"issue_statuses":[{"id":1,"name":"New"},{"id":3,"name":"Resolved"}]}`
	return f, openFake(t, u, map[string]string{"projects": "sync", "tracker": "Bug"})
}

func creation(fields event.Fields) event.Step {
	fields[event.FieldProject] = "sync"
	return event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: fields}
}

// TestCreate_AnAnswerThatDoesNotTellIsInDoubt: the issue may be there. Only what
// Redmine surely refused may be tried again without a look.
func TestCreate_AnAnswerThatDoesNotTellIsInDoubt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		want         error
	}{
		{"no issue in it", "status 201 {}", adapters.ErrDoubt},
		{"an issue without its time", `status 201 {"issue":{"id":9}}`, adapters.ErrDoubt},
		{"cut off", `status 201 {"issue":{"id":9,`, adapters.ErrDoubt},
		{"another status", "status 200 {}", adapters.ErrDoubt},
		{"an error of the server", "status 500", adapters.ErrDoubt},
		{"not taken", `status 422 {"errors":["Subject cannot be blank"]}`, adapters.ErrRejected},
		{"not allowed", "status 403", adapters.ErrDenied},
	} {
		f, tracker := fakeProject(t)
		f.answers["POST /issues.json"] = tt.answer
		_, err := tracker.Write(t.Context(), creation(event.Fields{event.FieldSummary: "Printer on fire"}), nil)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if len(f.writes) != 1 {
			t.Errorf("%s: requests %q, want the one", tt.name, f.writes)
		}
	}
}

// TestCreate_WhatRedmineIgnoresOfAFirstCallFollows: a status that is no first one
// of an issue. That the second call fails is no failure of the create: the issue is
// there, and what is missing shows when it is read back.
func TestCreate_WhatRedmineIgnoresOfAFirstCallFollows(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"status 204", "status 422", "status 500"} {
		f, tracker := fakeProject(t)
		f.answers["POST /issues.json"] = "status 201 " + strings.Replace(issueAnswer(""), `{"id":1,`, `{"id":9,`, 1)
		f.answers["PUT /issues/9.json"] = second
		made, err := tracker.Write(t.Context(), creation(event.Fields{event.FieldSummary: "x", event.FieldStatus: "Resolved"}), nil)
		if err != nil || made.Ref.ID != "9" || made.Key != "9" {
			t.Errorf("second call answered with %q: %+v, %v", second, made, err)
		}
		if want := []string{"POST /issues.json", "PUT /issues/9.json"}; !slices.Equal(f.writes, want) {
			t.Errorf("requests %q, want %q", f.writes, want)
		}
	}
}

// TestCreate_RefusesBeforeItAsks: what Redmine would answer with words about
// something else, or not at all.
func TestCreate_RefusesBeforeItAsks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fields event.Fields
		words  string
	}{
		{"no summary", event.Fields{}, "needs a summary"},
		{"a project of others", event.Fields{event.FieldSummary: "x", event.FieldProject: "finance"}, `"finance" is not among`},
		{"no tracker of that name", event.Fields{event.FieldSummary: "x", event.FieldType: "Wish"}, `"Wish"`},
		{"no status of that name", event.Fields{event.FieldSummary: "x", event.FieldStatus: "Nowhere"}, `"Nowhere"`},
	} {
		f, tracker := fakeProject(t)
		step := event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: tt.fields}
		_, err := tracker.Write(t.Context(), step, nil)
		if !errors.Is(err, adapters.ErrRejected) || !strings.Contains(err.Error(), tt.words) || len(f.writes) > 0 {
			t.Errorf("%s: %v and requests %q, want ErrRejected with %q, and none", tt.name, err, f.writes, tt.words)
		}
	}
}

// TestAttach_AFailedUploadIsNoDoubt: what was uploaded belongs to no issue before
// the call that names it.
func TestAttach_AFailedUploadIsNoDoubt(t *testing.T) {
	t.Parallel()
	f, tracker, ref := fakeIssue(t, "")
	f.answers["POST /uploads.json"] = "status 500"
	step := event.Step{Kind: event.StepAttach, Ref: ref, Marker: "abcdefghijklmnop", Attachment: &event.AttachmentWrite{Name: "photo.png", Size: 5, MIME: "image/png"}}
	_, err := tracker.Write(t.Context(), step, strings.NewReader("bytes"))
	if !errors.Is(err, adapters.ErrTransient) || errors.Is(err, adapters.ErrDoubt) {
		t.Errorf("a failed upload: %v, want ErrTransient and no doubt", err)
	}
	f.answers["POST /uploads.json"] = `status 201 {"upload":{"token":"1.abc"}}`
	f.answers["PUT /issues/1.json"] = "status 500"
	if _, err := tracker.Write(t.Context(), step, strings.NewReader("bytes")); !errors.Is(err, adapters.ErrDoubt) {
		t.Errorf("a failed naming: %v, want ErrDoubt", err)
	}
}
