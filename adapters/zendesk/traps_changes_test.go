package zendesk_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

func TestTrap_TheLastMinuteIsSeenAlthoughTheExportLeavesItOut(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	b.made("before")
	c.after(time.Hour)
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	ref := b.made("a second ago")
	c.after(time.Second)
	if seen := b.round(&cursor, 50); seen[ref].Key == "" {
		t.Error("a ticket that was made a second ago is not among the changes")
	}
	deleted := b.made("deleted")
	b.round(&cursor, 50)
	b.must(b.hand.Delete(t.Context(), deleted.ID))
	c.after(10 * time.Second)
	if seen := b.round(&cursor, 50); seen[deleted].Deleted {
		t.Error("the double shows a deletion within the minute that the export leaves out")
	}
	c.after(2 * time.Minute)
	if seen := b.round(&cursor, 50); !seen[deleted].Deleted {
		t.Errorf("a deletion does not come with the export: %+v", seen)
	}
}

func TestTrap_TheExportGoesByGeneratedTimestamp(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	ref := b.made("touched by Zendesk itself")
	c.after(24 * time.Hour)
	b.made("newer")
	c.after(5 * time.Minute)
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	b.round(&cursor, 50)
	before, err := b.tracker.Locate(t.Context(), ref.ID)
	b.must(err)
	b.site.System(id(ref))
	c.after(2 * time.Minute)
	got := b.round(&cursor, 50)[ref]
	if got.Key == "" || got.Version == before.Version {
		t.Errorf("a change by Zendesk itself, with an old updated_at: got %+v, the version before was %s", got, before.Version)
	}
}

// TestTrap_EndOfStreamIsNotTheEnd: a poll goes on from where the stream ended, page
// by page, and gives each ticket of a page once.
func TestTrap_EndOfStreamIsNotTheEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, map[string]string{"page_size": "7", "export_every": "5ms"})
	cursor := event.Cursor("")
	b.made("first")
	b.round(&cursor, 3)
	for n := range 3 {
		want := map[event.Ref]bool{}
		for i := range 23 {
			want[b.made(fmt.Sprint("round ", n, " ticket ", i))] = true
		}
		c.after(10 * time.Minute) // by now the list is followed no further back
		b.made("newest")
		c.after(2 * time.Minute)
		seen := b.round(&cursor, 3)
		for ref := range want {
			if seen[ref].Key == "" {
				t.Errorf("round %d: ticket %s was left out", n, ref.ID)
			}
		}
	}
}

func TestTrap_TheExportIsAskedNoMoreOftenThanAllowed(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now, ExportLimit: 10}, map[string]string{"export_every": "1h", "page_size": "5"})
	ref := b.made("one")
	c.after(2 * time.Minute)
	cursor := event.Cursor("")
	for range 20 {
		b.round(&cursor, 50)
	}
	if n := b.site.Served("GET incremental/tickets/cursor"); n != 1 {
		t.Errorf("the export was asked %d times in an hour", n)
	}
	b.put(ref, map[string]any{"subject": "seen all the same"})
	if seen := b.round(&cursor, 50); seen[ref].Key == "" {
		t.Error("a change is not seen while the export is not asked")
	}
	eager := newBench(t, zendeskdouble.Options{Now: c.now, ExportLimit: 10}, nil)
	eager.made("one")
	c.after(2 * time.Minute)
	cursor, err := "", error(nil)
	for range 20 {
		if _, cursor, err = eager.tracker.Changes(t.Context(), cursor, 50); err != nil {
			break
		}
	}
	var limited *adapters.Error
	if !errors.As(err, &limited) || !errors.Is(err, adapters.ErrLimited) || limited.After != 53*time.Second {
		t.Errorf("the limit of the export is %v, want to wait for 53s", err)
	}
}

