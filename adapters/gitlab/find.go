package gitlab

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
	if step.Kind == event.StepCreate {
		return t.findIssue(ctx, step)
	}
	op := "look at issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	talk, err := t.talk(ctx, op, i, me)
	if err != nil {
		return event.Found{}, err
	}
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, err
	}
	w, n := event.Written{Ref: i.ref(), Key: i.key()}, 0
	for _, c := range talk.comments {
		if c.Marker == step.Marker && step.Kind != event.StepAttach {
			w.Item = c.ID
			n++
		}
	}
	for _, f := range talk.carried {
		if f.Marker == step.Marker && step.Kind == event.StepAttach {
			w.Item = f.ID
			n++
		}
	}
	return counted(w, n), nil
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

// findIssue looks for the issue that a create made, among those of our account, by
// creation time: no row slips over the edge of a page.
func (t *Tracker) findIssue(ctx context.Context, step event.Step) (event.Found, error) {
	const op = "look for a created issue"
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	p := rounds.Position{At: max(step.Since, 0) * 1000}
	matches := map[string]*issue{}
	for ended := false; !ended; {
		var rows []issue
		if rows, ended, err = t.after(ctx, op, &p, byCreation, url.Values{"author_username": {me.Username}}); err != nil {
			return event.Found{}, err
		}
		for n := range rows {
			i := &rows[n]
			p.At, p.ID = i.Created.UnixMilli(), i.IID
			if _, m := cutMarker(i.Description, isAuthor(i.Author, me)); m == step.Marker {
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
