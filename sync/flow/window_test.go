package flow_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/transport/memory"
)

// TestRunner_MemoryHoldsAWindowOfTheTasks: however much waits, memory holds a
// window of it, nothing is forgotten, and what is urgent finds a place.
func TestRunner_MemoryHoldsAWindowOfTheTasks(t *testing.T) {
	t.Parallel()
	const tickets, size = 600, 40
	synctest.Test(t, func(t *testing.T) {
		network := memory.New(1)
		network.Cut()
		refuse := atomic.Bool{}
		refuse.Store(true)
		slow := func(call string, _ event.Step) error {
			if call == "read" {
				time.Sleep(time.Second)
			}
			return nil
		}
		a, b := windowed(t, network, size, slow, func(call string, _ event.Step) error {
			if call == "write" && refuse.Load() {
				return trouble(adapters.ErrTransient, call)
			}
			return nil
		})
		for i := range tickets {
			a.desk.open(fmt.Sprint("ticket ", i))
		}
		most := 0
		watch := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				for _, m := range []*machine{a, b} {
					present, later := m.runner.Waiting()
					most = max(most, present+later)
				}
			}
		}
		watch(time.Minute)
		network.Join()
		watch(5 * time.Minute)
		refuse.Store(false)
		watch(20 * time.Minute)
		end(t, a, b)
		if most > 2*size {
			t.Errorf("memory held %d tasks, want at most %d", most, 2*size)
		}
		if got := len(b.desk.all()); got != tickets {
			t.Errorf("%d tickets at b, want %d", got, tickets)
		}
		if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
			t.Errorf("the two sides (-a +b):\n%s", diff)
		}
		for _, m := range []*machine{a, b} {
			for _, kind := range []byte("wiqj") {
				if got := m.rows(kind); got != 0 {
					t.Errorf("%s: %d rows %c are left", m.name, got, kind)
				}
			}
		}
	})
}

// windowed is machines whose memory holds few tasks.
func windowed(t *testing.T, network *memory.Network, size int, onA, onB func(string, event.Step) error) (a, b *machine) {
	t.Helper()
	w := newWorld(t)
	x, y := w.node("a"), w.node("b")
	x.desk.on, y.desk.on = onA, onB
	atX, atY := w.join(1, x, y)
	linkX, linkY := network.Pair()
	o := flow.RunnerOptions{Every: time.Second, Window: size}
	a, b = machineWith(t, x, o), machineWith(t, y, o)
	a.must(a.runner.Connect(atX.connection(linkX)))
	b.must(b.runner.Connect(atY.connection(linkY)))
	t.Cleanup(func() { _, _ = linkX.Close(), linkY.Close() })
	return a, b
}
