//go:build real

package rt_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/rt"
	"parley/sync/event"
)

func create(t testing.TB, tracker *rt.Tracker, fields event.Fields) event.Ref {
	t.Helper()
	all := event.Fields{event.FieldProject: "Sync", event.FieldSummary: "made by a test"}
	for k, v := range fields {
		all[k] = v
	}
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: all}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.Ref
}

func read(t testing.TB, tracker *rt.Tracker, ref event.Ref) event.Ticket {
	t.Helper()
	ticket, err := tracker.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func update(t testing.TB, tracker *rt.Tracker, ref event.Ref, fields event.Fields, comment *event.CommentWrite) {
	t.Helper()
	step := event.Step{Kind: event.StepUpdate, Ref: ref, Marker: "abcdefghijklmnop", Fields: fields, Comment: comment}
	if _, err := tracker.Write(t.Context(), step, nil); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, class error, words string) {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) || !errors.Is(e.Class, class) || !strings.Contains(e.Detail+e.Hint, words) {
		t.Errorf("got %v, want %v with %q", err, class, words)
	}
}

// It turns the clock of the account that persons act with in other tests.
//
//nolint:paralleltest // see above
func TestTrap_TimesInQueriesAreReadInTheAccountsZone(t *testing.T) {
	asAlice := map[string]string{"token": server.Env["ALICE_TOKEN"]}
	ref := create(t, openReal(t, server.base(t), asAlice), nil)
	if _, _, err := openReal(t, server.base(t), asAlice).Changes(t.Context(), "", 10); err != nil {
		t.Errorf("an account in UTC: %v", err)
	}
	for _, zone := range []string{"America/New_York", "Asia/Kolkata"} {
		root().must(t, http.MethodPut, "user/alice", map[string]any{"Timezone": zone}, http.StatusOK)
		tracker := openReal(t, server.base(t), asAlice)
		_, _, err := tracker.Changes(t.Context(), "", 10)
		wantError(t, err, adapters.ErrConfiguration, "time zone")
		if worst := slices.ContainsFunc(tracker.Probe(t.Context()), func(f adapters.Finding) bool {
			return f.Level == adapters.LevelError && strings.Contains(f.Hint, "time zone")
		}); !worst {
			t.Errorf("%s: Probe does not name the time zone", zone)
		}
	}
	root().must(t, http.MethodPut, "user/alice", map[string]any{"Timezone": ""}, http.StatusOK)
	if read(t, openReal(t, server.base(t), asAlice), ref).Ref != ref {
		t.Error("got another ticket")
	}
}

func TestTrap_TimesInQueriesKeepTheirTimeOfDay(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	before := create(t, tracker, nil)
	// A cursor an hour ahead of everything: with the time of day ignored, all of
	// today's tickets would come.
	at := read(t, tracker, before).Updated.Unix() + 3600
	changes, _, err := tracker.Changes(t.Context(), event.Cursor("1:"+itoa(at)+":0:0"), 10)
	if err != nil || len(changes) != 0 {
		t.Errorf("got %v, %v, want nothing", changes, err)
	}
}

func TestTrap_PutSaysYesToHalfOfIt(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{
		event.FieldSummary: "the half that is saved", event.FieldStatus: "bogus",
	}}, nil)
	wantError(t, err, adapters.ErrRejected, "isn't a valid status")
	_, err = tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{"fields.Severity": "nonsense"}}, nil)
	wantError(t, err, adapters.ErrRejected, "Invalid value for custom field")
	if got := read(t, tracker, ref).Fields[event.FieldSummary]; got != "the half that is saved" {
		t.Errorf("got summary %v", got)
	}
}

func TestTrap_CreateDropsUnknownCustomFieldsSilently(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: event.Fields{
		event.FieldProject: "Sync", event.FieldSummary: "x", "fields.No such field": "x",
	}}, nil)
	wantError(t, err, adapters.ErrRejected, "No such field")
	// A value that RT does not know is dropped too: reading back shows it.
	ref := create(t, tracker, event.Fields{"fields.Severity": "nonsense"})
	if got := read(t, tracker, ref).Fields["fields.Severity"]; got != nil {
		t.Errorf("got severity %v, want what RT holds: none", got)
	}
}

