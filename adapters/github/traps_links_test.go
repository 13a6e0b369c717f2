package github_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
	"parley/sync/event"
)

func links(kind string, ids ...string) any {
	var out []event.Link
	for _, id := range ids {
		out = append(out, event.Link{Type: kind, ID: id, Key: "#" + id})
	}
	return event.LinksValue(out)
}

const (
	asksBlockers = "GET /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by"
	asksBlocked  = "GET /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocking"
)

func TestTrap_AnIssueWithoutDependenciesCostsNoRequestsForThem(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	one, other := b.ref(b.made("one")), b.ref(b.made("other"))
	asked := func() (int, int) {
		b.fields(one)
		n := b.site.check.Finish()
		return n[asksBlockers], n[asksBlocked]
	}
	if blockers, blocked := asked(); blockers+blocked != 0 {
		t.Errorf("asked %d and %d times for what the summary says is not there", blockers, blocked)
	}
	b.must(b.set(other, event.Fields{event.FieldLinks: links(event.IsBlockedBy, one.ID)}))
	if d := cmp.Diff(b.fields(one)[event.FieldLinks], links(event.Blocks, other.ID)); d != "" {
		t.Errorf("the issue that blocks (-got +want):\n%s", d)
	}
	// Those of closed issues stay dependencies.
	b.must(b.set(other, event.Fields{event.FieldStatus: "closed"}))
	if d := cmp.Diff(b.fields(one)[event.FieldLinks], links(event.Blocks, other.ID)); d != "" {
		t.Errorf("the issue that blocks a closed one (-got +want):\n%s", d)
	}
	if blockers, _ := asked(); blockers != 0 {
		t.Errorf("asked %d times for the blockers of an issue that nothing blocks", blockers)
	}
}

func TestTrap_ADependencyOnAnotherRepositoryIsNoLink(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	one, other := b.ref(b.made("one")), b.ref(b.made("other"))
	b.must(b.set(one, event.Fields{event.FieldLinks: links(event.IsBlockedBy, other.ID)}))
	n, err := strconv.ParseInt(other.ID, 10, 64)
	b.must(err)
	b.site.BlockFromElsewhere(n, n+10)
	b.site.BlockFromElsewhere(n-1, n)
	if d := cmp.Diff(b.fields(one)[event.FieldLinks], links(event.IsBlockedBy, other.ID)); d != "" {
		t.Errorf("links (-got +want):\n%s", d)
	}
	if got := b.fields(other)[event.FieldLinks]; cmp.Diff(got, links(event.Blocks, one.ID)) != "" {
		t.Errorf("the other issue has the links %v", got)
	}
}

func TestTrap_ADependencyThatSomebodyMakesOrTakesAwayMeanwhileIsNoError(t *testing.T) {
	t.Parallel()
	var b *bench
	var one, other event.Ref
	var id int64
	var made, gone sync.Once
	b = newBench(t, githubdouble.Options{Before: func(r *http.Request) {
		if !strings.Contains(r.URL.Path, "/dependencies/") || strings.Contains(r.Header.Get("User-Agent"), "Go-http") {
			return
		}
		path := "issues/" + one.ID + "/dependencies/blocked_by"
		switch r.Method {
		case http.MethodPost:
			made.Do(func() { _ = b.hand.do(context.Background(), r.Method, path, map[string]any{"issue_id": id}, nil) })
		case http.MethodDelete:
			gone.Do(func() {
				_ = b.hand.do(context.Background(), r.Method, path+"/"+strconv.FormatInt(id, 10), nil, nil)
			})
		}
	}}, nil)
	one, other = b.ref(b.made("one")), b.ref(b.made("other"))
	var row struct{ ID int64 }
	b.must(b.hand.do(t.Context(), http.MethodGet, "issues/"+other.ID, nil, &row))
	id = row.ID
	have := links(event.IsBlockedBy, other.ID)
	b.must(b.set(one, event.Fields{event.FieldLinks: have}))
	if d := cmp.Diff(b.fields(one)[event.FieldLinks], have); d != "" {
		t.Errorf("links (-got +want):\n%s", d)
	}
	_, err := b.write(event.Step{Kind: event.StepUpdate, Ref: one, Fields: event.Fields{event.FieldLinks: nil}, Was: event.Fields{event.FieldLinks: have}})
	b.must(err)
	if got := b.fields(one)[event.FieldLinks]; got != nil {
		t.Errorf("links are %v", got)
	}
}

func TestTrap_ACreateWhoseLinksFailIsInDoubtAndFound(t *testing.T) {
	t.Parallel()
	var b *bench
	var once sync.Once
	b = newBench(t, githubdouble.Options{Before: func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/issues") && !strings.Contains(r.Header.Get("User-Agent"), "Go-http") {
			once.Do(func() {
				b.site.AnswerNext(http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}, `{"message":"You have exceeded a secondary rate limit."}`)
			})
		}
	}}, nil)
	other := b.made("other")
	step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "one", event.FieldLinks: links(event.Blocks, other)}}
	_, err := b.write(step)
	class(t, "the create", err, adapters.ErrDoubt)
	found, err := b.tracker.Find(t.Context(), step)
	b.must(err)
	if found.Presence != event.FoundOne {
		t.Fatalf("Find says %+v", found)
	}
	b.must(b.set(found.Written.Ref, event.Fields{event.FieldLinks: step.Fields[event.FieldLinks]}))
	if d := cmp.Diff(b.fields(found.Written.Ref)[event.FieldLinks], links(event.Blocks, other)); d != "" {
		t.Errorf("links (-got +want):\n%s", d)
	}
}

func TestTrap_AServerThatIsOlderThanDependenciesHasNone(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{NoDependencies: true}, nil)
	ref := b.ref(b.made("one"))
	if got := b.fields(ref)[event.FieldLinks]; got != nil {
		t.Errorf("links are %v", got)
	}
	err := b.set(ref, event.Fields{event.FieldLinks: links(event.Blocks, "999"), event.FieldSummary: "x"})
	var known *adapters.Error
	if class(t, "a link to no issue", err, adapters.ErrRejected); errors.As(err, &known) && !strings.Contains(known.Error(), "999") {
		t.Errorf("got %v", err)
	}
	if got := b.fields(ref)[event.FieldSummary]; got != "one" {
		t.Errorf("the summary is %v: something was written", got)
	}
}
