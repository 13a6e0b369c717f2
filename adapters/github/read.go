package github

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read issue " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	i, err := t.issue(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	description, m := t.issueText(i, me)
	fields, err := t.fieldsOf(ctx, i, description)
	if err != nil {
		return event.Ticket{}, err
	}
	links, err := t.links(ctx, op, i)
	if err != nil {
		return event.Ticket{}, err
	}
	fields[event.FieldLinks] = event.LinksValue(links)
	ticket := event.Ticket{
		Ref: i.ref(), Key: i.key(), URL: i.web(), Fields: fields, Marker: m,
		Version: i.version(), Updated: i.Updated.UTC(), Next: next(i.State),
	}
	ticket.Comments, err = t.comments(ctx, op, i)
	return ticket, err
}

// issueText is the description, and the marker that our create left: only what our
// own account wrote can have one.
func (t *Tracker) issueText(i *issue, me user) (string, event.Marker) {
	return cutMarker(i.Body, i.User != nil && i.User.ID == me.ID)
}

// next are the states that may follow one.
func next(state string) []string {
	if state == stateOpen {
		return []string{stateClosed}
	}
	return []string{stateOpen}
}

// Moves implements adapters.Workflow.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	if _, err := t.issue(ctx, "read the workflow of issue "+ref.ID, ref); err != nil {
		return nil, err
	}
	return map[string][]string{stateOpen: next(stateOpen), stateClosed: next(stateClosed)}, nil
}

// comments reads the conversation. None of it is internal: everybody who sees the
// issue sees all of it.
func (t *Tracker) comments(ctx context.Context, op string, i *issue) ([]event.Comment, error) {
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	l := list[comment]{
		op: op, path: "issues/{number}/comments", args: []string{i.id()}, query: url.Values{},
		key: (*comment).id, sound: (*comment).sound,
	}
	all, err := l.read(ctx, t.api)
	if err != nil {
		return nil, t.believeGone(ctx, op, i.ref(), err)
	}
	out := make([]event.Comment, 0, len(all))
	for n := range all {
		c := &all[n]
		e := event.Comment{ID: c.id(), Author: c.User.event(), Created: c.Created.UTC()}
		e.Body, e.Marker = cutMarker(*c.Body, c.User != nil && c.User.ID == me.ID)
		if c.Updated.After(c.Created) {
			e.Edited = c.Updated.UTC()
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b event.Comment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(number(a.ID), number(b.ID)))
	})
	return out, nil
}

// activities is what was done to an issue, oldest first.
func (t *Tracker) activities(ctx context.Context, op string, i *issue) ([]activity, error) {
	l := list[activity]{
		op: op, path: "issues/{number}/events", args: []string{i.id()}, query: url.Values{},
		key:   func(a *activity) string { return a.id() },
		sound: func(a *activity) bool { return a.Event != "" && !a.Created.IsZero() },
	}
	all, err := l.read(ctx, t.api)
	if err != nil {
		return nil, t.believeGone(ctx, op, i.ref(), err)
	}
	slices.SortStableFunc(all, func(a, b activity) int { return a.Created.Compare(b.Created) })
	return all, nil
}
