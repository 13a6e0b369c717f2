package zendesk_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

func TestTrap_IdempotencyKeyMakesARepeatedCreateTheSameTicket(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "once", event.FieldDescription: "text"}}
	first, err := b.tracker.Write(t.Context(), step, nil)
	b.must(err)
	again, err := b.tracker.Write(t.Context(), step, nil)
	if err != nil || again != first {
		t.Errorf("a repeated create answers %+v, %v; want %+v", again, err, first)
	}
	// Other words under the same key: the first attempt is to be looked up.
	other := step
	other.Fields = event.Fields{event.FieldSummary: "other"}
	if _, err := b.tracker.Write(t.Context(), other, nil); !errors.Is(err, adapters.ErrDoubt) {
		t.Errorf("the same key with other words: %v, want a doubt", err)
	}
	// The key is forgotten after two hours, the external id is not.
	c.after(3 * time.Hour)
	if found, err := b.tracker.Find(t.Context(), step); err != nil || found.Presence != event.FoundOne || found.Written.Ref != first.Ref {
		t.Errorf("the look-up after three hours says %+v, %v", found, err)
	}
	if _, err = b.tracker.Write(t.Context(), step, nil); err != nil {
		t.Fatal(err)
	}
	if found, err := b.tracker.Find(t.Context(), step); err != nil || found.Presence != event.FoundMany {
		t.Errorf("external ids are not unique: the look-up says %+v, %v; want many", found, err)
	}
}

func TestTrap_AnExternalIDOfSomebodyElseIsNoMarker(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("not ours")
	b.put(ref, map[string]any{"external_id": "parley-" + string(mark)})
	if got := b.read(ref).Marker; got != "" {
		t.Errorf("a ticket of Alice's has marker %q", got)
	}
	found, err := b.tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark})
	if err != nil || found.Presence != event.FoundNone {
		t.Errorf("got %+v, %v; want none", found, err)
	}
}

// TestTrap_PublicPersistsSoItIsAlwaysSent: after an internal note a comment that says
// nothing would be internal too, and the other way round.
func TestTrap_PublicPersistsSoItIsAlwaysSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("visibility")
	for n, internal := range []bool{false, true, true, false, true, false} {
		m := event.Marker(fmt.Sprintf("abcdefghijklmno%c", 'a'+n))
		b.must(b.hand.Comment(t.Context(), ref.ID, "a person says", !internal))
		b.say(ref, m, "ours", internal)
		all := b.read(ref).Comments
		if last := all[len(all)-1]; last.Marker != m || last.Internal != internal {
			t.Errorf("comment %d: got %+v, want internal %v", n, last, internal)
		}
	}
}

func TestTrap_CommentsAndDescriptionCannotBeEdited(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("edit")
	b.say(ref, mark, "before", false)
	before := b.site.Served("PUT tickets/{id}")
	_, err := b.tracker.Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: ref, Marker: mark, Comment: &event.CommentWrite{ID: b.read(ref).Comments[0].ID, Body: "after"},
	}, nil)
	if !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("the edit of a comment: %v", err)
	}
	if err := b.update(ref, event.Fields{event.FieldDescription: "other"}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("the edit of the description: %v", err)
	}
	if n := b.site.Served("PUT tickets/{id}"); n != before {
		t.Errorf("%d requests were made for what cannot be done", n-before)
	}
}

func TestTrap_AClosedTicketIsRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("closed")
	if err := b.update(ref, event.Fields{event.FieldStatus: "Closed"}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("Parley closes a ticket for good: %v", err)
	}
	b.must(b.update(ref, event.Fields{event.FieldStatus: "Solved"}))
	b.site.Close(id(ref))
	ticket := b.read(ref)
	if ticket.Fields[event.FieldStatus] != "Closed" || len(ticket.Next) != 0 {
		t.Errorf("got status %v, next %v", ticket.Fields[event.FieldStatus], ticket.Next)
	}
	before := b.site.Served("PUT tickets/{id}")
	for name, step := range map[string]event.Step{
		"fields":  {Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: "late"}},
		"reopen":  {Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: "Open"}},
		"comment": {Kind: event.StepComment, Ref: ref, Marker: mark, Comment: &event.CommentWrite{Body: "late"}},
		"file":    {Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{Name: "a.txt", Size: 1}},
	} {
		_, err := b.tracker.Write(t.Context(), step, strings.NewReader("a"))
		var known *adapters.Error
		if !errors.As(err, &known) || !errors.Is(err, adapters.ErrRejected) || !strings.Contains(known.Hint, "follow-up") {
			t.Errorf("%s on a closed ticket: %v, want a rejection whose hint names the follow-up ticket", name, err)
		}
	}
	if n := b.site.Served("PUT tickets/{id}") - before + b.site.Served("POST uploads"); n != 0 {
		t.Errorf("%d requests were made to write to a closed ticket", n)
	}
	// The way out, which the ticket shows to filters.
	var out struct{ Ticket struct{ ID int64 } }
	b.must(b.hand.json(t.Context(), http.MethodPost, "tickets", map[string]any{
		"subject": "again", "via_followup_source_id": id(ref), "comment": map[string]any{"body": "still hot"},
	}, &out))
	if d := cmp.Diff(b.read(ref).Fields[event.FieldLinks], event.LinksValue([]event.Link{{Type: "followed up by", ID: fmt.Sprint(out.Ticket.ID), Key: fmt.Sprint(out.Ticket.ID)}})); d != "" {
		t.Errorf("links of a ticket with a follow-up (-got +want):\n%s", d)
	}
	// Closed between our read and our write: Zendesk says it.
	other := b.made("closed meanwhile")
	b.site.FailNext(only(http.MethodPut, other.ID), http.StatusUnprocessableEntity, nil, map[string]any{
		"error": "RecordInvalid", "description": "Record validation errors",
		"details": map[string]any{"status": []any{map[string]any{"description": "Status: closed prevents ticket update"}}},
	})
	err := b.update(other, event.Fields{event.FieldSummary: "late"})
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(err, adapters.ErrRejected) || !strings.Contains(known.Hint, "follow-up") {
		t.Errorf("closed meanwhile: %v, hint %q", err, known.Hint)
	}
}

