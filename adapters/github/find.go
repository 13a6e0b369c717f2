package github

import (
	"context"
	"errors"
	"net/url"

	"parley/adapters"
	"parley/adapters/internal/rounds"
	"parley/sync/event"
)

// Find implements adapters.Tracker.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: "look for a step", Err: errors.New("a step without a marker cannot be looked for"),
		}
	}
	switch step.Kind {
	case event.StepCreate:
		return t.findIssue(ctx, step)
	case event.StepAttach:
		// Nothing was ever sent: see attach.
		return event.Found{Presence: event.FoundNone}, nil
	}
	op := "look at issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	all, err := t.comments(ctx, op, i)
	if err != nil {
		return event.Found{}, err
	}
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, err
	}
	found := event.Found{}
	n := 0
	for _, c := range all {
		if c.Marker == step.Marker {
			found.Written = event.Written{Ref: i.ref(), Key: i.key(), Item: c.ID}
			n++
		}
	}
	return counted(found.Written, n), nil
}

func counted(w event.Written, n int) event.Found {
	switch n {
	case 0:
		return event.Found{Presence: event.FoundNone}
	case 1:
		return event.Found{Presence: event.FoundOne, Written: w}
	}
	return event.Found{Presence: event.FoundMany}
}

const opFind = "look for a created issue"

// findIssue looks for the issue that a create made, among all that changed since:
// its change time is never before its creation. It walks by time as a poll does, so
// that no row slips over the edge of a page.
func (t *Tracker) findIssue(ctx context.Context, step event.Step) (event.Found, error) {
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	query := url.Values{"creator": {me.Login}}
	if t.api.app != nil {
		// How the list spells an app is not said: all that was made since is looked at.
		query = nil
	}
	p := rounds.Position{At: max(step.Since, 0) * 1000}
	matches := map[string]*issue{}
	for ended := false; !ended; {
		var rows []issue
		if rows, ended, err = t.after(ctx, opFind, &p, query); err != nil {
			return event.Found{}, err
		}
		for n := range rows {
			i := &rows[n]
			p.At, p.ID = i.Updated.UnixMilli(), i.Number
			if _, m := t.issueText(i, me); m == step.Marker && i.isTicket() {
				matches[i.id()] = i
			}
		}
	}
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, err
	}
	var w event.Written
	for _, i := range matches {
		w = event.Written{Ref: i.ref(), Key: i.key()}
	}
	return counted(w, len(matches)), nil
}
