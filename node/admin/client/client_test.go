package client_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/audit"
	"parley/sync/event"
)

// serve runs a node's API over s and returns a client of it.
func serve(t *testing.T, s admin.Service) *client.Client {
	t.Helper()
	dir := t.TempDir()
	socket, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- admin.Serve(ctx, socket, admin.NewHandler(s, "test", unguarded{}), zerolog.Nop()) }()
	c := client.New(dir)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := errors.Join(<-ended, socket.Close()); err != nil {
			t.Errorf("end of the server: %v", err)
		}
	})
	return c
}

func TestClient_EveryCallAndAnswerArrivesUnchanged(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 1, 2, 3, 456789000, time.UTC)
	load := admin.LoadRequest{Query: "a = 'ä'", Keys: []string{"SUP-1", "x/y?z&ä"}, Limit: 7, Rate: 2.5, DryRun: true}
	undo := admin.UndoRequest{Event: "globex/in/1.2", DryRun: true}
	sync := admin.SyncRequest{Keys: []string{"SUP-1"}, Query: "q", Connection: "globex", DryRun: true}
	pick := admin.QueueSelect{ID: "i/1", Connection: "globex", Code: "denied", All: true}
	try := admin.TryRequest{Connection: "globex", Key: "SUP-1", Out: "a\nb", In: "c"}
	record := admin.RecordRequest{Connection: "globex", Key: "SUP-1", Blank: true}
	pair := admin.Pair{Ours: "SUP-1", Theirs: "INC-7", Prefer: "ours"}
	pairing := admin.ConnectRequest{Connection: "globex", Pairs: []admin.Pair{pair}, Old: true, DryRun: true}
	match := admin.MatchRequest{Connection: "globex", By: "Remote key", Query: "q"}
	again := admin.ResyncRequest{Fields: []string{"status"}, Query: "q", DryRun: true}
	which := admin.ConflictSelect{Key: "SUP-1 ä", Connection: "globex"}
	decision := admin.ResolveRequest{ConflictSelect: which, Field: "summary", Take: "value", Value: "a\nb"}
	arrive(t, fake, []exchange{
		{"Status", admin.Status{Node: "acme", Started: at, Connections: []admin.Connection{{Name: "globex", Oldest: 1.5}}}, nil, func() (any, error) { return c.Status(ctx) }},
		{"Key", admin.Key{Node: "acme", Fingerprint: "abcd efgh"}, nil, func() (any, error) { return c.Key(ctx) }},
		{"Connections", []admin.Connection{{Name: "globex", Contact: at}}, nil, func() (any, error) { return c.Connections(ctx) }},
		{"Invite", admin.Invitation{Code: "X", Expires: at}, []any{admin.InviteRequest{Name: "globex", Valid: 60, Conflict: "ours"}}, func() (any, error) {
			return c.Invite(ctx, admin.InviteRequest{Name: "globex", Valid: 60, Conflict: "ours"})
		}},
		{"Accept", admin.Connection{Name: "acme"}, []any{admin.AcceptRequest{Code: "C", Name: "acme"}}, func() (any, error) { return c.Accept(ctx, admin.AcceptRequest{Code: "C", Name: "acme"}) }},
		{"RemoveConnection", nil, []any{"globex"}, func() (any, error) { return nil, c.RemoveConnection(ctx, "globex") }},
		{"Pause", admin.Connection{PausedOut: true}, []any{"globex", admin.PauseRequest{Direction: "out", Reason: "r"}}, func() (any, error) {
			return c.Pause(ctx, "globex", admin.PauseRequest{Direction: "out", Reason: "r"})
		}},
		{
			"Verify",
			admin.Verification{Twins: 2, Differ: []admin.Unlike{{Twin: "t", What: []admin.Difference{{Direction: "outgoing", Kind: "field", Name: "a", What: "other"}}}}},
			[]any{"globex", admin.VerifyRequest{Heal: true, Deep: true}},
			func() (any, error) { return c.Verify(ctx, "globex", admin.VerifyRequest{Heal: true, Deep: true}) },
		},
		{"Resume", admin.Connection{State: "working"}, []any{"globex"}, func() (any, error) { return c.Resume(ctx, "globex") }},
		{"Fields", admin.Fields{Connection: "globex", Theirs: &admin.Sent{Comments: true, Fields: []admin.SentField{{Name: "status", Type: event.TypeOption, Options: []string{"open"}}}}, At: at, Changes: []string{"status comes now"}, Changed: at, Unread: []admin.Unread{{Line: 1, Col: 2, Code: "not-sent", Text: "x"}}, Ours: admin.Sent{Fields: []admin.SentField{}}, Held: true}, []any{"globex"}, func() (any, error) { return c.Fields(ctx, "globex") }},
		{"FieldsSeen", admin.Fields{Connection: "globex", Ours: admin.Sent{Fields: []admin.SentField{}}}, []any{"globex"}, func() (any, error) { return c.FieldsSeen(ctx, "globex") }},
		{"ScopeCount", admin.ScopeCount{Listed: 9, Matches: 3, Cut: true}, []any{"globex"}, func() (any, error) { return c.ScopeCount(ctx, "globex") }},
		{"Preview", admin.Preview{Listed: 1, Tickets: []admin.PreviewTicket{{Key: "SUP-1", State: "held"}}}, []any{"globex", admin.PreviewRequest{Query: "q", Limit: 3}}, func() (any, error) {
			return c.Preview(ctx, "globex", admin.PreviewRequest{Query: "q", Limit: 3})
		}},
		{"ScopeExplain", admin.ScopeExplanation{Why: "w"}, []any{"globex", "a/b?c&d #1"}, func() (any, error) { return c.ScopeExplain(ctx, "globex", "a/b?c&d #1") }},
		{"StartLoad", admin.Load{State: "listing"}, []any{"globex", load}, func() (any, error) { return c.StartLoad(ctx, "globex", load) }},
		{"Load", admin.Load{Total: 4, ETA: 2.5}, []any{"globex"}, func() (any, error) { return c.Load(ctx, "globex") }},
		{"PauseLoad", admin.Load{State: "paused"}, []any{"globex"}, func() (any, error) { return c.PauseLoad(ctx, "globex") }},
		{"ResumeLoad", admin.Load{State: "running"}, []any{"globex"}, func() (any, error) { return c.ResumeLoad(ctx, "globex") }},
		{"AbortLoad", admin.Load{State: "aborted"}, []any{"globex"}, func() (any, error) { return c.AbortLoad(ctx, "globex") }},
		{"Tickets", []admin.Ticket{{Key: "SUP-1", LostOurs: []string{"due"}}}, []any{admin.TicketQuery{Connection: "globex", State: "parked", Limit: 3}}, func() (any, error) {
			return c.Tickets(ctx, admin.TicketQuery{Connection: "globex", State: "parked", Limit: 3})
		}},
		{"Tickets", []admin.Ticket{}, []any{admin.TicketQuery{}}, func() (any, error) { return c.Tickets(ctx, admin.TicketQuery{}) }},
		{"Explain", admin.Explanation{Key: "SUP-1", Tickets: []admin.Explained{{
			Ticket: admin.Ticket{Key: "SUP-1"}, Sent: event.Fields{"due": nil, "labels": []any{"a"}}, Happens: "nothing",
		}}}, []any{"SUP-1"}, func() (any, error) { return c.Explain(ctx, "SUP-1") }},
		{"Sync", admin.SyncResult{Tickets: []admin.SyncOutcome{{Key: "SUP-1", Done: "queued"}}}, []any{sync}, func() (any, error) { return c.Sync(ctx, sync) }},
		{"History", admin.History{Key: "SUP-1", Events: []admin.PastEvent{{Event: "globex/in/1.2", Undoable: true, Before: event.Fields{"summary": "x"}}}}, []any{"SUP-1"}, func() (any, error) { return c.History(ctx, "SUP-1") }},
		{"Undo", admin.UndoResult{Event: "globex/in/1.2", Fields: []admin.UndoField{{Name: "summary", Now: "y", Back: "x"}}}, []any{undo}, func() (any, error) { return c.Undo(ctx, undo) }},
		{"Unsync", admin.SyncResult{Tickets: []admin.SyncOutcome{{Key: "SUP-1", Error: "e"}}}, []any{sync}, func() (any, error) { return c.Unsync(ctx, sync) }},
		{"Queue", []admin.QueueEntry{{ID: "i/1", Steps: []string{"s"}}}, []any{"globex"}, func() (any, error) { return c.Queue(ctx, "globex") }},
		{"QueueEntry", admin.QueueEntry{ID: "i/1"}, []any{"i/1"}, func() (any, error) { return c.QueueEntry(ctx, "i/1") }},
		{"Retry", 3, []any{pick}, func() (any, error) { return c.Retry(ctx, pick) }},
		{"Approve", 5, []any{pick}, func() (any, error) { return c.Approve(ctx, pick) }},
		{"Conflicts", []admin.Conflict{{Key: "SUP-1", Connection: "globex", Field: "summary", Since: at, OursAt: at, TheirsAt: at, Here: true}}, []any{"globex"}, func() (any, error) { return c.Conflicts(ctx, "globex") }},
		{"Conflict", []admin.Conflict{{Key: "SUP-1", Field: "summary", Ours: "a", Theirs: []any{"b"}, Known: true, Decided: true}}, []any{which}, func() (any, error) { return c.Conflict(ctx, which) }},
		{"Resolve", struct{}{}, []any{decision}, func() (any, error) { return struct{}{}, c.Resolve(ctx, decision) }},
		{"Connect", admin.ConnectResult{Pairs: []admin.PairState{{Pair: pair, State: "asked"}}, Open: 1}, []any{pairing}, func() (any, error) { return c.Connect(ctx, pairing) }},
		{"ConnectState", admin.ConnectResult{Pairs: []admin.PairState{{Pair: pair, State: "refused", Code: "gone"}}}, []any{pairing}, func() (any, error) { return c.ConnectState(ctx, pairing) }},
		{"Match", []admin.Pair{pair}, []any{match}, func() (any, error) { return c.Match(ctx, match) }},
		{"Resync", 6, []any{"globex", again}, func() (any, error) { return c.Resync(ctx, "globex", again) }},
		{"Skip", 4, []any{pick}, func() (any, error) { return c.Skip(ctx, pick) }},
		{"Probe", []adapters.Finding{{Level: adapters.LevelError, What: "w", Hint: "h"}}, nil, func() (any, error) { return c.Probe(ctx) }},
		{"Schema", event.Schema{Fields: map[string]event.Field{"fields.Severity": {Type: event.TypeOption, Options: []string{"S1"}}}}, nil, func() (any, error) { return c.Schema(ctx) }},
		{"Try", admin.TryResult{Key: "SUP-1", Lines: []admin.TryLine{{Line: 1, Value: []any{"x", true, 1.5, nil}}}}, []any{try}, func() (any, error) { return c.Try(ctx, try) }},
		{"Record", admin.RecordResult{Key: "SUP-1", Cases: "- {}\n"}, []any{record}, func() (any, error) { return c.Record(ctx, record) }},
		{"Reload", nil, nil, func() (any, error) { return nil, c.Reload(ctx) }},
	})
}

