package node_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// says adds keys to the site's connection before its node runs.
func (s *site) says(keys string) {
	s.t.Helper()
	text, err := os.ReadFile(s.file())
	must(s.t, err)
	must(s.t, os.WriteFile(s.file(), []byte(strings.Replace(string(text), "in: in.parley}", "in: in.parley, "+keys+"}", 1)), 0o600))
}

// is waits until the one ticket with a summary is in a status and has so many
// comments.
func (s *site) is(summary, status string, comments int) event.Ticket {
	s.t.Helper()
	var got event.Ticket
	eventually(s.t, summary+" is "+status, func() (err error) {
		if got, err = s.find(summary); err != nil {
			return err
		}
		if got.Fields["status"] != status || len(got.Comments) != comments {
			return fmt.Errorf("status %v, comments %+v", got.Fields["status"], got.Comments)
		}
		return nil
	})
	return got
}

func (s *site) set(ref event.Ref, fields event.Fields) {
	s.t.Helper()
	_, err := s.people.Write(s.t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	must(s.t, err)
}

// settled waits until nothing waits on a site's connection.
func (s *site) settled() {
	s.t.Helper()
	eventually(s.t, "nothing waits", func() error {
		c, err := s.node.Connections(s.t.Context())
		if err != nil || c[0].Sending+c[0].Applying+c[0].Waiting > 0 {
			return fmt.Errorf("%+v %w", c, err)
		}
		return nil
	})
}

// TestTwoNodes_EndsAreToldAndThePairCanBeTakenUpAgain, over everything that is real.
func TestTwoNodes_EndsAreToldAndThePairCanBeTakenUpAgain(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "ended: close, closed: [Closed]")

	made := a.create("Taken out and in again")
	gone := a.create("Deleted")
	b.is("Taken out and in again", "Open", 0)
	b.is("Deleted", "Open", 0)
	a.settled()
	b.settled()

	_, err := a.node.Unsync(t.Context(), admin.SyncRequest{Keys: []string{made.Key}})
	must(t, err)
	theirs := b.is("Taken out and in again", "Closed", 1)
	must(t, a.people.Delete(t.Context(), gone.Ref))
	deleted := b.is("Deleted", "Closed", 1)
	if got := deleted.Comments[0]; !got.Internal || !strings.Contains(got.Body, "was deleted") {
		t.Errorf("the last note: %+v", got)
	}
	eventually(t, "both are shown as orphans", func() error {
		orphans, err := b.node.Tickets(t.Context(), admin.TicketQuery{State: "orphan"})
		if err != nil || len(orphans) != 2 {
			return fmt.Errorf("%+v %w", orphans, err)
		}
		return nil
	})

	b.set(theirs.Ref, event.Fields{"status": "Open"})
	_, err = a.people.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: "while apart"}}, nil)
	must(t, err)
	_, err = a.node.Sync(t.Context(), admin.SyncRequest{Keys: []string{made.Key}})
	must(t, err)
	again := b.is("Taken out and in again", "Open", 2)
	if again.Ref != theirs.Ref || again.Comments[1].Body != "while apart" {
		t.Errorf("taken up again: %v with %+v", again.Ref, again.Comments)
	}
}

// TestTwoNodes_AProposalIsNotAcceptedByRetryingEverything: only by name, or by its code.
func TestTwoNodes_AProposalIsNotAcceptedByRetryingEverything(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "ended: delete, accept: {remove: ask}")
	made := a.create("Proposed")
	b.is("Proposed", "Open", 0)
	a.settled()
	b.settled()
	must(t, a.people.Delete(t.Context(), made.Ref))
	proposal := func() (admin.QueueEntry, error) {
		entries, err := b.node.Queue(t.Context(), "peer")
		if i := slices.IndexFunc(entries, func(e admin.QueueEntry) bool { return e.Code == "proposal" && e.Parked }); i >= 0 {
			return entries[i], err
		}
		return admin.QueueEntry{}, fmt.Errorf("no proposal among %+v: %w", entries, err)
	}
	eventually(t, "the proposal waits", func() error { _, err := proposal(); return err })
	count, err := b.node.Retry(t.Context(), admin.QueueSelect{Connection: "peer", All: true})
	must(t, err)
	if count != 0 {
		t.Errorf("retrying everything took %d entries along", count)
	}
	b.is("Proposed", "Open", 0)
	entry, err := proposal()
	must(t, err)
	_, err = b.node.Retry(t.Context(), admin.QueueSelect{ID: entry.ID})
	must(t, err)
	eventually(t, "the ticket is deleted", func() error {
		if _, err := b.find("Proposed"); err == nil {
			return errors.New("it is still there")
		}
		return nil
	})
}

