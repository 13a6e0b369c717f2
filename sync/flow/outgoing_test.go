package flow_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

func bodies(k event.Ticket) []string {
	var out []string
	for _, c := range k.Comments {
		out = append(out, c.Body)
	}
	return out
}

func files(k event.Ticket) []string {
	var out []string
	for _, a := range k.Attachments {
		out = append(out, a.Name)
	}
	return out
}

func TestPoll_CursorMovesWithTheWorkRows(t *testing.T) {
	t.Parallel()
	w, a, _ := pair(t)
	a.desk.open("one")
	a.store.FailCommit(1)
	if _, err := a.path.Poll(context.Background()); !errors.Is(err, store.ErrStopped) {
		t.Fatalf("poll with a disk that fails: %v", err)
	}
	a.crash()
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d work rows without a commit", got)
	}
	before := a.store.Stats().Commits
	a.poll()
	if got := a.store.Stats().Commits - before; got != 1 {
		t.Errorf("rows and cursor took %d commits, want one", got)
	}
	a.crash()
	if got := a.rows('w'); got != 1 {
		t.Errorf("%d work rows after the poll, want 1", got)
	}
	w.settle()
	asked := 0
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" {
			asked++
		}
		return nil
	}
	w.settle()
	if asked != 0 {
		t.Errorf("%d tickets were read although nothing changed", asked)
	}
	a.crash() // a process that remembers nothing goes by the cursor alone
	a.poll()
	if got := a.rows('w'); got != 0 {
		t.Errorf("%d tickets are to be looked at again", got)
	}
}

func TestWork_OneUnsettledEventPerTwin(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("first")
	w.settle()
	queued := a.saw("queued")
	a.wires[0].cut = true
	for _, summary := range []string{"second", "third", "fourth"} {
		a.desk.set(ref, "summary", summary)
		a.desk.comment(ref, "about the "+summary, false)
		a.poll()
		w.run()
		if q, waits := a.rows('q'), a.rows('w'); q != 1 || summary != "second" && waits != 1 {
			t.Errorf("after the %s: %d unsettled events and %d work rows", summary, q, waits)
		}
	}
	a.wires[0].cut = false
	w.settle()
	if got := a.saw("queued") - queued; got != 2 {
		t.Errorf("three edits made %d events, want one and one for the rest", got)
	}
	if got := b.one().Fields["summary"]; got != "fourth" {
		t.Errorf("the peer has %q", got)
	}
	if diff := cmp.Diff([]string{"about the second", "about the third", "about the fourth"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the peer (-want +got):\n%s", diff)
	}
}

// TestWork_ATicketThatGetsItsTwinMeanwhileIsNotSentAgain: the poll, or a person,
// finds the ticket that our own create has made, and while it is read the
// create's answer is recorded.
func TestWork_ATicketThatGetsItsTwinMeanwhileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, forced := range []bool{false, true} {
		t.Run(map[bool]string{false: "poll", true: "person"}[forced], func(t *testing.T) {
			t.Parallel()
			overtaken(t, forced)
		})
	}
}

func overtaken(t *testing.T, forced bool) {
	t.Helper()
	w, a, b := pair(t)
	a.desk.open("one")
	a.poll()
	a.alone()
	created, reading, recorded := make(chan event.Ref), make(chan bool), make(chan error)
	first := true
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write done" && step.Kind == event.StepCreate:
			created <- b.one().Ref
			<-reading
		case call == "read done" && first:
			// It is the way out's: the way in waits behind its create.
			first = false
			reading <- true
			b.must(<-recorded)
		}
		return nil
	}
	id := b.arrived()[0]
	go func() { recorded <- b.path.Apply(context.Background(), b.con().ID, id) }()
	ref := <-created
	b.must(b.path.Touch(b.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseEdit, Forced: forced}))
	b.must(b.path.Work(context.Background(), b.con().ID, ref))
	w.settle()
	twins := 0
	b.must(b.path.Twins(b.con(), func(event.TwinID, twin.Row) bool { twins++; return true }))
	if twins != 1 || len(a.desk.all()) != 1 {
		t.Errorf("the ticket has %d twins, the peer has %d tickets; want 1 and 1", twins, len(a.desk.all()))
	}
	if first {
		t.Error("the way out did not read the ticket")
	}
}

// TestWork_AFileWithTheNumberOfAPeersCommentLeaves: trackers number comments
// and files each for themselves.
func TestWork_AFileWithTheNumberOfAPeersCommentLeaves(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.comment(b.one().Ref, "from b", false)
	w.settle()
	a.desk.attach(ref, "ours.txt", "content")
	w.settle()
	if c, f := a.one().Comments[0].ID, a.one().Attachments[0].ID; c != f {
		t.Fatalf("comment %s and file %s: the desk does not number alike", c, f)
	}
	if diff := cmp.Diff([]string{"ours.txt"}, files(b.one())); diff != "" {
		t.Errorf("files at the peer (-want +got):\n%s", diff)
	}
}

