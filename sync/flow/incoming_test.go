package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// TestReceive_ReceiptAfterDisk: a disk that fails gives no receipt, and what it
// did not take comes again.
func TestReceive_ReceiptAfterDisk(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle() // hellos are said
	a.desk.open("one")
	a.poll()
	b.store.FailCommit(1)
	a.alone()
	sent := func() (count int) {
		a.must(a.path.Outboxes(a.con(), func(_ event.Seq, _ outbox.Row, sent bool) bool {
			if sent {
				count++
			}
			return true
		}))
		return count
	}
	if got := sent(); got != 0 || a.rows('q') != 1 {
		t.Errorf("%d of %d events have a receipt from a disk that failed", got, a.rows('q'))
	}
	b.crash()
	if got := b.arrived(); len(got) != 0 {
		t.Fatalf("a failed commit left %d events", len(got))
	}
	b.alone() // it says hello
	w.pass(time.Second)
	a.alone()
	if got := sent(); got != 1 {
		t.Errorf("%d events have a receipt, want the one", got)
	}
	b.crash() // the receipt is given: a power cut loses nothing
	w.settle()
	b.one()
}

// create brings an event that wants a ticket into b's inbox.
func create(t *testing.T) (w *world, a, b *node, id event.TwinID) {
	t.Helper()
	w, a, b = pair(t)
	a.desk.open("one")
	a.poll()
	a.alone()
	arrived := b.arrived()
	if len(arrived) != 1 {
		t.Fatalf("%d events arrived, want 1", len(arrived))
	}
	return w, a, b, arrived[0]
}

func TestApply_CrashBetweenWriteAndRecordCreatesOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []event.StepKind{event.StepCreate, event.StepComment, event.StepAttach} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			writes := 0
			b.desk.on = func(call string, step event.Step) error {
				if call == "write done" && step.Kind == kind {
					if writes++; writes == 1 {
						b.store.FailCommit(1)
					}
				}
				return nil
			}
			ref := a.desk.open("one")
			a.desk.comment(ref, "hello", false)
			a.desk.attach(ref, "file", "content")
			died := false
			for range 40 {
				a.poll()
				a.alone()
				died = died || b.dies()
				w.pass(5 * time.Second)
			}
			w.settle()
			if !died || writes != 1 {
				t.Errorf("died: %v; %d writes, want 1", died, writes)
			}
			k := b.one()
			if len(k.Comments) != 1 || len(k.Attachments) != 1 {
				t.Errorf("comments %q, files %q; want one of each", bodies(k), files(k))
			}
		})
	}
}

// TestApply_WhatADroppedPlanWroteIsNoEdit: the tracker took a part of a write in doubt,
// and then somebody changed the ticket. Before the event is decided anew, nothing of
// the ticket leaves, also if the process dies in between.
func TestApply_WhatADroppedPlanWroteIsNoEdit(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.tracker = locking{b.desk}
	b.boot()
	ref := a.desk.open("one")
	w.settle()
	b.desk.takes = func(k *event.Ticket, field string, value any) any {
		if field == "status" {
			return k.Fields[field]
		}
		return value
	}
	writes := 0
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write done" && step.Kind == event.StepUpdate && writes == 0:
			writes++
			return trouble(adapters.ErrDoubt, "write")
		case call == "write" && step.Kind == event.StepUpdate && writes == 1:
			writes++
			b.store.FailCommit(2) // behind the one that drops the plan
		}
		return nil
	}
	a.desk.set(ref, "summary", "two")
	a.desk.set(ref, "status", "Done")
	a.poll()
	a.alone()
	for range 20 {
		if b.dies() {
			break
		}
		w.pass(5 * time.Second)
	}
	was := b.saw("queued")
	b.poll()
	w.settle()
	if got := b.saw("queued") - was; writes != 2 || got != 0 {
		t.Errorf("after %d writes b sent what it had written itself %d times", writes, got)
	}
	if got := b.one().Fields["summary"]; got != "two" {
		t.Errorf("b has %v", got)
	}
}

// locking is a desk with an optimistic lock.
type locking struct{ *desk }

func (l locking) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	k, err := l.desk.Read(ctx, ref)
	k.Lock = k.Version
	return k, err
}

