//go:build real

package redmine_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/adapters"
	"parley/scripts/trackers"
	"parley/sync/event"
)

// Each test is one thing that Redmine's API does to whoever does not know it.

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, change map[string]string) adapters.Tracker {
	t.Helper()
	tracker := openReal(t, server.base(t), change)
	t.Cleanup(func() { _ = tracker.Close() })
	return tracker
}

func marker(t *testing.T) event.Marker {
	t.Helper()
	return event.Marker(strings.ToLower(rand.Text()[:16]))
}

func create(t *testing.T, tracker adapters.Tracker, fields event.Fields) event.Written {
	t.Helper()
	all := event.Fields{event.FieldProject: "sync", event.FieldType: "Bug", event.FieldSummary: t.Name()}
	for k, v := range fields {
		all[k] = v
	}
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: marker(t), Fields: all}, nil)
	must(t, err)
	return w
}

func read(t *testing.T, tracker adapters.Tracker, ref event.Ref) event.Ticket {
	t.Helper()
	ticket, err := tracker.Read(t.Context(), ref)
	must(t, err)
	return ticket
}

func set(t *testing.T, tracker adapters.Tracker, ref event.Ref, fields event.Fields) error {
	t.Helper()
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

func changed(t *testing.T, tracker adapters.Tracker, cursor event.Cursor, limit int) ([]event.Ref, event.Cursor) {
	t.Helper()
	var all []event.Ref
	for range 1000 {
		changes, next, err := tracker.Changes(t.Context(), cursor, limit)
		must(t, err)
		for _, c := range changes {
			all = append(all, c.Ref)
		}
		if cursor = next; len(changes) < limit {
			return all, cursor
		}
	}
	t.Fatal("Changes has no end")
	return nil, ""
}

func startCursor(t *testing.T, tracker adapters.Tracker) event.Cursor {
	t.Helper()
	_, cursor, err := tracker.Changes(t.Context(), "", 10)
	must(t, err)
	return cursor
}

func wantClass(t *testing.T, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("error is %v, want class %v", err, class)
	}
}

func TestTrap_WrongKeyOnAListIsAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	cursor := startCursor(t, open(t, nil))
	wrong := map[string]string{"api_key": strings.Repeat("f", 40), "projects": ""}
	var list struct {
		Total int `json:"total_count"`
	}
	must(t, person{server.Env["URL"], wrong["api_key"]}.call(t.Context(), "GET", "/issues.json?status_id=*", nil, &list))
	if list.Total != 0 {
		t.Fatalf("a wrong key lists %d issues: the trap is not there", list.Total)
	}
	_, _, err := open(t, wrong).Changes(t.Context(), cursor, 10)
	wantClass(t, err, adapters.ErrDenied)
	_, _, err = open(t, wrong).List(t.Context(), "", "", 10)
	wantClass(t, err, adapters.ErrDenied)
	_, err = open(t, wrong).Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: marker(t)})
	wantClass(t, err, adapters.ErrDenied)
}

func TestTrap_CustomFieldsAndUsersAreForAdministrators(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	create(t, tracker, nil)
	schema, err := tracker.Schema(t.Context())
	must(t, err)
	want := map[string]event.Type{
		"fields.Remote key": event.TypeText, "fields.Severity": event.TypeOption, "fields.Affected systems": event.TypeOptions,
		"fields.Story points": event.TypeNumber, "fields.Cost": event.TypeNumber, "fields.Needed by": event.TypeDate,
		"fields.Billable": event.TypeBool, "fields.Details": event.TypeText, "fields.Reviewer": event.TypeUser,
	}
	for name, kind := range want {
		if got := schema.Fields[name].Type; got != kind {
			t.Errorf("%s is %q in the schema, want %q", name, got, kind)
		}
	}
	people, err := tracker.(adapters.People).FindUser(t.Context(), "alice")
	must(t, err)
	if len(people) != 1 || people[0].Name != "Alice Agent" {
		t.Errorf("FindUser(alice) = %+v", people)
	}
	asAdmin := open(t, map[string]string{"api_key": server.Env["ADMIN_API_KEY"], "field_types": ""})
	schema, err = asAdmin.Schema(t.Context())
	must(t, err)
	for name, kind := range want {
		if got := schema.Fields[name].Type; got != kind {
			t.Errorf("%s is %q for an administrator, want %q", name, got, kind)
		}
	}
	if got := schema.Fields["fields.Severity"].Options; !slices.Equal(got, []string{"minor", "major", "critical"}) {
		t.Errorf("Severity has options %q for an administrator", got)
	}
}