func TestEgress_InternalCommentsNeverLeave(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	a.desk.comment(ref, "hush-1", true)
	a.desk.comment(ref, "public", false)
	w.settle()
	a.desk.comment(ref, "hush-2", true)
	a.desk.set(ref, "status", "Done")
	w.settle()
	if diff := cmp.Diff([]string{"public"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the peer (-want +got):\n%s", diff)
	}
	for _, message := range w.sent {
		if bytes.Contains(message, []byte("hush")) {
			t.Errorf("an internal comment is on the wire: %q", message)
		}
	}
}

func TestGone_IsNotADelete(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	a.desk.drop(ref)
	a.must(a.path.Touch(a.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseEdit}))
	w.settle()
	theirs := b.one()
	if got := a.twinOf(ref).State; got != twin.Gone {
		t.Errorf("our half is %s, want gone", got)
	}
	if got := b.twinOf(theirs.Ref); got.State != twin.Orphan || got.TheirNote != event.CodeGone {
		t.Errorf("the peer's half is %s with the note %q, want orphan and gone", got.State, got.TheirNote)
	}
	sent := b.saw("queued")
	b.desk.set(theirs.Ref, "status", "Done")
	w.settle()
	if got := b.one().Fields["status"]; got != "Done" || len(a.desk.all()) != 0 || b.saw("queued") != sent {
		t.Errorf("after the peer's edit: %v there, %d tickets here, sent %d times", got, len(a.desk.all()), b.saw("queued"))
	}
}

func TestWork_WrongCredentialHoldsAndNeverEndsTheTwin(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	a.desk.set(ref, "summary", "two")
	w.settle()
	if a.saw("held") != 1 || a.twinOf(ref).State != twin.Live || a.rows('w') != 1 {
		t.Errorf("held %d times, twin %s, %d work rows", a.saw("held"), a.twinOf(ref).State, a.rows('w'))
	}
	a.desk.on = func(string, event.Step) error { return nil }
	w.pass(time.Hour)
	w.settle()
	if got := b.one().Fields["summary"]; got != "two" {
		t.Errorf("with the right credential the peer has %q", got)
	}
}

// TestForward_TicketOfOneConnectionDoesNotLeaveOnAnother: neither the ticket,
// nor what a peer says on a ticket of ours, unless it is allowed.
func TestForward_TicketOfOneConnectionDoesNotLeaveOnAnother(t *testing.T) {
	t.Parallel()
	for name, forward := range map[string][]string{"none named": nil, "another named": {"elsewhere"}, "named": {"b"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			hub, b, c := w.node("hub"), w.node("b"), w.node("c")
			w.join(1, hub, b)
			toC, _ := w.join(2, hub, c)
			toC.rules.Forward = forward
			b.desk.open("of b")
			ours := hub.desk.open("of hub")
			w.settle()
			hub.desk.comment(ours, "by hub", false)
			for _, k := range b.desk.all() {
				b.desk.comment(k.Ref, "by b", false)
			}
			w.settle()
			got := map[string][]string{}
			for _, k := range c.desk.all() {
				got[k.Fields["summary"].(string)] = bodies(k)
			}
			want := map[string][]string{"of hub": {"by hub"}}
			if name == "named" {
				// The ticket is let on; what b says needs the gate's leave by name.
				want["of b"] = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("at c (-want +got):\n%s", diff)
			}
			if got := len(b.desk.all()); got != 2 {
				t.Errorf("b has %d tickets, want its own and the hub's", got)
			}
		})
	}
}

func TestWireFields_ATicketIsNamedByItsTwinOrNotAtAll(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	parent := a.desk.open("parent")
	w.settle()
	child := a.desk.open("child")
	a.desk.set(child, "parent", map[string]any{"id": parent.ID, "key": "a-1"})
	stray := a.desk.open("stray")
	a.desk.set(stray, "parent", map[string]any{"id": "4711", "key": "a-4711"})
	w.settle()
	of := func(n *node, ref event.Ref) event.TwinID {
		i, err := n.path.Inspect(n.con(), ref, event.TwinID{})
		n.must(err)
		return i.TwinID
	}
	got := map[string]any{}
	for _, k := range b.desk.all() {
		i, err := b.path.Inspect(b.con(), k.Ref, event.TwinID{})
		b.must(err)
		if value, sent := i.Received.Fields["parent"]; sent && value != nil {
			got[k.Fields["summary"].(string)] = value
		}
	}
	want := map[string]any{"child": map[string]any{"id": of(a, parent).String()}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parents that b got (-want +got):\n%s", diff)
	}
}

func TestShip_AReceiptThatIsLostIsGivenAgain(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	a.desk.set(ref, "summary", "two")
	a.poll()
	a.alone()
	a.crash() // a receipt is not synced by itself
	a.alone()
	w.settle()
	a.must(a.path.Outboxes(a.con(), func(seq event.Seq, _ outbox.Row, _ bool) bool {
		t.Errorf("event %d is not settled", seq)
		return true
	}))
	if got := b.one().Fields["summary"]; got != "two" || b.saw("applied") != 1 {
		t.Errorf("the peer has %q, applied %d times", got, b.saw("applied"))
	}
}
