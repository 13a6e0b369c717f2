package zendesk_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

func TestTrap_ACommentWithoutVisibilityIsInternal(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("uncertain")
	b.site.FailNext(only(http.MethodGet, "/comments"), http.StatusOK, nil, map[string]any{
		"comments": []any{
			map[string]any{"id": 1, "author_id": alice().ID, "body": "description", "public": true, "created_at": "2026-01-02T03:04:05Z"},
			map[string]any{"id": 2, "author_id": alice().ID, "body": "said", "created_at": "2026-01-02T03:04:06Z", "attachments": []any{
				map[string]any{"id": 3, "file_name": "a.txt", "size": 1, "content_url": "https://example.com/a"},
			}},
		},
		"meta": map[string]any{"has_more": false},
	})
	ticket := b.read(ref)
	if len(ticket.Comments) != 1 || !ticket.Comments[0].Internal || len(ticket.Attachments) != 1 || !ticket.Attachments[0].Internal {
		t.Errorf("got %+v and %+v, want both internal", ticket.Comments, ticket.Attachments)
	}
}

func TestTrap_ATicketWithoutAPublicCommentIsRestricted(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	var out struct{ Ticket struct{ ID int64 } }
	b.must(b.hand.json(t.Context(), http.MethodPost, "tickets", map[string]any{
		"subject": "private", "comment": map[string]any{"body": "for agents only", "public": false},
	}, &out))
	ref := b.ref(strconv.FormatInt(out.Ticket.ID, 10))
	if !b.read(ref).Restricted {
		t.Error("a ticket whose only comment is internal may leave")
	}
	b.must(b.hand.Comment(t.Context(), ref.ID, "said to the customer", false))
	if !b.read(ref).Restricted {
		t.Error("a ticket whose description is internal may leave after a public comment")
	}
	public, err := strconv.ParseInt(b.read(ref).Comments[0].ID, 10, 64)
	b.must(err)
	b.site.MakePrivate(id(ref), public)
	if !b.read(ref).Comments[0].Internal {
		t.Error("a comment that was made private later reads as public")
	}
	ours, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "ours"}}, nil)
	b.must(err)
	if b.read(ours.Ref).Restricted {
		t.Error("a ticket that Parley made is restricted")
	}
	if b.read(b.made("public")).Restricted {
		t.Error("a public ticket is restricted")
	}
}

func TestTrap_ASignedContentURLGetsNoCredential(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("file")
	b.must(b.hand.Attach(t.Context(), ref.ID, "a.txt", []byte("bytes")))
	file := b.read(ref).Attachments[0].ID
	var leaked atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), bot().Token) {
			leaked.Store(true)
		}
		_, _ = w.Write([]byte("bytes"))
	}))
	t.Cleanup(elsewhere.Close)
	// As the address itself, and by way of a redirect.
	b.site.FailNext(only(http.MethodGet, "/attachments/"+file), http.StatusOK, nil, map[string]any{
		"attachment": map[string]any{"id": 1, "file_name": "a.txt", "size": 5, "content_url": elsewhere.URL + "/signed?sig=1"},
	})
	for range 2 {
		r, err := b.tracker.(adapters.Files).Open(t.Context(), ref, file)
		b.must(err)
		b.must(r.Close())
	}
	if leaked.Load() {
		t.Error("the credential went to the host that has the files")
	}
}

func TestTrap_ACommentThatOnlyCarriesAFileIsNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("files")
	for _, text := range []string{"a.txt", "\u200b", "see a.txt"} {
		var out struct{ Upload struct{ Token string } }
		b.must(b.hand.do(t.Context(), http.MethodPost, "uploads?filename=a.txt", "text/plain", strings.NewReader("a"), &out))
		b.put(ref, map[string]any{"comment": map[string]any{"body": text, "public": true, "uploads": []string{out.Upload.Token}}})
	}
	ticket := b.read(ref)
	if len(ticket.Attachments) != 3 || len(ticket.Comments) != 1 || ticket.Comments[0].Body != "see a.txt" {
		t.Errorf("got %d files and the comments %+v, want 3 and the one that says something", len(ticket.Attachments), ticket.Comments)
	}
}

func TestTrap_AFileWithMalwareIsNotOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	ref := b.made("file")
	b.must(b.hand.Attach(t.Context(), ref.ID, "a.exe", []byte("bytes")))
	file := b.read(ref).Attachments[0].ID
	n, _ := strconv.ParseInt(file, 10, 64)
	b.site.Infect(n)
	if _, err := b.tracker.(adapters.Files).Open(t.Context(), ref, file); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("got %v, want a rejection", err)
	}
}

func TestTrap_CustomStatusesGoByTheirIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{CustomStatuses: true}, nil)
	ref := b.made("custom status")
	b.must(b.update(ref, event.Fields{event.FieldStatus: "Waiting for parts"}))
	ticket := b.read(ref)
	if ticket.Fields[event.FieldStatus] != "Waiting for parts" {
		t.Errorf("got %v", ticket.Fields[event.FieldStatus])
	}
	want := []string{"Open", "Pending", "Waiting for parts", "On-hold", "Solved"}
	if d := cmp.Diff(ticket.Next, want); d != "" {
		t.Errorf("what may follow (-got +want):\n%s", d)
	}
	if err := b.update(ref, event.Fields{event.FieldStatus: "Given up"}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("a status that is switched off: %v", err)
	}
	schema, err := b.tracker.Schema(t.Context())
	b.must(err)
	if d := cmp.Diff(schema.Fields[event.FieldStatus].Closed, []string{"Solved", "Given up", "Closed"}); d != "" {
		t.Errorf("closed (-got +want):\n%s", d)
	}
	plain := newBench(t, zendeskdouble.Options{}, nil)
	other := plain.made("plain status")
	plain.must(plain.update(other, event.Fields{event.FieldStatus: "On-hold"}))
	if got := plain.read(other).Fields[event.FieldStatus]; got != "On-hold" {
		t.Errorf("without statuses of its own: %v", got)
	}
}

func TestParent_IsTheProblemOfAnIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, nil)
	problem, incident := b.made("problem"), b.made("incident")
	b.must(b.update(problem, event.Fields{event.FieldType: "Problem"}))
	parent := map[string]any{"id": problem.ID, "key": problem.ID}
	b.must(b.update(incident, event.Fields{event.FieldType: "Incident", event.FieldParent: parent}))
	if d := cmp.Diff(b.read(incident).Fields[event.FieldParent], any(parent)); d != "" {
		t.Errorf("parent (-got +want):\n%s", d)
	}
	if err := b.update(problem, event.Fields{event.FieldParent: parent}); !errors.Is(err, adapters.ErrRejected) {
		t.Errorf("the parent of a problem: %v", err)
	}
}

// TestHistory_SpellsValuesAsReadDoes: what overran an edit is found by comparing the
// two.
func TestHistory_SpellsValuesAsReadDoes(t *testing.T) {
	t.Parallel()
	for name, custom := range map[string]bool{"plain statuses": false, "custom statuses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, zendeskdouble.Options{CustomStatuses: custom}, nil)
			ref := b.made("history")
			rounds := []event.Fields{
				{
					event.FieldSummary: "one", event.FieldPriority: "High", event.FieldType: "Incident", event.FieldAssignee: person(alice()),
					event.FieldReporter: person(carol()), event.FieldProject: "Acme Shop", "fields.Group": "Support", "fields.Remote key": "A-1",
					"fields.Severity": "Major", "fields.Escalated": true, "fields.Cost": 1.5, "fields.Needed by": "2027-01-02", event.FieldStatus: "Pending",
				},
				{
					event.FieldSummary: "two", event.FieldPriority: nil, event.FieldType: "Question", event.FieldAssignee: person(bot()),
					event.FieldReporter: person(alice()), event.FieldProject: "Acme", "fields.Group": "Field service", "fields.Remote key": nil,
					"fields.Severity": "Minor", "fields.Escalated": false, "fields.Cost": 2.0, "fields.Needed by": "2027-02-03", event.FieldStatus: "Solved",
				},
			}
			var reads []event.Fields
			for _, fields := range rounds {
				b.must(b.update(ref, fields))
				reads = append(reads, b.read(ref).Fields)
			}
			edits, err := b.tracker.(adapters.Historian).History(t.Context(), ref, time.Time{})
			b.must(err)
			last := map[string]adapters.Edit{}
			for _, e := range edits {
				last[e.Field] = e
			}
			for field := range rounds[1] {
				e, ok := last[field]
				if !ok || !e.Own {
					t.Errorf("%s: history has %+v", field, e)
				}
				if d := cmp.Diff([]any{e.Old, e.New}, []any{reads[0][field], reads[1][field]}); d != "" {
					t.Errorf("%s (-history +read):\n%s", field, d)
				}
			}
		})
	}
}

func FuzzAnswers(f *testing.F) {
	fake := zendeskdouble.New(zendeskdouble.Options{
		Accounts: []zendeskdouble.Account{bot(), alice(), carol()},
		Now:      func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) },
	})
	server := httptest.NewServer(fake)
	f.Cleanup(server.Close)
	h := hand{&site{Double: fake, url: server.URL}}
	number, key, err := h.Create(f.Context(), event.Fields{event.FieldSummary: "one", event.FieldDescription: "a\r\nb"})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(h.Comment(f.Context(), number, "said", false), h.Attach(f.Context(), number, "a.txt", []byte("a"))); err != nil {
		f.Fatal(err)
	}
	ref := event.Ref{ID: number, Created: 1769860800}
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: ref, Key: key}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		return open(t, u, nil)
	})
}