func TestTrap_ListsLeaveOutClosedIssues(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	cursor := startCursor(t, tracker)
	w := create(t, tracker, nil)
	must(t, set(t, tracker, w.Ref, event.Fields{event.FieldStatus: "Closed"}))
	if all, _ := changed(t, tracker, cursor, 50); !slices.Contains(all, w.Ref) {
		t.Error("a closed issue is not among the changes")
	}
}

func sqlite(t *testing.T, statement string) {
	t.Helper()
	server.sqlite(t, statement)
}

func (in instance) sqlite(t *testing.T, statement string) {
	t.Helper()
	must(t, in.SQL(t.Context(), statement))
}

func TestTrap_MoreChangesInASecondThanAPageHolds(t *testing.T) {
	t.Parallel()
	tracker := open(t, map[string]string{"page_size": "3", "projects": "ops"})
	cursor := startCursor(t, tracker)
	var ids []string
	want := map[event.Ref]bool{}
	for range 8 {
		w := create(t, tracker, event.Fields{event.FieldProject: "ops"})
		ids = append(ids, w.Ref.ID)
		want[w.Ref] = true
	}
	// Within the second the order is not that of the ids.
	for n, id := range ids {
		sqlite(t, fmt.Sprintf("UPDATE issues SET updated_on='2031-05-06 07:08:09.%d' WHERE id=%s", 900-n*100+5, id))
	}
	all, _ := changed(t, tracker, cursor, 2)
	for _, ref := range all {
		delete(want, ref)
	}
	if len(want) > 0 {
		t.Errorf("%d of 8 changes of one second are left out", len(want))
	}
}

func TestTrap_APutWithoutChangeMovesTheChangeTime(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	sqlite(t, "UPDATE issues SET updated_on='2020-01-01 00:00:00' WHERE id="+w.Ref.ID)
	must(t, set(t, tracker, w.Ref, event.Fields{}))
	if got := read(t, tracker, w.Ref).Updated.Year(); got != 2020 {
		t.Errorf("an update without a field moved the change time to %d", got)
	}
}

func TestTrap_AnEditedNoteMovesNothing(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	step := event.Step{Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "before"}}
	note, err := tracker.Write(t.Context(), step, nil)
	must(t, err)
	if note.Item == "" {
		t.Fatal("Write does not say the id of the note")
	}
	before := read(t, tracker, w.Ref)
	must(t, server.as("ADMIN").call(t.Context(), "PUT", "/journals/"+note.Item+".json", map[string]any{"journal": map[string]any{"notes": "after"}}, nil))
	after := read(t, tracker, w.Ref)
	if after.Version != before.Version {
		t.Error("an edited note moves the version: the limit in the documentation is none")
	}
	if after.Comments[0].Body != "after" || after.Comments[0].ID != note.Item {
		t.Errorf("the edited note reads %+v", after.Comments)
	}
}

