package flow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
)

// forwarding is b and c with hub between them, which lets all of b go on to c.
func forwarding(t *testing.T) (w *world, hub, b, c *node) {
	t.Helper()
	w = newWorld(t)
	hub, b, c = w.node("hub"), w.node("b"), w.node("c")
	w.join(1, hub, b)
	toC, _ := w.join(2, hub, c)
	toC.rules.Forward, toC.rules.Egress.Foreign = []string{"b"}, []string{"b"}
	return w, hub, b, c
}

// TestForward_AFileWhoseWriteIsInDoubtGoesOn: a look finds the file in the ticket
// before it is on record whose it is.
func TestForward_AFileWhoseWriteIsInDoubtGoesOn(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]string{"the answer is lost": "write done", "it cannot be read back": "read"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, hub, b, c := forwarding(t)
			ref := b.desk.open("one")
			w.settle()
			hub.desk.mute = true // it does not tell the id of what it took
			written, failed := false, false
			hub.desk.on = func(call string, step event.Step) error {
				written = written || call == "write done" && step.Kind == event.StepAttach
				if !written || failed || call != fail {
					return nil
				}
				failed = true
				return trouble(adapters.ErrDoubt, call)
			}
			b.desk.attach(ref, "plan.txt", "the plan")
			w.settle()
			w.pass(time.Minute)
			w.settle()
			for _, n := range []*node{hub, c} {
				if diff := cmp.Diff([]string{"plan.txt"}, files(n.one())); diff != "" {
					t.Errorf("files at %s (-want +got):\n%s", n.name, diff)
				}
			}
			if !failed {
				t.Error("nothing went wrong")
			}
		})
	}
}

// TestApply_WhatCameAfterAParkedFirstEventBringsAllOfTheTwin: the second event is
// about a ticket that was never made, and says a part only.
func TestApply_WhatCameAfterAParkedFirstEventBringsAllOfTheTwin(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.desk.on = func(call string, _ event.Step) error {
		if call == "write" {
			return trouble(adapters.ErrDenied, call)
		}
		return nil
	}
	ref := a.desk.open("one")
	a.desk.comment(ref, "first", false)
	w.settle()
	if b.saw("parked") == 0 {
		t.Fatal("the first event is not parked")
	}
	b.desk.on = func(string, event.Step) error { return nil }
	a.desk.comment(ref, "second", false)
	w.settle()
	if diff := cmp.Diff([]string{"first", "second"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the peer (-want +got):\n%s", diff)
	}
}

// TestWork_CommentsLeaveInTheOrderTheyWereMade: whatever order the script puts them in.
func TestWork_CommentsLeaveInTheOrderTheyWereMade(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	rules := *a.con().Rules()
	script := strings.Replace(outgoing, "= issue.comments", "= reverse(issue.comments)", 1)
	env := filters.Env{Schema: schema(), Key: []byte("k"), Limits: filters.Limits{Time: time.Minute}}
	var err error
	rules.Outgoing, err = filters.CompileOutgoing(script, env)
	a.must(err)
	a.con().SetRules(&rules)
	ref := a.desk.open("one")
	for _, body := range []string{"first", "second", "third"} {
		a.desk.comment(ref, body, false)
	}
	w.settle()
	if diff := cmp.Diff([]string{"first", "second", "third"}, bodies(b.one())); diff != "" {
		t.Errorf("comments at the peer (-want +got):\n%s", diff)
	}
}
