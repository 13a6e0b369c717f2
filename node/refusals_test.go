package node_test

import (
	"errors"
	"strings"
	"testing"

	"parley/node/admin"
)

// refusal is what is asked, and what the answer must be.
type refusal struct {
	name       string
	ask        func() error
	kind       string
	says, hint string
}

func holds(t *testing.T, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		err := c.ask()
		var got *admin.Error
		if !errors.As(err, &got) || got.Kind != c.kind || !strings.Contains(err.Error(), c.says) || !strings.Contains(got.Hint, c.hint) || got.Hint == "" {
			t.Errorf("%s: got %#v, want %s saying %q with the hint %q", c.name, got, c.kind, c.says, c.hint)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestNode_WithoutAConnectionSaysWhatIsMissing: the first days of a node, in which an admin tries what is not there yet.
func TestNode_WithoutAConnectionSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "acme", "")
	s.run()
	ctx, n := t.Context(), s.node
	made := s.create("the printer is on fire")
	nowhere := "there is no connection peer"
	holds(t, []refusal{
		{"pause", func() error { return second(n.Pause(ctx, "peer", admin.PauseRequest{})) }, admin.KindNotFound, nowhere, "connection list"},
		{"resume", func() error { return second(n.Resume(ctx, "peer")) }, admin.KindNotFound, nowhere, "connection list"},
		{"remove", func() error { return n.RemoveConnection(ctx, "peer") }, admin.KindNotFound, nowhere, "connection list"},
		{"verify", func() error { return second(n.Verify(ctx, "peer", admin.VerifyRequest{})) }, admin.KindNotFound, nowhere, "connection list"},
		{"scope", func() error { return second(n.ScopeCount(ctx, "peer")) }, admin.KindNotFound, nowhere, "connection list"},
		{"explain the scope", func() error { return second(n.ScopeExplain(ctx, "peer", made.Key)) }, admin.KindNotFound, nowhere, "connection list"},
		{"load", func() error { return second(n.StartLoad(ctx, "peer", admin.LoadRequest{})) }, admin.KindNotFound, nowhere, "connection list"},
		{"resync", func() error { return second(n.Resync(ctx, "peer", admin.ResyncRequest{})) }, admin.KindNotFound, nowhere, "connection list"},
		{"connect", func() error { return second(n.Connect(ctx, admin.ConnectRequest{Connection: "peer"})) }, admin.KindNotFound, nowhere, "connection list"},
		{"match", func() error { return second(n.Match(ctx, admin.MatchRequest{Connection: "peer", By: "summary"})) }, admin.KindNotFound, nowhere, "connection list"},
		{"try", func() error { return second(n.Try(ctx, admin.TryRequest{Connection: "peer", Key: made.Key})) }, admin.KindNotFound, nowhere, "connection list"},
		{"queue", func() error { return second(n.Queue(ctx, "peer")) }, admin.KindNotFound, nowhere, "connection list"},
		{"match on none", func() error { return second(n.Match(ctx, admin.MatchRequest{By: "summary"})) }, admin.KindInvalid, "no connection named", "--connection"},
		{"try on none", func() error { return second(n.Try(ctx, admin.TryRequest{Key: made.Key})) }, admin.KindInvalid, "no connection named", "--connection"},
		{"connect on none", func() error { return second(n.Connect(ctx, admin.ConnectRequest{})) }, admin.KindInvalid, "no connection named", "--connection"},
		{"scope of none", func() error { return second(n.ScopeCount(ctx, "")) }, admin.KindInvalid, "no connection named", "--connection"},
		{"entry", func() error { return second(n.QueueEntry(ctx, "i/1")) }, admin.KindNotFound, "nothing waits under i/1", "queue list"},
		{"retry", func() error { return second(n.Retry(ctx, admin.QueueSelect{ID: "i/1"})) }, admin.KindNotFound, "i/1", "queue list"},
		{"skip nothing", func() error { return second(n.Skip(ctx, admin.QueueSelect{})) }, admin.KindInvalid, "nothing chosen", "--all"},
		{"approve nothing", func() error { return second(n.Approve(ctx, admin.QueueSelect{})) }, admin.KindInvalid, "nothing chosen", "--all"},
		{"an event", func() error { return second(n.Undo(ctx, admin.UndoRequest{Event: "peer/in/1.12"})) }, admin.KindNotFound, "peer", "list"},
		{"a ticket", func() error { return second(n.Explain(ctx, "ACME-404")) }, admin.KindNotFound, "ACME-404", "as the tracker shows it"},
		{"decide", func() error {
			return n.Resolve(ctx, admin.ResolveRequest{ConflictSelect: admin.ConflictSelect{Key: made.Key}, Field: "summary", Take: "ours"})
		}, admin.KindNotFound, made.Key, "conflict"},
		{"invite without an address", func() error { return second(n.Invite(ctx, admin.InviteRequest{Name: "peer"})) }, admin.KindConflict, "", "listen.nats"},
		{"a name", func() error { return second(n.Invite(ctx, admin.InviteRequest{Name: "Peer"})) }, admin.KindInvalid, "Peer", "lower-case"},
		{"a code", func() error {
			return second(n.Accept(ctx, admin.AcceptRequest{Name: "peer", Code: "parley1-nonsense"}))
		}, admin.KindInvalid, "", "copied whole"},
	})
}

