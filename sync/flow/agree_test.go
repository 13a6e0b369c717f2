package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/sync/agree"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/twin"
)

// agreement is two nodes in step, with one ticket of a that both have written to.
type agreement struct {
	w    *world
	a, b *node
	id   event.TwinID
}

func newAgreement(t *testing.T) *agreement {
	t.Helper()
	w, a, b := pair(t)
	ref := a.desk.open("one")
	a.desk.comment(ref, "from a", false)
	a.desk.attach(ref, "a.txt", "bytes of a")
	w.settle()
	b.desk.comment(b.one().Ref, "from b", false)
	b.desk.set(b.one().Ref, "status", "Done")
	w.settle()
	i, err := a.path.Inspect(a.con(), ref, event.TwinID{})
	a.must(err)
	return &agreement{w, a, b, i.TwinID}
}

func (n *node) compare() flow.Comparison {
	n.w.t.Helper()
	c, err := n.path.Compare(context.Background(), n.con())
	n.must(err)
	return c
}

// change alters rows of a node behind its back.
func (n *node) change(fn func(tx store.Tx) error) {
	n.w.t.Helper()
	n.must(n.store.Update(fn))
}

// alterRow changes a twin's row behind the node's back.
func (g *agreement) alterRow(n *node, fn func(tx store.Tx, row *twin.Row)) {
	g.w.t.Helper()
	n.change(func(tx store.Tx) error {
		key := store.TwinKey(n.con().ID, g.id)
		raw, err := tx.Get(key)
		if err != nil {
			return err
		}
		var row twin.Row
		if err := row.UnmarshalBinary(raw); err != nil {
			return err
		}
		fn(tx, &row)
		if raw, err = row.MarshalBinary(); err != nil {
			return err
		}
		return tx.Put(key, raw)
	})
}

// alterItems changes the only page of a twin's items.
func (g *agreement) alterItems(n *node, fn func(twin.Page) twin.Page) {
	g.w.t.Helper()
	g.alterRow(n, func(tx store.Tx, row *twin.Row) {
		key := store.PageKey(n.con().ID, g.id, 0)
		raw, err := tx.Get(key)
		n.must(err)
		var page twin.Page
		n.must(page.UnmarshalBinary(raw))
		page = fn(page)
		raw, err = page.MarshalBinary()
		n.must(err)
		n.must(tx.Put(key, raw))
		row.Items = len(page)
	})
}

// alterReceived changes a field of what a node holds as received.
func (g *agreement) alterReceived(n *node, name string, value any) {
	g.w.t.Helper()
	n.change(func(tx store.Tx) error {
		key := store.ReceivedKey(n.con().ID, g.id)
		raw, err := tx.Get(key)
		if err != nil {
			return err
		}
		p := event.NewParser(raw)
		w := event.Writer{}
		w.Number(p.Number())
		fields := p.Map()
		fields[name] = value
		w.Map(fields)
		w.Number(p.Number())
		w.Texts(p.Texts())
		return tx.Put(key, w.Bytes)
	})
}

func theirComment(e twin.Entry) bool { return e.Theirs && !e.File }