// dies runs a node until nothing is due; if its store stops, it is started
// again, and dies tells so.
func (n *node) dies() bool {
	n.w.t.Helper()
	for {
		task, ok, _ := n.lanes.Take(n.w.at)
		if !ok {
			return false
		}
		if task.Kind == "ship" {
			if _, err := n.path.Ship(context.Background(), task.Con, task.Stream); err != nil && n.store.Err() == nil {
				n.lanes.Add(task, flow.When{At: n.w.at.Add(time.Second)})
			}
		} else if err := n.path.Do(context.Background(), task); err != nil && n.store.Err() == nil {
			n.must(err)
		}
		n.lanes.Leave(task, "")
		if n.store.Err() != nil {
			n.crash()
			return true
		}
	}
}

// TestFind_AnEditBeforeACreateIsFoundIsAnEdit: what is found bears the version of now, which
// is not that of the write.
func TestFind_AnEditBeforeACreateIsFoundIsAnEdit(t *testing.T) {
	t.Parallel()
	w, a, b, id := create(t)
	edited := false
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write done" && step.Kind == event.StepCreate:
			return trouble(adapters.ErrDoubt, call)
		case call == "find" && !edited:
			edited = true
			b.desk.set(b.one().Ref, "summary", "a person's")
		}
		return nil
	}
	b.must(b.path.Apply(context.Background(), b.con().ID, id))
	w.settle()
	if !edited {
		t.Fatal("nothing was looked for")
	}
	if here, there := a.one().Fields["summary"], b.one().Fields["summary"]; here != "a person's" || there != "a person's" {
		t.Errorf("there is %q here and %q there, want the person's edit on both sides", here, there)
	}
}

func TestApply_TimeOutThatLandsLaterCreatesOnce(t *testing.T) {
	t.Parallel()
	w, a, b, id := create(t)
	var late event.Step
	asked := time.Time{}
	attempt := w.at
	b.desk.on = func(call string, step event.Step) error {
		switch {
		case call == "write" && step.Kind == event.StepCreate && late.Kind == "":
			late = step
			return trouble(adapters.ErrDoubt, call)
		case call == "find" && asked.IsZero():
			asked = w.at
		}
		return nil
	}
	b.must(b.path.Apply(context.Background(), b.con().ID, id))
	w.run()
	if len(b.desk.all()) != 0 {
		t.Fatal("it was written again at once")
	}
	w.pass(settleTime - time.Second)
	w.run()
	if _, err := b.desk.write(late, nil); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if b.one().Fields["summary"] != "one" || len(a.desk.all()) != 1 {
		t.Errorf("there is %v, and %d tickets here", b.one().Fields, len(a.desk.all()))
	}
	if asked.Sub(attempt) < settleTime {
		t.Errorf("asked after %v whether it was written, want %v at least", asked.Sub(attempt), settleTime)
	}
}

func TestApply_WrongCredentialParksAndNeverEndsTheTwin(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"read", "write"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			ref := a.desk.open("one")
			w.settle()
			b.desk.on = func(c string, _ event.Step) error {
				if c == call {
					return trouble(adapters.ErrDenied, call)
				}
				return nil
			}
			a.desk.set(ref, "summary", "two")
			w.settle()
			var rows []inbox.Row
			b.must(b.path.Inboxes(b.con(), func(_ event.TwinID, row inbox.Row) bool { rows = append(rows, row); return true }))
			if len(rows) != 1 || rows[0].State != inbox.Parked || rows[0].Code != event.CodeDenied {
				t.Errorf("inbox: %+v, want one parked as denied", rows)
			}
			if a.saw("parked by peer") != 1 {
				t.Errorf("the peer was told %d times, want once", a.saw("parked by peer"))
			}
			if here, there := b.twinOf(b.one().Ref).State, a.twinOf(ref).State; here != twin.Live || there != twin.Live {
				t.Errorf("the twin is %s, and %s at the peer", here, there)
			}
			b.desk.on = func(string, event.Step) error { return nil }
			w.pass(time.Hour)
			w.settle()
			if got := b.one().Fields["summary"]; got != "two" || a.rows('q')+b.rows('i') != 0 {
				t.Errorf("with the right credential: %q, %d rows are left", got, a.rows('q')+b.rows('i'))
			}
		})
	}
}

