package jira_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/jira/jiradouble"
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

func newBench(t testing.TB, opt jiradouble.Options, change map[string]string) *bench {
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

func both(t *testing.T, test func(t *testing.T, cloud bool)) {
	t.Helper()
	for _, cloud := range []bool{true, false} {
		t.Run(map[bool]string{true: "cloud", false: "datacenter"}[cloud], func(t *testing.T) {
			t.Parallel()
			test(t, cloud)
		})
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) made(summary string) (id, key string) {
	b.Helper()
	id, key, err := b.hand.Create(b.Context(), event.Fields{
		event.FieldProject: project, event.FieldType: "Bug", event.FieldSummary: summary,
	})
	b.must(err)
	return id, key
}

func (b *bench) ref(key string) event.Ref {
	b.Helper()
	c, err := b.tracker.Locate(b.Context(), key)
	b.must(err)
	return c.Ref
}

// round polls until there is no more and returns what came, by key.
func (b *bench) round(cursor *event.Cursor, limit int) map[string]int {
	b.Helper()
	seen := map[string]int{}
	for range 500 {
		changes, next, err := b.tracker.Changes(b.Context(), *cursor, limit)
		b.must(err)
		*cursor = next
		for _, c := range changes {
			seen[c.Key]++
		}
		if len(changes) < limit {
			return seen
		}
	}
	b.Fatal("the list has no end")
	return nil
}

func TestTrap_WhatTheIndexShowsLateIsReported(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, map[string]string{"index_lag": "5s"})
		late, lateKey := b.made("late")
		_, newKey := b.made("new")
		cursor := event.Cursor("")
		b.round(&cursor, 50)
		b.site.ShowLater(lateKey, 300*time.Millisecond)
		b.must(b.hand.Edit(t.Context(), late, event.Fields{event.FieldSummary: "shown late"}))
		// A newer change is there before the older one shows.
		b.must(b.hand.Edit(t.Context(), b.ref(newKey).ID, event.Fields{event.FieldSummary: "shown at once"}))
		if seen := b.round(&cursor, 50); seen[newKey] == 0 {
			t.Fatalf("got %v, want the newer change", seen)
		}
		deadline := time.Now().Add(5 * time.Second)
		for b.round(&cursor, 50)[lateKey] == 0 {
			if time.Now().After(deadline) {
				t.Fatal("a change that the index showed late was left out")
			}
		}
	})
}

// frozen is a clock that people set.
type frozen struct{ ms atomic.Int64 }

func (f *frozen) now() time.Time { return time.UnixMilli(f.ms.Load()) }

func TestTrap_AMillisecondFullOfChangesIsWalkedThrough(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		var clock frozen
		clock.ms.Store(time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC).UnixMilli())
		b := newBench(t, jiradouble.Options{Cloud: cloud, Now: clock.now, KeysDown: true}, map[string]string{"page_size": "7"})
		cursor := event.Cursor("")
		b.round(&cursor, 3)
		want := 23
		for n := range want {
			b.made(fmt.Sprint("at once ", n))
		}
		clock.ms.Add(1)
		b.made("a moment later")
		seen := b.round(&cursor, 3)
		if len(seen) != want+1 {
			t.Errorf("got %d issues, want %d", len(seen), want+1)
		}
		for key, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times in one round", key, n)
			}
		}
	})
}

