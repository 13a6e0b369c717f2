package gitlab_test

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
	"parley/adapters/gitlab/gitlabdouble"
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

func newBench(t testing.TB, opt gitlabdouble.Options, change map[string]string) *bench {
	t.Helper()
	s := startSite(t, opt)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, site: s, hand: hand{s, alice()}, tracker: s.open(t, u, change)}
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

func (b *bench) set(ref event.Ref, fields event.Fields) error {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

func (b *bench) read(ref event.Ref) event.Ticket {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return ticket
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

func class(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// frozen is a clock that people set, in milliseconds.
type frozen struct{ ms atomic.Int64 }

func newFrozen() *frozen {
	f := &frozen{}
	f.ms.Store(time.Now().Add(-time.Hour).UnixMilli())
	return f
}

func (f *frozen) now() time.Time { return time.UnixMilli(f.ms.Load()) }

func numbers(from, to int) []string {
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

func TestTrap_RowsThatMoveWhileTheyAreReadAreNotLeftOut(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var b *bench
	var armed, calls atomic.Int32
	b = newBench(t, gitlabdouble.Options{Now: clock.now, Before: func(r *http.Request) {
		if armed.Load() == 0 || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/issues") {
			return
		}
		if n := calls.Add(1); n > 1 && n < 6 {
			clock.ms.Add(1)
			_ = b.hand.Edit(context.Background(), strconv.Itoa(int(n)), event.Fields{event.FieldSummary: "moved"})
		}
	}}, map[string]string{"page_size": "5"})
	cursor := event.Cursor("")
	b.round(&cursor, 10)
	for n := range 30 {
		clock.ms.Add(1)
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

func TestTrap_AMomentFullOfChangesIsWalkedThrough(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var b *bench
	var armed, calls atomic.Int32
	b = newBench(t, gitlabdouble.Options{Now: clock.now, Before: func(r *http.Request) {
		if armed.Load() == 1 && r.URL.Query().Get("page") == "2" && calls.Add(1) == 1 {
			b.site.Delete(30) // shown first: those behind it move over the edge of the page
		}
	}}, map[string]string{"page_size": "7"})
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	for n := range 30 {
		b.made(fmt.Sprint("at once ", n))
	}
	clock.ms.Add(1)
	b.made("a moment later")
	armed.Store(1)
	seen := b.round(&cursor, 50)
	for _, id := range append(numbers(1, 29), "31") {
		if seen[id] == 0 {
			t.Errorf("issue %s was left out", id)
		}
	}
	if calls.Load() == 0 {
		t.Error("no second page was asked for: nothing was tried")
	}
}

func TestTrap_AListIsWholeWhileIssuesAreDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, map[string]string{"page_size": "4"})
	for n := range 14 {
		b.made(fmt.Sprint("issue ", n))
	}
	var got []string
	var page event.Cursor
	for n := range int64(50) {
		changes, next, err := b.tracker.List(t.Context(), "", page, 3)
		b.must(err)
		for _, c := range changes {
			got = append(got, c.Ref.ID)
		}
		if page = next; next == "" {
			break
		}
		if n == 1 {
			b.site.Delete(1)
			b.site.Delete(2)
		}
	}
	if !slices.Equal(got, numbers(1, 14)) {
		t.Errorf("List gave %v", got)
	}
}

func TestTrap_OthersIssuesAreListedToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("by Alice")
	changes, _, err := b.tracker.List(t.Context(), "", "", 10)
	b.must(err)
	if len(changes) != 1 || changes[0].Ref.ID != id {
		t.Errorf("List gave %v, want issue %s of another account", changes, id)
	}
}

func TestTrap_WhatTheSystemWroteIsNoComment(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("first")
	b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: "second"}))
	b.must(b.hand.do(t.Context(), http.MethodPut, "issues/"+id, map[string]any{"state_event": "close"}, nil))
	if got := b.read(b.ref(id)).Comments; len(got) != 0 {
		t.Errorf("got %+v, want no comments", got)
	}
}

func TestTrap_AFileIsGivenOnlyByItsOwnIssue(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	with, without := b.made("with"), b.made("without")
	b.must(b.hand.Attach(t.Context(), with, "report.txt", []byte("bytes")))
	b.must(b.hand.Comment(t.Context(), with, "![shot](/uploads/0123456789abcdef0123456789abcdef/gone.png)", false))
	ticket := b.read(b.ref(with))
	if len(ticket.Attachments) != 1 || len(ticket.Comments) != 1 {
		t.Fatalf("got %+v and %+v, want the one file that is there", ticket.Attachments, ticket.Comments)
	}
	files, ok := b.tracker.(adapters.Files)
	if !ok {
		t.Fatal("there are no files")
	}
	_, err := files.Open(t.Context(), b.ref(without), ticket.Attachments[0].ID)
	class(t, "a file of another issue", err, adapters.ErrGone)
}

func TestTrap_AFileOfAnInternalNoteIsInternal(t *testing.T) {
	t.Parallel()
	b := newBench(t, gitlabdouble.Options{}, nil)
	id := b.made("with")
	b.must(b.hand.Attach(t.Context(), id, "open.txt", []byte("for all")))
	first := b.read(b.ref(id)).Attachments[0]
	// What was uploaded elsewhere is linked to here by an internal note alone.
	other := b.made("elsewhere")
	b.must(b.hand.Attach(t.Context(), other, "inside.txt", []byte("for few")))
	inside := b.read(b.ref(other)).Attachments[0]
	b.must(b.hand.Comment(t.Context(), id, "see [inside.txt](/uploads/"+inside.ID+")", true))
	// That an internal note links to a file that everybody sees makes it no other file.
	b.must(b.hand.Comment(t.Context(), id, "and [that](/uploads/"+first.ID+")", true))
	got := b.read(b.ref(id)).Attachments
	if len(got) != 2 || got[0].ID != first.ID || got[0].Internal || got[1].ID != inside.ID || !got[1].Internal {
		t.Errorf("got %+v, want a public file and an internal one", got)
	}
	b.must(b.hand.Comment(t.Context(), id, "for all: ![shot](/uploads/"+inside.ID+")", false))
	if got := b.read(b.ref(id)).Attachments; len(got) != 2 || got[1].Internal {
		t.Errorf("got %+v, want two files that everybody sees", got)
	}
}
