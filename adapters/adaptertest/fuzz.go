package adaptertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// FuzzAnswers puts any bytes in the place of one answer of a tracker, in the midst
// of every method of the adapter. good answers all others; it must know the ticket known
// well enough for every method. The adapter may fail, in one class; it must not panic, hang, take
// what is no JSON for an answer, or make a ticket of it that is not the one asked for.
func FuzzAnswers(f *testing.F, good http.Handler, known event.Change, open func(testing.TB, *url.URL) adapters.Tracker) {
	f.Helper()
	z := &swapper{good: good}
	server := httptest.NewServer(z)
	f.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		f.Fatal(err)
	}
	methods := fuzzedMethods()
	for i, m := range methods {
		z.swap(-1, nil)
		tracker := open(f, at)
		if err := m.call(f.Context(), tracker, known); err != nil {
			f.Fatalf("%s with all answers good: %v", m.name, err)
		}
		for n, body := range z.seen() {
			seeds := append(spoilt(), string(body), string(body[:len(body)/2]))
			for _, b := range append(seeds, emptied(body)...) {
				f.Add(byte(i), byte(n), []byte(b))
			}
		}
		if err := tracker.Close(); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, method, nth byte, body []byte) {
		m := methods[int(method)%len(methods)]
		z.swap(int(nth), body)
		tracker := open(t, at)
		defer func() { _ = tracker.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), fuzzPatience)
		defer cancel()
		err := m.call(ctx, tracker, known)
		switch {
		case errors.Is(err, errUnfit):
			t.Error(err)
		case ctx.Err() != nil:
			t.Errorf("%s takes more than %v", m.name, fuzzPatience)
		case strings.Contains(class(err), " and "):
			t.Errorf("%s: %v has the classes %s", m.name, err, class(err))
		case err == nil && m.reads && z.hit() && !json.Valid(body):
			t.Errorf("%s takes %q for an answer", m.name, body)
		}
	})
}

// fuzzPatience is far over what a method takes with answers that come at once.
const fuzzPatience = 10 * time.Second

var errUnfit = errors.New("not what was asked for")

// spoilt are answers that JSON decoders have been known to take.
func spoilt() []string {
	return []string{
		"", "null", "{}", "[]", "[null]", `{"id":null}`, htmlPage, `{"issues":[null]}`, `{"items":[null]}`, `{"items":[{}]}`,
		`{"changes":[{}]}`, strings.Repeat("[", 10_000), `{"issue":{"id":-1}}`, `{"id":1e999}`, "\xff\xfe",
	}
}

// emptied are copies of a JSON text, each with another value in it that is null.
func emptied(body []byte) []string {
	var out []string
	for n := range mostEmptied {
		var whole any
		if json.Unmarshal(body, &whole) != nil {
			return nil
		}
		if left := n; !empty(whole, &left) {
			break
		}
		raw, err := json.Marshal(whole)
		if err != nil {
			return nil
		}
		out = append(out, string(raw))
	}
	return out
}

const mostEmptied = 40

// empty makes the value null that so many others stand before.
func empty(v any, left *int) bool {
	set := func(child any, null func()) bool {
		if *left == 0 {
			null()
			return true
		}
		*left--
		return empty(child, left)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if set(v[name], func() { v[name] = nil }) {
				return true
			}
		}
	case []any:
		for i := range v {
			if set(v[i], func() { v[i] = nil }) {
				return true
			}
		}
	}
	return false
}

// fuzzedMethod is one method; reads tells that it cannot do without any of its
// answers.
type fuzzedMethod struct {
	name  string
	reads bool
	call  func(context.Context, adapters.Tracker, event.Change) error
}

