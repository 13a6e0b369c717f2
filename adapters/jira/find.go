package jira

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"parley/adapters"
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
	i, err := t.issue(ctx, op, step.Ref, only("created", "updated", "attachment"))
	if err != nil {
		return event.Found{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	var items []string
	if step.Kind == event.StepAttach {
		all, err := files(i, me)
		if err != nil {
			return event.Found{}, incomplete(op, adapters.ErrConfiguration)
		}
		for _, a := range all {
			if a.Marker == step.Marker {
				items = append(items, a.ID)
			}
		}
	} else {
		all, err := t.comments(ctx, op, i, me)
		if err != nil {
			return event.Found{}, t.believeGone(ctx, op, err)
		}
		for _, c := range all {
			if c.Marker == step.Marker {
				items = append(items, c.ID)
			}
		}
	}
	found := event.Found{Presence: presence(len(items))}
	if len(items) == 1 {
		found.Written = event.Written{Ref: i.ref(), Key: i.Key, Item: items[0]}
	}
	return found, nil
}

func presence(n int) event.Presence {
	switch n {
	case 0:
		return event.FoundNone
	case 1:
		return event.FoundOne
	}
	return event.FoundMany
}

const opFind = "look for a created issue"

// findIssue looks for the issue that a create made among those of our account.
// Properties cannot be searched for; the search of the Cloud shows them, that of a
// Data Center does not.
func (t *Tracker) findIssue(ctx context.Context, step event.Step) (event.Found, error) {
	me, err := t.check(ctx)
	if err != nil {
		return event.Found{}, err
	}
	q := question{
		jql: t.set.within() + " AND creator = currentUser() AND created >= " + strconv.FormatInt(max(step.Since*1000, 1), 10) +
			" ORDER BY created DESC",
		fields: []string{"created", "updated", "creator"}, properties: []string{propertyKey}, size: t.set.page,
	}
	// Asked before the search: by its end, what it could not see yet may be old.
	unshown := t.maybeUnshown(step.Marker)
	matches := map[string]issue{}
	for at, more := (page{}), true; more; {
		var rows []issue
		if rows, at, more, err = t.search(ctx, opFind, q, at); err != nil {
			return event.Found{}, err
		}
		for _, i := range rows {
			marker, err := t.markerIn(ctx, &i, me)
			if err != nil {
				return event.Found{}, err
			}
			if marker == step.Marker {
				matches[i.ID] = i
			}
		}
	}
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, err
	}
	found := event.Found{Presence: presence(len(matches))}
	if found.Presence == event.FoundNone && unshown {
		found.Presence = event.FoundLater
	}
	if found.Presence == event.FoundOne {
		for _, i := range matches {
			found.Written = event.Written{Ref: i.ref(), Key: i.Key}
		}
	}
	return found, nil
}

func (t *Tracker) markerIn(ctx context.Context, i *issue, me user) (event.Marker, error) {
	if t.api.cloud {
		return issueMarker(i, me), nil
	}
	whole, err := t.api.issue(ctx, opFind, i.ID, url.Values{"fields": {"created,updated,creator"}, "properties": {propertyKey}})
	if errors.Is(err, adapters.ErrGone) {
		return "", nil // deleted meanwhile
	}
	if err != nil {
		return "", err
	}
	return issueMarker(whole, me), nil
}

// attempted takes down when a create was tried.
func (t *Tracker) attempted(m event.Marker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for old, at := range t.tries {
		if time.Since(at) > t.set.lag {
			delete(t.tries, old)
		}
	}
	t.tries[m] = time.Now()
}

// maybeUnshown tells whether the search may not show yet what a create made: it was
// tried not long ago, by this process or, as far as this one knows, by the one
// before it.
func (t *Tracker) maybeUnshown(m event.Marker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.opened) < t.set.lag || time.Since(t.tries[m]) < t.set.lag
}
