package notify_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/node/notify"
)

// memory is a State that survives the notifier.
type memory struct {
	mu   sync.Mutex
	rows map[string][]byte
	fail error
}

func (m *memory) All() (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.rows), m.fail
}

func (m *memory) Put(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = map[string][]byte{}
	}
	m.rows[key] = value
	return m.fail
}

func (m *memory) Delete(key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, key)
	return m.fail
}

// post collects what is sent, and fails while down says so.
type post struct {
	mu    sync.Mutex
	sent  []string // "target: subject"
	last  notify.Message
	tries int
	down  map[string]bool
	stuck map[string]bool // sending does not end before its context
}

// letter is the way to one target.
type letter struct {
	post   *post
	target string
}

func (p *post) sender(target string) (notify.Sender, error) { return letter{p, target}, nil }

func (l letter) Send(ctx context.Context, m notify.Message) error {
	l.post.mu.Lock()
	l.post.tries++
	stuck, down := l.post.stuck[l.target], l.post.down[l.target]
	if !stuck && !down {
		l.post.sent = append(l.post.sent, l.target+": "+m.Subject())
		l.post.last = m
	}
	l.post.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	if down {
		return errors.New("mail server down")
	}
	return nil
}

// take returns what was sent since the last call.
func (p *post) take() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

func (p *post) set(which map[string]bool, target string, value bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	which[target] = value
}

// start runs a notifier; stop ends it and waits for it.
func start(t *testing.T, state notify.State, p *post) (n *notify.Notifier, stop func()) {
	t.Helper()
	n, err := notify.New(notify.Options{Node: "acme", State: state, Sender: p.sender, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	return n, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func newPost() *post { return &post{down: map[string]bool{}, stuck: map[string]bool{}} }

func parked(ticket string, to ...string) notify.Trouble {
	return notify.Trouble{
		Condition: notify.Condition{Kind: notify.Parked, Connection: "globex", Ticket: ticket}, Code: "rejected", To: to,
	}
}

// expect wants exactly these messages within a minute.
func expect(t *testing.T, p *post, want ...string) {
	t.Helper()
	time.Sleep(time.Minute)
	synctest.Wait()
	if diff := cmp.Diff(p.take(), want); diff != "" {
		t.Error(diff)
	}
}

func TestNotifier_TellsOnceAndOnceWhenItIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		n, stop := start(t, &memory{}, p)
		defer stop()
		n.Settled()
		for range 5 {
			n.Raise(parked("SUP-1", "a@b.example"))
			expectOnceMore := p.take()
			if len(expectOnceMore) != 0 {
				t.Errorf("sent at once: %v", expectOnceMore)
			}
		}
		expect(t, p, "a@b.example: [Parley acme] ticket SUP-1 is parked on globex (rejected)")
		n.Raise(parked("SUP-1", "a@b.example"))
		expect(t, p)
		n.Clear(parked("SUP-1").Condition)
		expect(t, p, "a@b.example: [Parley acme] over: ticket SUP-1 is parked on globex (rejected)")
		n.Clear(parked("SUP-1").Condition)
		n.Clear(parked("SUP-2").Condition)
		expect(t, p)
		n.Raise(parked("SUP-1", "a@b.example"))
		expect(t, p, "a@b.example: [Parley acme] ticket SUP-1 is parked on globex (rejected)")
	})
}

func TestNotifier_ARestartRepeatsNothingAndForgetsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, state := newPost(), &memory{}
		n, stop := start(t, state, p)
		n.Settled()
		n.Raise(parked("SUP-1", "x@y"))
		n.Raise(parked("SUP-2", "x@y"))
		expect(t, p, "x@y: [Parley acme] 2 problems")
		stop()

		n, stop = start(t, state, p)
		n.Raise(parked("SUP-1", "x@y"))
		expect(t, p) // SUP-2 may still be raised
		n.Settled()
		expect(t, p, "x@y: [Parley acme] over: ticket SUP-2 is parked on globex (rejected)")
		stop()

		n, stop = start(t, state, p)
		defer stop()
		n.Settled()
		expect(t, p, "x@y: [Parley acme] over: ticket SUP-1 is parked on globex (rejected)")
		if len(state.rows) != 0 {
			t.Errorf("left in the state: %v", state.rows)
		}
	})
}

func TestNotifier_WhatCameAndWentIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		n, stop := start(t, &memory{}, p)
		defer stop()
		n.Settled()
		n.Raise(parked("SUP-1", "x@y"))
		synctest.Wait()
		n.Clear(parked("SUP-1").Condition)
		expect(t, p)
	})
}

