package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
	"parley/sync/event"
)

const mark = event.Marker("abcdefghijklmnop")

// bench is an adapter at a double of its own.
type bench struct {
	testing.TB
	site    *site
	hand    hand
	tracker adapters.Tracker
}

func newBench(t testing.TB, opt githubdouble.Options, change map[string]string) *bench {
	t.Helper()
	s := startSite(t, opt)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, site: s, hand: hand{s}, tracker: s.open(t, u, change)}
	t.Cleanup(func() { _ = b.tracker.Close() })
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// made is the number of an issue that Alice made.
func (b *bench) made(summary string) string {
	b.Helper()
	id, _, err := b.hand.Create(b.Context(), event.Fields{event.FieldSummary: summary})
	b.must(err)
	return id
}

func (b *bench) ref(id string) event.Ref {
	b.Helper()
	c, err := b.tracker.Locate(b.Context(), "#"+id)
	b.must(err)
	return c.Ref
}

func (b *bench) write(step event.Step) (event.Written, error) {
	b.Helper()
	return b.tracker.Write(b.Context(), step, nil)
}

func (b *bench) set(ref event.Ref, fields event.Fields) error {
	b.Helper()
	_, err := b.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields})
	return err
}

func (b *bench) fields(ref event.Ref) event.Fields {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return ticket.Fields
}

// round polls until there is no more and returns what came, by number.
func (b *bench) round(cursor *event.Cursor, limit int) map[string]int {
	b.Helper()
	seen := map[string]int{}
	for range 500 {
		changes, next, err := b.tracker.Changes(b.Context(), *cursor, limit)
		b.must(err)
		*cursor = next
		for _, c := range changes {
			seen[c.Ref.ID]++
		}
		if len(changes) < limit {
			return seen
		}
	}
	b.Fatal("the list has no end")
	return nil
}

// listed pages through all issues.
func (b *bench) listed(query string, limit int) []string {
	b.Helper()
	var out []string
	var page event.Cursor
	for range 500 {
		changes, next, err := b.tracker.List(b.Context(), query, page, limit)
		b.must(err)
		for _, c := range changes {
			out = append(out, c.Ref.ID)
		}
		if next == "" {
			return out
		}
		page = next
	}
	b.Fatal("the list has no end")
	return nil
}

func class(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// frozen is a clock that people set.
type frozen struct{ unix atomic.Int64 }

func newFrozen() *frozen {
	f := &frozen{}
	f.unix.Store(time.Now().Unix() - 3600)
	return f
}

func (f *frozen) now() time.Time { return time.Unix(f.unix.Load(), 0) }

func numbers(from, to int) []string {
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

func TestTrap_PullRequestsAreNoTickets(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	cursor := event.Cursor("")
	b.round(&cursor, 10)
	pull := strconv.FormatInt(b.site.AddPull("a change"), 10)
	id := b.made("an issue")
	if seen := b.round(&cursor, 10); seen[pull] > 0 || seen[id] == 0 {
		t.Errorf("Changes gave %v, want issue %s and not pull request %s", seen, id, pull)
	}
	if got := b.listed("", 10); !slices.Equal(got, []string{id}) {
		t.Errorf("List gave %v, want %s", got, id)
	}
	_, err := b.tracker.Locate(t.Context(), "#"+pull)
	class(t, "Locate of a pull request", err, adapters.ErrGone)
	_, err = b.tracker.Read(t.Context(), event.Ref{ID: pull})
	class(t, "Read of a pull request", err, adapters.ErrGone)
	class(t, "a write to a pull request", b.set(event.Ref{ID: pull}, event.Fields{event.FieldSummary: "x"}), adapters.ErrGone)
}

// listing calls do before the nth list of issues is answered, once.
func listing(nth int32, do func()) func(*http.Request) {
	var n atomic.Int32
	return func(r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/issues") && n.Add(1) == nth {
			do()
		}
	}
}

func TestTrap_RowsThatMoveWhileTheyAreReadAreNotLeftOut(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var b *bench
	var armed, calls atomic.Int32
	opt := githubdouble.Options{Now: clock.now, Before: func(r *http.Request) {
		// Before each page an issue of those already shown is edited, and moves to the
		// end: all behind it move forward.
		if armed.Load() == 0 || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/issues") {
			return
		}
		if n := calls.Add(1); n > 1 && n < 6 {
			clock.unix.Add(1)
			_ = b.hand.Edit(context.Background(), strconv.Itoa(int(n)), event.Fields{event.FieldSummary: "moved"})
		}
	}}
	b = newBench(t, opt, map[string]string{"page_size": "5"})
	cursor := event.Cursor("")
	b.round(&cursor, 10)
	for n := range 30 {
		clock.unix.Add(1)
		b.made(fmt.Sprint("issue ", n))
	}
	armed.Store(1)
	seen := b.round(&cursor, 7)
	for _, id := range numbers(1, 30) {
		if seen[id] == 0 {
			t.Errorf("issue %s was left out", id)
		}
	}
	if calls.Load() < 6 {
		t.Errorf("the list was asked for %d times: nothing moved", calls.Load())
	}
}

