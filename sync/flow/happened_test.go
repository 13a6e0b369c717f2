package flow_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// scripts adds lines to both filters of a node.
func (n *node) scripts(out, in string) {
	n.w.t.Helper()
	r := *n.con().Rules()
	r.Outgoing, r.Incoming = compile(n.w.t, outgoing+out, incoming+in)
	n.con().SetRules(&r)
}

// told asks the outgoing filter of what it is told about a ticket: of each expression
// what it gives.
func (n *node) told(what string, ref event.Ref, want map[string]any) {
	n.w.t.Helper()
	r := *n.con().Rules()
	for expression, value := range want {
		r.Outgoing, _ = compile(n.w.t, outgoing+"replica.fields[\"Told\"] = "+expression+"\n", incoming)
		preview, err := n.path.Preview(context.Background(), n.con(), &r, ref)
		n.must(err)
		if got := preview.Replica.Fields["fields.Told"]; !cmp.Equal(got, value) {
			n.w.t.Errorf("%s: %s is %v, want %v", what, expression, got, value)
		}
	}
}

// kinds checks which kinds of change a script finds.
func (n *node) kinds(what string, ref event.Ref, want ...string) {
	n.w.t.Helper()
	r := *n.con().Rules()
	var got []string
	for _, kind := range []string{"created", "edited", "moved", "commented", "attached"} {
		r.Outgoing, _ = compile(n.w.t, outgoing+"if \""+kind+"\" in event.kinds {\n  note 1\n  skip \"found\"\n}\n", incoming)
		preview, err := n.path.Preview(context.Background(), n.con(), &r, ref)
		n.must(err)
		if preview.Stop != nil {
			got = append(got, kind)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		n.w.t.Errorf("kinds of %s (-want +got):\n%s", what, diff)
	}
}

func TestEvent_KindsAreWhatThePeerWasNotTold(t *testing.T) {
	t.Parallel()
	w, a, _ := pair(t)
	ref := a.desk.open("one")
	a.kinds("a new ticket", ref, "created")
	w.settle()
	a.kinds("all was told", ref)
	a.desk.comment(ref, "for ourselves", true)
	a.kinds("a note that does not leave", ref)
	a.desk.comment(ref, "hello", false)
	a.kinds("a comment", ref, "commented")
	a.desk.attach(ref, "log.txt", "content")
	a.desk.set(ref, "summary", "two")
	a.kinds("all of it", ref, "edited", "commented", "attached")
	w.settle()
	a.kinds("all was told", ref)
	a.desk.reword(ref, 1, "hello there")
	a.kinds("a comment in other words", ref, "commented")
	w.settle()
	a.desk.rename(ref, "ops-1")
	a.kinds("another project", ref, "edited", "moved")
}

// rename is what a move into another project does to a key.
func (d *desk) rename(ref event.Ref, key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Key, k.Fields["key"] = key, key
	d.touch(k)
}

func TestEvent_AScriptMaySkipByKind(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.scripts("if event.kinds == [\"commented\"] {\n  skip \"talk alone\"\n}\n", "")
	ref := a.desk.open("one")
	w.settle()
	a.desk.comment(ref, "hello", false)
	w.settle()
	if got := bodies(b.one()); len(got) != 0 {
		t.Errorf("%q left", got)
	}
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := b.one(); len(got.Comments) != 1 || got.Fields["summary"] != "two" {
		t.Errorf("with an edit: %q, %v", bodies(got), got.Fields["summary"])
	}
	a.scripts("if \"edited\" in event.kinds {\n  skip \"fields stay\"\n}\n", "")
	a.desk.comment(ref, "again", false)
	w.settle()
	if got := bodies(b.one()); len(got) != 2 {
		t.Errorf("a script that skips edits lets through %q", got)
	}
	a.desk.set(ref, "summary", "three")
	w.settle()
	if got := b.one().Fields["summary"]; got != "two" {
		t.Errorf("the summary left: %v", got)
	}
}

// TestEvent_AnIncomingScriptActsOnWhatTheEventBrings: what a line sets because of the
// event is of the event, as if the peer had said it.
func TestEvent_AnIncomingScriptActsOnWhatTheEventBrings(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.scripts("", "if event.kinds == [\"commented\"] and event.by.name == \"Ana\" {\n  issue.status = \"Waiting\"\n}\n")
	ref := a.desk.open("one")
	w.settle()
	if got := b.one().Fields["status"]; got != "Open" {
		t.Errorf("status %v after the create", got)
	}
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := b.one().Fields["status"]; got != "Open" {
		t.Errorf("status %v after an edit", got)
	}
	a.desk.comment(ref, "hello", false)
	w.settle()
	if got := b.one().Fields["status"]; got != "Waiting" {
		t.Errorf("status %v after a comment of Ana's", got)
	}
}

func TestEvent_ByIsWhoeverMadeTheLastChange(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.tracker = chronicle{a.desk}
	a.boot()
	ref := a.desk.open("one")
	w.settle()
	a.told("nobody wrote down who opened it", ref, map[string]any{"event.by?.name": nil})
	a.desk.comment(ref, "hello", false)
	a.told("a comment", ref, map[string]any{"event.by?.name": "Ana"})
	w.at = w.at.Add(time.Hour)
	a.desk.set(ref, "summary", "two")
	a.told("an edit that the history does not tell", ref, map[string]any{"event.by?.name": nil})
	a.desk.history = append(a.desk.history, adapters.Edit{At: w.at, Author: event.User{ID: "7", Name: "Bob"}, Field: "summary"})
	a.told("an edit", ref, map[string]any{"event.by?.name": "Bob"})
	w.settle()
	w.at = w.at.Add(time.Hour)
	b.desk.set(b.one().Ref, "summary", "three")
	w.settle()
	a.desk.history = append(a.desk.history, adapters.Edit{At: w.at, Own: true, Author: event.User{ID: "1", Name: "Parley"}, Field: "summary"})
	a.told("the node's own write", ref, map[string]any{"event.by?.name": nil})
}

// chronicle is a desk that tells who changed what.
type chronicle struct{ *desk }

func (c chronicle) History(_ context.Context, _ event.Ref, since time.Time) ([]adapters.Edit, error) {
	var out []adapters.Edit
	for _, e := range c.history {
		if !e.At.Before(since) {
			out = append(out, e)
		}
	}
	return out, nil
}

func TestTwin_KeyIsWhatThePeerTells(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	quiet := *b.con().Rules()
	talks := quiet
	quiet.Outgoing, _ = compile(t, "replica.summary = issue.summary\n", incoming)
	talks.Outgoing, _ = compile(t, "replica.url = \"https://b.example/1\"\n"+outgoing, incoming)
	talks.Egress.Allow = []string{"key", "url", "summary", "status", "labels", "parent", "comments", "attachments"}
	b.con().SetRules(&quiet)
	ref := a.desk.open("one")
	a.told("no pair yet", ref, map[string]any{"twin == nil": true, "twin?.key": nil, "twin?.since": nil})
	w.settle()
	a.told("a peer that does not tell", ref, map[string]any{"twin == nil": false, "twin.key": nil, "twin.url": nil, "twin.since != nil": true})
	b.con().SetRules(&talks)
	b.desk.set(b.one().Ref, "summary", "two")
	w.settle()
	tells := map[string]any{"twin.key": b.one().Key, "twin.url": "https://b.example/1"}
	a.told("a peer that tells", ref, tells)
	a.crash()
	a.told("after a crash", ref, tells)
}

// TestTwin_AnIncomingScriptKnowsTheirTicket: as the event says, not as the one before.
func TestTwin_AnIncomingScriptKnowsTheirTicket(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.scripts("", "issue.labels = [\"of \" + (twin?.key ?? \"nobody\")]\n")
	ref := a.desk.open("one")
	w.settle()
	a.desk.rename(ref, "ops-1")
	w.settle()
	if diff := cmp.Diff([]any{"of ops-1"}, b.one().Fields["labels"]); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}
