package simtest

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

var (
	seeds  = flag.Int("seeds", 100, "how many seeds to run")
	from   = flag.Uint64("seed", 1, "first seed")
	traced = flag.Bool("log", false, "log everything that happens")
	storm  = flag.Bool("storm", false, "all other faults beside restores")
	turns  = flag.Int("turns", 1500, "turns a seed runs with faults")
)

// TestSimulation_BothSidesAgreeWhenTheyFallQuiet is promises 1, 2, 3 and 6 under
// seeded faults. A seed that fails replays: -run … -args -seed N -seeds 1 -log.
func TestSimulation_BothSidesAgreeWhenTheyFallQuiet(t *testing.T) {
	t.Parallel()
	for i := range *seeds {
		seed := *from + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := run(t, seed, 0)
			w.check(t)
		})
	}
}

// TestSimulation_RestoredNodesAgreeAgain puts a backup of one node back: what it
// forgot is found again, and nothing made twice. Whose edit ends on top is not
// asked where the node forgot who had made it.
func TestSimulation_RestoredNodesAgreeAgain(t *testing.T) {
	t.Parallel()
	for i := range *seeds / 2 {
		seed := *from + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := run(t, seed, 1)
			w.check(t)
			if got := w.a.seen["restored"] + w.b.seen["restored"]; got != 1 {
				t.Errorf("%d nodes were restored, want 1", got)
			}
		})
	}
}

// TestSimulation_ASeedReplaysExactly: a failure found once can be looked at again.
func TestSimulation_ASeedReplaysExactly(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{3, 5, 12} {
		one, two := run(t, seed, 0).fingerprint(), run(t, seed, 0).fingerprint()
		if one != two {
			t.Errorf("seed %d: two runs differ:\n%s\n%s", seed, one, two)
		}
	}
}

func run(t *testing.T, seed uint64, restores int) *world {
	t.Helper()
	trace := func(string, ...any) {}
	if *traced {
		trace = t.Logf
	}
	w, err := newWorld(seed, trace)
	if err != nil {
		t.Fatal(err)
	}
	if w.restores, w.forgets = restores, restores > 0; w.forgets && !*storm {
		w.limits = limits{}
	}
	ctx := context.Background()
	if err := w.live(ctx, *turns); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if err := w.settle(ctx); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return w
}

func (w *world) fingerprint() string {
	var b strings.Builder
	for _, n := range []*node{w.a, w.b} {
		fmt.Fprintf(&b, "%s %v serial=%d boots=%d", n.name, n.seen, n.tracker.serial, n.boots)
		for _, k := range n.tracker.list {
			fmt.Fprintf(&b, " %v %d %d", k.Fields, len(k.Comments), len(k.Attachments))
		}
	}
	return b.String() + w.clock.at.String()
}

// check holds the quiet world to the promises.
func (w *world) check(t *testing.T) {
	t.Helper()
	for _, n := range []*node{w.a, w.b} {
		for _, kind := range []byte("wiqj") {
			if c := n.count(kind); c != 0 {
				t.Errorf("%s: %d rows of kind %c are left", n.name, c, kind)
				n.dump(t, kind)
			}
		}
	}
	if len(w.a.tracker.list) != len(w.b.tracker.list) {
		t.Errorf("A has %d tickets, B has %d", len(w.a.tracker.list), len(w.b.tracker.list))
	}
	for _, k := range w.a.tracker.list {
		w.checkPair(t, k)
	}
	w.checkAgreed(t)
}

func (n *node) dump(t *testing.T, kind byte) {
	t.Helper()
	_ = n.store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix(kind, n.con.ID), nil, func(_, value []byte) (bool, error) {
			t.Logf("%s %c %s", n.name, kind, value)
			return true, nil
		})
	})
}

func (w *world) checkPair(t *testing.T, a *ticket) {
	t.Helper()
	b := w.twinOf(a)
	if b == nil {
		t.Errorf("%s has no twin", a.Key)
		return
	}
	for _, name := range []string{"status", "priority", "summary"} {
		x, y := a.Fields[name], b.Fields[name]
		if name == "summary" {
			// B's filter writes a prefix, and takes it off again; one that a person
			// of B gave has none.
			y = strings.TrimPrefix(y.(string), "[peer] ")
		}
		if x != y {
			t.Errorf("%s and %s differ in %s: %v and %v", a.Key, b.Key, name, x, y)
		}
		if !w.forgets {
			checkEdits(t, name, x, a, b)
		}
	}
	if got, want := labels(a), labels(b); !slices.Equal(got, want) {
		t.Errorf("%s and %s differ in labels: %v and %v", a.Key, b.Key, got, want)
	}
	if got, want := b.Fields["fields.Remote key"], a.Key; got != want {
		t.Errorf("%s: remote key is %v, want %s", b.Key, got, want)
	}
	checkComments(t, a, b)
	checkComments(t, b, a)
	checkFiles(t, a, b)
	checkFiles(t, b, a)
}

// checkEdits: the value both ended with is the last that somebody gave it on
// one of the sides, not an older one that came back.
func checkEdits(t *testing.T, name string, value any, a, b *ticket) {
	t.Helper()
	var last []any
	for _, k := range []*ticket{a, b} {
		if edits := k.edits[name]; len(edits) > 0 {
			last = append(last, edits[len(edits)-1])
		}
	}
	if len(last) > 0 && !slices.Contains(last, value) {
		t.Errorf("%s: %s is %v, last edits were %v", a.Key, name, value, last)
	}
}

// twinOf finds B's ticket for A's by what A's node knows.
func (w *world) twinOf(a *ticket) *ticket {
	var found *ticket
	_ = w.a.store.View(func(r store.Reader) error {
		id, err := r.Get(store.RefKey(w.a.con.ID, a.Ref))
		if err != nil {
			return err
		}
		raw := row(w.b, event.TwinID(id))
		if raw != nil {
			found = w.b.tracker.find(raw.Ref)
		}
		return nil
	})
	return found
}

func row(n *node, id event.TwinID) *twin.Row {
	var found *twin.Row
	_ = n.store.View(func(r store.Reader) error {
		raw, err := r.Get(store.TwinKey(n.con.ID, id))
		if err == nil {
			found, err = parse(raw)
		}
		return err
	})
	return found
}

func labels(k *ticket) []string {
	var out []string
	list, _ := k.Fields["labels"].([]any)
	for _, l := range list {
		out = append(out, l.(string))
	}
	slices.Sort(out)
	return out
}

// checkComments: what people wrote for everybody on one side stands on the
// other once, in order; what they wrote for their own does not.
func checkComments(t *testing.T, from, to *ticket) {
	t.Helper()
	var want, got []string
	for _, c := range from.Comments {
		if c.Marker == "" && !c.Internal {
			want = append(want, "from peer: "+c.Body)
		}
	}
	for _, c := range to.Comments {
		if c.Marker != "" {
			got = append(got, c.Body)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("comments of %s on %s:\n got %q\nwant %q", from.Key, to.Key, got, want)
	}
}

func checkFiles(t *testing.T, from, to *ticket) {
	t.Helper()
	var want, got []string
	for _, a := range from.Attachments {
		if a.Marker == "" {
			want = append(want, a.Name+" "+from.content[a.ID])
		}
	}
	for _, a := range to.Attachments {
		if a.Marker != "" {
			got = append(got, a.Name+" "+to.content[a.ID])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("files of %s on %s:\n got %q\nwant %q", from.Key, to.Key, got, want)
	}
}