func TestApply_NewerEventTakesThePlaceOfAParkedOne(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, step event.Step) error {
		if call == "write" && step.Fields["summary"] == "rejected" {
			return trouble(adapters.ErrRejected, call)
		}
		return nil
	}
	a.desk.set(ref, "summary", "rejected")
	a.desk.comment(ref, "kept", false)
	w.settle()
	a.desk.set(ref, "summary", "accepted")
	w.settle()
	if got := b.one(); got.Fields["summary"] != "accepted" || len(got.Comments) != 1 {
		t.Errorf("there is %q with %d comments", got.Fields["summary"], len(got.Comments))
	}
	if a.rows('q')+a.rows('w')+b.rows('i') != 0 {
		t.Error("rows are left")
	}
}

func TestAccept_CreatesPerHour(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].rules.Accept.CreatesPerHour = 2
	for i := range 5 {
		a.desk.open(fmt.Sprint("ticket ", i))
	}
	for _, want := range []int{2, 4, 5} {
		w.settle()
		if got := len(b.desk.all()); got != want {
			t.Errorf("%d tickets, want %d", got, want)
		}
		w.pass(time.Hour)
	}
	if got := b.saw("refused here") + b.saw("parked"); got != 0 {
		t.Errorf("%d tickets were not only put off", got)
	}
}

func TestFullDisk_TakesNothingInAndLosesNothing(t *testing.T) {
	t.Parallel()
	w, a, b, _ := create(t)
	b.store.SetFull(true)
	w.settle()
	if got := len(b.desk.all()); got != 1 {
		t.Errorf("%d tickets: what was taken in before must be finished", got)
	}
	late := a.desk.open("two")
	a.desk.comment(late, "hello", false)
	theirs := b.desk.open("of b")
	if _, err := b.path.Poll(context.Background()); !errors.Is(err, store.ErrFull) {
		t.Errorf("poll: %v, want that the disk is full", err)
	}
	w.settle()
	if b.rows('i') != 0 || b.rows('w') != 0 || len(b.desk.all()) != 2 {
		t.Errorf("a full disk took in %d events and %d tickets to look at", b.rows('i'), b.rows('w'))
	}
	b.store.SetFull(false)
	w.settle()
	got := map[string]int{}
	for _, n := range w.nodes {
		for _, k := range n.desk.all() {
			got[k.Fields["summary"].(string)] += 1 + len(k.Comments)
		}
	}
	if diff := cmp.Diff(map[string]int{"one": 2, "two": 4, "of b": 2}, got); diff != "" {
		t.Errorf("tickets and comments on both sides (-want +got):\n%s", diff)
	}
	if b.twinOf(theirs) == nil {
		t.Error("the ticket opened meanwhile has no twin")
	}
}

func TestFiles_ArriveWhole(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	content := strings.Repeat("text of it\n", 60<<10) // more than one piece
	a.desk.attach(ref, "größe.bin", content)
	a.poll()
	a.alone()
	b.alone()
	a.alone()
	w.settle()
	k := b.one()
	if len(k.Attachments) != 1 || k.Attachments[0].Name != "größe.bin" || string(b.desk.content[k.Attachments[0].ID]) != content {
		t.Errorf("files: %+v", k.Attachments)
	}
	if got := a.rows('j') + b.rows('j'); got != 0 {
		t.Errorf("%d files are still to be fetched", got)
	}
}

func TestFiles_OnlyWhatWasOfferedIsServed(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	a.blobs.files[fmt.Sprintf("%064d", 1)] = []byte("hush")
	ask := fmt.Appendf(nil, `{"sha256": "%064d", "offset": 0}`, 1)
	reply, err := b.wires[0].Request(context.Background(), "blob", ask)
	if err == nil {
		t.Errorf("served %q", reply)
	}
}

// TestApply_WhatBothSidesCameToIsAgreed: a field that is as the peer says without
// having been written counts as agreed at once, not as an edit of ours that may
// stand against the peer's next change.
func TestApply_WhatBothSidesCameToIsAgreed(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	theirs := b.one().Ref
	a.desk.set(ref, "status", "Done")
	b.desk.set(theirs, "status", "Done")
	b.poll()
	w.run()
	w.pass(time.Minute)
	b.desk.set(theirs, "status", "Waiting")
	w.pass(time.Minute)
	a.desk.set(ref, "summary", "two") // our ticket changed last, its status did not
	b.poll()
	w.run()
	if got := a.one().Fields["status"]; got != "Waiting" {
		t.Errorf("the status is %v, want the peer's change", got)
	}
	w.settle()
	if x, y := a.one().Fields["status"], b.one().Fields["status"]; x != y {
		t.Errorf("the sides ended with %v and %v", x, y)
	}
}