// damages are what may go wrong with a store behind the node's back, and what a
// comparison at a has to say.
var damages = []struct {
	name   string
	damage func(g *agreement)
	want   []agree.Difference
}{
	{"what b received is altered", func(g *agreement) { g.alterReceived(g.b, "summary", "bent") }, []agree.Difference{
		{Direction: agree.Outgoing, Kind: agree.Field, Name: "summary", What: agree.Other},
	}},
	{"what b received is lost", func(g *agreement) {
		g.b.change(func(tx store.Tx) error { return tx.Delete(store.ReceivedKey(g.b.con().ID, g.id)) })
	}, []agree.Difference{
		{Direction: agree.Outgoing, Kind: agree.Field, Name: "key", What: agree.Missing},
		{Direction: agree.Outgoing, Kind: agree.Field, Name: "status", What: agree.Missing},
		{Direction: agree.Outgoing, Kind: agree.Field, Name: "summary", What: agree.Missing},
	}},
	{"what a received is altered", func(g *agreement) { g.alterReceived(g.a, "status", "Bent") }, []agree.Difference{
		{Direction: agree.Incoming, Kind: agree.Field, Name: "status", What: agree.Other},
	}},
	{"what b received cannot be read", func(g *agreement) {
		g.b.change(func(tx store.Tx) error { return tx.Put(store.ReceivedKey(g.b.con().ID, g.id), []byte("rubbish")) })
	}, []agree.Difference{
		{Direction: agree.Outgoing, Kind: agree.Unreadable, Name: "received", What: agree.Broken},
		{Direction: agree.Incoming, Kind: agree.Unreadable, Name: "received", What: agree.Broken},
	}},
	{"a field's hash at a is altered", func(g *agreement) {
		g.alterRow(g.a, func(_ store.Tx, row *twin.Row) {
			sent := row.Sent["summary"]
			sent.Hash, sent.Said = sent.Hash+1, sent.Said+1
			row.Sent["summary"] = sent
		})
	}, []agree.Difference{{Direction: agree.Outgoing, Kind: agree.Field, Name: "summary", What: agree.Other}}},
	{"a field at b is not on record as sent", func(g *agreement) {
		g.alterRow(g.b, func(_ store.Tx, row *twin.Row) { delete(row.Sent, "status") })
	}, []agree.Difference{{Direction: agree.Incoming, Kind: agree.Field, Name: "status", What: agree.Unsaid}}},
	{"a comment's row at b is lost", func(g *agreement) {
		g.alterItems(g.b, func(p twin.Page) twin.Page { return without(p, theirComment) })
	}, []agree.Difference{{Direction: agree.Outgoing, Kind: agree.Comment, What: agree.Missing}}},
	{"a comment's row at b is altered", func(g *agreement) {
		g.alterItems(g.b, func(p twin.Page) twin.Page {
			for i := range p {
				if theirComment(p[i]) {
					p[i].Wire++
				}
			}
			return p
		})
	}, []agree.Difference{{Direction: agree.Outgoing, Kind: agree.Comment, What: agree.Other}}},
	{"a comment's row at a is lost", func(g *agreement) {
		g.alterItems(g.a, func(p twin.Page) twin.Page {
			return without(p, func(e twin.Entry) bool { return !e.Theirs && !e.File })
		})
	}, []agree.Difference{{Direction: agree.Outgoing, Kind: agree.Comment, What: agree.Unsaid}}},
	{"a file's row at b is lost", func(g *agreement) {
		g.alterItems(g.b, func(p twin.Page) twin.Page { return without(p, func(e twin.Entry) bool { return e.Theirs && e.File }) })
	}, []agree.Difference{{Direction: agree.Outgoing, Kind: agree.File, What: agree.Missing}}},
	{"the rows of comments and files at b are lost", func(g *agreement) {
		g.b.change(func(tx store.Tx) error { return tx.Delete(store.PageKey(g.b.con().ID, g.id, 0)) })
	}, []agree.Difference{
		{Direction: agree.Outgoing, Kind: agree.Unreadable, Name: "comments and files", What: agree.Broken},
		{Direction: agree.Incoming, Kind: agree.Unreadable, Name: "comments and files", What: agree.Broken},
	}},
}

func without(p twin.Page, gone func(twin.Entry) bool) twin.Page {
	var out twin.Page
	for _, e := range p {
		if !gone(e) {
			out = append(out, e)
		}
	}
	return out
}

// TestCompare_NamesWhatDiffersAndMendsIt is promise 6: what one side last said and
// the other received is compared, each planted damage is named exactly, from either
// side, and mended without anything being written twice.
func TestCompare_NamesWhatDiffersAndMendsIt(t *testing.T) {
	t.Parallel()
	for _, tt := range damages {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newAgreement(t)
			before := append(g.a.standing(), g.b.standing()...)
			for _, n := range g.w.nodes {
				if c := n.compare(); !c.Agreed() || len(c.Moving) > 0 || c.Twins != 1 {
					t.Fatalf("before the damage %s finds %+v", n.name, c)
				}
			}
			tt.damage(g)
			c := g.a.compare()
			if len(c.Differ) != 1 || c.Differ[0].Twin != g.id || c.Differ[0].Key != g.a.one().Key {
				t.Fatalf("found %+v", c)
			}
			unnamed := cmpopts.IgnoreFields(agree.Difference{}, "Name")
			if named(tt.want) {
				unnamed = cmp.Options{}
			}
			if diff := cmp.Diff(tt.want, c.Differ[0].What, unnamed); diff != "" {
				t.Errorf("a says (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(turned(c.Differ[0].What), g.b.compare().Differ[0].What, cmpopts.SortSlices(byText)); diff != "" {
				t.Errorf("b says otherwise (-a +b):\n%s", diff)
			}
			if _, _, err := g.a.path.Mend(t.Context(), g.a.con(), c); err != nil {
				t.Fatal(err)
			}
			g.w.settle()
			for _, n := range g.w.nodes {
				if c := n.compare(); !c.Agreed() || len(c.Moving) > 0 {
					t.Errorf("mended, and %s still finds %+v", n.name, c)
				}
			}
			if diff := cmp.Diff(before, append(g.a.standing(), g.b.standing()...)); diff != "" {
				t.Errorf("the tickets changed (-before +after):\n%s", diff)
			}
		})
	}
}

func named(all []agree.Difference) bool {
	for _, d := range all {
		if d.Name == "" {
			return false
		}
	}
	return true
}

func byText(a, b agree.Difference) bool { return fmt.Sprint(a) < fmt.Sprint(b) }

// turned is what the other side has to say.
func turned(all []agree.Difference) []agree.Difference {
	out := make([]agree.Difference, len(all))
	for i, d := range all {
		out[i] = d
		out[i].Direction = agree.Incoming
		if d.Direction == agree.Incoming {
			out[i].Direction = agree.Outgoing
		}
	}
	return out
}