func TestTrap_SubjectsAreCutSilently(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, event.Fields{event.FieldSummary: strings.Repeat("s", 300)})
	if got := read(t, tracker, ref).Fields[event.FieldSummary]; got != strings.Repeat("s", 200) {
		t.Errorf("got %v, want what RT kept: 200 characters", got)
	}
	schema, err := tracker.Schema(t.Context())
	if err != nil || schema.Fields[event.FieldSummary].MaxLength == 0 || schema.Fields[event.FieldSummary].MaxLength > 200 {
		t.Errorf("got schema %+v, %v, want a limit of the summary", schema.Fields[event.FieldSummary], err)
	}
}

func TestTrap_UnknownQueueIsConfiguration(t *testing.T) {
	t.Parallel()
	_, err := openReal(t, server.base(t), map[string]string{"queues": ""}).Write(t.Context(), event.Step{
		Kind: event.StepCreate, Fields: event.Fields{event.FieldProject: "No such queue", event.FieldSummary: "x"},
	}, nil)
	wantError(t, err, adapters.ErrConfiguration, "No such queue")
	// General is there, but this account sees it not.
	_, _, err = openReal(t, server.base(t), map[string]string{"queues": "General"}).Changes(t.Context(), "", 1)
	wantError(t, err, adapters.ErrConfiguration, "General")
}

func TestTrap_MailCopiesAreNoCommentsAndNoFiles(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, event.Fields{event.FieldReporter: "bob@example.invalid", event.FieldDescription: "what bob said"})
	update(t, tracker, ref, nil, &event.CommentWrite{Body: "mailed to bob"})
	mailWith(t, "mailed to bob")
	ticket := read(t, tracker, ref)
	if len(ticket.Comments) != 1 || len(ticket.Attachments) != 0 || ticket.Fields[event.FieldDescription] != "what bob said" {
		t.Errorf("got %+v and %+v, want one comment and no file", ticket.Comments, ticket.Attachments)
	}
	if got, _ := ticket.Fields[event.FieldReporter].(map[string]any); got["id"] != "bob" || got["email"] != "bob@example.invalid" {
		t.Errorf("got reporter %v, want bob", got)
	}
}

func TestTrap_InternalCommentIsNotMailedToRequestors(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, event.Fields{event.FieldReporter: "bob@example.invalid"})
	update(t, tracker, ref, nil, &event.CommentWrite{Body: "for agents only", Internal: true})
	update(t, tracker, ref, nil, &event.CommentWrite{Body: "after the agents' comment"})
	mailWith(t, "after the agents' comment")
	if strings.Contains(server.mail(), "for agents only") {
		t.Error("an internal comment was mailed")
	}
}

func TestTrap_ReplyDoesNotMoveTheStatus(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	update(t, tracker, ref, nil, &event.CommentWrite{Body: "a reply"})
	if got := read(t, tracker, ref).Fields[event.FieldStatus]; got != "new" {
		t.Errorf("got status %v after a reply to a new ticket, want it left as it was", got)
	}
	// A status in the same step stands, though the reply reopens on its own.
	update(t, tracker, ref, event.Fields{event.FieldStatus: "resolved", event.FieldSummary: "done"}, &event.CommentWrite{Body: "done"})
	ticket := read(t, tracker, ref)
	if ticket.Fields[event.FieldStatus] != "resolved" || ticket.Fields[event.FieldSummary] != "done" || len(ticket.Comments) != 2 {
		t.Errorf("got %v, %v and %d comments", ticket.Fields[event.FieldStatus], ticket.Fields[event.FieldSummary], len(ticket.Comments))
	}
}

func TestTrap_FileDoesNotReopenATicket(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	update(t, tracker, ref, event.Fields{event.FieldStatus: "resolved"}, nil)
	step := event.Step{Kind: event.StepAttach, Ref: ref, Marker: "abcdefghijklmnop", Attachment: &event.AttachmentWrite{Name: "late.txt", Size: 4, MIME: "text/plain"}}
	w, err := tracker.Write(t.Context(), step, strings.NewReader("late"))
	if err != nil {
		t.Fatal(err)
	}
	ticket := read(t, tracker, ref)
	if ticket.Fields[event.FieldStatus] != "resolved" || len(ticket.Comments) != 0 {
		t.Errorf("got status %v and comments %+v, want resolved and none", ticket.Fields[event.FieldStatus], ticket.Comments)
	}
	if len(ticket.Attachments) != 1 || ticket.Attachments[0].ID != w.Item || ticket.Attachments[0].Marker != step.Marker {
		t.Errorf("got %+v, want the file %q with its marker", ticket.Attachments, w.Item)
	}
}