func TestTrap_AStatusThatIsNotAllowedIsIgnoredSilently(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	// bob, a reporter, may not change the status at all.
	asBob := open(t, map[string]string{"api_key": server.Env["BOB_API_KEY"]})
	w := create(t, tracker, nil)
	must(t, server.as("BOB").call(t.Context(), "PUT", "/issues/"+w.Ref.ID+".json",
		map[string]any{"issue": map[string]any{"status_id": 5, "notes": "closing"}}, nil))
	if got := read(t, tracker, w.Ref).Fields[event.FieldStatus]; got != "New" {
		t.Fatalf("bob closed the issue (%v): the trap is not there", got)
	}
	wantClass(t, set(t, asBob, w.Ref, event.Fields{event.FieldStatus: "Closed"}), adapters.ErrDenied)
	// Where the account may edit, the workflow decides.
	sqlite(t, "DELETE FROM workflows WHERE type='WorkflowTransition' AND tracker_id=3 AND new_status_id=6")
	w = create(t, tracker, event.Fields{event.FieldType: "Support"})
	err := set(t, tracker, w.Ref, event.Fields{event.FieldStatus: "Rejected"})
	wantClass(t, err, adapters.ErrRejected)
	if err == nil || !strings.Contains(err.Error(), `allowed are "New", "In Progress"`) {
		t.Errorf("the error does not say what is allowed: %v", err)
	}
}

func TestTrap_APrivateNoteWithoutPermissionWouldBePublic(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	must(t, server.as("BOB").call(t.Context(), "PUT", "/issues/"+w.Ref.ID+".json",
		map[string]any{"issue": map[string]any{"notes": "secret", "private_notes": true}}, nil))
	if got := read(t, tracker, w.Ref).Comments; len(got) != 1 || got[0].Internal {
		t.Fatalf("bob's private note reads %+v: the trap is not there", got)
	}
	asBob := open(t, map[string]string{"api_key": server.Env["BOB_API_KEY"]})
	_, err := asBob.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "secret", Internal: true},
	}, nil)
	wantClass(t, err, adapters.ErrDenied)
	if got := read(t, tracker, w.Ref).Comments; len(got) != 1 {
		t.Errorf("a note was written: %+v", got)
	}
}

func TestTrap_ACreateIgnoresAStatusThatIsNoFirstStatus(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, event.Fields{event.FieldStatus: "Resolved"})
	if got := read(t, tracker, w.Ref).Fields[event.FieldStatus]; got != "Resolved" {
		t.Errorf("status after create is %v, want Resolved", got)
	}
}

func TestTrap_DescriptionsComeWithCRLFAndNotesAsSent(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	text := "one\ntwo\n\nthree"
	w := create(t, tracker, event.Fields{event.FieldDescription: text, "fields.Details": "a\r\nb"})
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: text},
	}, nil)
	must(t, err)
	ticket := read(t, tracker, w.Ref)
	if got := ticket.Fields[event.FieldDescription]; got != text {
		t.Errorf("description is %q, want %q", got, text)
	}
	if got := ticket.Fields["fields.Details"]; got != "a\nb" {
		t.Errorf("text field is %q", got)
	}
	if got := ticket.Comments[0].Body; got != text {
		t.Errorf("comment is %q, want %q", got, text)
	}
}

func TestTrap_SubjectsAreLimitedTo255(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, event.Fields{event.FieldSummary: strings.Repeat("ü", 255)})
	wantClass(t, set(t, tracker, w.Ref, event.Fields{event.FieldSummary: strings.Repeat("ü", 256)}), adapters.ErrRejected)
}

func TestTrap_AJournalMayHoldANoteAndFieldChanges(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	step := event.Step{
		Kind: event.StepUpdate, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "both"},
		Fields: event.Fields{event.FieldPriority: "High", event.FieldStatus: "In Progress"},
	}
	_, err := tracker.Write(t.Context(), step, nil)
	must(t, err)
	must(t, set(t, tracker, w.Ref, event.Fields{event.FieldPriority: "Low"}))
	ticket := read(t, tracker, w.Ref)
	if len(ticket.Comments) != 1 || ticket.Comments[0].Marker != step.Marker || ticket.Fields[event.FieldStatus] != "In Progress" {
		t.Errorf("got %+v, status %v", ticket.Comments, ticket.Fields[event.FieldStatus])
	}
}

