package rt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// What RT's RefersTo is called: it has a direction, which "relates to" has not.
const (
	refersTo     = "refers to"
	isReferredTo = "is referred to by"
)

// linkNames are RT's names of links for what they are called everywhere, each
// read from the ticket that has the link. A member's ticket is its parent.
func linkNames() map[string]string {
	return map[string]string{
		refersTo: "RefersTo", isReferredTo: "ReferredToBy", event.IsBlockedBy: "DependsOn", event.Blocks: "DependedOnBy",
	}
}

func relations() []string { return slices.Sorted(maps.Keys(linkNames())) }

// linkOf is a link under RT's name for it, or none.
func linkOf(name, id string) (event.Link, bool) {
	for relation, known := range linkNames() {
		if known == name && number64(text(id)) > 0 {
			return event.Link{Type: relation, ID: id, Key: id}, true
		}
	}
	return event.Link{}, false
}

// linksOf are the links to other tickets. Those to web pages, articles and assets
// are not kept in step.
func linksOf(b *ticketBody) []event.Link {
	names := map[text]string{"refers-to": "RefersTo", "referred-to-by": "ReferredToBy", "depends-on": "DependsOn", "depended-on-by": "DependedOnBy"}
	var out []event.Link
	for _, l := range b.Links {
		if link, ok := linkOf(names[l.Ref], string(l.ID)); ok && l.Type == "ticket" {
			out = append(out, link)
		}
	}
	return out
}

// encodeLinks puts the links that go into the record of a write, and returns those that
// come: RT refuses some, which is no reason to keep back the rest.
func encodeLinks(op string, step event.Step, ticket *ticketBody, record map[string]any) (add []event.Link, err error) {
	add, remove := step.LinkChanges(linksOf(ticket))
	if err := refuseLinks(op, add); err != nil {
		return nil, err
	}
	putLinks(record, "Delete", remove)
	return add, nil
}

// putLinks puts links into a record, under RT's names behind a verb.
func putLinks(record map[string]any, verb string, links []event.Link) {
	names := linkNames()
	for _, l := range links {
		ids, _ := record[verb+names[l.Type]].([]string)
		record[verb+names[l.Type]] = append(ids, l.ID)
	}
}

// link adds links to a ticket, and tells which of them RT did not take: those to what is
// not there, to the ticket itself, or in a circle. A right that is missing is an error.
func (t *Tracker) link(ctx context.Context, op string, ticket *ticketBody, lock string, add []event.Link) (partly string, err error) {
	if len(add) == 0 {
		return "", nil
	}
	record := map[string]any{}
	putLinks(record, "Add", add)
	err = t.put(ctx, op, ticket, lock, record)
	if no := (*refusedError)(nil); !errors.As(err, &no) || errors.Is(err, adapters.ErrDenied) {
		return "", err
	}
	again, _, err := t.ticket(ctx, op, string(ticket.ID))
	if err != nil {
		return "", doubt(op, err)
	}
	have := linksOf(again)
	return notTaken(slices.DeleteFunc(slices.Clone(add), func(l event.Link) bool { return slices.ContainsFunc(have, l.Same) })), nil
}

// notTaken tells of links that were refused, "" of none.
func notTaken(links []event.Link) string {
	var words []string
	for _, l := range links {
		words = append(words, l.Type+" #"+l.ID)
	}
	if len(words) == 0 {
		return ""
	}
	return "RT did not take these links: " + strings.Join(words, ", ")
}

func refuseLinks(op string, links []event.Link) error {
	for _, l := range links {
		if linkNames()[l.Type] == "" || number64(text(l.ID)) == 0 {
			return failed(adapters.ErrRejected, op, fmt.Sprintf("RT has no link %q to a ticket %q", l.Type, l.ID),
				fmt.Sprintf("it has %q: map the others in the filter", relations()))
		}
	}
	return nil
}

// encodeNewLinks puts the links of a new ticket into the record that makes it, and tells
// of those to what is not there: RT drops them without a word.
func (t *Tracker) encodeNewLinks(ctx context.Context, op string, step event.Step, record map[string]any) (partly string, err error) {
	add, _ := step.LinkChanges(nil)
	if err := refuseLinks(op, add); err != nil {
		return "", err
	}
	var good, lost []event.Link
	for _, l := range add {
		switch _, _, err := t.ticket(ctx, op, l.ID); {
		case errors.Is(err, adapters.ErrGone):
			lost = append(lost, l)
		case err != nil:
			return "", sure(err)
		default:
			good = append(good, l)
		}
	}
	putLinks(record, "", good)
	return notTaken(lost), nil
}

// afterLinks is the status, if it has to be set behind the links: RT sets it before
// them, and resolves no ticket that depends on an open one.
func afterLinks(record map[string]any) map[string]any {
	status, ok := record["Status"]
	if _, unblocks := record["DeleteDependsOn"]; !ok || !unblocks {
		return nil
	}
	delete(record, "Status")
	return map[string]any{"Status": status}
}

// linkEdits are the links before and after each transaction that changed one: RT
// tells which came or went, so that the present ones lead back.
func linkEdits(history []transaction, links []event.Link) map[text][2]any {
	out := map[text][2]any{}
	for _, tx := range slices.Backward(history) {
		came := tx.Type == "AddLink"
		if !came && tx.Type != "DeleteLink" {
			continue
		}
		l, ok := linkOf(string(tx.Field), linkedID(tx.OldValue+tx.NewValue))
		if !ok {
			continue
		}
		without := slices.DeleteFunc(slices.Clone(links), l.Same)
		with := append(slices.Clone(without), l)
		before, after := with, without
		if came {
			before, after = without, with
		}
		out[tx.ID] = [2]any{event.LinksValue(before), event.LinksValue(after)}
		links = before
	}
	return out
}