func TestTrap_CommentStandsThoughItsStatusIsRefused(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	// An error would have the comment written again.
	update(t, tracker, ref, event.Fields{event.FieldStatus: "bogus"}, &event.CommentWrite{Body: "said once", Internal: true})
	ticket := read(t, tracker, ref)
	if len(ticket.Comments) != 1 || ticket.Fields[event.FieldStatus] != "new" {
		t.Errorf("got %+v, %v", ticket.Comments, ticket.Fields[event.FieldStatus])
	}
}

func TestTrap_CommentWithoutContent(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	alice().must(t, http.MethodPost, "ticket/"+ref.ID+"/comment", map[string]any{}, http.StatusCreated)
	if got := read(t, tracker, ref).Comments; len(got) != 0 {
		t.Errorf("got %+v, want none", got)
	}
}

func TestTrap_CommentInHTML(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	alice().must(t, http.MethodPost, "ticket/"+ref.ID+"/correspond",
		map[string]any{"Content": "<p>see <b>this</b></p><p>and that</p>", "ContentType": "text/html"}, http.StatusCreated)
	got := read(t, tracker, ref).Comments
	if len(got) != 1 || got[0].Body != "see **this**\n\nand that" {
		t.Errorf("got %+v", got)
	}
}

func TestTrap_LineEndsAreAlike(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, event.Fields{event.FieldDescription: "a\r\nb", "fields.Details": "c\r\nd"})
	update(t, tracker, ref, nil, &event.CommentWrite{Body: "e\r\nf"})
	ticket := read(t, tracker, ref)
	got := []any{ticket.Fields[event.FieldDescription], ticket.Fields["fields.Details"], ticket.Comments[0].Body}
	if d := cmp.Diff(got, []any{"a\nb", "c\nd", "e\nf"}); d != "" {
		t.Error(d)
	}
}

func TestTrap_TextFilesKeepTheirBytes(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	for name, data := range map[string][]byte{
		"latin1.txt": []byte("f\xfcr\r\nuns"), "mail.eml": []byte("Subject: x\r\n\r\nf\xfcr"), "größe.bin": bytes.Repeat([]byte{0, 1, 0xff, '\r'}, 1<<20),
		"zero.txt": []byte("0"), "leer.txt": {},
	} {
		kind := map[string]string{"latin1.txt": "text/plain", "mail.eml": "message/rfc822"}[name]
		w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: ref, Marker: "abcdefghijklmnop", Attachment: &event.AttachmentWrite{
			Name: name, Size: int64(len(data)), MIME: kind, Internal: true,
		}}, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r, err := tracker.Open(t.Context(), ref, w.Item)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: got %d bytes, %v, want the %d that were sent", name, len(got), err, len(data))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		files := read(t, tracker, ref).Attachments
		if i := slices.IndexFunc(files, func(a event.Attachment) bool { return a.ID == w.Item }); i < 0 || files[i].Name != name || !files[i].Internal {
			t.Errorf("%s: not among %+v", name, files)
		}
	}
}

func TestTrap_FileOfAnotherTicketIsNotOpened(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	mine, other := create(t, tracker, nil), create(t, tracker, nil)
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: other, Attachment: &event.AttachmentWrite{Name: "a", Size: 1}}, strings.NewReader("a"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tracker.Open(t.Context(), mine, w.Item)
	wantError(t, err, adapters.ErrGone, "")
}

func TestTrap_FieldDefinitionsAreForAdministrators(t *testing.T) {
	t.Parallel()
	undeclared := map[string]string{"field_types": "Severity=option"}
	schema, err := openReal(t, server.base(t), undeclared).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := []event.Type{schema.Fields["fields.Severity"].Type, schema.Fields["fields.Needed by"].Type, schema.Fields[event.FieldLabels].Type}
	if d := cmp.Diff(got, []event.Type{event.TypeOption, event.TypeText, event.TypeSet}); d != "" {
		t.Error(d)
	}
	warned := slices.ContainsFunc(openReal(t, server.base(t), undeclared).Probe(t.Context()), func(f adapters.Finding) bool {
		return f.Level == adapters.LevelWarning && strings.Contains(f.What, "Needed by") && !strings.Contains(f.What, "Severity")
	})
	if !warned {
		t.Error("Probe does not name the fields whose types are not known")
	}
	schema, err = openReal(t, server.base(t), map[string]string{"token": server.Env["ROOT_TOKEN"], "field_types": ""}).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(schema.Fields["fields.Affected systems"], event.Field{Type: event.TypeOptions, Writable: true, Options: []string{"api", "db", "web"}}); d != "" {
		t.Error(d)
	}
}