func TestTrap_ASecondFullOfChangesIsWalkedThrough(t *testing.T) {
	t.Parallel()
	for _, deep := range []int{0, 14} {
		t.Run(fmt.Sprint("numbers up to ", deep), func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			b := newBench(t, githubdouble.Options{Now: clock.now, Deep: deep}, map[string]string{"page_size": "7"})
			cursor := event.Cursor("")
			b.round(&cursor, 3)
			for n := range 30 {
				b.made(fmt.Sprint("at once ", n))
			}
			clock.unix.Add(1)
			b.made("a moment later")
			seen := b.round(&cursor, 3)
			for _, id := range numbers(1, 31) {
				if seen[id] == 0 {
					t.Errorf("issue %s was left out", id)
				}
			}
		})
	}
}

func TestTrap_TwoEditsOfOneSecondAreTwoVersions(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, githubdouble.Options{Now: clock.now}, nil)
	id := b.made("first")
	version := func() string {
		t.Helper()
		c, err := b.tracker.Locate(t.Context(), "#"+id)
		b.must(err)
		return c.Version
	}
	seen := []string{version()}
	b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: "second"}))
	seen = append(seen, version())
	b.must(b.hand.Comment(t.Context(), id, "said", false))
	seen = append(seen, version())
	if seen[0] == seen[1] || seen[1] == seen[2] || version() != seen[2] {
		t.Errorf("got the versions %q, want three", seen)
	}
}

func TestTrap_ARowThatLeavesAFullSecondIsNoGap(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var b *bench
	var armed, calls atomic.Int32
	opt := githubdouble.Options{Now: clock.now, Before: func(r *http.Request) {
		if armed.Load() == 1 && r.Method == http.MethodGet && r.URL.Query().Get("page") == "2" && calls.Add(1) == 1 {
			b.site.Delete(20) // shown first: within a second the order is not that of the numbers
		}
	}}
	b = newBench(t, opt, map[string]string{"page_size": "7"})
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	for n := range 20 {
		b.made(fmt.Sprint("at once ", n))
	}
	clock.unix.Add(1)
	b.made("later")
	armed.Store(1)
	seen := b.round(&cursor, 50)
	for _, id := range numbers(1, 19) {
		if seen[id] == 0 {
			t.Errorf("issue %s was left out", id)
		}
	}
	if calls.Load() == 0 {
		t.Error("no second page was asked for: nothing was tried")
	}
}

func TestTrap_PageNumbersEndAndTheCursorIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{Deep: 15}, map[string]string{"page_size": "5"})
	for n := range 42 {
		b.made(fmt.Sprint("issue ", n))
	}
	for _, limit := range []int{3, 5, 100} {
		if got := b.listed("", limit); !slices.Equal(got, numbers(1, 42)) {
			t.Errorf("with a limit of %d List gave %v", limit, got)
		}
	}
}

func TestTrap_AListIsWholeWhileIssuesAreDeleted(t *testing.T) {
	t.Parallel()
	for _, nth := range []int32{2, 3, 4, 5} {
		var b *bench
		b = newBench(t, githubdouble.Options{Before: listing(nth, func() { b.site.Delete(2) })}, map[string]string{"page_size": "4"})
		for n := range 14 {
			b.made(fmt.Sprint("issue ", n))
		}
		got := b.listed("", 4)
		for _, id := range numbers(3, 14) {
			if !slices.Contains(got, id) {
				t.Errorf("deleted before list %d: issue %s was left out of %v", nth, id, got)
			}
		}
	}
}

