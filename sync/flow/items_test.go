package flow

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/twin"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func item(n int) (event.ItemID, twin.Item) {
	return event.ItemID(fmt.Sprintf("item-%03d", n)), twin.Item{Local: fmt.Sprint(n), Seq: event.Seq(n), State: twin.Open, Theirs: n%2 == 0}
}

// TestItems_AreKeptHoweverManyThereAre writes comments in groups of several
// sizes, over the borders of pages.
func TestItems_AreKeptHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	con, id, row := event.ConnectionID{1}, event.TwinID{2}, &twin.Row{}
	n := 0
	want := map[event.ItemID]twin.Item{}
	for _, size := range []int{0, 1, 62, 1, 1, 63, 128, 5, 200} {
		group := map[event.ItemID]twin.Item{}
		for range size {
			name, one := item(n)
			group[name], want[name] = one, one
			n++
		}
		if n > 3 {
			// One that is known changes with the others.
			name, one := item(n / 2)
			one.State = twin.Waiting
			group[name], want[name] = one, one
		}
		must(t, s.Update(func(tx store.Tx) error { return putItems(tx, con, id, row, group) }))
		got := map[event.ItemID]twin.Item{}
		must(t, s.View(func(r store.Reader) error {
			all, err := readItems(r, con, id, row)
			for _, e := range all.list {
				got[e.ID] = e.Item
			}
			return err
		}))
		if diff := cmp.Diff(want, got); diff != "" || row.Items != n {
			t.Fatalf("after %d items, row says %d (-want +got):\n%s", n, row.Items, diff)
		}
	}
}

func TestItems_OnlyOursAreMarked(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	con, id, row := event.ConnectionID{1}, event.TwinID{2}, &twin.Row{}
	group := map[event.ItemID]twin.Item{}
	for n := range 100 {
		name, one := item(n)
		group[name] = one
	}
	must(t, s.Update(func(tx store.Tx) error { return putItems(tx, con, id, row, group) }))
	must(t, s.Update(func(tx store.Tx) error {
		return markItems(tx, con, id, row, func(_ event.ItemID, one twin.Item) (twin.Confirm, bool) {
			return twin.Declined, one.Seq >= 90
		})
	}))
	declined := 0
	must(t, s.View(func(r store.Reader) error {
		all, err := readItems(r, con, id, row)
		for _, e := range all.list {
			if e.State == twin.Declined {
				declined++
			}
			if e.Theirs && e.State != twin.Open {
				t.Errorf("the peer's %s is marked", e.ID)
			}
		}
		return err
	}))
	if declined != 5 {
		t.Errorf("%d are declined, want the 5 of ours from 90 on", declined)
	}
}

func TestItems_AMissingPageIsAnErrorNotALoss(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	err := s.View(func(r store.Reader) error {
		_, err := readItems(r, event.ConnectionID{1}, event.TwinID{2}, &twin.Row{Items: 1})
		return err
	})
	if err == nil {
		t.Error("a twin whose comments are not there reads as one without any")
	}
}

// TestItems_WhatThePeerSentIsFoundAsThePeers: few are searched, many indexed.
func TestItems_WhatThePeerSentIsFoundAsThePeers(t *testing.T) {
	t.Parallel()
	for _, more := range []int{0, 100} {
		var s itemSet
		for n := range more {
			name, one := item(1000 + n)
			s.set(name, one)
		}
		s.set("ours", twin.Item{Local: "7"})
		s.set("file", twin.Item{Local: "7", File: true, Name: "f"})
		if e, ok := s.at(local{id: "7"}); !ok || e.ID != "ours" {
			t.Errorf("with %d more: comment 7 is %+v", more, e)
		}
		s.set("theirs", twin.Item{Local: "7", Theirs: true})
		s.set("ours", twin.Item{Local: "7", State: twin.Declined})
		if e, _ := s.at(local{id: "7"}); e.ID != "theirs" {
			t.Errorf("with %d more: comment 7 is %+v, the peer's own would go back", more, e)
		}
		if e, _ := s.at(local{file: true, id: "7"}); e.ID != "file" {
			t.Errorf("with %d more: file 7 is %+v", more, e)
		}
		if one, ok := s.get("ours"); !ok || one.State != twin.Declined {
			t.Errorf("with %d more: got %+v", more, one)
		}
		if _, ok := s.get("none"); ok {
			t.Error("an item that was never set is there")
		}
		if _, ok := s.at(local{}); ok {
			t.Error("something is called nothing")
		}
	}
}