func TestTrap_PrivateNotesAreNotShownToEverybody(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	for _, internal := range []bool{true, false} {
		_, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "x", Internal: internal},
		}, nil)
		must(t, err)
	}
	if got := read(t, tracker, w.Ref).Comments; len(got) != 2 || !got[0].Internal || got[1].Internal {
		t.Errorf("got comments %+v", got)
	}
	asBob := open(t, map[string]string{"api_key": server.Env["BOB_API_KEY"]})
	if got := read(t, asBob, w.Ref).Comments; len(got) != 1 || got[0].Internal {
		t.Errorf("bob gets comments %+v", got)
	}
	found := asBob.(adapters.Prober).Probe(t.Context())
	if !slices.ContainsFunc(found, func(f adapters.Finding) bool { return strings.Contains(f.Hint, "view_private_notes") }) {
		t.Errorf("Probe does not tell that bob sees no private notes: %+v", found)
	}
}

func TestTrap_AnEmptyNoteIsDeleted(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	step := event.Step{Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "x"}}
	note, err := tracker.Write(t.Context(), step, nil)
	must(t, err)
	step.Comment = &event.CommentWrite{ID: note.Item, Body: ""}
	_, err = tracker.Write(t.Context(), step, nil)
	must(t, err)
	if got := read(t, tracker, w.Ref).Comments; len(got) != 1 || got[0].Body != "" || got[0].Marker != step.Marker {
		t.Errorf("got comments %+v, want one without text", got)
	}
}

func TestTrap_FilesNeedTheKeyAndHaveALimit(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	w := create(t, tracker, nil)
	file := func(name string, size int) error {
		_, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepAttach, Ref: w.Ref, Marker: marker(t),
			Attachment: &event.AttachmentWrite{Name: name, Size: int64(size), MIME: "application/octet-stream"},
		}, bytes.NewReader(make([]byte, size)))
		return err
	}
	must(t, file("größe 図.bin", 4<<20))
	wantClass(t, file("too large.bin", 6<<20), adapters.ErrRejected)
	files := read(t, tracker, w.Ref).Attachments
	if len(files) != 1 || files[0].Name != "größe 図.bin" {
		t.Fatalf("got files %+v", files)
	}
	r, err := tracker.(adapters.Files).Open(t.Context(), w.Ref, files[0].ID)
	must(t, err)
	data, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if len(data) != 4<<20 {
		t.Errorf("got %d bytes", len(data))
	}
	wrong := open(t, map[string]string{"api_key": strings.Repeat("f", 40)})
	_, err = wrong.(adapters.Files).Open(t.Context(), w.Ref, files[0].ID)
	wantClass(t, err, adapters.ErrDenied)
}

func TestTrap_ADeletedIDIsGivenOutAgain(t *testing.T) {
	t.Parallel()
	in := another(t, "redmine-reuse")
	tracker := openReal(t, in.base(t), map[string]string{"api_key": in.Env["BOT_API_KEY"]})
	t.Cleanup(func() { _ = tracker.Close() })
	first := create(t, tracker, nil)
	in.sqlite(t, "UPDATE issues SET created_on=datetime(created_on,'-10 seconds') WHERE id="+first.Ref.ID)
	change, err := tracker.Locate(t.Context(), first.Key)
	must(t, err)
	old := change.Ref
	must(t, in.as("ADMIN").call(t.Context(), "DELETE", "/issues/"+old.ID+".json", nil, nil))
	stranger := create(t, tracker, nil)
	if stranger.Ref.ID != old.ID {
		t.Fatalf("the id %s was not given out again (%s was): the trap is not there", old.ID, stranger.Ref.ID)
	}
	_, err = tracker.Read(t.Context(), old)
	wantClass(t, err, adapters.ErrGone)
	wantClass(t, set(t, tracker, old, event.Fields{event.FieldSummary: "not yours"}), adapters.ErrGone)
	if got := read(t, tracker, stranger.Ref).Fields[event.FieldSummary]; got != t.Name() {
		t.Errorf("the stranger was written to: %v", got)
	}
}

