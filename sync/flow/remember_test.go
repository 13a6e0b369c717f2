package flow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
)

// TestOutgoing_PreviousIsKeptForScriptsThatAsk: also for one that begins to ask
// when something has been sent already.
func TestOutgoing_PreviousIsKeptForScriptsThatAsk(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	if got := a.rows('s'); got != 0 {
		t.Errorf("%d replicas are kept that nothing compares with", got)
	}
	asks := *a.con().Rules()
	script := strings.Replace(outgoing, "issue.labels", `previous == nil ? ["nothing"] : ["was " + previous.summary]`, 1)
	var err error
	asks.Outgoing, err = filters.CompileOutgoing(script, filters.Env{Schema: schema(), Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	a.con().SetRules(&asks)
	a.desk.set(ref, "summary", "two")
	w.settle()
	if diff := cmp.Diff([]any{"was one"}, b.one().Fields["labels"]); diff != "" {
		t.Errorf("labels at the peer (-want +got):\n%s", diff)
	}
	if got := a.rows('s'); got != 1 {
		t.Errorf("%d replicas are kept, want 1", got)
	}
	a.desk.set(ref, "summary", "three")
	w.settle()
	if diff := cmp.Diff([]any{"was two"}, b.one().Fields["labels"]); diff != "" {
		t.Errorf("labels at the peer (-want +got):\n%s", diff)
	}
}

// TestOutgoing_PreviousIsTheLastOneAfterAScriptThatDidNotAsk: what was kept for an
// earlier script is not taken for what was sent since.
func TestOutgoing_PreviousIsTheLastOneAfterAScriptThatDidNotAsk(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	plain, asks := a.con().Rules(), *a.con().Rules()
	script := strings.Replace(outgoing, "issue.labels", `previous == nil ? ["nothing"] : ["was " + previous.summary]`, 1)
	var err error
	asks.Outgoing, err = filters.CompileOutgoing(script, filters.Env{Schema: schema(), Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	a.con().SetRules(&asks)
	ref := a.desk.open("one")
	w.settle()
	a.con().SetRules(plain)
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := a.rows('s'); got != 0 {
		t.Errorf("%d replicas are kept that nothing compares with", got)
	}
	a.con().SetRules(&asks)
	a.desk.set(ref, "summary", "three")
	w.settle()
	if diff := cmp.Diff([]any{"was two"}, b.one().Fields["labels"]); diff != "" {
		t.Errorf("labels at the peer (-want +got):\n%s", diff)
	}
}

// TestWork_ATicketOfManyCommentsSendsEachOnce goes over the borders of pages,
// one by one and in heaps, from both sides.
func TestWork_ATicketOfManyCommentsSendsEachOnce(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	w.settle()
	var want []string
	for i, heap := range []int{1, 62, 1, 1, 130, 3} {
		desk, at := a.desk, ref
		if i%2 == 1 {
			desk, at = b.desk, b.one().Ref
		}
		for range heap {
			body := fmt.Sprint("comment ", len(want))
			desk.comment(at, body, false)
			want = append(want, body)
		}
		w.settle()
		for _, n := range []*node{a, b} {
			if diff := cmp.Diff(want, bodies(n.one())); diff != "" {
				t.Fatalf("%s after %d comments (-want +got):\n%s", n.name, len(want), diff)
			}
		}
	}
	a.crash()
	b.crash()
	queued := a.saw("queued") + b.saw("queued")
	a.desk.set(ref, "summary", "two")
	w.settle()
	if got := a.saw("queued") + b.saw("queued") - queued; got != 1 {
		t.Errorf("an edit of a ticket of many comments made %d events, want 1", got)
	}
	if got := len(bodies(b.one())); got != len(want) {
		t.Errorf("%d comments at the peer, want %d", got, len(want))
	}
}