func TestClient_TemplatesArriveUnchanged(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	ctx := t.Context()
	arrive(t, fake, []exchange{
		{"Templates", []admin.TemplateUse{{Connection: "globex", Configured: "customer@2", Template: "customer@1", Joined: true, Parked: 1}}, nil, func() (any, error) { return c.Templates(ctx) }},
		{"TemplateDiff", admin.TemplateDiff{From: "a@1", To: "a@2", Parts: []admin.PartDiff{}, Connections: []admin.TemplateChange{{Connection: "globex", Wider: []string{"due leaves"}}}}, []any{"a@1", "a@2"}, func() (any, error) { return c.TemplateDiff(ctx, "a@1", "a@2") }},
	})
}

func TestClient_VersionsAndRecordsArriveUnchanged(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 1, 2, 3, 456789000, time.UTC)
	publication := admin.PublishRequest{Connection: "globex", Reason: "why", Expect: "a1", Wider: true, Most: 7}
	records := admin.AuditQuery{After: 7, Limit: 3, Since: at, Connection: "globex", Ticket: "SUP-1 ä", Action: "pause"}
	prune := admin.AuditPruneRequest{Before: at, Reason: "old"}
	head := audit.Head{Number: 9, Hash: strings.Repeat("0f", 32)}
	arrive(t, fake, []exchange{
		{"Publish", admin.PublishResult{Version: "a1", Fields: map[string]int{"due": 2}}, []any{publication}, func() (any, error) { return c.Publish(ctx, publication) }},
		{"FilterHistory", admin.FilterHistory{Connection: "globex", Versions: []admin.FilterVersion{{Version: "a1", At: at}}}, []any{"globex"}, func() (any, error) { return c.FilterHistory(ctx, "globex") }},
		{"FilterDiff", admin.FilterDiff{From: "a1", To: "files", Parts: []admin.PartDiff{{Part: "out", Lines: []string{"-a", "+b"}}}}, []any{"globex", "a1", "files"}, func() (any, error) { return c.FilterDiff(ctx, "globex", "a1", "files") }},
		{"Audit", admin.AuditPage{Records: []audit.Record{{Number: 8, At: at, Action: "pause", Said: map[string]string{"reason": "ä"}}}, Through: 8, Head: head}, []any{records}, func() (any, error) { return c.Audit(ctx, records) }},
		{"AuditHead", admin.AuditHead{Head: head, Key: "ab"}, nil, func() (any, error) { return c.AuditHead(ctx) }},
		{"Words", admin.Words{Connection: "acme", Read: "acorn album alpine amber"}, []any{"acme"}, func() (any, error) { return c.Words(ctx, "acme") }},
		{"Confirm", admin.Connection{Name: "acme"}, []any{"acme", admin.ConfirmRequest{Words: "acorn album alpine amber"}}, func() (any, error) {
			return c.Confirm(ctx, "acme", admin.ConfirmRequest{Words: "acorn album alpine amber"})
		}},
		{"AuditWitnesses", []admin.Witness{{Connection: "globex", Heads: []audit.Head{head}}}, nil, func() (any, error) { return c.AuditWitnesses(ctx) }},
		{"Witnessed", admin.Witness{Connection: "globex", Heads: []audit.Head{head}, Latest: at}, []any{"globex"}, func() (any, error) { return c.Witnessed(ctx, "globex") }},
		{"PruneAudit", 4, []any{prune}, func() (any, error) { return c.PruneAudit(ctx, prune) }},
	})
}

