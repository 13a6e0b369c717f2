package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
)

// maker is a desk whose tickets hold only versions that are there.
type maker struct {
	*desk
	versions []string
	// broken is set while a call ends without an answer: "before" or "after" one is made.
	broken string
	asked  []event.Making
}

var _ adapters.Maker = (*maker)(nil)

// Make implements adapters.Maker, without looking whether it is there already: a test
// sees what is asked for twice.
func (m *maker) Make(_ context.Context, what event.Making) error {
	m.asked = append(m.asked, what)
	if m.broken == "before" {
		return trouble(adapters.ErrDoubt, "make")
	}
	if !slices.Contains(m.versions, what.Name) {
		m.versions = append(m.versions, what.Name)
	}
	if m.broken == "after" {
		return trouble(adapters.ErrDoubt, "make")
	}
	return nil
}

// Schema implements adapters.Tracker.
func (m *maker) Schema(ctx context.Context) (event.Schema, error) {
	s, err := m.desk.Schema(ctx)
	if err == nil {
		s.Fields["fixVersions"] = event.Field{Type: event.TypeSet, Writable: true, Options: []string{"1.0"}}
		s.Makes = []string{event.MakeVersions}
	}
	return s, err
}

// making makes of a node one whose tracker has versions, and whose filter has those made
// that the labels of the peer's ticket name.
func making(t *testing.T, b *node) *maker {
	t.Helper()
	m := &maker{desk: b.desk, versions: []string{"1.0"}}
	m.on = func(call string, step event.Step) error {
		list, _ := step.Fields["fixVersions"].([]any)
		for _, name := range list {
			if call == "write" && !slices.Contains(m.versions, fmt.Sprint(name)) {
				return trouble(adapters.ErrRejected, "write a version that is not there")
			}
		}
		return nil
	}
	b.tracker = m
	b.boot()
	env := env()
	env.Schema, _ = m.Schema(t.Context())
	env.Create = []string{event.MakeVersions}
	in, err := filters.CompileIncoming(incoming+`
issue.fixVersions = map(replica.labels, version(#, true))
if version("unused", true) == nil {
  note "it is not there"
}`, env)
	if err != nil {
		t.Fatal(err)
	}
	b.rule(func(r *flow.Rules) { r.Incoming, r.Accept.Create = in, env.Create })
	return m
}

// TestMake_WhatATicketNamesIsMadeOnceAndBeforeIt: whether the ticket is new or not, and
// whatever becomes of the answers; two tickets that name the same get the same.
func TestMake_WhatATicketNamesIsMadeOnceAndBeforeIt(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"", "before", "after"} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprint("broken ", broken, ", crash ", crash), func(t *testing.T) {
				t.Parallel()
				w, a, b := pair(t)
				m := making(t, b)
				m.broken = broken
				ref := a.desk.open("one")
				a.desk.set(ref, "labels", []any{"1.0", "2.0"})
				w.settle()
				if crash {
					b.crash()
				}
				m.broken = ""
				w.settle()
				w.pass(time.Minute)
				w.settle()
				if got := b.one().Fields["fixVersions"]; !cmp.Equal(got, []any{"1.0", "2.0"}) {
					t.Fatalf("the new ticket holds %v", got)
				}
				m.broken = broken
				a.desk.set(ref, "labels", []any{"2.0", "3.0"})
				w.settle()
				if crash {
					b.crash()
				}
				m.broken = ""
				w.settle()
				w.pass(time.Minute)
				w.settle()
				if got := b.one().Fields["fixVersions"]; !cmp.Equal(got, []any{"2.0", "3.0"}) {
					t.Errorf("the ticket holds %v", got)
				}
				if want := []string{"1.0", "2.0", "3.0"}; !cmp.Equal(m.versions, want) {
					t.Errorf("the tracker has %v, want %v", m.versions, want)
				}
			})
		}
	}
}

// TestMake_OnlyWhatIsWritten: a trial makes nothing, nor does a filter that names it
// and puts it into no field, nor a gate that does not let it.
func TestMake_OnlyWhatIsWritten(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	m := making(t, b)
	ref := a.desk.open("one")
	a.desk.set(ref, "labels", []any{"1.0"})
	w.settle()
	if len(m.asked) != 0 {
		t.Fatalf("%v are made, and nothing is missing", m.asked)
	}
	b.con().Pause(false, true)
	a.desk.set(ref, "labels", []any{"2.0"})
	w.settle()
	id, _, err := b.path.TwinOf(b.con(), b.one().Ref)
	b.must(err)
	in, err := b.path.TryIn(t.Context(), b.con(), b.con().Rules(), id)
	if err != nil || in == nil || len(in.Steps) != 1 {
		t.Fatalf("trial: %+v, %v", in, err)
	}
	if want := []event.Making{{Kind: event.MakeVersions, Name: "2.0"}}; !cmp.Equal(in.Steps[0].Write.Make, want) || len(m.asked) != 0 {
		t.Errorf("a trial says that %v is made, want %v, and %v was", in.Steps[0].Write.Make, want, m.asked)
	}
	b.rule(func(r *flow.Rules) { r.Accept.Create = nil })
	b.boot()
	w.settle()
	if b.saw("refused here") != 1 {
		t.Errorf("%d events are refused, want 1", b.saw("refused here"))
	}
	if len(m.asked) != 0 || !cmp.Equal(b.one().Fields["fixVersions"], []any{"1.0"}) {
		t.Errorf("a gate that is closed lets %v be made; the ticket holds %v", m.asked, b.one().Fields["fixVersions"])
	}
}

// TestMake_IsOneAtATime: two tickets that name the same for the first time would both not
// find it.
func TestMake_IsOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &slowMaker{desk: &desk{name: "b"}, goOn: make(chan struct{})}
		p := flow.New(flow.Options{Tracker: m})
		step := event.Step{Kind: event.StepUpdate, Make: []event.Making{{Kind: event.MakeVersions, Name: "2.0"}}}
		for range 3 {
			go func() { _ = p.MakeFirst(t.Context(), step) }()
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		for n := range 3 {
			synctest.Wait()
			if at := m.at.Load(); at != int64(n+1) {
				t.Errorf("after %d are made, %d have begun", n, at)
			}
			if err := p.MakeFirst(gone, step); !errors.Is(err, context.Canceled) {
				t.Errorf("who does not want to wait is told %v", err)
			}
			m.goOn <- struct{}{}
		}
	})
}

// slowMaker makes when it is let.
type slowMaker struct {
	*desk
	at   atomic.Int64
	goOn chan struct{}
}

// Make implements adapters.Maker.
func (m *slowMaker) Make(context.Context, event.Making) error {
	m.at.Add(1)
	<-m.goOn
	return nil
}
