package redmine

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"parley/adapters"
	"parley/sync/event"
)

// maxSampled bounds how many statuses an issue is looked for in.
const maxSampled = 20

// Moves implements adapters.Workflow. Redmine tells of an issue what may follow
// its own status, and workflows to administrators only: what follows another
// status is read from an issue of the same project and tracker that has it. A
// status that no such issue has leads nowhere, as far as can be known.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	op := "read the workflow of issue " + ref.ID
	i, err := t.issue(ctx, op, ref, "allowed_statuses")
	if err != nil {
		return nil, err
	}
	moves := map[string][]string{i.Status.Name: names(i.AllowedStatuses)}
	next := i.AllowedStatuses
	for n := 0; n < len(next) && len(moves) < maxSampled; n++ {
		if _, known := moves[next[n].Name]; known {
			continue
		}
		sample, err := t.sample(ctx, op, i, next[n])
		if err != nil {
			return nil, err
		}
		moves[next[n].Name] = nil
		if sample != nil {
			moves[next[n].Name] = names(sample.AllowedStatuses)
			next = append(next, sample.AllowedStatuses...)
		}
	}
	return moves, nil
}

// sample is an issue like i that has a status, with what may follow; nil if there
// is none.
func (t *Tracker) sample(ctx context.Context, op string, i *issue, status named) (*issue, error) {
	number := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	found, err := t.list(ctx, op, url.Values{
		"project_id": number(i.Project.ID), "subproject_id": {"!*"}, "tracker_id": number(i.Tracker.ID), "status_id": number(status.ID),
		"sort": {"updated_on:desc"}, "limit": {"1"},
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	like, err := t.api.issue(ctx, op, found[0].id(), "allowed_statuses")
	switch {
	case errors.Is(err, adapters.ErrGone), err == nil && like.Status.ID != status.ID:
		return nil, nil // it has moved on
	case err != nil:
		return nil, err
	}
	return like, nil
}