// TestTrap_RowsThatMoveBetweenPagesAreNotLeftOut: counted pages shift when a row of
// before moves to the end.
func TestTrap_RowsThatMoveBetweenPagesAreNotLeftOut(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		var clock frozen
		clock.ms.Store(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixMilli())
		var mu sync.Mutex
		var edits error
		var waiting []string // ids to edit between pages
		var edit func(id string)
		opt := jiradouble.Options{Cloud: cloud, Now: clock.now, BeforeSearch: func() {
			mu.Lock()
			var ids []string
			if edit != nil {
				n := min(6, len(waiting))
				ids, waiting = waiting[:n], waiting[n:]
			}
			mu.Unlock()
			for _, id := range ids {
				edit(id)
			}
		}}
		b := newBench(t, opt, map[string]string{"page_size": "10"})
		cursor := event.Cursor("")
		b.round(&cursor, 50)
		var ids []string
		for n := range 40 {
			id, _ := b.made(fmt.Sprint("row ", n))
			ids = append(ids, id)
		}
		clock.ms.Add(60_000)
		mu.Lock()
		waiting = slices.Clone(ids[:18])
		edit = func(id string) {
			// The search holds no lock while this runs.
			edits = errors.Join(edits, b.hand.Edit(context.Background(), id, event.Fields{event.FieldSummary: "moved " + id}))
		}
		mu.Unlock()
		if seen := b.round(&cursor, 50); len(seen) != 40 {
			t.Errorf("got %d issues, want all 40", len(seen))
		}
		if edits != nil || len(waiting) != 0 {
			t.Errorf("%d rows did not move: %v", len(waiting), edits)
		}
	})
}

func TestChanges_AClockThatIsSetBackHidesNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		var clock frozen
		clock.ms.Store(time.Now().UnixMilli())
		b := newBench(t, jiradouble.Options{Cloud: cloud, Now: clock.now}, nil)
		id, key := b.made("before")
		cursor := event.Cursor("")
		for range 3 {
			b.round(&cursor, 50)
			clock.ms.Add(10_000)
		}
		clock.ms.Add(-3_600_000)
		b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: "after the clock was set back"}))
		clock.ms.Add(1000)
		if seen := b.round(&cursor, 50); seen[key] == 0 {
			t.Error("a change after the clock was set back was left out")
		}
	})
}

func TestTrap_AHiddenIssueIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		for name, c := range map[string]struct {
			opt  jiradouble.Options
			want error
		}{
			"nothing hides":   {jiradouble.Options{}, adapters.ErrGone},
			"security levels": {jiradouble.Options{Levels: []string{"Staff"}}, adapters.ErrDenied},
			"not browsable":   {jiradouble.Options{Denied: []string{"BROWSE_PROJECTS"}}, adapters.ErrDenied},
		} {
			c.opt.Cloud = cloud
			b := newBench(t, c.opt, nil)
			_, err := b.tracker.Read(t.Context(), event.Ref{ID: "4711", Created: 1})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: a 404 is %v, want %v", name, err, c.want)
			}
		}
	})
}

func TestTrap_AnInternalCommentNeverBecomesPublic(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		say := func(b *bench, ref event.Ref, id string) (event.Written, error) {
			return b.tracker.Write(t.Context(), event.Step{
				Kind: event.StepComment, Ref: ref, Marker: mark, Comment: &event.CommentWrite{ID: id, Body: "aside", Internal: true},
			}, nil)
		}
		plain := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		_, key := plain.made("no such thing")
		if _, err := say(plain, plain.ref(key), ""); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("in a project without internal comments: %v", err)
		}
		ticket, err := plain.tracker.Read(t.Context(), plain.ref(key))
		if err != nil || len(ticket.Comments) != 0 {
			t.Errorf("a refused comment is there: %+v, %v", ticket.Comments, err)
		}
		role := newBench(t, jiradouble.Options{Cloud: cloud}, map[string]string{"internal_comments": "role:Developers"})
		_, key = role.made("by role")
		ref := role.ref(key)
		w, err := say(role, ref, "")
		role.must(err)
		_, err = say(role, ref, w.Item) // an edit says again who may read it
		role.must(err)
		ticket, err = role.tracker.Read(t.Context(), ref)
		if err != nil || len(ticket.Comments) != 1 || !ticket.Comments[0].Internal || ticket.Comments[0].Marker != mark {
			t.Errorf("got %+v, %v; want one internal comment with its marker", ticket.Comments, err)
		}
	})
}