func TestTrap_AMovedIssueKeepsItsID(t *testing.T) {
	t.Parallel()
	tracker := open(t, map[string]string{"projects": "sync, ops"})
	w := create(t, tracker, nil)
	must(t, set(t, tracker, w.Ref, event.Fields{event.FieldProject: "ops"}))
	if got := read(t, tracker, w.Ref).Fields[event.FieldProject]; got != "ops" {
		t.Errorf("project is %v, want ops", got)
	}
}

func TestTrap_AnUnknownProjectIsNoBlankProject(t *testing.T) {
	t.Parallel()
	tracker := open(t, map[string]string{"projects": ""})
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepCreate, Marker: marker(t), Fields: event.Fields{event.FieldProject: "nosuch", event.FieldSummary: "x"},
	}, nil)
	wantClass(t, err, adapters.ErrConfiguration)
	_, _, err = open(t, map[string]string{"projects": "nosuch"}).Changes(t.Context(), "", 10)
	wantClass(t, err, adapters.ErrConfiguration)
}

func TestTrap_AFilterThatIsNotKnownIsIgnored(t *testing.T) {
	t.Parallel()
	tracker := open(t, nil)
	create(t, tracker, event.Fields{"fields.Remote key": "somebody's"})
	sqlite(t, "UPDATE custom_fields SET is_filter=0 WHERE name='Cost'")
	_, err := tracker.(adapters.Searcher).ByField(t.Context(), "fields.Cost", "77.5", 5)
	wantClass(t, err, adapters.ErrConfiguration)
}

// another is a Redmine that no other test touches.
func another(t *testing.T, name string) instance {
	t.Helper()
	return instance{trackers.For(t, "redmine", name)}
}

// TestSetUp_ThePermissionsInTheDocumentationSuffice does everything with the
// role that docs/adapters/redmine.md describes.
func TestSetUp_ThePermissionsInTheDocumentationSuffice(t *testing.T) {
	t.Parallel()
	in := another(t, "redmine-least")
	permissions := "---\n- :view_issues\n- :add_issues\n- :edit_issues\n- :add_issue_notes\n- :edit_own_issue_notes\n" +
		"- :view_private_notes\n- :set_notes_private\n- :manage_subtasks\n- :manage_issue_relations\n"
	in.sqlite(t, "UPDATE roles SET issues_visibility='all', permissions='"+permissions+"' WHERE name='Developer'")
	tracker := openReal(t, in.base(t), map[string]string{"api_key": in.Env["ALICE_API_KEY"]})
	t.Cleanup(func() { _ = tracker.Close() })
	parent := create(t, tracker, nil)
	w := create(t, tracker, event.Fields{
		event.FieldParent: map[string]any{"id": parent.Ref.ID, "key": parent.Key}, event.FieldStatus: "In Progress",
		event.FieldAssignee: event.User{ID: "5", Name: "Sync Bot"}.Value(), "fields.Severity": "major",
	})
	must(t, set(t, tracker, w.Ref, event.Fields{event.FieldLinks: links(event.Blocks, create(t, tracker, nil).Ref)}))
	for _, internal := range []bool{true, false} {
		step := event.Step{Kind: event.StepComment, Ref: w.Ref, Marker: marker(t), Comment: &event.CommentWrite{Body: "x", Internal: internal}}
		note, err := tracker.Write(t.Context(), step, nil)
		must(t, err)
		step.Comment = &event.CommentWrite{ID: note.Item, Body: "edited", Internal: internal}
		_, err = tracker.Write(t.Context(), step, nil)
		must(t, err)
	}
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepAttach, Ref: w.Ref, Marker: marker(t), Attachment: &event.AttachmentWrite{Name: "a.txt", Size: 1, MIME: "text/plain"},
	}, strings.NewReader("a"))
	must(t, err)
	must(t, set(t, tracker, w.Ref, event.Fields{event.FieldStatus: "Resolved", event.FieldPriority: "High"}))
	ticket := read(t, tracker, w.Ref)
	if ticket.Fields[event.FieldStatus] != "Resolved" || ticket.Fields[event.FieldPriority] != "High" || ticket.Fields[event.FieldParent] == nil || ticket.Fields[event.FieldLinks] == nil ||
		ticket.Fields["fields.Severity"] != "major" || len(ticket.Attachments) != 1 || len(ticket.Comments) != 2 ||
		!ticket.Comments[0].Internal || ticket.Comments[1].Internal || ticket.Comments[1].Body != "edited" {
		t.Errorf("got %+v", ticket)
	}
	for _, f := range tracker.(adapters.Prober).Probe(t.Context()) {
		if f.Level != adapters.LevelOK {
			t.Errorf("Probe: %+v", f)
		}
	}
}

