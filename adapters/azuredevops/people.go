package azuredevops

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// FindUser implements adapters.People.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	found, err := t.find(ctx, query)
	var out []event.User
	for n := range found {
		out = append(out, found[n].event())
	}
	return out, err
}

// find are the people whose id, account or address of e-mail is exactly query.
func (t *Tracker) find(ctx context.Context, query string) ([]identity, error) {
	all, err := t.dir.people(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []identity
	for n := range all {
		p := &all[n]
		exact := strings.EqualFold(p.ID, query) || p.Descriptor != "" && p.Descriptor == query ||
			strings.EqualFold(p.property("Account"), query) || strings.EqualFold(p.property("Mail"), query)
		if exact && !slices.ContainsFunc(out, func(i identity) bool { return i.ID == p.ID }) {
			out = append(out, p.identity())
		}
	}
	return out, nil
}

const (
	updatesPage = 200
	maxUpdates  = 10_000 // as many as a work item may have
)

// Tells implements adapters.Partial: History has no relations.
func (t *Tracker) Tells(field string) bool {
	return field != event.FieldParent && field != event.FieldLinks
}

// History implements adapters.Historian from the updates.
func (t *Tracker) History(ctx context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	op := "read the history of work item " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	i, err := t.item(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	text, err := t.dir.description(ctx, i.text(refProject), i.text(refType))
	if err != nil {
		return nil, err
	}
	defs = append(slices.Clone(defs), definition{ref: text, name: event.FieldDescription, kind: event.TypeRich})
	var out []adapters.Edit
	for skip := 0; skip < maxUpdates; skip += updatesPage {
		page, err := list[revision](ctx, t.api, op, "{project}/_apis/wit/workItems/{id}/updates",
			url.Values{"$top": {strconv.Itoa(updatesPage)}, "$skip": {strconv.Itoa(skip)}}, i.text(refProject), i.key())
		if err != nil {
			return nil, err
		}
		for n := range page {
			if out, err = t.edits(out, &page[n], defs, since, me); err != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
		}
		if len(page) < updatesPage {
			break
		}
	}
	shelf, err := files(i)
	if err != nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return referEdits(out, shelf), nil
}

// edits adds the changes of fields that one update made.
func (t *Tracker) edits(out []adapters.Edit, r *revision, defs []definition, since time.Time, me identity) ([]adapters.Edit, error) {
	if at := r.at(); at.IsZero() {
		return nil, errIncomplete
	} else if at.Before(since) || r.Rev == 1 {
		return out, nil // the first is the creation, and no change
	}
	for n := range defs {
		def := &defs[n]
		change, ok := r.Fields[def.ref]
		if !ok || def.name == event.FieldUpdated || def.name == event.FieldCreated {
			continue
		}
		e := adapters.Edit{At: r.at(), Author: r.By.event(), Field: def.name}
		e.Own = e.Author.ID == me.ID
		for _, side := range []struct {
			raw json.RawMessage
			to  *any
		}{{change.Old, &e.Old}, {change.New, &e.New}} {
			v, err := t.value(def, side.raw)
			if err != nil {
				return nil, err
			}
			*side.to = v
		}
		out = append(out, e)
	}
	return out, nil
}

// Moves implements adapters.Workflow: the transitions of the type.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	i, err := t.item(ctx, "read the workflow of work item "+ref.ID, ref)
	if err != nil {
		return nil, err
	}
	kind, err := t.dir.typeOf(ctx, i.text(refProject), i.text(refType))
	if err != nil || kind == nil {
		return nil, err
	}
	out := map[string][]string{}
	for state := range kind.Transitions {
		if next := kind.next(state); state != "" && len(next) > 0 {
			out[state] = next
		}
	}
	return out, nil
}
