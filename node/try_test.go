package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/node/realtest"
	"parley/sync/event"
)

// write is what a person does at a site's desk.
func (s *site) write(step event.Step, body string) {
	s.t.Helper()
	_, err := s.people.Write(s.t.Context(), step, strings.NewReader(body))
	must(s.t, err)
}

func (s *site) pause(direction string) {
	s.t.Helper()
	_, err := s.node.Pause(s.t.Context(), "peer", admin.PauseRequest{Direction: direction})
	must(s.t, err)
}

func (s *site) resume() {
	s.t.Helper()
	_, err := s.node.Resume(s.t.Context(), "peer")
	must(s.t, err)
}

func (s *site) read(ref event.Ref) event.Ticket {
	s.t.Helper()
	ticket, err := s.people.Read(s.t.Context(), ref)
	must(s.t, err)
	return ticket
}

// quiet waits until nothing is under way at a site.
func (s *site) quiet() {
	s.t.Helper()
	eventually(s.t, "nothing waits", func() error {
		entries, err := s.node.Queue(s.t.Context(), "")
		if err == nil && len(entries) > 0 {
			err = fmt.Errorf("%+v", entries)
		}
		return err
	})
}

// waiting is the event of the peer that waits here, as soon as it does.
func (s *site) waiting() admin.QueueEntry {
	s.t.Helper()
	var found admin.QueueEntry
	eventually(s.t, "an event waits", func() error {
		entries, err := s.node.Queue(s.t.Context(), "peer")
		for _, e := range entries {
			if e.Kind == "in" {
				found = e
				return nil
			}
		}
		return errors.Join(err, errors.New("none does"))
	})
	return found
}

// edited lets the people of a change a ticket in every way, while nothing leaves.
func edited(a *site, ref event.Ref) {
	a.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{"summary": "Printer still on fire", "status": "In progress", "priority": "High"}}, "")
	a.write(event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: "It *burns*.\n\nLook:"}}, "")
	a.write(event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: "Not for them", Internal: true}}, "")
	a.write(event.Step{Kind: event.StepAttach, Ref: ref, Attachment: &event.AttachmentWrite{Name: "smoke.txt", Size: 5, MIME: "text/plain"}}, "smoke")
}

// TestTry_ShowsPreciselyTheWritesThatThenHappen: what filter try shows before is what
// leaves, and what is written at the other side, of a new ticket and of one in step.
func TestTry_ShowsPreciselyTheWritesThatThenHappen(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	ctx := t.Context()
	b.pause("in")
	made := a.create("Printer on fire")
	entry := b.waiting()

	tried, err := b.node.Try(ctx, admin.TryRequest{Entry: entry.ID})
	must(t, err)
	if tried.Entering == nil || !tried.Entering.Waits || len(tried.Entering.Writes) != 1 || tried.Entering.Writes[0].Kind != "create" || len(tried.Entering.Lines) == 0 {
		t.Fatalf("try of a ticket that is to be created: %+v", tried.Entering)
	}
	if _, err := b.find("Printer on fire"); err == nil {
		t.Fatal("the try created a ticket")
	}
	b.resume()
	eventually(t, "the ticket appears", func() error { _, err := b.find("Printer on fire"); return err })
	theirs, err := b.find("Printer on fire")
	must(t, err)
	for _, problem := range realtest.Compare(nil, theirs, tried.Entering.Writes) {
		t.Errorf("create: %s", problem)
	}
	a.quiet()
	b.quiet()

	a.pause("out")
	edited(a, made.Ref)
	leaving := a.leaves(made.Key)
	b.pause("in")
	a.resume()
	b.waiting()
	before := b.read(theirs.Ref)
	tried, err = b.node.Try(ctx, admin.TryRequest{Key: before.Key})
	must(t, err)
	if after := b.read(theirs.Ref); after.Version != before.Version {
		t.Error("the try changed the ticket")
	}
	a.sentAs(made.Key, leaving)
	b.resume()
	a.quiet()
	b.quiet()
	for _, problem := range realtest.Compare(&before, b.read(theirs.Ref), tried.Entering.Writes) {
		t.Errorf("update: %s", problem)
	}
	if len(tried.Entering.Writes) < 3 {
		t.Errorf("got %d writes, want fields, a comment and a file", len(tried.Entering.Writes))
	}
	again, err := b.node.Try(ctx, admin.TryRequest{Key: before.Key})
	must(t, err)
	if again.Entering == nil || again.Entering.Waits || len(again.Entering.Writes) != 0 || again.Leaving.Why == "" {
		t.Errorf("when all is done: %+v, %+v; want nothing to write, nothing to send", again.Entering, again.Leaving)
	}
}