func TestTwoNodes_AnUndoneEventGoesBackAtBothSides(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	made := a.create("As it was")
	b.is("As it was", "Open", 0)
	a.settled()
	a.set(made.Ref, event.Fields{"summary": "Spoilt", "status": "Waiting"})
	theirs := b.is("Spoilt", "Waiting", 0)
	b.settled()

	history, err := b.node.History(t.Context(), theirs.Key)
	must(t, err)
	theirEvents := slices.DeleteFunc(history.Events, func(e admin.PastEvent) bool { return e.Direction == "out" })
	last := theirEvents[len(theirEvents)-1]
	if !last.Undoable || last.Direction != "in" || last.Outcome != "applied" || last.Before["summary"] != "As it was" || !strings.HasPrefix(last.Event, "peer/in/1.") {
		t.Fatalf("the last event: %+v", last)
	}
	plan, err := b.node.Undo(t.Context(), admin.UndoRequest{Event: theirs.Key, DryRun: true})
	must(t, err)
	if plan.Queued || len(plan.Fields) != 2 || plan.Event != last.Event {
		t.Errorf("what it would do: %+v", plan)
	}
	b.set(theirs.Ref, event.Fields{"status": "Resolved"})
	b.settled()
	var refused *admin.Error
	if _, err := b.node.Undo(t.Context(), admin.UndoRequest{Event: last.Event}); !errors.As(err, &refused) || refused.Kind != admin.KindConflict {
		t.Errorf("undoing what was changed since: %v, want a conflict", err)
	}
	_, err = b.node.Undo(t.Context(), admin.UndoRequest{Event: last.Event, Force: true})
	must(t, err)
	b.is("As it was", "Open", 0)
	a.is("As it was", "Open", 0)

	for event, kind := range map[string]string{"peer/in/1.999": admin.KindNotFound, "peer/out/1.1": admin.KindInvalid, "nobody/in/1.1": admin.KindNotFound, "NONE-1": admin.KindNotFound} {
		if _, err := b.node.Undo(t.Context(), admin.UndoRequest{Event: event}); !errors.As(err, &refused) || refused.Kind != kind {
			t.Errorf("undo %s: %v, want %s", event, err, kind)
		}
	}
	if _, err := a.node.Undo(t.Context(), admin.UndoRequest{Event: a.create("Never an event").Key}); !errors.As(err, &refused) || refused.Kind != admin.KindConflict {
		t.Errorf("undo of a ticket without events: %v, want a conflict", err)
	}
}

func TestTwoNodes_ABlownFuseIsShownAndResumed(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "fuse: {closes: 1}")
	for _, summary := range []string{"one", "two"} {
		made := a.create(summary)
		b.is(summary, "Open", 0)
		a.settled()
		a.set(made.Ref, event.Fields{"status": "Closed"})
		if summary == "one" {
			b.is(summary, "Closed", 0)
		}
	}
	state := func() (admin.Connection, error) {
		c, err := b.node.Connections(t.Context())
		return c[0], err
	}
	eventually(t, "the fuse is blown", func() error {
		c, err := state()
		if err != nil || c.State != "fuse blown" || len(c.Holdups) != 1 || c.Holdups[0].Code != "closes" {
			return fmt.Errorf("%+v %w", c, err)
		}
		return nil
	})
	b.stop()
	b.run()
	eventually(t, "it is blown after a restart", func() error {
		c, err := state()
		if err != nil || c.State != "fuse blown" {
			return fmt.Errorf("%+v %w", c, err)
		}
		return nil
	})
	b.is("two", "Open", 0)
	_, err := b.node.Resume(t.Context(), "peer")
	must(t, err)
	b.is("two", "Closed", 0)
	if c, err := state(); err != nil || c.State == "fuse blown" {
		t.Errorf("resumed: %+v %v", c, err)
	}
}
