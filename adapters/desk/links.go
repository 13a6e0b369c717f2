package desk

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"parley/sync/event"
)

// relations are what may be between two tickets, and how the other one has it.
func relations() map[string]string {
	return map[string]string{
		event.RelatesTo: event.RelatesTo,
		event.Blocks:    event.IsBlockedBy, event.IsBlockedBy: event.Blocks,
		event.Duplicates: event.IsDuplicatedBy, event.IsDuplicatedBy: event.Duplicates,
		event.Precedes: event.Follows, event.Follows: event.Precedes,
	}
}

func relationNames() []string { return slices.Sorted(maps.Keys(relations())) }

// parseLinks reads links as the page shows them: "blocks SUP-2, relates to SUP-3".
func (s *state) parseLinks(text string) (any, error) {
	var out []event.Link
	for one := range strings.SplitSeq(text, ",") {
		words := strings.Fields(one)
		if len(words) == 0 {
			continue
		}
		key := words[len(words)-1]
		other, err := s.byKey(key)
		if err != nil {
			return nil, invalidf("Links: there is no ticket %s", key)
		}
		out = append(out, event.Link{Type: strings.Join(words[:len(words)-1], " "), ID: strconv.FormatInt(other.id, 10)})
	}
	return event.LinksValue(out), nil
}

// linking is a change of the links of a ticket, as the journal keeps it.
type linking struct {
	Add    []event.Link `json:"add,omitempty"`
	Remove []event.Link `json:"remove,omitempty"`
}

// takeLinks takes the links out of the fields that are to be set.
func (s *state) takeLinks(t *ticket, fields, was event.Fields) (*linking, event.Fields, error) {
	value, ok := fields[event.FieldLinks]
	if !ok {
		return nil, fields, nil
	}
	rest := maps.Clone(fields)
	delete(rest, event.FieldLinks)
	links, err := s.cleanLinks(t, value, was[event.FieldLinks])
	return links, rest, err
}

// cleanLinks are the changes that bring the links of a ticket from was to value; a
// link that is in neither stays. t is nil for a new ticket.
func (s *state) cleanLinks(t *ticket, value, was any) (*linking, error) {
	links := event.LinksOf(value)
	if given, _ := value.([]any); value != nil && len(given) != len(links) || len(links) > maxSet {
		return nil, invalidf("links: must be a list of at most %d links with type and id", maxSet)
	}
	var have []event.Link
	if t != nil {
		have = s.linksOf(t)
	}
	step := event.Step{Fields: event.Fields{event.FieldLinks: value}, Was: event.Fields{event.FieldLinks: was}}
	add, remove := step.LinkChanges(have)
	known := relations()
	for i, l := range add {
		other, err := s.live(l.ID)
		switch {
		case known[l.Type] == "":
			return nil, invalidf("links: %q is not one of %q", l.Type, relationNames())
		case err != nil:
			return nil, invalidf("links: there is no ticket %q", l.ID)
		case t != nil && other.id == t.id:
			return nil, invalidf("links: a ticket has no link to itself")
		}
		add[i].Key = ""
	}
	if len(add)+len(remove) == 0 {
		return nil, nil
	}
	return &linking{Add: add, Remove: remove}, nil
}

// linksOf are the links of a ticket to those that are there.
func (s *state) linksOf(t *ticket) []event.Link {
	var out []event.Link
	for _, l := range t.links {
		if other, err := s.live(l.ID); err == nil {
			out = append(out, event.Link{Type: l.Type, ID: l.ID, Key: other.key})
		}
	}
	return out
}

// applyLinks writes a change down at both tickets of each link. The other one does
// not count as changed.
func (s *state) applyLinks(t *ticket, e *entry) error {
	if e.Links == nil {
		return nil
	}
	before, inverse, self := s.linksOf(t), relations(), strconv.FormatInt(t.id, 10)
	for _, l := range slices.Concat(e.Links.Add, e.Links.Remove) {
		n, err := strconv.ParseInt(l.ID, 10, 64)
		other := s.tickets[n]
		if err != nil || other == nil {
			return fmt.Errorf("entry %d links ticket %q, which is not there", e.Seq, l.ID)
		}
		back := event.Link{Type: inverse[l.Type], ID: self}
		t.links, other.links = without(t.links, l), without(other.links, back)
		if slices.ContainsFunc(e.Links.Add, l.Same) {
			t.links, other.links = append(t.links, event.Link{Type: l.Type, ID: l.ID}), append(other.links, back)
		}
	}
	if e.Create == nil {
		t.history = append(t.history, edit{
			seq: e.Seq, At: e.At, By: e.By, Field: event.FieldLinks,
			Old: event.LinksValue(before), New: event.LinksValue(s.linksOf(t)),
		})
	}
	return nil
}

// without is a copy: readers may hold the old list.
func without(links []event.Link, l event.Link) []event.Link {
	return slices.DeleteFunc(slices.Clone(links), l.Same)
}
