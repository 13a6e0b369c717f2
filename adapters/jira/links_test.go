package jira_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

func (b *bench) personLinks(name, from, to string) {
	b.Helper()
	b.must(b.hand.json(b.Context(), http.MethodPost, "issueLink", map[string]any{
		"type": map[string]any{"name": name}, "inwardIssue": map[string]any{"key": from}, "outwardIssue": map[string]any{"key": to},
	}, nil))
}

func (b *bench) links(ref event.Ref) []event.Link {
	b.Helper()
	ticket, err := b.tracker.Read(b.Context(), ref)
	b.must(err)
	return event.LinksOf(ticket.Fields[event.FieldLinks])
}

func (b *bench) setLinks(ref event.Ref, was, links []event.Link) error {
	b.Helper()
	_, err := b.tracker.Write(b.Context(), event.Step{
		Kind: event.StepUpdate, Ref: ref,
		Fields: event.Fields{event.FieldLinks: event.LinksValue(links)}, Was: event.Fields{event.FieldLinks: event.LinksValue(was)},
	}, nil)
	return err
}

// TestLinks_ReadFromEitherEnd: they are seen when they are made, and called as they are
// everywhere.
func TestLinks_ReadFromEitherEnd(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		fromID, from := b.made("the cause")
		toID, to := b.made("the effect")
		_, cursor, err := b.tracker.Changes(t.Context(), "", 10)
		b.must(err)
		for _, name := range []string{"Blocks", "Relates", "Container"} {
			b.personLinks(name, from, to)
		}
		seen := b.round(&cursor, 10)
		for key, want := range map[string][]event.Link{
			from: {{Type: "blocks", ID: toID, Key: to}, {Type: "contains", ID: toID, Key: to}, {Type: "relates to", ID: toID, Key: to}},
			to:   {{Type: "Is contained by", ID: fromID, Key: from}, {Type: "is blocked by", ID: fromID, Key: from}, {Type: "relates to", ID: fromID, Key: from}},
		} {
			if d := cmp.Diff(want, b.links(b.ref(key))); d != "" || seen[key] == 0 {
				t.Errorf("%s, seen %d times (-want +got):\n%s", key, seen[key], d)
			}
		}
	})
}

// TestTrap_ALinkBeginsWhereTheRequestSaysInward: the other issue, the issue's own page and
// the request call the ends by words that look alike and are not.
func TestTrap_ALinkBeginsWhereTheRequestSaysInward(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		oneID, one := b.made("one")
		twoID, two := b.made("two")
		b.must(b.setLinks(b.ref(one), nil, []event.Link{{Type: event.IsBlockedBy, ID: twoID}}))
		if d := cmp.Diff([]event.Link{{Type: event.Blocks, ID: oneID, Key: one}}, b.links(b.ref(two))); d != "" {
			t.Errorf("the other issue (-want +got):\n%s", d)
		}
	})
}

// TestTrap_RelationsThatReadAlikeAreTakenAwayTogether: a site may have several types with the
// same words. The one is written whose other end reads right, and all that read so go.
func TestTrap_RelationsThatReadAlikeAreTakenAwayTogether(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		_, one := b.made("one")
		twoID, two := b.made("two")
		relates := []event.Link{{Type: event.RelatesTo, ID: twoID}}
		b.must(b.setLinks(b.ref(one), nil, relates))
		if got := b.links(b.ref(two)); len(got) != 1 || got[0].Type != event.RelatesTo {
			t.Errorf("the other issue has %v", got)
		}
		b.personLinks("Reference", one, two)
		if got := b.links(b.ref(one)); len(got) != 1 {
			t.Errorf("two that read alike are %v", got)
		}
		b.must(b.setLinks(b.ref(one), relates, nil))
		if got := b.links(b.ref(one)); len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
	})
}

// TestTrap_ALinkOfOthersStaysAndOneThatIsGoneIsNoError: links are written one by one.
func TestTrap_ALinkOfOthersStaysAndOneThatIsGoneIsNoError(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b, way, ref := pictured(t, cloud, jiradouble.Options{})
		ticket, err := b.tracker.Read(t.Context(), ref)
		b.must(err)
		twoID, two := b.made("two")
		threeID, three := b.made("three")
		b.personLinks("Blocks", ticket.Key, two)
		was := []event.Link{{Type: event.Blocks, ID: twoID}}
		// A person takes the same link away, and makes another, after the adapter has looked.
		answer := func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodDelete {
				return false
			}
			way.answer.Store(nil)
			link := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			b.must(b.hand.do(t.Context(), http.MethodDelete, "issueLink/"+link, "", http.NoBody, nil))
			b.personLinks("Blocks", ticket.Key, three)
			return false
		}
		way.answer.Store(&answer)
		b.must(b.setLinks(ref, was, nil))
		if d := cmp.Diff([]event.Link{{Type: event.Blocks, ID: threeID, Key: three}}, b.links(ref)); d != "" {
			t.Errorf("links (-want +got):\n%s", d)
		}
	})
}

