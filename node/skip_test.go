package node_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// parking lets a site's incoming filter park what is called "Held".
func (s *site) parking() {
	s.t.Helper()
	file := filepath.Join(s.dir, "in.parley")
	script, err := os.ReadFile(file)
	must(s.t, err)
	held := "if replica.summary startsWith \"Held\" {\n  park \"somebody must look\"\n}\n"
	must(s.t, os.WriteFile(file, append([]byte(held), script...), 0o600))
}

// explained waits until what a node says of its ticket is as wanted.
func (s *site) explained(key, what string, want func(admin.Explained) bool) admin.Explained {
	s.t.Helper()
	var got admin.Explained
	eventually(s.t, what, func() error {
		e, err := s.node.Explain(s.t.Context(), key)
		if err != nil || len(e.Tickets) != 1 || !want(e.Tickets[0]) {
			return fmt.Errorf("%+v %w", e, err)
		}
		got = e.Tickets[0]
		return nil
	})
	return got
}

// TestQueue_WhatAPersonSkipsIsGivenUpAtBothSides: until then it waits, and both
// nodes say so in words; afterwards the ticket goes on with its next change.
func TestQueue_WhatAPersonSkipsIsGivenUpAtBothSides(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	b.parking()
	a.run()
	b.run()
	join(t, a, b)
	a.working()
	b.working()
	made := a.create("Held back")
	waits := a.explained(made.Key, "the sender says that it waits", func(e admin.Explained) bool { return e.State == "parked" })
	if !strings.Contains(waits.Event, "is parked at the peer") || waits.Blocks == "" || waits.Happens == "" {
		t.Errorf("in words: %q, %q, %q", waits.Event, waits.Blocks, waits.Happens)
	}
	if said := waits.Event + waits.Blocks + waits.Happens; strings.Contains(said, "somebody must look") {
		t.Errorf("the peer's reason came over: %s", said)
	}
	entries, err := b.node.Queue(t.Context(), "peer")
	must(t, err)
	if len(entries) != 1 || !entries[0].Parked || !strings.Contains(entries[0].Reason, "somebody must look") {
		t.Fatalf("the queue: %+v", entries)
	}

	for name, choice := range map[string]struct {
		admin.QueueSelect
		kind string
	}{
		"nothing chosen": {admin.QueueSelect{Connection: "peer"}, admin.KindInvalid},
		"another entry":  {admin.QueueSelect{ID: "none"}, admin.KindNotFound},
	} {
		var refused *admin.Error
		if _, err := b.node.Skip(t.Context(), choice.QueueSelect); !errors.As(err, &refused) || refused.Kind != choice.kind {
			t.Errorf("%s: %v, want %s", name, err, choice.kind)
		}
	}
	count, err := b.node.Skip(t.Context(), admin.QueueSelect{Connection: "peer", Code: string(event.CodeRejected)})
	must(t, err)
	if count != 0 {
		t.Errorf("%d entries of another reason were skipped", count)
	}
	if count, err = b.node.Skip(t.Context(), admin.QueueSelect{ID: entries[0].ID}); err != nil || count != 1 {
		t.Fatalf("skipped %d: %v", count, err)
	}
	a.explained(made.Key, "the sender knows that it was given up", func(e admin.Explained) bool {
		return strings.HasPrefix(e.Event, "the last event was refused by the peer")
	})
	if _, err := b.find("Held back"); err == nil {
		t.Error("what was skipped was written")
	}
	a.set(made.Ref, event.Fields{"summary": "Let go"})
	inStep(t, a, b, "Let go")
	a.explained(made.Key, "all is settled", func(e admin.Explained) bool {
		return e.Event == "everything sent so far is settled" && e.Happens == "nothing until one of the two tickets changes"
	})
}

// TestExplain_SaysWhyATicketDoesNotMove: the reasons that a person asks for.
func TestExplain_SaysWhyATicketDoesNotMove(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	old := a.create("From before")
	secondPasses(t)
	a.run()
	b.run()
	join(t, a, b)
	a.working()
	before := a.explained(old.Key, "it is not in step", func(e admin.Explained) bool { return e.State == "not in step" })
	if !strings.HasPrefix(before.Happens, "nothing: ") {
		t.Errorf("what happens next: %q", before.Happens)
	}
	made := a.create("Printer on fire")
	b.is("Printer on fire", "Open", 0)
	_, err := a.node.Pause(t.Context(), "peer", admin.PauseRequest{})
	must(t, err)
	a.set(made.Ref, event.Fields{"summary": "Printer smokes"})
	paused := a.explained(made.Key, "it is held by the pause", func(e admin.Explained) bool { return e.Blocks == "the connection is paused" })
	if len(paused.Differs) != 1 || paused.Differs[0] != "summary" || paused.Happens != "it goes on when that is over" {
		t.Errorf("paused: %+v", paused)
	}
	var refused *admin.Error
	if _, err := a.node.Explain(t.Context(), "NONE-1"); !errors.As(err, &refused) || refused.Kind != admin.KindNotFound {
		t.Errorf("a key that is not there: %v, want not found", err)
	}
}