func TestTrap_DeletedTicketsAreGoneAndTheirRemainsAreNoEdit(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newBench(t, zendeskdouble.Options{Now: c.now}, nil)
	ref := b.made("deleted")
	c.after(5 * time.Minute)
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	b.must(b.tracker.(adapters.Deleter).Delete(t.Context(), ref))
	if err := b.tracker.(adapters.Deleter).Delete(t.Context(), ref); !errors.Is(err, adapters.ErrGone) {
		t.Errorf("deleted twice: %v", err)
	}
	c.after(5 * time.Minute)
	if got := b.round(&cursor, 50)[ref]; !got.Deleted {
		t.Errorf("the export shows the deletion as %+v", got)
	}
	// After thirty days its texts are taken out, which the export shows again.
	c.after(31 * 24 * time.Hour)
	b.must(b.hand.do(t.Context(), http.MethodDelete, "deleted_tickets/"+ref.ID, "application/json", nil, nil))
	c.after(5 * time.Minute)
	if got := b.round(&cursor, 50)[ref]; !got.Deleted {
		t.Errorf("a scrubbed ticket comes as a change: %+v", got)
	}
	if _, err := b.tracker.Read(t.Context(), ref); !errors.Is(err, adapters.ErrGone) {
		t.Errorf("Read of a scrubbed ticket: %v", err)
	}
}

func TestTrap_AHiddenTicketIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	dave := zendeskdouble.Account{ID: 377922500015, Name: "Dave", Email: "dave@example.org", Token: "token-of-dave", Role: "agent", Restriction: "assigned"}
	b := newBench(t, zendeskdouble.Options{Accounts: []zendeskdouble.Account{dave}}, map[string]string{"token": "token-of-dave"})
	_, key, err := b.hand.Create(t.Context(), event.Fields{event.FieldSummary: "hidden", event.FieldDescription: "text"})
	b.must(err)
	if _, err := b.tracker.Read(t.Context(), event.Ref{ID: key, Created: 1}); !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("a 404 that may be for a hidden ticket: %v, want denied", err)
	}
	all, err := zendeskProbe(b)
	b.must(err)
	if !slices.ContainsFunc(all, func(f adapters.Finding) bool {
		return f.Level == adapters.LevelError && strings.Contains(f.What, "administrator")
	}) {
		t.Errorf("Probe does not say that an administrator is needed: %+v", all)
	}
}

func TestTrap_AMergedTicketIsMerged(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	source, target := b.made("source"), b.made("target")
	b.must(b.hand.do(t.Context(), http.MethodPost, "tickets/"+target.ID+"/merge", "application/json",
		strings.NewReader(`{"ids":[`+source.ID+`]}`), nil))
	if _, err := b.tracker.Read(t.Context(), source); !errors.Is(err, adapters.ErrMerged) {
		t.Errorf("Read of a merged ticket: %v", err)
	}
	if err := b.update(source, event.Fields{event.FieldSummary: "late"}); !errors.Is(err, adapters.ErrMerged) {
		t.Errorf("a write to a merged ticket: %v", err)
	}
	if got := b.read(target).Fields[event.FieldLabels]; got != nil {
		t.Errorf("the target has labels %v", got)
	}
}

