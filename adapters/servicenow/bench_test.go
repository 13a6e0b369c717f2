package servicenow_test

import (
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/servicenow/servicenowdouble"
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

func newBench(t testing.TB, opt servicenowdouble.Options, change map[string]string) *bench {
	t.Helper()
	s := startSite(t, opt)
	b := &bench{TB: t, site: s, hand: hand{s}}
	b.open(change)
	return b
}

func (b *bench) open(change map[string]string) {
	b.Helper()
	u, err := url.Parse(b.site.url)
	b.must(err)
	tracker := b.site.open(b.TB, u, change)
	b.tracker = tracker
	b.Cleanup(func() { _ = tracker.Close() })
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// is checks the class of an error.
func (b *bench) is(what string, err, class error) {
	b.Helper()
	if !errors.Is(err, class) {
		b.Errorf("%s: got %v, want %v", what, err, class)
	}
}

// made is a ticket that Alice makes.
func (b *bench) made(summary string) (id, key string) {
	b.Helper()
	id, key, err := b.hand.Create(b.Context(), event.Fields{event.FieldSummary: summary})
	b.must(err)
	return id, key
}

func (b *bench) ref(key string) event.Ref {
	b.Helper()
	c, err := b.tracker.Locate(b.Context(), key)
	b.must(err)
	return c.Ref
}

func (b *bench) read(ref event.Ref) event.Ticket {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return ticket
}

func (b *bench) set(ref event.Ref, fields event.Fields) error {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

func (b *bench) say(ref event.Ref, m event.Marker, body string, internal bool) (event.Written, error) {
	b.Helper()
	return b.tracker.Write(b.Context(), commentStep(ref, m, body, internal), nil)
}

func commentStep(ref event.Ref, m event.Marker, body string, internal bool) event.Step {
	return event.Step{Kind: event.StepComment, Ref: ref, Marker: m, Comment: &event.CommentWrite{Body: body, Internal: internal}}
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

// listed are all tickets of a query, by key, with their versions.
func (b *bench) listed(query string, limit int) map[string]string {
	b.Helper()
	out := map[string]string{}
	var page event.Cursor
	for range 500 {
		changes, next, err := b.tracker.List(b.Context(), query, page, limit)
		b.must(err)
		for _, c := range changes {
			out[c.Key] = c.Version
		}
		if page = next; page == "" {
			return out
		}
	}
	b.Fatal("the list has no end")
	return nil
}

// frozen is a clock that people set.
type frozen struct{ ms atomic.Int64 }

func newFrozen() *frozen {
	var f frozen
	f.ms.Store(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixMilli())
	return &f
}

func (f *frozen) now() time.Time           { return time.UnixMilli(f.ms.Load()) }
func (f *frozen) forward(by time.Duration) { f.ms.Add(by.Milliseconds()) }
