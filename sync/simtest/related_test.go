package simtest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"parley/sync/event"
)

// related is a pair of nodes where people link tickets to each other.
const related shape = "related"

// TestSimulation_LinksLeadToTwins: what people link at one side is linked at the
// other, also if the ticket at a link's end got its twin long after.
func TestSimulation_LinksLeadToTwins(t *testing.T) {
	t.Parallel()
	runSeeds(t, related, 60)
}

// link makes or takes away a link, or sets a parent, as a person does.
func (w *world) link(t *tracker, k *ticket, n int) {
	other := t.list[n%len(t.list)]
	if other == k {
		return
	}
	if n%4 == 0 {
		var parent any
		if n%8 == 0 {
			parent = map[string]any{"id": other.Ref.ID}
		}
		t.set(k, "parent", parent)
		return
	}
	links := event.LinksOf(k.Fields["links"])
	one := event.Link{Type: event.Blocks, ID: other.Ref.ID}
	if had := len(links); n%3 == 0 && had > 0 {
		links = slices.Delete(links, n%had, n%had+1)
	} else {
		links = append(links, one)
	}
	t.set(k, "links", event.LinksValue(links))
}

// writeLinks is what a node's step makes of the links.
func writeLinks(k *ticket, step event.Step) any {
	have := event.LinksOf(k.Fields[event.FieldLinks])
	add, remove := step.LinkChanges(have)
	have = slices.DeleteFunc(have, func(l event.Link) bool { return slices.ContainsFunc(remove, l.Same) })
	return event.LinksValue(append(have, add...))
}

// checkLinks: the two tickets have the same parent and the same links, as far as the
// tickets at the other ends have twins.
func checkLinks(v *verdict, from, to *end, a, b *ticket) {
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, l := range named(a) {
		if other := from.node.tracker.byID(l.ID); other != nil {
			if there := from.twinOf(other); there != nil {
				ours[l.Type+" "+there.Key] = true
			}
		}
	}
	for _, l := range named(b) {
		if other := to.node.tracker.byID(l.ID); other != nil && to.twinOf(other) != nil {
			theirs[l.Type+" "+other.Key] = true
		}
	}
	if !maps.Equal(ours, theirs) {
		v.addf("%s and %s name different tickets: %v and %v", a.Key, b.Key, slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)))
	}
}

func named(k *ticket) []event.Link {
	links := event.LinksOf(k.Fields["links"])
	if parent, _ := k.Fields["parent"].(map[string]any); parent != nil {
		links = append(links, event.Link{Type: "is a part of", ID: fmt.Sprint(parent["id"])})
	}
	return links
}

func (t *tracker) byID(id string) *ticket {
	for _, k := range t.list {
		if k.Ref.ID == id {
			return k
		}
	}
	return nil
}