func TestTrap_TagsOfOthersAndOfFieldsSurviveAWriteOfLabels(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("tags")
	b.must(b.update(ref, event.Fields{
		event.FieldLabels: []any{"a", "b"}, "fields.Severity": "Major", "fields.Escalated": true, "fields.Systems": []any{"API"},
	}))
	// A person adds a tag between our read and our write.
	var once atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && once.CompareAndSwap(false, true) {
			b.put(ref, map[string]any{"additional_tags": []string{"of-alice"}})
		}
		b.site.check.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	u, err := url.Parse(front.URL)
	b.must(err)
	raced := open(t, u, nil)
	t.Cleanup(func() { _ = raced.Close() })
	_, err = raced.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldLabels: []any{"b", "c"}}}, nil)
	b.must(err)
	got := b.read(ref).Fields
	want := map[string]any{
		event.FieldLabels: []any{"b", "c", "of-alice"}, "fields.Severity": "Major", "fields.Escalated": true, "fields.Systems": []any{"API"},
	}
	for name, v := range want {
		if d := cmp.Diff(got[name], v); d != "" {
			t.Errorf("%s (-got +want):\n%s", name, d)
		}
	}
	if err := b.update(ref, event.Fields{event.FieldLabels: []any{"sev_minor"}}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("a label that stands for a field's value: %v", err)
	}
	b.must(b.update(ref, event.Fields{event.FieldLabels: nil}))
	if got := b.read(ref).Fields; got[event.FieldLabels] != nil || got["fields.Severity"] != "Major" {
		t.Errorf("after labels were emptied: %v, severity %v", got[event.FieldLabels], got["fields.Severity"])
	}
}

func TestTrap_DropDownsTakeTagsAndReadAsNames(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("drop-down")
	b.put(ref, map[string]any{"custom_fields": []any{map[string]any{"id": 360011737603, "value": "sev_critical"}}})
	if got := b.read(ref).Fields["fields.Severity"]; got != "Critical" {
		t.Errorf("the tag sev_critical reads as %v, want Critical", got)
	}
	b.must(b.update(ref, event.Fields{"fields.Severity": "Minor"}))
	if got := b.read(ref).Fields["fields.Severity"]; got != "Minor" {
		t.Errorf("got %v after Minor was written", got)
	}
	// Zendesk ignores what is no option: it must not get that far.
	if err := b.update(ref, event.Fields{"fields.Severity": "sev_minor"}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("a tag in place of a name: %v", err)
	}
}

func TestTrap_AnUploadThatRanOutLeavesNoFile(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	ref := b.made("upload")
	step := event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{Name: "a.txt", Size: 4, MIME: "text/plain"}}
	// The upload is an hour old when the comment comes that is to carry it.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			c.after(61 * time.Minute)
		}
		b.site.check.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	u, err := url.Parse(front.URL)
	b.must(err)
	slow := open(t, u, nil)
	t.Cleanup(func() { _ = slow.Close() })
	if _, err = slow.Write(t.Context(), step, strings.NewReader("data")); !errors.Is(err, adapters.ErrDoubt) {
		t.Errorf("got %v, want a doubt", err)
	}
	found, err := b.tracker.Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundNone {
		t.Errorf("Find takes the comment without a file for the file: %+v, %v", found, err)
	}
	if ticket := b.read(ref); len(ticket.Comments) != 0 || len(ticket.Attachments) != 0 {
		t.Errorf("the comment that carries nothing shows: %+v %+v", ticket.Comments, ticket.Attachments)
	}
	_, err = b.tracker.Write(t.Context(), step, strings.NewReader("data"))
	b.must(err)
	if ticket := b.read(ref); len(ticket.Attachments) != 1 || ticket.Attachments[0].Marker != mark || len(ticket.Comments) != 0 {
		t.Errorf("after the second attempt: %+v, comments %+v", ticket.Attachments, ticket.Comments)
	}
}

