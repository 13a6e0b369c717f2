package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"parley/node/admin"
	"parley/node/audit"
	"parley/sync/event"
)

// hostile is what a peer might send to a terminal.
const hostile = "evil\x1b[2J\x1b]0;owned\x07\u202etxt.exe\u009b31m\nerror: fake\rback\x00"

// fakeService is a node whose answers are what a test wants to see printed.
type fakeService struct {
	admin.Service

	mu    sync.Mutex // guards the field below
	polls int
}

// fakeMain is the command `fakenode FOLDER`: it answers as the node of a folder
// until it is told to end.
func fakeMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	socket, err := admin.Listen(os.Args[1])
	if err == nil {
		err = admin.Serve(ctx, socket, admin.NewHandler(&fakeService{}, "fake", unguarded{}), zerolog.Nop())
		err = errors.Join(err, socket.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakenode:", err)
		os.Exit(1)
	}
}

func (*fakeService) Status(context.Context) (admin.Status, error) {
	return admin.Status{
		Node: "acme", ID: "abc", Started: time.Now(), Tracker: admin.TrackerState{Kind: "desk", Error: hostile},
		Store:       admin.StoreState{Damaged: &admin.Damage{At: time.Now(), Aside: "data/store-damaged-x", Rows: 4321, Lost: 2, Forgotten: 3}},
		Connections: []admin.Connection{{Name: "globex", State: "working", Parked: 6, Oldest: 75, Differing: 2, Verified: time.Now(), Reason: hostile}},
	}, nil
}

func (*fakeService) Tickets(context.Context, admin.TicketQuery) ([]admin.Ticket, error) {
	return []admin.Ticket{{Key: "SUP-1", Connection: "globex", Twin: "INC-7", State: "parked", Code: "rejected", Reason: hostile}}, nil
}

func (*fakeService) Explain(_ context.Context, key string) (admin.Explanation, error) {
	return admin.Explanation{Key: key, URL: "https://t.example/1", Tickets: []admin.Explained{{
		Ticket: admin.Ticket{Key: key, Connection: "globex", State: "synced", Twin: "INC-7"},
		Scope:  admin.ScopeExplanation{Matches: true, Twin: true},
		Sent:   event.Fields{"summary": "a", "due": nil}, Now: event.Fields{"summary": hostile, "labels": []any{"x", "y"}},
		Differs: []string{"summary"}, Happens: "the change leaves within seconds", Comments: 2, Files: []string{hostile},
	}}}, nil
}

// Fields is of a peer whose names are as hostile as they can be; the wire refuses them before.
func (*fakeService) Fields(_ context.Context, name string) (admin.Fields, error) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return admin.Fields{
		Connection: name, At: at, Changed: at, Changes: []string{"status comes now", hostile + " comes no longer"},
		Theirs: &admin.Sent{Comments: true, Fields: []admin.SentField{{Name: "status", Type: event.TypeOption, Options: []string{"open", hostile}}, {Name: "fields.Severity"}, {Name: hostile}}},
		Unread: []admin.Unread{{Line: 3, Col: 17, Code: "not-sent", Text: "line 3, column 17: warning: the other side does not send priority [not-sent]\n    issue.priority = replica.priority\n                     ^" + hostile}},
		Ours:   admin.Sent{Attachments: true, Fields: []admin.SentField{{Name: "summary", Type: event.TypeText}}},
	}, nil
}

// FieldsSeen leaves nothing that is new.
func (f *fakeService) FieldsSeen(ctx context.Context, name string) (admin.Fields, error) {
	out, err := f.Fields(ctx, name)
	out.Changes, out.Changed, out.Held = nil, time.Time{}, true
	return out, err
}

func (*fakeService) Conflicts(context.Context, string) ([]admin.Conflict, error) {
	return []admin.Conflict{{Key: "SUP-1", Connection: "globex", Field: "summary", Here: true, Overran: true}}, nil
}

func (*fakeService) Conflict(context.Context, admin.ConflictSelect) ([]admin.Conflict, error) {
	return []admin.Conflict{{
		Key: "SUP-1", Connection: "globex", Field: "summary", Here: true, Overran: true, Known: true, Ours: "edited", Theirs: hostile,
	}}, nil
}

