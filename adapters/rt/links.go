package rt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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

// encodeLinks puts what changes of the links into the record of a write.
func encodeLinks(op string, step event.Step, ticket *ticketBody, record map[string]any) error {
	add, remove := step.LinkChanges(linksOf(ticket))
	if err := refuseLinks(op, add); err != nil {
		return err
	}
	names := linkNames()
	for verb, links := range map[string][]event.Link{"Add": add, "Delete": remove} {
		for _, l := range links {
			ids, _ := record[verb+names[l.Type]].([]string)
			record[verb+names[l.Type]] = append(ids, l.ID)
		}
	}
	return nil
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

// encodeNewLinks puts the links of a new ticket into the record that makes it. RT
// drops a link to what is not there without a word.
func (t *Tracker) encodeNewLinks(ctx context.Context, op string, step event.Step, record map[string]any) error {
	add, _ := step.LinkChanges(nil)
	if err := refuseLinks(op, add); err != nil {
		return err
	}
	for _, l := range add {
		if _, _, err := t.ticket(ctx, op, l.ID); errors.Is(err, adapters.ErrGone) {
			return failed(adapters.ErrRejected, op, "there is no ticket "+l.ID+" to link", "")
		} else if err != nil {
			return sure(err)
		}
		name := linkNames()[l.Type]
		ids, _ := record[name].([]string)
		record[name] = append(ids, l.ID)
	}
	return nil
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