func TestNotifier_ADeadWayHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, state := newPost(), &memory{}
		p.set(p.down, "webhook:ops", true)
		p.set(p.stuck, "stuck@y", true)
		n, stop := start(t, state, p)
		defer stop()
		n.Settled()
		n.Raise(parked("SUP-1", "x@y", "webhook:ops", "stuck@y"))
		expect(t, p, "x@y: [Parley acme] ticket SUP-1 is parked on globex (rejected)")
		n.Raise(parked("SUP-2", "x@y", "webhook:ops"))
		expect(t, p, "x@y: [Parley acme] ticket SUP-2 is parked on globex (rejected)")
		n.Clear(parked("SUP-1").Condition)
		expect(t, p, "x@y: [Parley acme] over: ticket SUP-1 is parked on globex (rejected)")
		p.set(p.down, "webhook:ops", false)
		time.Sleep(20 * time.Minute)
		// It is told what is so at that time: nothing of SUP-1.
		if diff := cmp.Diff(p.take(), []string{"webhook:ops: [Parley acme] ticket SUP-2 is parked on globex (rejected)"}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNotifier_TriesAgainLessAndLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		p.set(p.down, "x@y", true)
		n, stop := start(t, &memory{}, p)
		defer stop()
		n.Raise(parked("SUP-1", "x@y"))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.tries < 60 || p.tries > 250 {
			t.Errorf("%d tries in a day", p.tries)
		}
	})
}

func TestNotifier_TroublesThatComeTogetherGoTogetherAndAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		n, stop := start(t, &memory{}, p)
		defer stop()
		for i := range 10_005 {
			n.Raise(parked(fmt.Sprintf("SUP-%d", i), "x@y"))
		}
		expect(t, p, "x@y: [Parley acme] 100 problems, and 9905 more")
		if len(p.last.Wrong) != notify.MaxLines || !strings.Contains(p.last.Text(), "and 9905 more") {
			t.Errorf("got %d lines", len(p.last.Wrong))
		}
	})
}

func TestNotifier_HoldsNoMoreThanItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		n, stop := start(t, &memory{}, p)
		defer stop()
		for i := range 10_000 {
			n.Raise(parked(fmt.Sprintf("SUP-%d", i)))
		}
		n.Raise(parked("one-more", "x@y"))
		expect(t, p)
		n.Clear(parked("SUP-1").Condition)
		n.Raise(parked("one-more", "x@y", "x@y"))
		expect(t, p, "x@y: [Parley acme] 1 problem, and 1 more")
	})
}

func TestNotifier_StopsWhileSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		p.set(p.stuck, "x@y", true)
		n, stop := start(t, &memory{}, p)
		n.Raise(parked("SUP-1", "x@y"))
		expect(t, p)
		stop() // synctest fails if it does not end
	})
}

func TestNotifier_AStateThatFailsRepeatsNothingInThisRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, state := newPost(), &memory{}
		n, stop := start(t, state, p)
		defer stop()
		state.mu.Lock()
		state.fail = errors.New("store stopped")
		state.mu.Unlock()
		n.Raise(parked("SUP-1", "x@y"))
		expect(t, p, "x@y: [Parley acme] ticket SUP-1 is parked on globex (rejected)")
		expect(t, p)
		if _, err := notify.New(notify.Options{State: state}); err == nil {
			t.Error("a state that cannot be read was taken")
		}
	})
}

func TestMessage_HoldsNoControlCharacters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPost()
		n, stop := start(t, &memory{}, p)
		defer stop()
		n.Raise(parked("SUP-1\r\nBcc: all@b.example\x1b[31m\u202e"+strings.Repeat("x", 200), "x@y"))
		expect(t, p, "x@y: [Parley acme] ticket SUP-1Bcc: all@b.example[31m"+strings.Repeat("x", 53)+" is parked on globex (rejected)")
	})
}

func TestMessage_ReadsLikeThis(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	m := notify.Message{
		Node: "acme", At: at,
		Wrong: []notify.Line{
			{Condition: parked("SUP-1").Condition, Code: "rejected", Since: at.Add(-time.Hour)},
			{Condition: notify.Condition{Kind: notify.PeerAway, Connection: "globex"}},
			{Condition: notify.Condition{Kind: notify.Stopped, Connection: "initech"}, Code: "configuration"},
		},
		Over: []notify.Line{{Condition: parked("SUP-2").Condition}},
	}
	want := `ticket SUP-1 is parked on globex (rejected)
    since 2026-01-31 11:00 UTC
    see: parley ticket explain SUP-1
the peer of globex is away
    see: parley status
connection initech has stopped (configuration)
    see: parley status
over: ticket SUP-2 is parked on globex

Node acme, 2026-01-31 12:00:00 UTC
`
	if diff := cmp.Diff(m.Text(), want); diff != "" {
		t.Error(diff)
	}
	if got, want := m.Subject(), "[Parley acme] 3 problems, 1 over"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (notify.Message{Node: "a", At: at}).Text(); !strings.Contains(got, "test") {
		t.Errorf("an empty message says %q", got)
	}
}

// TestMessage_AKeyIsNoPlaceholder: people name tickets, and what they name is put
// into sentences as it is.
func TestMessage_AKeyIsNoPlaceholder(t *testing.T) {
	t.Parallel()
	m := notify.Message{Node: "acme", Wrong: []notify.Line{{Condition: notify.Condition{Kind: notify.Parked, Connection: "TICKET", Ticket: "CONNECTION"}}}}
	if got, want := m.Subject(), "[Parley acme] ticket CONNECTION is parked on TICKET"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