func TestTrap_EveryFormOfALimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, jiradouble.Options{Cloud: true}, nil)
	for name, c := range map[string]struct {
		header      http.Header
		least, most time.Duration
	}{
		"seconds": {http.Header{"Retry-After": {"7"}, "Ratelimit-Reason": {"jira-burst-based"}}, 7 * time.Second, 7 * time.Second},
		"reset":   {http.Header{"X-Ratelimit-Reset": {time.Now().UTC().Add(3 * time.Minute).Format("2006-01-02T15:04Z07:00")}}, time.Minute, 3 * time.Minute},
		"nothing": {http.Header{"Server": {"AtlassianEdge"}}, 0, 0},
	} {
		b.site.LimitNext(c.header)
		_, _, err := b.tracker.Changes(t.Context(), "", 10)
		var limited *adapters.Error
		if !errors.As(err, &limited) || !errors.Is(err, adapters.ErrLimited) || limited.After < c.least || limited.After > c.most {
			t.Errorf("%s: got %v, want a limit of %v to %v", name, err, c.least, c.most)
		}
	}
}

func TestTrap_AScreenFieldGoesWithTheTransition(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		_, key := b.made("closing")
		ref := b.ref(key)
		for _, fields := range []event.Fields{
			{event.FieldStatus: "In Progress"},
			{event.FieldStatus: "Done", event.FieldResolution: "Won't Do", event.FieldSummary: "closed"},
		} {
			_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
			b.must(err)
		}
		ticket, err := b.tracker.Read(t.Context(), ref)
		b.must(err)
		if ticket.Fields[event.FieldStatus] != "Done" || ticket.Fields[event.FieldResolution] != "Won't Do" || ticket.Fields[event.FieldSummary] != "closed" {
			t.Errorf("got %v", ticket.Fields)
		}
	})
}

// TestTrap_ACreateIsNotGivenUpWhileTheSearchLags: none is said only when the search
// must have shown it.
func TestTrap_ACreateIsNotGivenUpWhileTheSearchLags(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud, Lag: time.Hour}, map[string]string{"index_lag": "1h"})
		step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldType: "Bug", event.FieldSummary: "unseen"}}
		_, err := b.tracker.Write(t.Context(), step, nil)
		b.must(err)
		found, err := b.tracker.Find(t.Context(), step)
		if err != nil || found.Presence != event.FoundLater {
			t.Errorf("got %+v, %v; want later", found, err)
		}
	})
}

// TestHistory_SpellsValuesAsReadDoes: what overran an edit is found by comparing the
// two.
func TestHistory_SpellsValuesAsReadDoes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		_, key := b.made("history")
		ref := b.ref(key)
		rounds := []event.Fields{
			{
				event.FieldSummary: "one", event.FieldPriority: "High", event.FieldDue: "2027-03-04", event.FieldLabels: []any{"a", "b"},
				event.FieldAssignee: b.site.person(alice()), "fields.Remote key": "A-1", "fields.Severity": "major", "fields.Cost": 1.5,
				"fields.Needed by": "2027-01-02", "fields.Tags": []any{"x"}, event.FieldStatus: "In Progress",
			},
			{
				event.FieldSummary: "two", event.FieldPriority: "Low", event.FieldDue: nil, event.FieldLabels: []any{"c"},
				event.FieldAssignee: b.site.person(bot()), "fields.Remote key": nil, "fields.Severity": "minor", "fields.Cost": 2.0,
				"fields.Needed by": "2027-02-03", "fields.Tags": nil, event.FieldStatus: "Done",
			},
		}
		var reads []event.Fields
		for _, fields := range rounds {
			_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
			b.must(err)
			ticket, err := b.tracker.Read(t.Context(), ref)
			b.must(err)
			reads = append(reads, ticket.Fields)
		}
		edits, err := b.tracker.(adapters.Historian).History(t.Context(), ref, time.Time{})
		b.must(err)
		last := map[string]adapters.Edit{}
		for _, e := range edits {
			last[e.Field] = e
		}
		for name := range rounds[1] {
			e, ok := last[name]
			if !ok || !e.Own {
				t.Errorf("%s: history has %+v", name, e)
			}
			if d := cmp.Diff([]any{e.Old, e.New}, []any{reads[0][name], reads[1][name]}); d != "" {
				t.Errorf("%s (-history +read):\n%s", name, d)
			}
		}
	})
}