func TestTrap_MergedTicketIsGone(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	from, into := create(t, tracker, nil), create(t, tracker, nil)
	alice().must(t, http.MethodPut, "ticket/"+from.ID, map[string]any{"MergeInto": into.ID}, http.StatusOK)
	_, err := tracker.Read(t.Context(), from)
	wantError(t, err, adapters.ErrMerged, "merged into ticket "+into.ID)
	_, err = tracker.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: from, Comment: &event.CommentWrite{Body: "to nobody"}}, nil)
	wantError(t, err, adapters.ErrMerged, "merged into ticket "+into.ID)
	if got := read(t, tracker, into).Comments; len(got) != 0 {
		t.Errorf("the comment went to the other ticket: %+v", got)
	}
}

func TestTrap_MailAddressesMakeUsers(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	stranger := event.User{Name: "A Stranger", Email: "stranger@example.org"}.Value()
	fields := event.Fields{event.FieldProject: "Sync", event.FieldSummary: "x", event.FieldReporter: stranger}
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Fields: fields}, nil)
	wantError(t, err, adapters.ErrRejected, "stranger@example.org")
	if found, err := tracker.FindUser(t.Context(), "stranger@example.org"); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v: RT made a user", found, err)
	}
	willing := openReal(t, server.base(t), map[string]string{"create_requestors": "yes"})
	fields[event.FieldReporter] = event.User{Name: "A Guest", Email: "guest@example.org"}.Value()
	w, err := willing.Write(t.Context(), event.Step{Kind: event.StepCreate, Fields: fields}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, willing, w.Ref).Fields[event.FieldReporter].(map[string]any); got["email"] != "guest@example.org" {
		t.Errorf("got reporter %v, want the guest", got)
	}
}

func TestTrap_ParentIsALink(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	parent, child := create(t, tracker, nil), create(t, tracker, nil)
	want := map[string]any{"id": parent.ID, "key": parent.ID}
	update(t, tracker, child, event.Fields{event.FieldParent: want}, nil)
	if d := cmp.Diff(read(t, tracker, child).Fields[event.FieldParent], any(want)); d != "" {
		t.Error(d)
	}
	update(t, tracker, child, event.Fields{event.FieldParent: nil}, nil)
	if got := read(t, tracker, child).Fields[event.FieldParent]; got != nil {
		t.Errorf("got %v after nil, want none", got)
	}
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: child, Fields: event.Fields{
		event.FieldParent: map[string]any{"id": "999999", "key": "999999"},
	}}, nil)
	wantError(t, err, adapters.ErrRejected, "Couldn't resolve")
}

func TestTrap_OwnerOfOthersIsTakenOver(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	alice().must(t, http.MethodPut, "ticket/"+ref.ID, map[string]any{"Owner": "alice"}, http.StatusOK)
	if got, _ := read(t, tracker, ref).Fields[event.FieldAssignee].(map[string]any); got["id"] != "alice" {
		t.Fatalf("got assignee %v, want alice", got)
	}
	lock := read(t, tracker, ref).Lock
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Lock: lock, Fields: event.Fields{event.FieldAssignee: nil}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := read(t, tracker, ref).Fields[event.FieldAssignee]; !ok || got != nil {
		t.Errorf("got assignee %v, want none", got)
	}
}

func TestTrap_UnsetDatesAre1970(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, event.Fields{event.FieldDue: "2027-01-02T03:04:05Z", "fields.Needed by": "2027-01-02", "fields.Due time": "2027-01-02T03:04:05Z"})
	update(t, tracker, ref, event.Fields{event.FieldDue: nil, "fields.Needed by": nil, "fields.Due time": nil}, nil)
	fields := read(t, tracker, ref).Fields
	for _, name := range []string{event.FieldDue, "fields.Needed by", "fields.Due time"} {
		if v, ok := fields[name]; !ok || v != nil {
			t.Errorf("%s: got %v, want none", name, v)
		}
	}
}

func TestTrap_EmptyListIsNoError(t *testing.T) {
	t.Parallel()
	// RT writes "pages: 0.0" for it.
	changes, next, err := openReal(t, server.base(t), nil).List(t.Context(), "Subject = 'nothing is called so'", "", 10)
	if err != nil || len(changes) != 0 || next != "" {
		t.Errorf("got %v, %q, %v, want an empty list", changes, next, err)
	}
}