// TestNode_OnAConnectionSaysWhatIsWrongAndTriesFilters: what an admin asks before tickets move, and gets wrong.
func TestNode_OnAConnectionSaysWhatIsWrongAndTriesFilters(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	ctx, n := t.Context(), a.node
	made := a.create("the printer is on fire")
	holds(t, []refusal{
		{"direction", func() error { return second(n.Pause(ctx, "peer", admin.PauseRequest{Direction: "up"})) }, admin.KindInvalid, "unknown direction", "out, in or both"},
		{"name taken", func() error { return second(n.Invite(ctx, admin.InviteRequest{Name: "peer"})) }, admin.KindConflict, "already", "another name"},
		{"policy", func() error { return second(n.Invite(ctx, admin.InviteRequest{Name: "other", Conflict: "mine"})) }, admin.KindInvalid, "conflict policy", "newest"},
		{"rate", func() error { return second(n.StartLoad(ctx, "peer", admin.LoadRequest{Rate: 1e9})) }, admin.KindInvalid, "", "10000/s"},
		{"pause no load", func() error { return second(n.PauseLoad(ctx, "peer")) }, admin.KindConflict, "no load is under way", "load peer --show"},
		{"field", func() error { return second(n.Match(ctx, admin.MatchRequest{Connection: "peer", By: "colour"})) }, admin.KindInvalid, "colour", "adapter show"},
		{"no tickets", func() error { return second(n.Sync(ctx, admin.SyncRequest{Connection: "peer"})) }, admin.KindInvalid, "no tickets named", "give keys"},
	})
	pairs, err := n.Connect(ctx, admin.ConnectRequest{Connection: "peer", DryRun: true, Pairs: []admin.Pair{
		{Ours: made.Key, Theirs: "GLOBEX-1", Prefer: "mine"}, {Ours: made.Key}, {Ours: "ACME-404", Theirs: "GLOBEX-1"},
	}})
	if err != nil || len(pairs.Pairs) != 3 || pairs.Open != 0 {
		t.Fatalf("connect: %+v, %v", pairs, err)
	}
	for i, says := range []string{"unknown preference", "two keys", "ACME-404"} {
		if p := pairs.Pairs[i]; p.State != "not asked" || !strings.Contains(p.Error, says) {
			t.Errorf("pair %d: got %+v, want an error about %q", i, p, says)
		}
	}
	tried, err := n.Try(ctx, admin.TryRequest{Connection: "peer", Key: made.Key})
	if err != nil || !tried.Matches || tried.Replica["summary"] != "the printer is on fire" || len(tried.Lines) == 0 {
		t.Errorf("try: %+v, %v", tried, err)
	}
	count, err := n.ScopeCount(ctx, "")
	if err != nil || count.Listed != 1 || count.Matches != 1 {
		t.Errorf("scope of the only connection: %+v, %v; want the one ticket", count, err)
	}
}
