package flow_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
)

// tenant makes a node keep only tickets that say so on a connection.
func (e *wire) tenant(t *testing.T, word string) {
	t.Helper()
	e.rules.Scope = scopeOf(t, fmt.Sprintf("issue.summary startsWith %q", word))
}

func scopeOf(t *testing.T, src string) *filters.Scope {
	t.Helper()
	scope, err := filters.CompileScope(src, filters.Env{Schema: schema(), Key: []byte("k"), Limits: filters.Limits{Time: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return scope
}

// tenants are a hub and b with many connections, each for tickets of its own.
func tenants(t *testing.T, n int) (w *world, hub, b *node) {
	t.Helper()
	w = newWorld(t)
	hub, b = w.node("hub"), w.node("b")
	for i := range n {
		atHub, atB := w.join(byte(i+1), hub, b)
		atHub.tenant(t, fmt.Sprintf("t%02d ", i))
		atB.tenant(t, fmt.Sprintf("t%02d ", i))
	}
	return w, hub, b
}

// everywhere counts the rows of a kind on all of a node's connections.
func (n *node) everywhere(kind byte) int {
	n.w.t.Helper()
	count := 0
	n.must(n.store.View(func(r store.Reader) error {
		return r.Keys([]byte{kind, '/'}, nil, func([]byte) (bool, error) {
			count++
			return true, nil
		})
	}))
	return count
}

func TestPoll_ATicketCostsWorkOnlyWhereItMayBelong(t *testing.T) {
	t.Parallel()
	w, hub, b := tenants(t, 12)
	var reads atomic.Int64
	hub.desk.on = func(call string, _ event.Step) error {
		if call == "read" {
			reads.Add(1)
		}
		return nil
	}
	ref := hub.desk.open("t03 printer")
	hub.desk.open("nobody's")
	hub.poll()
	if got := hub.everywhere('w'); got != 1 {
		t.Errorf("%d work rows for two tickets, want 1", got)
	}
	w.settle()
	if reads.Load() > 4 {
		t.Errorf("%d readings", reads.Load())
	}
	if got := b.one().Fields["summary"]; got != "t03 printer" {
		t.Errorf("b has %q", got)
	}
	// A ticket that moves to another connection's scope is looked at for both.
	hub.desk.set(ref, "summary", "t05 printer")
	hub.poll()
	if got := hub.everywhere('w'); got != 2 {
		t.Errorf("%d work rows, want one where its twin is and one where it belongs", got)
	}
}

func TestPoll_AScopeThatChangesCountsFromTheNextPollOn(t *testing.T) {
	t.Parallel()
	_, hub, _ := tenants(t, 12)
	for i, wire := range hub.wires {
		wire.rules.Scope = scopeOf(t, fmt.Sprintf(`issue.summary == "t%02d"`, i))
	}
	hub.crash() // with these
	hub.desk.open("t03")
	hub.poll()
	if got := hub.everywhere('w'); got != 1 {
		t.Fatalf("%d work rows, want 1", got)
	}
	rules := *hub.wires[5].con.Rules()
	rules.Scope = scopeOf(t, `issue.summary == "t04"`)
	hub.wires[5].con.SetRules(&rules)
	hub.desk.open("t04")
	hub.poll()
	if got := hub.everywhere('w'); got != 3 {
		t.Errorf("%d work rows, want one of the first ticket and two of the second", got)
	}
}

func TestPoll_AHeldTicketIsLookedAtAgainThoughItDoesNotBelong(t *testing.T) {
	t.Parallel()
	w, hub, b := tenants(t, 12)
	fail := true
	hub.desk.on = func(call string, _ event.Step) error {
		if call == "read" && fail {
			return trouble(adapters.ErrDenied, "read")
		}
		return nil
	}
	ref := hub.desk.open("t03 printer")
	hub.poll()
	w.run()
	if got := hub.everywhere('w'); got != 12 {
		t.Fatalf("%d work rows of a ticket that cannot be read, want all", got)
	}
	fail = false
	hub.desk.set(ref, "summary", "nobody's")
	w.settle()
	if got := hub.everywhere('w'); got != 0 {
		t.Errorf("%d work rows stay", got)
	}
	if got := len(b.desk.all()); got != 0 {
		t.Errorf("b has %d tickets", got)
	}
}

func TestPoll_ATicketThatIsBeingCreatedCostsWorkOnlyForItsMaker(t *testing.T) {
	t.Parallel()
	w, hub, b := tenants(t, 12)
	looks, made := 0, false
	b.desk.on = func(call string, step event.Step) error {
		if call == "write done" && step.Kind == event.StepCreate {
			b.poll() // which sees the ticket before the plan knows that it is there
			looks, made = b.everywhere('w'), true
		}
		return nil
	}
	hub.desk.open("t03 printer")
	w.settle()
	if !made || looks != 1 {
		t.Errorf("created: %v, and %d connections look, want the one that it came from", made, looks)
	}
	if got := len(hub.desk.all()); got != 1 {
		t.Errorf("%d tickets at the hub", got)
	}
}

func TestPoll_APageForManyConnectionsFitsTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hub := w.node("hub")
	const connections, tickets = 100, 100
	for i := range connections {
		// Expected ones have no rules yet: everything is kept for them.
		hub.path.Expect(event.ConnectionID{byte(i + 1)})
	}
	for i := range tickets {
		hub.desk.open(fmt.Sprint(i))
	}
	hub.poll()
	if got := hub.everywhere('w'); got != connections*tickets {
		t.Errorf("%d work rows, want %d", got, connections*tickets)
	}
}

func TestConnections_TwinsOfAnOlderStoreAreFound(t *testing.T) {
	t.Parallel()
	w, hub, b := tenants(t, 12)
	ref := hub.desk.open("t03 printer")
	w.settle()
	hub.must(hub.store.Update(func(tx store.Tx) error {
		var keys [][]byte
		for _, prefix := range []string{"v/", "m/known"} {
			err := tx.Keys([]byte(prefix), nil, func(key []byte) (bool, error) { keys = append(keys, key); return true, nil })
			if err != nil {
				return err
			}
		}
		for _, key := range keys {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		return nil
	}))
	hub.crash()
	hub.desk.set(ref, "summary", "nobody's")
	w.settle()
	if got := b.one().Fields["summary"]; got != "nobody's" {
		t.Errorf("b has %q: the twin was not known", got)
	}
}
