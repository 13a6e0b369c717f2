package flow_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/store"
)

// family is a pair that keeps parents and links in step.
func family(t *testing.T) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	a.relate()
	b.relate()
	return w, a, b
}

// relate has parents and links in the filters.
func (n *node) relate() {
	n.w.t.Helper()
	r := *n.con().Rules()
	r.Outgoing, r.Incoming = compile(n.w.t, outgoing+"replica.links = issue.links\n",
		incoming+"issue.parent = twinOf(replica.parent)\nissue.links = twinOf(replica.links)\n")
	n.con().SetRules(&r)
}

// named is the ticket with a summary.
func (d *desk) named(summary string) event.Ticket {
	for _, k := range d.all() {
		if k.Fields["summary"] == summary {
			return k
		}
	}
	return event.Ticket{}
}

func (n *node) hasLinks(summary string, want ...event.Link) {
	n.w.t.Helper()
	if d := cmp.Diff(want, event.LinksOf(n.desk.named(summary).Fields["links"])); d != "" {
		n.w.t.Errorf("links of %s at %s (-want +got):\n%s", summary, n.name, d)
	}
}

func blocks(ref event.Ref) event.Link { return event.Link{Type: event.Blocks, ID: ref.ID} }

// retry lets b go on with what it parked.
func (n *node) retry() {
	n.w.t.Helper()
	for _, id := range n.arrived() {
		n.must(n.path.RetryInbox(n.con(), id))
	}
}

// refuse makes b's tracker refuse to make the ticket with a summary.
func (d *desk) refuse(summary string) {
	d.on = func(call string, step event.Step) error {
		if call == "write" && step.Fields["summary"] == summary {
			return trouble(adapters.ErrRejected, "write")
		}
		return nil
	}
}

func TestWork_WhatATicketNamesIsNamedWhenThePeerHasIt(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		w, a, b := family(t)
		child := a.desk.open("child")
		w.settle()
		b.desk.refuse("parent")
		parent := a.desk.open("parent")
		a.desk.set(child, "parent", map[string]any{"id": parent.ID, "key": "a-2"})
		a.desk.set(child, "links", []any{blocks(parent).Value(), blocks(event.Ref{ID: "4711"}).Value()})
		w.settle()
		if got := b.desk.named("child"); got.Fields["parent"] != nil || got.Fields["links"] != nil {
			t.Errorf("the child names %v and %v, which b does not have", got.Fields["parent"], got.Fields["links"])
		}
		if crash {
			a.crash()
			b.crash()
			a.relate()
			b.relate()
		}
		b.desk.on = func(string, event.Step) error { return nil }
		b.retry()
		w.settle()
		there := b.desk.named("parent").Ref
		got, _ := b.desk.named("child").Fields["parent"].(map[string]any)
		if there.IsZero() || got["id"] != there.ID {
			t.Errorf("crash %v: the child's parent at b is %v, want %s", crash, got, there)
		}
		b.hasLinks("child", blocks(there))
		if n := a.rows('R'); n != 1 {
			t.Errorf("%d tickets are awaited, want the one that never comes", n)
		}
	}
}

// TestWork_AllWhoNameATicketAreLookedAt: also those for whom one transaction is too small.
func TestWork_AllWhoNameATicketAreLookedAt(t *testing.T) {
	t.Parallel()
	const children = 450
	w, a, b := family(t)
	b.desk.refuse("epic")
	epic := a.desk.open("epic")
	for n := range children {
		child := a.desk.open(fmt.Sprint("child ", n))
		a.desk.set(child, "parent", map[string]any{"id": epic.ID, "key": "a-1"})
	}
	w.settle()
	b.desk.on = func(string, event.Step) error { return nil }
	b.retry()
	w.settle()
	there := b.desk.named("epic").Ref
	for n := range children {
		if got, _ := b.desk.named(fmt.Sprint("child ", n)).Fields["parent"].(map[string]any); got["id"] != there.ID {
			t.Fatalf("the parent of child %d is %v, want %s", n, got, there)
		}
	}
}

// TestRouse_WhoWaitsForWhatThePeerHasIsLookedAt: a process ended before it had come to
// all who name a ticket.
func TestRouse_WhoWaitsForWhatThePeerHasIsLookedAt(t *testing.T) {
	t.Parallel()
	w, a, _ := family(t)
	here, child := a.desk.open("here"), a.desk.open("child")
	w.settle()
	a.must(a.store.Update(func(tx store.Tx) error {
		return errors.Join(tx.Put(store.AwaitedKey(a.con().ID, here.ID, child), []byte("a-2")),
			tx.Put(store.AwaitedKey(a.con().ID, "4711", child), []byte("a-2")))
	}))
	a.crash()
	if awaited, looks := a.rows('R'), a.rows('w'); awaited != 1 || looks != 1 {
		t.Errorf("%d tickets are awaited and %d looks are due, want the one that never comes, and one", awaited, looks)
	}
}

func TestWork_ATicketThatArrivesDuringTheLookIsNamed(t *testing.T) {
	t.Parallel()
	w, a, b := family(t)
	parent := a.desk.open("parent")
	child := a.desk.open("child")
	a.desk.set(child, "links", []any{blocks(parent).Value()})
	w.settle()
	b.hasLinks("child", blocks(b.desk.named("parent").Ref))
}