// TestCompare_WhatIsUnderWayIsNoAlarm: at no moment of a change's way does a
// comparison call it a difference.
func TestCompare_WhatIsUnderWayIsNoAlarm(t *testing.T) {
	t.Parallel()
	g := newAgreement(t)
	moving := 0
	look := func(at string) {
		t.Helper()
		for _, n := range g.w.nodes {
			c := n.compare()
			if moving += len(c.Moving); !c.Agreed() {
				t.Errorf("%s: %s finds %+v", at, n.name, c.Differ)
			}
		}
	}
	ref := g.a.one().Ref
	g.a.desk.set(ref, "summary", "two")
	g.a.desk.comment(ref, "second", false)
	g.a.desk.attach(ref, "second.txt", "more bytes")
	g.b.desk.set(g.b.one().Ref, "labels", []any{"x"})
	for range 12 {
		for _, n := range g.w.nodes {
			n.poll()
		}
		for steps, moved := 0, true; moved && steps < 200; steps++ {
			moved = false
			for _, n := range g.w.nodes {
				moved = n.step() || moved
				look(fmt.Sprintf("step %d", steps))
				g.a.con().ForgetAsked()
				g.b.con().ForgetAsked()
			}
		}
		g.w.pass(1e9)
	}
	if moving == 0 {
		t.Error("nothing was ever under way")
	}
	g.w.settle()
	look("at rest")
}

// TestCompare_ATwinThatEndedIsNotCompared: neither side calls it a difference.
func TestCompare_ATwinThatEndedIsNotCompared(t *testing.T) {
	t.Parallel()
	g := newAgreement(t)
	g.a.must(g.a.path.Unsync(g.a.con(), g.a.one().Ref))
	g.b.desk.set(g.b.one().Ref, "summary", "goes on alone")
	g.w.settle()
	for _, n := range g.w.nodes {
		if c := n.compare(); !c.Agreed() || len(c.Moving) > 0 {
			t.Errorf("%s finds %+v", n.name, c)
		}
	}
}

// TestCompare_IsBounded: a peer that asks without end is told to wait, as is one
// that has more healed than it may.
func TestCompare_IsBounded(t *testing.T) {
	t.Parallel()
	g := newAgreement(t)
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		_, err = g.a.path.Compare(t.Context(), g.a.con())
	}
	if !errors.Is(err, flow.ErrAskedTooOften) {
		t.Errorf("after 100 comparisons: %v", err)
	}
	g.w.pass(2 * 3600 * 1e9)
	g.w.settle()
	if c := g.a.compare(); !c.Agreed() {
		t.Errorf("hours later: %+v", c)
	}
	damaged := flow.Comparison{Differ: []flow.Unlike{{Twin: g.id, What: []agree.Difference{{Direction: agree.Incoming}}}}}
	for i := 0; i < 100 && err == nil || i == 0; i++ {
		_, _, err = g.a.path.Mend(t.Context(), g.a.con(), damaged)
	}
	if !errors.Is(err, flow.ErrAskedTooOften) {
		t.Errorf("after 100 heals: %v", err)
	}
}

// TestCompare_TellsOfAPeerThatCannot: a peer of an older version is not waited for.
func TestCompare_TellsOfAPeerThatCannot(t *testing.T) {
	t.Parallel()
	g := newAgreement(t)
	g.a.con().ForgetAbilities()
	if _, err := g.a.path.Compare(t.Context(), g.a.con()); !errors.Is(err, flow.ErrCannotAgree) {
		t.Errorf("got %v", err)
	}
}

// TestCompare_WhatWasDeclinedIsNoDifference: an edited comment that the peer's tracker
// cannot take is known to both sides.
func TestCompare_WhatWasDeclinedIsNoDifference(t *testing.T) {
	t.Parallel()
	g := newAgreement(t)
	ref := g.a.one().Ref
	g.a.desk.comment(ref, "second", false)
	g.w.settle()
	g.a.desk.secretly(ref, "second, edited")
	g.a.sweep()
	g.w.settle()
	if got := bodies(g.b.one()); got[len(got)-1] != "second" {
		t.Fatalf("the edit was not declined: %q", got)
	}
	for _, n := range g.w.nodes {
		if c := n.compare(); !c.Agreed() || len(c.Moving) > 0 {
			t.Errorf("%s finds %+v", n.name, c)
		}
	}
}

// TestHealTwins_OfManyCommentsComesToAnEnd: what does not fit into one event is sent
// in several, each comment once.
func TestHealTwins_OfManyCommentsComesToAnEnd(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	ref := a.desk.open("long")
	for i := range 8 {
		a.desk.comment(ref, fmt.Sprint(i, strings.Repeat(" words", 7000)), false)
	}
	w.settle()
	i, err := a.path.Inspect(a.con(), ref, event.TwinID{})
	a.must(err)
	before := b.saw("applied")
	if n, err := a.path.HealTwins(a.con(), []event.TwinID{i.TwinID}); n != 1 || err != nil {
		t.Fatalf("healing %d twins: %v", n, err)
	}
	w.settle()
	if got := b.saw("applied") - before; got < 2 || got > 4 {
		t.Errorf("%d events were applied for a heal of three", got)
	}
	if c := a.compare(); !c.Agreed() || len(c.Moving) > 0 || len(b.one().Comments) != 8 {
		t.Errorf("found %+v, %d comments", c, len(b.one().Comments))
	}
}