func TestTrap_AListGoesBackWhereAPageAndMoreWasDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, map[string]string{"page_size": "4"})
	for n := range 14 {
		b.made(fmt.Sprint("issue ", n))
	}
	var page event.Cursor
	for range 2 {
		_, next, err := b.tracker.List(t.Context(), "", page, 4)
		b.must(err)
		page = next
	}
	for n := range int64(5) {
		b.site.Delete(n + 1) // issue 9 is on the first page then
	}
	got, _, err := b.tracker.List(t.Context(), "", page, 4)
	b.must(err)
	if len(got) == 0 || got[0].Ref.ID != "9" {
		t.Errorf("behind issue 8 comes %v, want issue 9", got)
	}
}

func TestTrap_CommentsAreWholeWhileOneIsDeleted(t *testing.T) {
	t.Parallel()
	var b *bench
	var first string
	var pages atomic.Int32
	b = newBench(t, githubdouble.Options{Before: func(r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Get("page") == "2" && pages.Add(1) == 1 {
			_ = b.hand.do(context.Background(), http.MethodDelete, "issues/comments/"+first, nil, nil)
		}
	}}, map[string]string{"page_size": "3"})
	id := b.made("with comments")
	for n := range 8 {
		var said struct{ ID int64 }
		b.must(b.hand.do(t.Context(), http.MethodPost, "issues/"+id+"/comments", map[string]any{"body": fmt.Sprint("said ", n)}, &said))
		if n == 0 {
			first = strconv.FormatInt(said.ID, 10)
		}
	}
	ticket, err := b.tracker.Read(t.Context(), b.ref(id))
	b.must(err)
	if len(ticket.Comments) != 7 || ticket.Comments[6].Body != "said 7" {
		t.Errorf("got %d comments, want the 7 that are left: %+v", len(ticket.Comments), ticket.Comments)
	}
}

func TestTrap_TheMarkerIsFoundWithoutTheSearch(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, map[string]string{"page_size": "3"})
	step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "ours"}, Since: time.Now().Unix() - 60}
	w, err := b.write(step)
	b.must(err)
	for n := range 10 {
		_, err := b.write(event.Step{Kind: event.StepCreate, Marker: "ponmlkjihgfedcba", Fields: event.Fields{event.FieldSummary: fmt.Sprint("another ", n)}})
		b.must(err)
	}
	found, err := b.tracker.Find(t.Context(), step)
	b.must(err)
	if found.Presence != event.FoundOne || found.Written.Ref != w.Ref {
		t.Errorf("Find gave %+v, want one at %v", found, w.Ref)
	}
	for name := range b.site.check.Finish() {
		if strings.Contains(name, "/search") {
			t.Errorf("the search was asked: %s", name)
		}
	}
}

func TestTrap_AMarkerThatSomebodyCopiedIsNotOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: "ours"}}
	_, _, err := b.hand.Create(t.Context(), event.Fields{
		event.FieldSummary: "copied", event.FieldDescription: "text\n\n<!-- parley:" + string(mark) + " -->",
	})
	b.must(err)
	found, err := b.tracker.Find(t.Context(), step)
	b.must(err)
	if found.Presence != event.FoundNone {
		t.Errorf("Find says %q of a marker that another account wrote", found.Presence)
	}
}

// TestTrap_AChangeThatShowsLateIsNotPassedOver: what is written to one server shows on
// the others a moment later, behind changes that are newer.
func TestTrap_AChangeThatShowsLateIsNotPassedOver(t *testing.T) {
	t.Parallel()
	for name, undated := range map[string]bool{"GitHub tells its time": false, "a proxy takes it out": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newFrozen()
			b := newBench(t, githubdouble.Options{Now: clock.now, Undated: undated}, nil)
			late, early := b.made("late"), b.made("early")
			ref := b.ref(late)
			_, cursor, err := b.tracker.Changes(t.Context(), "", 50)
			b.must(err)
			poll := func() (seen bool) {
				changes, next, err := b.tracker.Changes(t.Context(), cursor, 50)
				b.must(err)
				cursor = next
				return slices.ContainsFunc(changes, func(c event.Change) bool { return c.Ref == ref })
			}
			clock.unix.Add(60)
			n, err := strconv.ParseInt(late, 10, 64)
			b.must(err)
			b.site.ShowInLists(n, false)
			b.must(b.hand.Edit(t.Context(), late, event.Fields{event.FieldSummary: "late, edited"}))
			clock.unix.Add(10)
			b.must(b.hand.Edit(t.Context(), early, event.Fields{event.FieldSummary: "early, edited"}))
			for range 2 {
				if poll() {
					t.Fatal("the change shows before its server tells it")
				}
			}
			b.site.ShowInLists(n, true)
			if !poll() {
				t.Error("a change that showed 10 seconds late was passed over")
			}
		})
	}
}
