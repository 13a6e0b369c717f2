package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/transport/memory"
	"parley/sync/work"
)

// growing makes a text longer whenever the peer's ticket was written to, and lets
// the peer know when ours was: each write leads to the next.
func growing(t *testing.T, n *node) {
	t.Helper()
	known := schema()
	known.Fields["updated"] = event.Field{Type: event.TypeText}
	env := filters.Env{Schema: known, Key: []byte("k"), Limits: filters.Limits{Time: time.Minute}}
	out, err := filters.CompileOutgoing("replica.fields[\"Stamp\"] = issue.updated\nreplica.status = issue.status", env)
	n.must(err)
	in, err := filters.CompileIncoming("issue.summary = (issue.summary ?? \"new\") + \"+\" + replica.fields[\"Stamp\"]\nissue.status = replica.status", env)
	n.must(err)
	n.desk.stamps = true
	rules := n.wires[0].rules
	rules.Outgoing, rules.Incoming = out, in
}

func (n *node) held(t *testing.T) []work.Row {
	t.Helper()
	var rows []work.Row
	n.must(n.path.Works(n.con(), func(_ event.Ref, row work.Row) bool {
		if row.Parked {
			rows = append(rows, row)
		}
		return true
	}))
	return rows
}

// TestLoop_FiltersThatFeedEachOtherAreStopped: within a bound, saying what swings;
// a person's edit, or a retry, starts it again.
func TestLoop_FiltersThatFeedEachOtherAreStopped(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	growing(t, a)
	growing(t, b)
	ref := a.desk.open("one")
	w.settle()
	size := func() int { return len(a.one().Fields["summary"].(string)) + len(b.one().Fields["summary"].(string)) }
	stopped := size()
	if grown := strings.Count(fmt.Sprint(a.one().Fields["summary"], b.one().Fields["summary"]), "+"); grown < 4 || grown > 14 {
		t.Fatalf("it went to and fro %d times", grown)
	}
	held := slices.Concat(a.held(t), b.held(t))
	if len(held) != 1 || held[0].Code != event.CodeLoop || !strings.Contains(held[0].Reason, "fields.Stamp") {
		t.Fatalf("held: %+v", held)
	}
	w.pass(3 * time.Hour) // also its late retries change nothing
	w.settle()
	if size() != stopped {
		t.Error("it went on by itself")
	}
	a.desk.set(ref, "status", "Waiting")
	w.settle()
	if got := b.one().Fields["status"]; got != "Waiting" || size() == stopped {
		t.Errorf("a person's edit did not leave: %v", got)
	}
	stopped = size()
	for _, n := range []*node{a, b} {
		for range n.held(t) {
			n.must(n.path.RetryWork(n.con(), n.one().Ref))
		}
	}
	w.settle()
	if size() == stopped {
		t.Error("a retry did not let it go on")
	}
	if held := slices.Concat(a.held(t), b.held(t)); len(held) != 1 {
		t.Errorf("and then it was not stopped again: %+v", held)
	}
}

// TestLoop_StopsBetweenRunners: the same with all goroutines over a network.
func TestLoop_StopsBetweenRunners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := machines(t, memory.New(1), func(x, y *node) { growing(t, x); growing(t, y) })
		a.desk.open("one")
		time.Sleep(20 * time.Minute)
		before := a.one().Fields["summary"].(string) + b.one().Fields["summary"].(string)
		time.Sleep(30 * time.Minute)
		after := a.one().Fields["summary"].(string) + b.one().Fields["summary"].(string)
		held := slices.Concat(a.held(t), b.held(t))
		end(t, a, b)
		if before != after || len(held) != 1 || held[0].Code != event.CodeLoop {
			t.Errorf("%d characters grew to %d; held: %+v", len(before), len(after), held)
		}
	})
}

// TestLoop_PeopleAreNoLoop: two people who answer each other 30 times a minute, for
// ten minutes.
func TestLoop_PeopleAreNoLoop(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	there := b.one().Ref
	for i := range 300 {
		if i%2 == 0 {
			a.desk.set(ref, "summary", fmt.Sprint("a ", i))
		} else {
			b.desk.set(there, "summary", fmt.Sprint("b ", i))
		}
		for _, n := range w.nodes {
			n.poll()
		}
		w.run()
		w.pass(2 * time.Second)
	}
	w.settle()
	if held := slices.Concat(a.held(t), b.held(t)); len(held) > 0 {
		t.Errorf("held: %+v", held)
	}
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "b 299" || y != x {
		t.Errorf("a has %v, b has %v", x, y)
	}
}

// TestLoop_PeopleInOneSecondAreNoLoop: a tracker that counts in whole seconds shows
// the version of our write also when a person has changed the ticket right after it.
func TestLoop_PeopleInOneSecondAreNoLoop(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.desk.open("one")
	w.settle()
	for i := range 3 * 10 {
		n := w.nodes[i%2]
		ref := n.one().Ref
		n.desk.atOnce(ref, "summary", fmt.Sprint("edit ", i))
		n.must(n.path.Touch(n.con().ID, []event.Change{{Ref: ref}}, work.Seen{Cause: event.CauseEdit}))
		w.run()
	}
	if held := slices.Concat(a.held(t), b.held(t)); len(held) > 0 {
		t.Errorf("held: %+v", held)
	}
	if x, y := a.one().Fields["summary"], b.one().Fields["summary"]; x != "edit 29" || y != x {
		t.Errorf("a has %v, b has %v", x, y)
	}
}