// exchange is one call, what the node is to be asked, and what it answers.
type exchange struct {
	name   string
	answer any
	args   []any
	call   func() (any, error)
}

func arrive(t *testing.T, fake *fakeService, all []exchange) {
	t.Helper()
	for _, tt := range all {
		fake.prepare(tt.answer, nil)
		got, err := tt.call()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(got, tt.answer); diff != "" {
			t.Errorf("%s: answer (-got +want):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(fake.last(), append([]any{tt.name}, tt.args...)); diff != "" {
			t.Errorf("%s: the node was asked (-got +want):\n%s", tt.name, diff)
		}
	}
}

func TestClient_ErrorsKeepKindMessageAndHint(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	for _, kind := range []string{
		admin.KindNotFound, admin.KindInvalid, admin.KindConflict, admin.KindTracker, admin.KindPeer, admin.KindInternal,
	} {
		fake.prepare(nil, &admin.Error{Kind: kind, Message: "what", Hint: "do", Err: errors.New("cause")})
		_, err := c.Resume(t.Context(), "globex")
		var got *admin.Error
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v, want an *admin.Error", kind, err)
			continue
		}
		if diff := cmp.Diff(*got, admin.Error{Kind: kind, Message: "what: cause", Hint: "do"}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", kind, diff)
		}
	}
}