func TestTrap_AnEmptyRedmineDoesNotTellItsFields(t *testing.T) {
	t.Parallel()
	empty := another(t, "redmine-empty")
	tracker := openReal(t, empty.base(t), map[string]string{"api_key": empty.Env["BOT_API_KEY"], "marker_field": "Remote key"})
	t.Cleanup(func() { _ = tracker.Close() })
	changes, _, err := tracker.Changes(t.Context(), "", 10)
	must(t, err)
	if len(changes) != 0 {
		t.Fatalf("an empty Redmine has changes: %+v", changes)
	}
	step := event.Step{Kind: event.StepCreate, Marker: marker(t), Fields: event.Fields{
		event.FieldSummary: "first", "fields.Severity": "major", "fields.Affected systems": []any{"api", "web"},
	}}
	w, err := tracker.Write(t.Context(), step, nil)
	must(t, err)
	ticket := read(t, tracker, w.Ref)
	if ticket.Fields["fields.Severity"] != "major" || ticket.Marker != step.Marker {
		t.Errorf("the first issue has Severity %v and marker %q", ticket.Fields["fields.Severity"], ticket.Marker)
	}
	found, err := tracker.Find(t.Context(), step)
	must(t, err)
	if found.Presence != event.FoundOne {
		t.Errorf("Find of the first issue says %q", found.Presence)
	}
}

// TestMarker_IsNotShownToPeople looks at the page of an issue.
func TestMarker_IsNotShownToPeople(t *testing.T) {
	t.Parallel()
	browser := signIn(t)
	for _, format := range []string{"markdown", "common_mark", "textile"} {
		tracker := open(t, map[string]string{"text_formatting": format})
		w := create(t, tracker, event.Fields{event.FieldDescription: "words **to** see"})
		sqlite(t, "UPDATE settings SET value='"+format+"', updated_on=datetime('now','+1 hour') WHERE name='text_formatting'")
		page := fetch(t, browser, "/issues/"+w.Ref.ID)
		_, shown, _ := strings.Cut(page, `<div class="wiki">`)
		shown, _, _ = strings.Cut(shown, "</div>")
		if !strings.Contains(shown, "words <") || strings.Contains(shown, "parley") {
			t.Errorf("%s shows %q", format, shown)
		}
	}
}

func signIn(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	token := regexp.MustCompile(`name="authenticity_token" value="([^"]+)"`).FindStringSubmatch(fetch(t, browser, "/login"))
	if token == nil {
		t.Fatal("the sign-in page has no token")
	}
	res, err := browser.PostForm(server.Env["URL"]+"/login", url.Values{
		"username": {"admin"}, "password": {"admin-password"}, "authenticity_token": {html.UnescapeString(token[1])},
	})
	must(t, err)
	must(t, res.Body.Close())
	return browser
}

func fetch(t *testing.T, browser *http.Client, path string) string {
	t.Helper()
	res, err := browser.Get(server.Env["URL"] + path)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	must(t, err)
	return string(raw)
}