func TestTrap_AWebhookIsSignedOverItsTimeAndItsBody(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("webhook")
	hooked := b.tracker.(adapters.Hooked)
	for name, c := range map[string]struct {
		body string
		want []event.Change
	}{
		"trigger, text":     {`{"ticket_id":"` + ref.ID + `"}`, []event.Change{{Key: ref.ID}}},
		"trigger, number":   {`{"ticket_id": ` + ref.ID + `}`, []event.Change{{Key: ref.ID}}},
		"event, no time":    {`{"subject":"zen:ticket:` + ref.ID + `","detail":{"id":"` + ref.ID + `"}}`, []event.Change{{Key: ref.ID}}},
		"event of a user":   {`{"subject":"zen:user:12","detail":{"id":"12"}}`, nil},
		"no JSON":           {`ticket ` + ref.ID, nil},
		"nothing":           {``, nil},
		"an id that is not": {`{"ticket_id":"../1"}`, nil},
	} {
		hint, err := hooked.Hook(deliver(hookSecret, c.body))
		if err != nil || hint.Once == "" {
			t.Errorf("%s: %+v, %v", name, hint, err)
		}
		if d := cmp.Diff(hint.Tickets, c.want); d != "" {
			t.Errorf("%s (-got +want):\n%s", name, d)
		}
	}
	late := deliver(hookSecret, "{}")
	late.At = late.At.Add(time.Hour)
	without, err := url.Parse(b.site.url)
	b.must(err)
	unset := open(t, without, map[string]string{"webhook_secret": ""})
	t.Cleanup(func() { _ = unset.Close() })
	_, late1 := hooked.Hook(late)
	_, forged := hooked.Hook(deliver("other", "{}"))
	_, none := unset.(adapters.Hooked).Hook(deliver("", "{}"))
	for name, err := range map[string]error{"an hour late": late1, "another secret": forged, "no secret is set": none} {
		if !errors.Is(err, adapters.ErrDenied) {
			t.Errorf("%s: %v, want denied", name, err)
		}
	}
}

// TestTrap_ACursorThatComesAgainIsNoEnd: a list that goes in circles, or that does not
// say where it goes on, is an error and never the end of the list.
func TestTrap_ACursorThatComesAgainIsNoEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{ExportLag: time.Millisecond}, nil)
	ref := b.made("circles")
	shown := map[string]any{
		"id": id(ref), "status": "open", "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "generated_timestamp": 1767323045,
	}
	cursor := event.Cursor(`{"e":"again"}`)
	for name, c := range map[string]struct {
		path string
		body map[string]any
		want error
	}{
		"export, same cursor": {"/incremental/tickets/cursor", map[string]any{"tickets": []any{shown}, "end_of_stream": false, "after_cursor": "again"}, adapters.ErrTransient},
		"export, no cursor":   {"/incremental/tickets/cursor", map[string]any{"tickets": []any{shown}, "end_of_stream": true, "after_cursor": nil}, adapters.ErrConfiguration},
		"export, no end":      {"/incremental/tickets/cursor", map[string]any{"tickets": []any{}, "after_cursor": "b"}, adapters.ErrConfiguration},
	} {
		b.site.FailNext(only(http.MethodGet, c.path), http.StatusOK, nil, c.body)
		if _, _, err := b.tracker.Changes(t.Context(), cursor, 10); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, meta := range map[string]map[string]any{
		"same page":      {"has_more": true, "after_cursor": "p"},
		"no page to ask": {"has_more": true, "after_cursor": nil},
	} {
		for range 2 {
			b.site.FailNext(only(http.MethodGet, "/comments"), http.StatusOK, nil, map[string]any{"comments": []any{}, "meta": meta})
		}
		if _, err := b.tracker.Read(t.Context(), ref); !errors.Is(err, adapters.ErrTransient) && !errors.Is(err, adapters.ErrConfiguration) {
			t.Errorf("comments, %s: %v, want an error", name, err)
		}
	}
}

// TestTrap_AListWithNoEndIsNoWholeList: what is counted in a part of a list would be
// counted wrongly.
func TestTrap_AListWithNoEndIsNoWholeList(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("endless")
	var n atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/audits") {
			b.site.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"audits":[],"meta":{"has_more":true,"after_cursor":"%d"}}`, n.Add(1))
	}))
	t.Cleanup(front.Close)
	u, err := url.Parse(front.URL)
	b.must(err)
	endless := open(t, u, nil)
	t.Cleanup(func() { _ = endless.Close() })
	found, err := endless.Find(t.Context(), event.Step{Kind: event.StepComment, Ref: ref, Marker: mark, Comment: &event.CommentWrite{Body: "x"}})
	if !errors.Is(err, adapters.ErrTransient) {
		t.Errorf("got %+v, %v; want an error", found, err)
	}
}