// TestTrap_WhatJiraDoesNotLinkIsRefusedAndTheTicketStays: Jira answers 404 and 401 for links
// that it does not make, which are about neither the issue nor the sign-in.
func TestTrap_WhatJiraDoesNotLinkIsRefusedAndTheTicketStays(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		oneID, one := b.made("one")
		twoID, _ := b.made("two")
		for what, l := range map[string]event.Link{
			"a link to what is not there":       {Type: event.Blocks, ID: "99999"},
			"a link to what is no issue":        {Type: event.Blocks, ID: "nonsense"},
			"a link to itself":                  {Type: event.Blocks, ID: oneID},
			"a relation that there is not here": {Type: "is older than", ID: twoID},
		} {
			links := event.LinksValue([]event.Link{{Type: event.Blocks, ID: twoID}, l})
			_, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: b.ref(one), Fields: event.Fields{
				event.FieldLinks: links, event.FieldSummary: "changed",
			}}, nil)
			refused(t, what, err)
			ticket, err := b.tracker.Read(t.Context(), b.ref(one))
			b.must(err)
			if ticket.Fields[event.FieldSummary] != "one" || ticket.Fields[event.FieldLinks] != nil {
				t.Errorf("%s left %v and %v", what, ticket.Fields[event.FieldSummary], ticket.Fields[event.FieldLinks])
			}
		}
		// What is refused for certain makes no ticket.
		_, err := b.create("ponmlkjihgfedcba", event.Fields{event.FieldLinks: event.LinksValue([]event.Link{{Type: "is older than", ID: twoID}})})
		rejected(t, "a create with a relation that there is not", err)
		found, _, err := b.tracker.List(t.Context(), "", "", 10)
		b.must(err)
		if len(found) > 2 {
			t.Errorf("there are %d issues, want 2", len(found))
		}

		b = newBench(t, jiradouble.Options{Cloud: cloud, Denied: []string{"LINK_ISSUES"}}, nil)
		_, one = b.made("one")
		twoID, two := b.made("two")
		refused(t, "a link without the permission", b.setLinks(b.ref(one), nil, []event.Link{{Type: event.Blocks, ID: twoID}}))
		schema, err := b.tracker.Schema(t.Context())
		b.must(err)
		if f := schema.Fields[event.FieldLinks]; f.Writable || !slices.Contains(f.Options, event.Blocks) {
			t.Errorf("without the permission the schema says %+v", f)
		}
		// A new ticket is there all the same, and it is said that it lacks the link.
		w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{
			event.FieldSummary: "linked", event.FieldLinks: event.LinksValue([]event.Link{{Type: event.Blocks, ID: twoID}}),
		}}, nil)
		b.must(err)
		if got := b.links(w.Ref); len(got) != 0 || w.Partly == "" || strings.Contains(w.Partly, two) {
			t.Errorf("the links are %v, said is %q", got, w.Partly)
		}
	})
}

// refused: the values were, not the account nor the issue.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, adapters.ErrRejected) || errors.Is(err, adapters.ErrGone) || errors.Is(err, adapters.ErrDenied) {
		t.Errorf("%s: %v", what, err)
	}
}

// TestTrap_LinksThatAreSwitchedOffAreNoneToWrite: the list of types is then not there.
func TestTrap_LinksThatAreSwitchedOffAreNoneToWrite(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud, NoLinks: true}, nil)
		schema, err := b.tracker.Schema(t.Context())
		b.must(err)
		if f := schema.Fields[event.FieldLinks]; f.Writable || f.Type != event.TypeLinks {
			t.Errorf("the schema says %+v", f)
		}
	})
}

// TestLinks_ACreateThatWasCutOffIsMendedByTheNextStep: a process that ends after the create
// leaves an issue without its links. It is found, and what lacks is added once.
func TestLinks_ACreateThatWasCutOffIsMendedByTheNextStep(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b, way, _ := pictured(t, cloud, jiradouble.Options{})
		twoID, two := b.made("two")
		threeID, three := b.made("three")
		links := []event.Link{{Type: event.Blocks, ID: twoID, Key: two}, {Type: event.RelatesTo, ID: threeID, Key: three}}
		made := 0
		answer := func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/issueLink") {
				return false
			}
			if made++; made < 2 {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		way.answer.Store(&answer)
		w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "ponmlkjihgfedcba", Fields: event.Fields{
			event.FieldSummary: "linked", event.FieldLinks: event.LinksValue(links),
		}}, nil)
		b.must(err)
		way.answer.Store(nil)
		if got := b.links(w.Ref); len(got) != 1 || w.Partly == "" {
			t.Fatalf("the links are %v, said is %q", got, w.Partly)
		}
		for range 2 {
			b.must(b.setLinks(w.Ref, nil, links))
			if d := cmp.Diff(links, b.links(w.Ref)); d != "" {
				t.Errorf("links (-want +got):\n%s", d)
			}
		}
		if n := len(b.rawLinks(w.Ref)); n != 2 {
			t.Errorf("Jira has %d links, want 2", n)
		}
	})
}

func (b *bench) rawLinks(ref event.Ref) []any {
	b.Helper()
	var got struct {
		Fields struct {
			Links []any `json:"issuelinks"`
		}
	}
	b.must(b.hand.do(b.Context(), http.MethodGet, fmt.Sprint("issue/", ref.ID, "?fields=issuelinks"), "", http.NoBody, &got))
	return got.Fields.Links
}
