package zendesk_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/zendesk/zendeskdouble"
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

func newBench(t testing.TB, opt zendeskdouble.Options, change map[string]string) *bench {
	t.Helper()
	s := startSite(t, opt)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, site: s, hand: hand{s}, tracker: open(t, u, change)}
	t.Cleanup(func() { _ = b.tracker.Close() })
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// made is a ticket that Alice makes.
func (b *bench) made(summary string) event.Ref {
	b.Helper()
	_, key, err := b.hand.Create(b.Context(), event.Fields{event.FieldSummary: summary, event.FieldDescription: "text", event.FieldType: "Task"})
	b.must(err)
	return b.ref(key)
}

func (b *bench) ref(key string) event.Ref {
	b.Helper()
	c, err := b.tracker.Locate(b.Context(), key)
	b.must(err)
	return c.Ref
}

func id(ref event.Ref) int64 {
	n, _ := strconv.ParseInt(ref.ID, 10, 64)
	return n
}

// put changes a ticket as Alice.
func (b *bench) put(ref event.Ref, ticket map[string]any) {
	b.Helper()
	b.must(b.hand.json(b.Context(), http.MethodPut, "tickets/"+ref.ID, ticket, nil))
}

func (b *bench) read(ref event.Ref) event.Ticket {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return ticket
}

func (b *bench) update(ref event.Ref, fields event.Fields) error {
	_, err := b.tracker.Write(b.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

func (b *bench) say(ref event.Ref, m event.Marker, body string, internal bool) {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{
		Kind: event.StepComment, Ref: ref, Marker: m, Comment: &event.CommentWrite{Body: body, Internal: internal},
	}, nil)
	b.must(err)
}

// round polls until there is no more and returns what came.
func (b *bench) round(cursor *event.Cursor, limit int) map[event.Ref]event.Change {
	b.Helper()
	seen := map[event.Ref]event.Change{}
	for range 500 {
		changes, next, err := b.tracker.Changes(b.Context(), *cursor, limit)
		b.must(err)
		*cursor = next
		for _, c := range changes {
			seen[c.Ref] = c
		}
		if len(changes) < limit {
			return seen
		}
	}
	b.Fatal("the list has no end")
	return nil
}

// clock is one that the test sets.
type clock struct{ unix atomic.Int64 }

func newClock() *clock {
	var c clock
	c.unix.Store(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Unix())
	return &c
}

func (c *clock) now() time.Time { return time.Unix(c.unix.Load(), 0) }

func (c *clock) after(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

// only matches requests of a method whose path ends so.
func only(method, ending string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, ending) }
}

func zendeskProbe(b *bench) ([]adapters.Finding, error) {
	p, ok := b.tracker.(adapters.Prober)
	if !ok {
		return nil, errors.New("there is no probe")
	}
	return p.Probe(b.Context()), nil
}