func TestTrap_AnUpdateConflictIsTheLockAndAnother409IsNot(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("lock")
	for name, c := range map[string]struct {
		body map[string]any
		want error
	}{
		"safe_update":        {map[string]any{"error": "UpdateConflict", "description": "Safe Update prevented the update due to outdated ticket data."}, adapters.ErrChanged},
		"somebody writes":    {map[string]any{"error": "TicketLocked", "description": "Ticket could not be updated: it is locked."}, adapters.ErrTransient},
		"nothing is said":    {nil, adapters.ErrTransient},
		"database collision": {map[string]any{"description": "Database collision"}, adapters.ErrTransient},
	} {
		b.site.FailNext(only(http.MethodPut, ref.ID), http.StatusConflict, nil, c.body)
		_, err := b.tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: ref, Lock: b.read(ref).Lock, Fields: event.Fields{event.FieldSummary: "locked"},
		}, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestTrap_SafeUpdateGuardsTheTimeBetweenReadAndWrite: the adapter's own look comes
// before the edit, so that only Zendesk can refuse.
func TestTrap_SafeUpdateGuardsTheTimeBetweenReadAndWrite(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	ref := b.made("lock")
	lock := b.read(ref).Lock
	var once atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && once.CompareAndSwap(false, true) {
			c.after(time.Second)
			b.put(ref, map[string]any{"subject": "a person was faster"})
		}
		b.site.check.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	u, err := url.Parse(front.URL)
	b.must(err)
	raced := open(t, u, nil)
	t.Cleanup(func() { _ = raced.Close() })
	_, err = raced.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Lock: lock, Fields: event.Fields{event.FieldSummary: "too late"}}, nil)
	if !errors.Is(err, adapters.ErrChanged) {
		t.Errorf("got %v, want that it changed", err)
	}
	if got := b.read(ref).Fields[event.FieldSummary]; got != "a person was faster" {
		t.Errorf("the summary is %v", got)
	}
}

// TestTrap_AStepIsOneUpdate: Zendesk lets an account update a ticket thirty times in
// ten minutes.
func TestTrap_AStepIsOneUpdate(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now, UpdateLimit: 30}, nil)
	ref := b.made("limited")
	step := func(n int) event.Step {
		return event.Step{
			Kind: event.StepUpdate, Ref: ref, Marker: event.Marker(fmt.Sprintf("abcdefghijklmn%c%c", 'a'+n/20, 'a'+n%20)), Lock: b.read(ref).Lock,
			Fields: event.Fields{
				event.FieldSummary: fmt.Sprint("update ", n), event.FieldStatus: "Open", event.FieldLabels: []any{fmt.Sprint("label-", n)},
				"fields.Severity": "Major", event.FieldAssignee: person(alice()),
			},
			Comment: &event.CommentWrite{Body: fmt.Sprint("comment ", n)},
		}
	}
	for n := range 30 {
		_, err := b.tracker.Write(t.Context(), step(n), nil)
		b.must(err)
	}
	if n := b.site.Served("PUT tickets/{id}"); n != 30 {
		t.Errorf("30 steps took %d updates", n)
	}
	_, err := b.tracker.Write(t.Context(), step(30), nil)
	var limited *adapters.Error
	if !errors.As(err, &limited) || !errors.Is(err, adapters.ErrLimited) || limited.After < 9*time.Minute || limited.After > 10*time.Minute+time.Second {
		t.Errorf("the thirty-first update: %v, want to wait for ten minutes", err)
	}
	c.after(10 * time.Minute)
	_, err = b.tracker.Write(t.Context(), step(30), nil)
	b.must(err)
}

func TestTrap_ADueDateIsForTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("task")
	b.must(b.update(ref, event.Fields{event.FieldDue: "2027-03-04"}))
	if got := b.read(ref).Fields[event.FieldDue]; got != "2027-03-04" {
		t.Errorf("due is %v", got)
	}
	// Zendesk drops it silently from any other ticket.
	err := b.update(ref, event.Fields{event.FieldType: "Incident", event.FieldDue: "2027-03-05"})
	if !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("the due date of an incident: %v", err)
	}
	b.must(b.update(ref, event.Fields{event.FieldType: "Incident", event.FieldDue: nil}))
}