func (*fakeService) Queue(context.Context, string) ([]admin.QueueEntry, error) {
	return []admin.QueueEntry{
		{ID: "i/1", Connection: "globex", Kind: "in", State: "parked", Parked: true, Code: "rejected", Reason: hostile},
		{ID: "o/2", Connection: "globex", Kind: "out", State: "queued"},
	}, nil
}

func (*fakeService) Retry(_ context.Context, q admin.QueueSelect) (int, error) {
	if q.All {
		return 6, nil
	}
	return 1, nil
}

func (*fakeService) Sync(_ context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	out := admin.SyncResult{}
	for i, key := range r.Keys {
		outcome := admin.SyncOutcome{Key: key, Connection: r.Connection, Done: "queued"}
		if i > 0 {
			outcome.Done, outcome.Error = "", "it is not in scope"
		}
		out.Tickets = append(out.Tickets, outcome)
	}
	return out, nil
}

// Verify finds something that --heal mends.
func (*fakeService) Verify(_ context.Context, _ string, r admin.VerifyRequest) (admin.Verification, error) {
	v := admin.Verification{Twins: 3980, Sweep: r.Deep, Differ: []admin.Unlike{{
		Twin: "t1", Key: "SUP-1", What: []admin.Difference{{Direction: "outgoing", Kind: "comment", Name: hostile, What: "missing"}, {Direction: "incoming", Kind: "field", Name: "status", What: "other"}},
	}}, Moving: []admin.Unlike{{Twin: "t2", What: []admin.Difference{{Direction: "incoming", Kind: "field", Name: "summary", What: "missing"}}, Here: []string{"applying"}}}}
	if r.Heal {
		v.HealedHere, v.HealedThere = 1, 1
	}
	return v, nil
}

func (*fakeService) History(_ context.Context, key string) (admin.History, error) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return admin.History{Key: key, Events: []admin.PastEvent{
		{
			Event: "globex/in/1.12", Connection: "globex", Direction: "in", At: at, Cause: "edit", Fields: []string{"status", "summary"}, Items: 2,
			Outcome: "applied", Undoable: true, Before: event.Fields{"summary": hostile}, After: event.Fields{"summary": "b"},
		},
		{Event: "globex/out/1.3", Connection: "globex", Direction: "out", At: at, Cause: "edit", Items: 1, Outcome: "refused", Code: "by-gate"},
	}}, nil
}

// Record is a ticket in which a peer's texts stand, masked already.
func (*fakeService) Record(_ context.Context, r admin.RecordRequest) (admin.RecordResult, error) {
	schema := event.Schema{Fields: map[string]event.Field{}}
	for kind, names := range map[event.Type]string{
		event.TypeOption: "project type status priority fields.Severity", event.TypeText: "summary description fields.Remote_key",
		event.TypeUser: "assignee", event.TypeDate: "due", event.TypeSet: "labels links", event.TypeRef: "parent",
	} {
		for name := range strings.FieldsSeq(names) {
			schema.Fields[strings.ReplaceAll(name, "_", " ")] = event.Field{Type: kind, Writable: true}
		}
	}
	return admin.RecordResult{
		Key: r.Key, Connection: r.Connection, Schema: schema,
		Cases: "- {name: a ticket, filter: outgoing, issue: {key: " + r.Key + ", fields: {summary: Person 1 says}}, expect: {}}\n",
	}, nil
}

