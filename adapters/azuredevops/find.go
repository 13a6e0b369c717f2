package azuredevops

import (
	"context"
	"errors"

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
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	if step.Kind == event.StepCreate {
		return t.findItem(ctx, step, me)
	}
	op := "look at work item " + step.Ref.ID
	i, err := t.item(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	var items []string
	if step.Kind == event.StepAttach {
		all, err := files(i)
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
			return event.Found{}, err
		}
		for _, c := range all {
			if c.Marker == step.Marker {
				items = append(items, c.ID)
			}
		}
	}
	found := event.Found{Presence: presence(len(items))}
	if len(items) == 1 {
		found.Written = event.Written{Ref: i.ref(), Key: i.key(), Item: items[0]}
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

// findItem asks for the work items with our mark, wherever they were moved to, and
// keeps those that our account made.
func (t *Tracker) findItem(ctx context.Context, step event.Step, me identity) (event.Found, error) {
	const op = "look for a created work item"
	condition, field := "[System.Tags] CONTAINS ", refTags
	if t.set.marker != "" {
		condition, field = "["+t.set.marker+"] = ", t.set.marker
	}
	ids, err := t.api.wiql(ctx, op, "SELECT [System.Id] FROM WorkItems WHERE "+condition+quote(markPrefix+string(step.Marker)), maxPage)
	if err != nil {
		return event.Found{}, err
	}
	all, err := t.api.batch(ctx, op, ids, refCreator, field)
	if err != nil {
		return event.Found{}, err
	}
	var made []*item
	for n := range all {
		if t.markerOf(&all[n], me) == step.Marker {
			made = append(made, &all[n])
		}
	}
	// A sign-in that is good afterwards was good for the list.
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, err
	}
	found := event.Found{Presence: presence(len(made))}
	if len(made) == 1 {
		found.Written = event.Written{Ref: made[0].ref(), Key: made[0].key()}
	}
	return found, nil
}
