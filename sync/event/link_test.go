package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

func TestLinkChanges_WhatOthersMadeMeanwhileStays(t *testing.T) {
	t.Parallel()
	link := func(id string) event.Link { return event.Link{Type: event.Blocks, ID: id} }
	value := func(ids ...string) any {
		var links []event.Link
		for _, id := range ids {
			links = append(links, link(id))
		}
		return event.LinksValue(links)
	}
	step := event.Step{Fields: event.Fields{event.FieldLinks: value("1", "3")}, Was: event.Fields{event.FieldLinks: value("1", "2")}}
	add, remove := step.LinkChanges([]event.Link{link("1"), link("2"), link("4")})
	if d := cmp.Diff([]event.Link{link("3")}, add); d != "" {
		t.Errorf("added (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]event.Link{link("2")}, remove); d != "" {
		t.Errorf("removed (-want +got):\n%s", d)
	}
	for what, step := range map[string]event.Step{
		"a step that does not name links":             {Was: step.Was},
		"a step that was decided on a ticket without": {Fields: event.Fields{event.FieldLinks: nil}},
	} {
		if add, remove := step.LinkChanges([]event.Link{link("2")}); add != nil || remove != nil {
			t.Errorf("%s adds %v and removes %v", what, add, remove)
		}
	}
}

func TestLinksValue_IsSortedAndReadBack(t *testing.T) {
	t.Parallel()
	a, b := event.Link{Type: event.Blocks, ID: "2", Key: "A-2"}, event.Link{Type: event.RelatesTo, ID: "1"}
	got := event.LinksOf(event.LinksValue([]event.Link{b, a, b}))
	if d := cmp.Diff([]event.Link{a, b}, got); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if v := event.LinksValue(nil); v != nil {
		t.Errorf("no links are %v", v)
	}
	if got := event.LinksOf([]any{"blocks 1", map[string]any{"type": "blocks"}, 3}); got != nil {
		t.Errorf("what is no link reads as %v", got)
	}
}