func TestClient_WrongRequestIsInvalidAndDoesNotReachTheNode(t *testing.T) {
	t.Parallel()
	fake := &fakeService{}
	c := serve(t, fake)
	for name, call := range map[string]func() error{
		"unknown state": func() error {
			_, err := c.Tickets(t.Context(), admin.TicketQuery{State: "elsewhere"})
			return err
		},
		"long name": func() error { _, err := c.Resume(t.Context(), strings.Repeat("x", 41)); return err },
		"no key":    func() error { _, err := c.Explain(t.Context(), ""); return err },
		"too much": func() error {
			_, err := c.Try(t.Context(), admin.TryRequest{Out: strings.Repeat("x", 1<<20)})
			return err
		},
	} {
		var got *admin.Error
		if err := call(); !errors.As(err, &got) || got.Kind != admin.KindInvalid {
			t.Errorf("%s: got %v, want an invalid request", name, err)
		}
	}
	if got := fake.last(); got != nil {
		t.Errorf("the node was asked %v", got)
	}
}

func TestClient_SaysThatNoNodeRuns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, err := client.New(dir).Status(t.Context())
	var none *client.NoNode
	if !errors.As(err, &none) {
		t.Fatalf("got %v, want a *NoNode", err)
	}
	if want := "no node is running in " + dir; none.Error() != want {
		t.Errorf("got %q, want %q", none, want)
	}
	if want := "start it with `parley run`"; none.Hint() != want {
		t.Errorf("hint: got %q, want %q", none.Hint(), want)
	}
}

func TestClient_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	fake := &fakeService{hang: make(chan struct{})}
	c := serve(t, fake)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() { _, err := c.Status(ctx); asked <- err }()
	<-fake.hang
	cancel()
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestClient_StrangeAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"html": "<html>", "cut": `{"node":"ac`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			socket, err := admin.Listen(dir)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
			go func() { ended <- admin.Serve(ctx, socket, handler, zerolog.Nop()) }()
			c := client.New(dir)
			if got, err := c.Status(t.Context()); err == nil {
				t.Errorf("got %v, want an error", got)
			}
			cancel()
			if err := errors.Join(c.Close(), <-ended, socket.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// unguarded lets everybody do everything, and keeps no record.
type unguarded struct{}

func (unguarded) May(admin.Person, string, string) error { return nil }

func (unguarded) OnRecord(r audit.Record) (audit.Record, error) { return r, nil }