// leaves is what would leave of a ticket, looked at.
func (s *site) leaves(key string) *admin.TryLeaving {
	s.t.Helper()
	tried, err := s.node.Try(s.t.Context(), admin.TryRequest{Key: key})
	must(s.t, err)
	l := tried.Leaving
	if l == nil || l.Why != "" || len(l.Fields) != 2 || len(l.Comments) != 1 || len(l.Files) != 1 {
		s.t.Fatalf("would leave: %+v; want two fields, a comment, a file", l)
	}
	if l.Comments[0].Body != "It *burns*.\n\nLook:" || l.Files[0].Name != "smoke.txt" || l.Files[0].Size != 5 {
		s.t.Errorf("would leave: %+v", l)
	}
	return l
}

// sentAs holds the last event of a ticket to what would leave before.
func (s *site) sentAs(key string, l *admin.TryLeaving) {
	s.t.Helper()
	history, err := s.node.History(s.t.Context(), key)
	must(s.t, err)
	sent := slices.DeleteFunc(history.Events, func(e admin.PastEvent) bool { return e.Direction != "out" })
	last := sent[len(sent)-1]
	var fields []string
	for _, f := range l.Fields {
		fields = append(fields, f.Name)
	}
	if got, want := fmt.Sprint(last.Fields, last.Items), fmt.Sprint(fields, len(l.Comments)+len(l.Files)); got != want {
		s.t.Errorf("left %s in %+v, shown was %s", got, last, want)
	}
}

// TestTry_AnotherFilterWritesNothing: scripts that are not in force are tried, and
// stay out of force; a mistake, and an event that is not there, are said.
func TestTry_AnotherFilterWritesNothing(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	ctx := t.Context()
	made := a.create("Printer on fire")
	eventually(t, "the ticket appears", func() error { _, err := b.find("Printer on fire"); return err })
	a.quiet()
	b.quiet()
	theirs, err := b.find("Printer on fire")
	must(t, err)

	tried, err := a.node.Try(ctx, admin.TryRequest{Key: made.Key, Out: "replica.summary = upper(issue.summary)\nif issue.assignee != nil {\n  replica.assignee = issue.assignee\n}"})
	must(t, err)
	if l := tried.Leaving; l == nil || len(l.Fields) != 1 || l.Fields[0].To != "PRINTER ON FIRE" {
		t.Errorf("would leave: %+v", l)
	}
	tried, err = b.node.Try(ctx, admin.TryRequest{Key: theirs.Key, In: "issue.summary = \"[Acme] \" + replica.summary\nissue.priority = option(replica.priority) ?? keep"})
	must(t, err)
	if e := tried.Entering; e == nil || e.Waits || len(e.Writes) != 1 || e.Writes[0].Fields[0] != (admin.TryField{Name: "summary", Now: "Printer on fire", To: "[Acme] Printer on fire"}) {
		t.Errorf("would be written: %+v", e)
	} else if len(e.Lines) != 2 || e.Lines[1].Why == "" {
		t.Errorf("lines: %+v; want the second with a reason", e.Lines)
	}
	tried, err = b.node.Try(ctx, admin.TryRequest{Key: theirs.Key, In: `refuse "not ours"`})
	must(t, err)
	if e := tried.Entering; e == nil || !strings.Contains(e.Why, "not ours") || len(e.Writes) != 0 {
		t.Errorf("a refusal: %+v", e)
	}
	if got := b.read(theirs.Ref); got.Fields["summary"] != "Printer on fire" {
		t.Errorf("the try wrote %v", got.Fields["summary"])
	}
	for _, entry := range []string{"peer/out/1", "other/in/x", "peer/in/" + event.TwinID{1}.String()} {
		if _, err := b.node.Try(ctx, admin.TryRequest{Connection: "peer", Entry: entry}); err == nil {
			t.Errorf("an event %s was tried", entry)
		}
	}
}