// Try would send and write everything that there is to show.
func (*fakeService) Try(_ context.Context, r admin.TryRequest) (admin.TryResult, error) {
	if r.Entry != "" {
		return admin.TryResult{Entering: &admin.TryEntering{Waits: true, Writes: []admin.TryWrite{{Kind: "create", Fields: []admin.TryField{{Name: "project", To: "SUP"}}, Makes: []admin.TryMake{{Kind: "versions", Name: hostile}}}}}}, nil
	}
	return admin.TryResult{
		Key: r.Key, Matches: true, Replica: event.Fields{"summary": hostile}, Lines: []admin.TryLine{{Line: 1, Target: "replica.summary", Value: hostile}, {Line: 2, Target: "replica.due", Why: "keep"}},
		Leaving: &admin.TryLeaving{
			Fields: []admin.TryField{{Name: "summary", Now: "a", To: hostile}}, Restore: []admin.TryField{{Name: "priority", Now: "High", To: "Low"}},
			Comments: []admin.TryComment{{Author: "Ann", Body: hostile, Edits: true}}, Files: []admin.TryFile{{Name: hostile, Size: 5}},
		},
		Entering: &admin.TryEntering{
			Writes: []admin.TryWrite{
				{Kind: "update", Fields: []admin.TryField{{Name: "status", Now: "Open", To: "Done"}}},
				{Kind: "comment", Comment: &admin.TryComment{Body: "hello", Internal: true}},
				{Kind: "attach", File: &admin.TryFile{Name: "a.txt", Size: 7}},
			},
			Kept: []string{"summary", "due"}, Disputed: []string{"due"}, Declined: 2, Lines: []admin.TryLine{{Line: 3, Target: "issue.status", Value: "Done"}},
		},
	}, nil
}

// Publish changes three tickets, and widens what leaves unless it goes back.
func (*fakeService) Publish(_ context.Context, r admin.PublishRequest) (admin.PublishResult, error) {
	out := admin.PublishResult{Version: "0a1b2c3d4e5f", Before: "f5e4d3c2b1a0", Tests: 4, Twins: 900, Looked: 200, Changed: 3, Fields: map[string]int{"due": 3}, Held: 1, Keys: []string{"SUP-1", hostile}}
	if r.Version != "" {
		out.Version = r.Version
		if out.Failures = []string{"a.yaml: " + hostile}; !r.Force {
			return out, &admin.Error{Kind: admin.KindInvalid, Message: "filter tests fail", Hint: "add --force to go back all the same"}
		}
	} else {
		out.Wider = []string{"due leaves"}
	}
	switch {
	case r.DryRun:
		return out, nil
	case len(out.Wider) > 0 && !r.Wider:
		return out, &admin.Error{Kind: admin.KindConflict, Message: "more would pass than before", Hint: "add --wider if that is meant"}
	case r.Expect != out.Version && r.Template == "" && !strings.HasPrefix(r.Reason, "template "):
		return out, &admin.Error{Kind: admin.KindInternal, Message: "it was published without being shown"}
	}
	out.Published = true
	if r.Apply {
		out.Applied = 900
	}
	return out, nil
}

func (*fakeService) FilterHistory(_ context.Context, name string) (admin.FilterHistory, error) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return admin.FilterHistory{Connection: name, Drift: true, Versions: []admin.FilterVersion{
		{Version: "0a1b2c3d4e5f", Author: "ann", Reason: hostile, At: at, InForce: true}, {Version: "f5e4d3c2b1a0", Author: "bob", Reason: "first", At: at},
	}}, nil
}

func (*fakeService) FilterDiff(_ context.Context, _, from, _ string) (admin.FilterDiff, error) {
	out := admin.FilterDiff{From: "f5e4d3c2b1a0", To: "files", Parts: []admin.PartDiff{{Part: "out", Lines: []string{" a = b", "-c = d", "+c = " + hostile}}}}
	if from == "files" {
		out.From, out.Parts = "files", []admin.PartDiff{}
	}
	return out, nil
}

// Schema is of a tracker that tells nothing, so that nothing is held to it.
func (*fakeService) Schema(context.Context) (event.Schema, error) { return event.Schema{}, nil }

func (*fakeService) Reload(context.Context) error { return nil }

func (*fakeService) Connections(context.Context) ([]admin.Connection, error) {
	return []admin.Connection{{Name: "globex"}}, nil
}

func (*fakeService) Invite(_ context.Context, r admin.InviteRequest) (admin.Invitation, error) {
	return admin.Invitation{Name: r.Name, Code: "parley1-" + r.Name, Expires: time.Now().Add(time.Hour)}, nil
}

