package flow_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/transport"
	"parley/sync/transport/memory"
)

// deadLink is to a peer that is there and never replies.
type deadLink struct{}

func (deadLink) Request(ctx context.Context, _ transport.Kind, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (deadLink) Handle(transport.Handler) error { return nil }
func (deadLink) Close() error                   { return nil }

// rubbishLink is to a peer that sends what nobody can open, and plenty of it.
type rubbishLink struct {
	deadLink
	handler chan transport.Handler
}

func (l rubbishLink) Handle(h transport.Handler) error {
	l.handler <- h
	return nil
}

// countingCodec counts what it was asked to open.
type countingCodec struct {
	envelope.Codec
	opened *atomic.Int64
}

func (c countingCodec) Open(wire []byte) (envelope.Cut, string, error) {
	c.opened.Add(1)
	return c.Codec.Open(wire)
}

// connect gives a node a further connection.
func (m *machine) connect(id byte, link transport.Link, change func(*flow.Connection)) {
	m.w.t.Helper()
	e := &wire{n: m.node, peer: &wire{n: &node{name: fmt.Sprint("peer", id)}}, id: event.ConnectionID{id}, rules: rules(m.w.t)}
	con := e.connection(link)
	if change != nil {
		change(con)
	}
	m.must(m.runner.Connect(con))
}

// worstLatency opens tickets at a and tells how long the slowest took to b; pass
// lets the bubble's time pass.
func worstLatency(t *testing.T, a, b *machine, pass func(time.Duration)) time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range 20 {
		before := time.Now()
		summary := fmt.Sprint("measured ", i)
		a.desk.open(summary)
		arrived := func() bool {
			return slices.ContainsFunc(b.desk.all(), func(k event.Ticket) bool { return k.Fields["summary"] == summary })
		}
		for !arrived() {
			if time.Since(before) > time.Hour {
				t.Fatalf("ticket %d did not arrive in an hour", i)
			}
			pass(100 * time.Millisecond)
		}
		took = append(took, time.Since(before))
		pass(7 * time.Second)
	}
	return slices.Max(took)
}

// TestRunner_SlowDeadAndHostilePeersDelayNobodyElse: what leaves for one peer is
// as quick as if the others were not there, and what cannot be opened is soon
// not even tried.
func TestRunner_SlowDeadAndHostilePeersDelayNobodyElse(t *testing.T) {
	t.Parallel()
	var alone time.Duration
	synctest.Test(t, func(t *testing.T) {
		a, b := machines(t, memory.New(1))
		alone = worstLatency(t, a, b, time.Sleep)
		end(t, a, b)
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := machines(t, memory.New(1))
		for i := range byte(40) {
			a.connect(10+i, deadLink{}, nil)
		}
		slow := memory.New(2)
		slow.Set(memory.Faults{Delay: 20 * time.Second})
		c := machineOf(t, a.w.node("c"))
		for i := range byte(20) {
			here, there := slow.Pair()
			a.connect(100+i, here, nil)
			c.connect(100+i, there, nil)
			t.Cleanup(func() { _, _ = here.Close(), there.Close() })
		}
		opened := &atomic.Int64{}
		hostile := rubbishLink{handler: make(chan transport.Handler, 1)}
		a.connect(200, hostile, func(c *flow.Connection) { c.Codec = countingCodec{c.Codec, opened} })
		ctx, cancel := context.WithCancel(t.Context())
		handler, sent := <-hostile.handler, 0
		over := make(chan bool)
		go func() {
			defer close(over)
			for ctx.Err() == nil {
				_, _ = handler(ctx, transport.KindEnvelope, []byte("rubbish"))
				sent++
				time.Sleep(5 * time.Millisecond)
			}
		}()
		got := worstLatency(t, a, b, time.Sleep)
		cancel()
		<-over
		end(t, a, b, c)
		if got > alone+100*time.Millisecond { // which is how closely it is measured
			t.Errorf("the slowest ticket took %v, want %v as without the others", got, alone)
		}
		if n := opened.Load(); sent < 10_000 || n > 400 {
			t.Errorf("%d of %d messages of rubbish were opened, want a few", n, sent)
		}
	})
}