func fuzzedMethods() []fuzzedMethod {
	return []fuzzedMethod{
		{"Read", true, func(ctx context.Context, t adapters.Tracker, k event.Change) error {
			ticket, err := t.Read(ctx, k.Ref)
			if err == nil {
				err = askedFor(ticket, k.Ref)
			}
			return err
		}},
		{"Changes", true, func(ctx context.Context, t adapters.Tracker, _ event.Change) error {
			_, cursor, err := t.Changes(ctx, "", 10)
			if err != nil {
				return err
			}
			changes, _, err := t.Changes(ctx, cursor, 10)
			return errors.Join(err, fitting(changes))
		}},
		{"List", true, func(ctx context.Context, t adapters.Tracker, _ event.Change) error {
			changes, _, err := t.List(ctx, "", "", 10)
			return errors.Join(err, fitting(changes))
		}},
		{"Locate", true, func(ctx context.Context, t adapters.Tracker, k event.Change) error {
			change, err := t.Locate(ctx, k.Key)
			if err != nil {
				return err
			}
			return fitting([]event.Change{change})
		}},
		{"Schema", true, func(ctx context.Context, t adapters.Tracker, _ event.Change) error {
			_, err := t.Schema(ctx)
			return err
		}},
		{"Find", true, func(ctx context.Context, t adapters.Tracker, k event.Change) error {
			_, err := t.Find(ctx, event.Step{Kind: event.StepComment, Ref: k.Ref, Marker: "abcdefghijklmnop", Comment: &event.CommentWrite{Body: "b"}})
			return err
		}},
		{"Write", false, func(ctx context.Context, t adapters.Tracker, k event.Change) error {
			_, err := t.Write(ctx, event.Step{
				Kind: event.StepUpdate, Ref: k.Ref, Marker: "abcdefghijklmnop", Fields: event.Fields{event.FieldSummary: "s"},
				Comment: &event.CommentWrite{Body: "b"},
			}, nil)
			return err
		}},
		{"abilities", false, fuzzAbilities},
	}
}

func fuzzAbilities(ctx context.Context, t adapters.Tracker, k event.Change) error {
	if h, ok := t.(adapters.Historian); ok {
		if _, err := h.History(ctx, k.Ref, time.Unix(k.Ref.Created, 0)); err != nil {
			return err
		}
	}
	if w, ok := t.(adapters.Workflow); ok {
		if _, err := w.Moves(ctx, k.Ref); err != nil {
			return err
		}
	}
	if p, ok := t.(adapters.People); ok {
		if _, err := p.FindUser(ctx, "alice"); err != nil {
			return err
		}
	}
	a, ok := t.(adapters.Files)
	if !ok {
		return nil
	}
	ticket, err := t.Read(ctx, k.Ref)
	if err != nil {
		return err
	}
	for _, file := range ticket.Attachments {
		r, err := a.Open(ctx, k.Ref, file.ID)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, r)
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// askedFor tells whether a ticket is as Read promises.
func askedFor(ticket event.Ticket, ref event.Ref) error {
	texts := make([]string, 0, len(ticket.Comments))
	for _, c := range ticket.Comments {
		texts = append(texts, c.Body)
	}
	for _, name := range slices.Sorted(maps.Keys(ticket.Fields)) {
		if s, ok := ticket.Fields[name].(string); ok {
			texts = append(texts, s)
		}
	}
	if ticket.Ref != ref {
		return fmt.Errorf("Read answers %v for %v: %w", ticket.Ref, ref, errUnfit)
	}
	for _, s := range texts {
		if strings.Contains(s, "\r") {
			return fmt.Errorf("a text with carriage returns: %q: %w", s, errUnfit)
		}
	}
	return nil
}

func fitting(changes []event.Change) error {
	for _, c := range changes {
		if c.Ref.ID == "" || c.Ref.Created == 0 || c.Key == "" {
			return fmt.Errorf("a change without ref or key: %+v: %w", c, errUnfit)
		}
	}
	return nil
}

// swapper answers as good does, but for one answer.
type swapper struct {
	good http.Handler

	mu     sync.Mutex // guards what follows
	nth, n int
	body   []byte
	bodies [][]byte
	was    bool
}

func (z *swapper) swap(nth int, body []byte) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.nth, z.n, z.body, z.bodies, z.was = nth, 0, body, nil, false
}

func (z *swapper) seen() [][]byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.bodies
}

func (z *swapper) hit() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.was
}

// ServeHTTP implements http.Handler.
func (z *swapper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	z.good.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	z.mu.Lock()
	if z.bodies = append(z.bodies, bytes.Clone(body)); z.n == z.nth && answer.Code < 300 {
		body, z.was = z.body, true
	}
	z.n++
	z.mu.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length") // it was the good answer's
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // a 204 has none
}
