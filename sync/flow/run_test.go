package flow_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/transport/memory"
)

// machine is a node with all its goroutines.
type machine struct {
	*node
	runner *flow.Runner
	stop   context.CancelFunc
	ended  chan error
}

// machines are two nodes over one network; their clock is the bubble's.
func machines(t *testing.T, network *memory.Network, prepare ...func(a, b *node)) (a, b *machine) {
	t.Helper()
	return hooked(t, network, func(string, event.Step) error { return nil }, prepare...)
}

// hooked is machines with a hook on a's desk.
func hooked(t *testing.T, network *memory.Network, on func(string, event.Step) error, prepare ...func(a, b *node)) (a, b *machine) {
	t.Helper()
	w := newWorld(t)
	x, y := w.node("a"), w.node("b")
	x.desk.on = on
	atX, atY := w.join(1, x, y)
	for _, f := range prepare {
		f(x, y)
	}
	linkX, linkY := network.Pair()
	a, b = machineOf(t, x), machineOf(t, y)
	for _, end := range []struct {
		m    *machine
		e    *wire
		link *memory.Link
	}{{a, atX, linkX}, {b, atY, linkY}} {
		end.m.must(end.m.runner.Connect(end.e.connection(end.link)))
		t.Cleanup(func() { _ = end.link.Close() })
	}
	return a, b
}

func machineOf(t *testing.T, n *node) *machine {
	t.Helper()
	return machineWith(t, n, flow.RunnerOptions{Every: time.Second})
}

func machineWith(t *testing.T, n *node, o flow.RunnerOptions) *machine {
	t.Helper()
	n.desk.now = time.Now
	m := &machine{node: n, ended: make(chan error, 1)}
	m.path, m.runner = flow.NewRunner(n.options(time.Now, nil), o)
	ctx, cancel := context.WithCancel(t.Context())
	m.stop = cancel
	go func() { m.ended <- m.runner.Run(ctx) }()
	return m
}

// end stops both and holds them to have ended all of their goroutines: a bubble
// with a goroutine left in it fails its test.
func end(t *testing.T, all ...*machine) {
	t.Helper()
	for _, m := range all {
		m.stop()
		if err := <-m.ended; err != nil {
			t.Errorf("%s ended with %v", m.name, err)
		}
	}
}

func TestRunner_ConvergesOverAFaultyNetwork(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := memory.New(seed)
				network.Set(memory.Faults{Drop: 0.2, Repeat: 0.2, Delay: 2 * time.Second})
				a, b := machines(t, network)
				for i := range 6 {
					for _, m := range []*machine{a, b} {
						ref := m.desk.open(fmt.Sprint("ticket ", i, " of ", m.name))
						m.desk.comment(ref, "hello", false)
						m.desk.attach(ref, "file", fmt.Sprint(i, m.name))
					}
					time.Sleep(3 * time.Second)
					for _, m := range []*machine{a, b} {
						for _, k := range m.desk.all() {
							if k.Marker != "" {
								m.desk.comment(k.Ref, fmt.Sprint("round ", i, " by ", m.name), false)
							}
						}
					}
				}
				network.Cut()
				time.Sleep(time.Minute)
				network.Join()
				time.Sleep(20 * time.Minute)
				end(t, a, b)
				if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
					t.Errorf("the two sides (-a +b):\n%s", diff)
				}
				if got := len(a.desk.all()); got != 12 {
					t.Errorf("%d tickets, want 12", got)
				}
				for _, m := range []*machine{a, b} {
					for _, kind := range []byte("wiqj") {
						if got := m.rows(kind); got != 0 {
							t.Errorf("%s: %d rows %c are left", m.name, got, kind)
						}
					}
				}
			})
		})
	}
}

// TestRunner_EndsWhenTheStoreStops: a failed commit ends the node, whoever made it.
func TestRunner_EndsWhenTheStoreStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := machines(t, memory.New(1))
		time.Sleep(time.Minute)
		b.store.FailCommit(1)
		a.desk.open("one")
		if err := <-b.ended; err == nil {
			t.Error("it ended without saying why")
		}
		b.stop()
		end(t, a)
		if got := len(b.desk.all()); got != 0 {
			t.Errorf("%d tickets were written on a disk that failed", got)
		}
	})
}

// TestRunner_ReturnsWhenItsGoroutinesHaveEnded: a call of the tracker that does
// not heed its context is waited for.
func TestRunner_ReturnsWhenItsGoroutinesHaveEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, over := make(chan bool, 100), atomic.Bool{}
		a, b := hooked(t, memory.New(1), func(call string, _ event.Step) error {
			if call == "read" {
				begun <- true
				time.Sleep(time.Minute)
				over.Store(true)
			}
			return nil
		})
		a.desk.open("one")
		<-begun
		end(t, a)
		if !over.Load() {
			t.Error("it returned with a call under way")
		}
		end(t, b)
	})
}

// TestRunner_ReturnsAtOnceFromTheMidstOfWork: it waits for its goroutines, and
// they for nothing.
func TestRunner_ReturnsAtOnceFromTheMidstOfWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := memory.New(1)
		a, b := machines(t, network)
		time.Sleep(time.Minute)
		network.Cut() // requests hang
		for i := range 20 {
			a.desk.open(fmt.Sprint(i))
		}
		time.Sleep(2 * time.Second)
		before := time.Now()
		end(t, a, b)
		if took := time.Since(before); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
