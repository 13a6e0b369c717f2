package gitlab_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

// linked is a value of links: relations and numbers in turn.
func linked(all ...string) any {
	var out []event.Link
	for n := 0; n < len(all); n += 2 {
		out = append(out, event.Link{Type: all[n], ID: all[n+1], Key: "#" + all[n+1]})
	}
	return event.LinksValue(out)
}

func (b *bench) link(from, kind, to string) {
	b.Helper()
	b.must(b.hand.do(context.Background(), http.MethodPost, "issues/"+from+"/links", map[string]any{
		"target_project_id": strconv.Itoa(projectID), "target_issue_iid": to, "link_type": kind,
	}, nil))
}

func TestTrap_OneRelationOfTwoIssuesTakesTheOthersPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	from, to := b.made("one"), b.made("other")
	b.link(from, "relates_to", to)
	ref := b.ref(from)
	for _, step := range []struct{ was, set, has any }{
		{linked("relates to", to), linked("blocks", to), linked("blocks", to)},
		{linked("blocks", to), nil, nil},
	} {
		w, err := b.tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldLinks: step.set}, Was: event.Fields{event.FieldLinks: step.was},
		}, nil)
		b.must(err)
		if d := cmp.Diff(b.read(ref).Fields[event.FieldLinks], step.has); d != "" || w.Partly != "" {
			t.Errorf("%s (-got +want):\n%s", w.Partly, d)
		}
	}
}

func TestTrap_ALinkThatGitLabRefusesIsToldAndTheRestIsWritten(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]bool{"beside another relation": false, "without the licence": true} {
		b := newBench(t, gitlabdouble.Options{Free: free}, nil)
		from, to, third := b.made("one"), b.made("other"), b.made("third")
		b.link(from, "relates_to", to)
		ref := b.ref(from)
		w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{
			event.FieldLinks: linked("is blocked by", to, "relates to", "4711", "relates to", third), event.FieldSummary: "written",
		}}, nil)
		b.must(err)
		got := b.read(ref)
		if d := cmp.Diff(got.Fields[event.FieldLinks], linked("relates to", to, "relates to", third)); d != "" || got.Fields[event.FieldSummary] != "written" {
			t.Errorf("%s: %v (-got +want):\n%s", name, got.Fields[event.FieldSummary], d)
		}
		if want := "is blocked by #" + to + ", relates to #4711"; !strings.HasSuffix(w.Partly, want) {
			t.Errorf("%s: told %q, want %s", name, w.Partly, want)
		}
	}
}

func TestTrap_LinksThatNoIssueHasAreRejectedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("one")
	ref := b.ref(id)
	for name, value := range map[string]any{
		"itself": linked("blocks", id), "elsewhere": linked("blocks", "acme/other#7"), "words": []any{"blocks #2"}, "no list": "blocks #2",
	} {
		class(t, name, b.set(ref, event.Fields{event.FieldLinks: value, event.FieldSummary: "written"}), adapters.ErrRejected)
	}
	if got := b.read(ref).Fields[event.FieldSummary]; got != "one" {
		t.Errorf("the summary is %q", got)
	}
}

func TestTrap_ALinkThatSomebodyTookAwayFirstIsAway(t *testing.T) {
	t.Parallel()
	var b *bench
	var done atomic.Bool
	b = newBench(t, gitlabdouble.Options{Before: func(r *http.Request) {
		if r.Method == http.MethodDelete && done.CompareAndSwap(false, true) {
			_ = b.hand.send(context.Background(), http.MethodDelete, r.URL.Path[strings.Index(r.URL.Path, "issues/"):], "", nil, nil)
		}
	}}, nil)
	from, to := b.made("one"), b.made("other")
	b.link(from, "relates_to", to)
	ref := b.ref(from)
	_, err := b.tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldLinks: nil}, Was: event.Fields{event.FieldLinks: linked("relates to", to)},
	}, nil)
	b.must(err)
	if got := b.read(ref).Fields[event.FieldLinks]; got != nil {
		t.Errorf("got %v", got)
	}
}