func TestMarker_FieldKeepsMailFreeOfIt(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), map[string]string{"marker_field": "Remote key"})
	w, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "zzzzyyyyxxxxwwww", Fields: event.Fields{
		event.FieldProject: "Sync", event.FieldSummary: "clean", event.FieldReporter: "bob@example.invalid",
		event.FieldDescription: "a clean first message\n\n[sync:aaaaaaaaaaaaaaaa]",
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ticket := read(t, tracker, w.Ref)
	if ticket.Marker != "zzzzyyyyxxxxwwww" {
		t.Errorf("got marker %q", ticket.Marker)
	}
	// What looks like a marker in the peer's text is the peer's text.
	if got := ticket.Fields[event.FieldDescription]; got != "a clean first message\n\n[sync:aaaaaaaaaaaaaaaa]" {
		t.Errorf("got description %q", got)
	}
	if _, ok := ticket.Fields["fields.Remote key"]; ok {
		t.Error("the marker's field shows among the fields")
	}
	if mail := mailWith(t, "a clean first message"); strings.Contains(mail, "zzzzyyyyxxxxwwww") {
		t.Errorf("the marker was mailed:\n%s", mail)
	}
}

func TestMarker_FieldThatCannotBeSetIsRefusedBefore(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), map[string]string{"marker_field": "No such field"})
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "zzzzyyyyxxxxwwww", Fields: event.Fields{
		event.FieldProject: "Sync", event.FieldSummary: "never made",
	}}, nil)
	wantError(t, err, adapters.ErrConfiguration, "No such field")
	found := slices.ContainsFunc(tracker.Probe(t.Context()), func(f adapters.Finding) bool {
		return f.Level == adapters.LevelError && strings.Contains(f.What, "No such field")
	})
	if !found {
		t.Error("Probe does not name the missing field")
	}
}

func TestMarker_OfOthersIsText(t *testing.T) {
	t.Parallel()
	tracker := openReal(t, server.base(t), nil)
	ref := create(t, tracker, nil)
	if err := (hand{}).Comment(t.Context(), ref.ID, "I quote\n\n[sync:abcdefghijklmnop]", false); err != nil {
		t.Fatal(err)
	}
	got := read(t, tracker, ref).Comments
	if len(got) != 1 || got[0].Marker != "" || got[0].Body != "I quote\n\n[sync:abcdefghijklmnop]" {
		t.Errorf("got %+v", got)
	}
	found, err := tracker.Find(t.Context(), event.Step{Kind: event.StepComment, Ref: ref, Marker: "abcdefghijklmnop"})
	if err != nil || found.Presence != event.FoundNone {
		t.Errorf("got %+v, %v: a person's text was taken for our comment", found, err)
	}
}

func TestMarker_FieldFindsNoneOneAndMany(t *testing.T) {
	t.Parallel()
	change := map[string]string{"marker_field": "Remote key"}
	step := event.Step{Kind: event.StepCreate, Marker: "qqqqrrrrsssstttt", Fields: event.Fields{
		event.FieldProject: "Sync", event.FieldSummary: "found by its field",
	}}
	want := []event.Presence{event.FoundNone, event.FoundOne, event.FoundMany}
	var first event.Written
	for n, presence := range want {
		found, err := openReal(t, server.base(t), change).Find(t.Context(), step)
		if err != nil || found.Presence != presence {
			t.Fatalf("after %d creates Find says %+v, %v, want %s", n, found, err, presence)
		}
		if n == 1 && found.Written != first {
			t.Errorf("Find says %+v, Write said %+v", found.Written, first)
		}
		if first, err = openReal(t, server.base(t), change).Write(t.Context(), step, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// A node may die between the create and its record before the setting is made.
func TestMarker_InTheTextIsFoundAfterTheFieldWasSetUp(t *testing.T) {
	t.Parallel()
	step := event.Step{Kind: event.StepCreate, Marker: "uuuuvvvvwwwwxxxx", Fields: event.Fields{
		event.FieldProject: "Sync", event.FieldSummary: "older than the setting", event.FieldDescription: "text",
	}}
	w, err := openReal(t, server.base(t), nil).Write(t.Context(), step, nil)
	if err != nil {
		t.Fatal(err)
	}
	step.Since = w.Ref.Created - 60
	tracker := openReal(t, server.base(t), map[string]string{"marker_field": "Remote key"})
	found, err := tracker.Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundOne || found.Written.Ref != w.Ref {
		t.Errorf("got %+v, %v, want %v", found, err, w.Ref)
	}
	if ticket := read(t, tracker, w.Ref); ticket.Marker != step.Marker || ticket.Fields[event.FieldDescription] != "text" {
		t.Errorf("got marker %q and text %v", ticket.Marker, ticket.Fields[event.FieldDescription])
	}
}