func TestApply_LinksAreMergedOneByOne(t *testing.T) {
	t.Parallel()
	w, a, b := family(t)
	one, two, child := a.desk.open("one"), a.desk.open("two"), a.desk.open("child")
	w.settle()
	a.desk.set(child, "links", []any{blocks(one).Value(), blocks(event.Ref{ID: "4711"}).Value()})
	w.settle()
	here, there := b.desk.named("child").Ref, func(summary string) event.Ref { return b.desk.named(summary).Ref }
	b.hasLinks("child", blocks(there("one")))
	// Each side makes one, one of them to a ticket that the other does not have.
	foreign := event.Link{Type: event.Blocks, ID: "9999"}
	b.desk.set(here, "links", []any{blocks(there("one")).Value(), foreign.Value()})
	a.desk.set(child, "links", []any{blocks(one).Value(), blocks(two).Value(), blocks(event.Ref{ID: "4711"}).Value()})
	w.settle()
	b.hasLinks("child", blocks(there("one")), blocks(there("two")), foreign)
	// What one side takes away goes at both, and nothing else does.
	a.desk.set(child, "links", []any{blocks(two).Value(), blocks(event.Ref{ID: "4711"}).Value()})
	w.settle()
	b.hasLinks("child", blocks(there("two")), foreign)
	b.desk.set(here, "links", []any{foreign.Value()})
	w.settle()
	b.hasLinks("child", foreign)
	a.hasLinks("child", blocks(event.Ref{ID: "4711"}))
}

// TestApply_ALinkMadeBeforeTheWriteStays: between the look and the write somebody
// made a link of their own.
func TestApply_ALinkMadeBeforeTheWriteStays(t *testing.T) {
	t.Parallel()
	w, a, b := family(t)
	one, child := a.desk.open("one"), a.desk.open("child")
	w.settle()
	here, mine := b.desk.named("child").Ref, event.Link{Type: event.Blocks, ID: "9999"}
	b.desk.on = func(call string, step event.Step) error {
		if _, links := step.Fields["links"]; links && call == "write" {
			b.desk.on = func(string, event.Step) error { return nil }
			b.desk.atOnce(here, "links", []any{mine.Value()})
		}
		return nil
	}
	a.desk.set(child, "links", []any{blocks(one).Value()})
	w.settle()
	b.hasLinks("child", blocks(b.desk.named("one").Ref), mine)
}

// TestApply_LinksOfACreateInDoubtAreMade: the tracker made the ticket and nothing else
// before it stopped answering.
func TestApply_LinksOfACreateInDoubtAreMade(t *testing.T) {
	t.Parallel()
	w, a, b := family(t)
	one := a.desk.open("one")
	w.settle()
	b.desk.on = func(call string, step event.Step) error {
		if call != "write done" || step.Kind != event.StepCreate {
			return nil
		}
		k := b.desk.tickets[len(b.desk.tickets)-1]
		delete(k.Fields, "links")
		return trouble(adapters.ErrDoubt, "write")
	}
	child := a.desk.open("child")
	a.desk.set(child, "links", []any{blocks(one).Value()})
	w.settle()
	b.hasLinks("child", blocks(b.desk.named("one").Ref))
	if row := b.twinOf(b.desk.named("child").Ref); len(row.LostLocal) != 0 {
		t.Errorf("lost: %v", row.LostLocal)
	}
}

// TestWork_ATicketWhosePairHasEndedIsStillNamed: a link that both have does not
// vanish because the ticket at its other end is not kept in step any more.
func TestWork_ATicketWhosePairHasEndedIsStillNamed(t *testing.T) {
	t.Parallel()
	w, a, b := family(t)
	one, two, child := a.desk.open("one"), a.desk.open("two"), a.desk.open("child")
	w.settle()
	a.desk.set(child, "links", []any{blocks(one).Value()})
	w.settle()
	a.must(a.path.Unsync(a.con(), one))
	w.settle()
	a.desk.set(child, "links", []any{blocks(one).Value(), blocks(two).Value()})
	w.settle()
	b.hasLinks("child", blocks(b.desk.named("one").Ref), blocks(b.desk.named("two").Ref))
	a.hasLinks("child", blocks(one), blocks(two))
}

// TestApply_ASetThatATrackerCallsNothingIsMergedAlike: many trackers have no empty
// lists. What is left of ours must leave, and what the peer took out must not come back.
func TestApply_ASetThatATrackerCallsNothingIsMergedAlike(t *testing.T) {
	t.Parallel()
	for _, nothing := range []any{nil, []any{}} {
		w, a, b := pair(t)
		ref := a.desk.open("one")
		a.desk.set(ref, "labels", []any{"x"})
		w.settle()
		// What a took out arrives before b has looked at what was added there.
		a.desk.set(ref, "labels", nothing)
		a.poll()
		a.alone()
		b.desk.set(b.one().Ref, "labels", []any{"x", "y"})
		b.alone()
		w.settle()
		for _, n := range []*node{a, b} {
			if d := cmp.Diff(any([]any{"y"}), n.one().Fields["labels"]); d != "" {
				t.Errorf("%v: labels at %s (-want +got):\n%s", nothing, n.name, d)
			}
		}
		b.desk.set(b.one().Ref, "labels", nothing)
		w.settle()
		if got, _ := a.one().Fields["labels"].([]any); len(got) != 0 {
			t.Errorf("%v: a has %v", nothing, got)
		}
	}
}