func TestList_KeepsAQueryWithinTheProjects(t *testing.T) {
	t.Parallel()
	b := newBench(t, jiradouble.Options{Cloud: true}, nil)
	for _, query := range []string{
		`type = Bug) OR (project = X`, `type = Bug ORDER BY created`, `summary ~ "open`, `(type = Bug`, `type = Bug \`,
	} {
		if _, _, err := b.tracker.List(t.Context(), query, "", 10); !errors.Is(err, adapters.ErrConfiguration) {
			t.Errorf("%q: %v", query, err)
		}
	}
	b.made("one")
	found, _, err := b.tracker.List(t.Context(), `type = Bug AND (summary ~ "order by (" OR type = Bug)`, "", 10)
	if err != nil || len(found) != 1 {
		t.Errorf("a query with words and brackets in quotes: %v, %v", found, err)
	}
}

func FuzzAnswers(f *testing.F) {
	opt := jiradouble.Options{
		Cloud: true, Service: true, Project: project, Accounts: []jiradouble.Account{bot(), alice()},
		Now: func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) },
	}
	fake := jiradouble.New(opt)
	s := &site{Double: fake, cloud: true}
	server := newServer(f, fake)
	s.url = server
	h := hand{s}
	id, key, err := h.Create(f.Context(), event.Fields{
		event.FieldProject: project, event.FieldType: "Bug", event.FieldSummary: "one", event.FieldDescription: "a\r\nb",
	})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(h.Comment(f.Context(), id, "said", false), h.Attach(f.Context(), id, "a.txt", []byte("a"))); err != nil {
		f.Fatal(err)
	}
	ref := event.Ref{ID: id, Created: 1769860800}
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: ref, Key: key}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		return s.open(t, u, nil)
	})
}

// TestTrap_AMovedIssueIsTheSameUnderItsNewKey: a move to another project changes the key
// and keeps the id, and the old key leads to the new one.
func TestTrap_AMovedIssueIsTheSameUnderItsNewKey(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud, Also: []string{"OPS"}}, map[string]string{"projects": project + ", OPS"})
		step := event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
			event.FieldProject: project, event.FieldType: "Bug", event.FieldSummary: "goes away",
		}, Since: time.Now().Unix() - 60}
		w, err := b.tracker.Write(t.Context(), step, nil)
		b.must(err)
		cursor := event.Cursor("")
		b.round(&cursor, 50)
		b.site.Move(w.Ref.ID, "OPS-77")
		deadline := time.Now().Add(10 * time.Second)
		for b.round(&cursor, 50)["OPS-77"] == 0 {
			if time.Now().After(deadline) {
				t.Fatal("no poll tells the new key")
			}
		}
		ticket, err := b.tracker.Read(t.Context(), w.Ref)
		b.must(err)
		if ticket.Ref != w.Ref || ticket.Key != "OPS-77" || ticket.Marker != mark || ticket.Fields[event.FieldProject] != "OPS" {
			t.Errorf("read as %v %s of %v with marker %q, want %v OPS-77 of OPS with %q",
				ticket.Ref, ticket.Key, ticket.Fields[event.FieldProject], ticket.Marker, w.Ref, mark)
		}
		for _, key := range []string{w.Key, "OPS-77"} {
			if found, err := b.tracker.Locate(t.Context(), key); err != nil || found.Ref != w.Ref || found.Key != "OPS-77" {
				t.Errorf("%s leads to %+v, %v; want %v under OPS-77", key, found, err, w.Ref)
			}
		}
		found, err := b.tracker.Find(t.Context(), step)
		for err == nil && found.Presence == event.FoundLater && time.Now().Before(deadline) {
			found, err = b.tracker.Find(t.Context(), step)
		}
		b.must(err)
		if found.Presence != event.FoundOne || found.Written.Ref != w.Ref {
			t.Errorf("Find says %+v of the issue that was moved, want one at %v", found, w.Ref)
		}
		again, err := b.tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: w.Ref, Fields: event.Fields{event.FieldSummary: "written where it is"},
		}, nil)
		if err != nil || again.Ref != w.Ref {
			t.Errorf("an update after the move: %+v, %v", again, err)
		}
	})
}
