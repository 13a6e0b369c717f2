package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/transport/memory"
	"parley/sync/work"
)

// sweeper sweeps a machine's connections for ever and counts what it did; busy is
// whether the node is never idle.
func (m *machine) sweeper(busy bool, parts map[string]int) *flow.Sweeper {
	return &flow.Sweeper{
		Path: m.path, Idle: func() bool { return !busy }, Full: func() bool { return false },
		Due: func(*flow.Connection, flow.Swept) bool { return true },
		Did: func(con *flow.Connection, _ flow.Swept, _ error) { parts[con.Name]++ },
	}
}

// turns lets a sweeper work for a time, as a node does.
func turns(t *testing.T, s *flow.Sweeper, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	for ctx.Err() == nil {
		for s.Turn(ctx) {
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Second):
		}
	}
}

// TestSweep_ANodeThatIsNeverIdleIsSweptToo: it has a small share whatever the load,
// and all of it, at its pace, of a node with nothing else to do.
func TestSweep_ANodeThatIsNeverIdleIsSweptToo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		busy        bool
		least, most int // tickets in ten minutes
	}{{busy: true, least: 250, most: 300}, {busy: false, least: 1000, most: 3000}} {
		t.Run(fmt.Sprint("busy=", tt.busy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := machines(t, memory.New(1))
				for range 50 {
					a.desk.open("one")
				}
				time.Sleep(2 * time.Minute)
				reads := 0
				synctest.Wait() // the runner looks at what is set next
				a.desk.on = func(call string, _ event.Step) error {
					if call == "read" {
						reads++
					}
					return nil
				}
				turns(t, a.sweeper(tt.busy, map[string]int{}), 10*time.Minute)
				if reads < tt.least || reads > tt.most {
					t.Errorf("%d tickets were read in ten minutes, want %d to %d", reads, tt.least, tt.most)
				}
				end(t, a, b)
			})
		})
	}
}

// TestSweep_TakesItsTurnWhenTheTrackerLetsIt: a tracker that is at its limit again and
// again is asked in the moment between.
func TestSweep_TakesItsTurnWhenTheTrackerLetsIt(t *testing.T) {
	t.Parallel()
	w, a, _ := pair(t)
	busy := a.desk.open("one")
	a.desk.open("another")
	w.settle()
	limited := &adapters.Error{Class: adapters.ErrLimited, Op: "read", After: 10 * time.Second}
	a.desk.on = func(call string, _ event.Step) error {
		if call == "read" {
			return limited
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		path := flow.New(a.options(time.Now, func(flow.Observation) {}))
		con := a.wires[0].connection(a.wires[0])
		a.must(path.Add(con))
		began, at := time.Now(), time.Time{}
		a.must(path.Touch(con.ID, []event.Change{{Ref: busy}}, work.Seen{Cause: event.CauseEdit}))
		a.must(path.Work(t.Context(), con.ID, busy))
		if path.Limited().IsZero() {
			t.Fatal("the tracker's limit is not held")
		}
		a.desk.on = func(call string, _ event.Step) error {
			if call == "read" && at.IsZero() {
				at = time.Now()
			}
			return nil
		}
		s := &flow.Sweeper{
			Path: path, Idle: func() bool { return false }, Full: func() bool { return false },
			Due: func(*flow.Connection, flow.Swept) bool { return true }, Did: func(*flow.Connection, flow.Swept, error) {},
		}
		s.Turn(t.Context())
		if got := at.Sub(began); got != 10*time.Second {
			t.Errorf("read %v after the limit was told, want exactly 10s", got)
		}
	})
}

// TestSweep_ConnectionsTakeTurns: the round of a large one does not keep the others
// waiting to its end.
func TestSweep_ConnectionsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b, c := w.node("a"), w.node("b"), w.node("c")
		w.join(1, a, b)
		w.join(2, a, c)
		for range 90 {
			a.desk.open("one")
		}
		w.settle()
		m := &machine{node: a}
		m.path = a.path
		parts := map[string]int{}
		s := m.sweeper(false, parts)
		for range 3 {
			s.Turn(t.Context())
		}
		if parts["b"] != 3 || parts["c"] != 3 {
			t.Errorf("after three turns: %v", parts)
		}
	})
}

// TestSweep_ATicketThatCannotBeReadIsPassedOver: it is tried a few times, and no
// other ticket goes without its turn for it.
func TestSweep_ATicketThatCannotBeReadIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, class := range []error{adapters.ErrTransient, adapters.ErrDenied} {
		w, a, _ := pair(t)
		for range 5 {
			a.desk.open("one")
		}
		w.settle()
		bad, tries, reads := event.Ref{}, 0, 0
		a.desk.on = func(call string, step event.Step) error {
			if call != "read" {
				return nil
			}
			if reads++; reads == 3 {
				bad = step.Ref
			}
			if step.Ref == bad {
				tries++
				return trouble(class, "read")
			}
			return nil
		}
		var state flow.Swept
		failures := []string{}
		for range 4 {
			var err error
			if state, err = a.path.Sweep(t.Context(), a.con(), atOnce); err == nil {
				break
			}
			if !errors.Is(err, class) {
				t.Fatal(err)
			}
			failures = append(failures, err.Error())
		}
		if state.Ended.IsZero() || state.Tickets != 4 || state.Unread != 1 || tries != 3 {
			t.Errorf("%v: the round came to %+v after %d tries:\n%s", class, state, tries, strings.Join(failures, "\n"))
		}
	}
}