// Templates are two connections of one template; nobody has joined the second.
func (*fakeService) Templates(context.Context) ([]admin.TemplateUse, error) {
	return []admin.TemplateUse{
		{Connection: "alpha", Tags: []string{"gold"}, Configured: "customer@1", Template: "customer@1", Digest: "0a1b2c3d4e5f", Joined: true, Twins: 900, State: hostile, Before: []admin.TemplateVersion{{Template: "customer@2", Version: "f5e4d3c2b1a0"}}},
		{Connection: "beta", Configured: "customer@1"},
	}, nil
}

func (*fakeService) TemplateDiff(_ context.Context, from, to string) (admin.TemplateDiff, error) {
	return admin.TemplateDiff{
		From: from, To: to, Parts: []admin.PartDiff{{Part: "outgoing.parley", Lines: []string{"-a = b", "+a = " + hostile}}},
		Connections: []admin.TemplateChange{{Connection: "alpha", Wider: []string{"due leaves"}}, {Connection: "beta", Wider: []string{"due leaves"}}},
	}, nil
}

func (*fakeService) Undo(_ context.Context, r admin.UndoRequest) (admin.UndoResult, error) {
	out := admin.UndoResult{Event: "globex/in/1.12", Key: "SUP-1", Connection: "globex", Queued: !r.DryRun, Fields: []admin.UndoField{
		{Name: "status", Now: "Closed", Back: nil, Changed: true}, {Name: "summary", Now: hostile, Back: "a"},
	}}
	switch {
	case r.Event == "SUP-2":
		out.Fields = nil
	case !r.DryRun && !r.Force:
		return out, &admin.Error{Kind: admin.KindConflict, Message: "changed since that event: status", Hint: "--force"}
	}
	return out, nil
}

// Pause fails in the way that the connection's name says.
func (*fakeService) Pause(_ context.Context, name string, _ admin.PauseRequest) (admin.Connection, error) {
	return admin.Connection{}, &admin.Error{Kind: name, Message: "it is " + name + hostile, Hint: "do something"}
}

func (*fakeService) RemoveConnection(_ context.Context, name string) error {
	if name != "globex" {
		return &admin.Error{Kind: admin.KindNotFound, Message: "there is no connection " + name}
	}
	return nil
}

func (f *fakeService) StartLoad(_ context.Context, name string, r admin.LoadRequest) (admin.Load, error) {
	if r.Limit == 13 {
		return admin.Load{State: "done", Total: 2, Done: 1, Error: "the tracker went away"}, nil
	}
	return f.Load(context.Background(), name)
}

func (f *fakeService) Load(context.Context, string) (admin.Load, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polls++
	load := admin.Load{State: "running", Total: 3980, Done: 412, Parked: 6, Rate: 4.8, ETA: 740}
	if f.polls%3 == 0 {
		load = admin.Load{State: "done", Total: 3980, Done: 3980, Parked: 6, Rate: 4.8}
	}
	return load, nil
}

func (*fakeService) PauseLoad(context.Context, string) (admin.Load, error) {
	return admin.Load{State: "paused", Total: 3980, Done: 500, Rate: 4.8, ETA: 740}, nil
}

func (*fakeService) ResumeLoad(context.Context, string) (admin.Load, error) {
	return admin.Load{}, &admin.Error{Kind: admin.KindConflict, Message: "no load is paused", Hint: "--show"}
}

func (*fakeService) AbortLoad(context.Context, string) (admin.Load, error) {
	return admin.Load{State: "aborted", Total: 3980, Done: 500}, nil
}

func (*fakeService) Export(context.Context) (admin.Setup, error) {
	return admin.Setup{Files: map[string]string{"parley.yaml": "connections: {}\n"}, Versions: map[string]string{}}, nil
}

func (*fakeService) Apply(_ context.Context, r admin.ApplyRequest) (admin.ApplyResult, error) {
	return admin.ApplyResult{Digest: "d1", Same: true, Connections: []admin.ApplyConnection{}}, nil
}

// unguarded lets everybody do everything, and keeps no record.
type unguarded struct{}

func (unguarded) May(admin.Person, string, string) error { return nil }

func (unguarded) OnRecord(r audit.Record) (audit.Record, error) { return r, nil }
