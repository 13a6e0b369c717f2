package jira

import (
	"context"
	"errors"

	"parley/adapters"
	"parley/sync/event"
)

// maxSampled bounds how many statuses an issue is looked for in.
const maxSampled = 20

// Moves implements adapters.Workflow. Jira tells of an issue what may follow its
// own status, and workflows to administrators only: what follows another status is
// read from an issue of the same project and type that has it. A status that no
// such issue has leads nowhere, as far as can be known.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	op := "read the workflow of issue " + ref.ID
	i, err := t.issue(ctx, op, ref, only("created", "updated", "status", "project", "issuetype"))
	if err != nil {
		return nil, err
	}
	var status, project, kind named
	if i.field("status", &status) != nil || i.field("project", &project) != nil || i.field("issuetype", &kind) != nil || status.Name == "" {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	all, err := t.api.transitions(ctx, op, i.ID)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	moves := map[string][]string{status.Name: targets(all)}
	next := targets(all)
	for n := 0; n < len(next) && len(moves) < maxSampled; n++ {
		if _, known := moves[next[n]]; known {
			continue
		}
		follow, err := t.sample(ctx, op, project.Key, kind.Name, next[n])
		if err != nil {
			return nil, err
		}
		moves[next[n]] = follow
		next = append(next, follow...)
	}
	return moves, nil
}

// sample is what may follow a status, by an issue that has it; nil if there is
// none.
func (t *Tracker) sample(ctx context.Context, op, project, kind, status string) ([]string, error) {
	found, _, _, err := t.search(ctx, op, question{
		jql: "project = " + quote(project) + " AND issuetype = " + quote(kind) + " AND status = " + quote(status) +
			" ORDER BY updated DESC",
		fields: []string{"created", "updated", "status"}, size: 1,
	}, page{})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	like, err := t.api.issue(ctx, op, found[0].ID, only("created", "updated", "status"))
	var now named
	switch {
	case errors.Is(err, adapters.ErrGone):
		return nil, nil // deleted meanwhile
	case err != nil:
		return nil, err
	case like.field("status", &now) != nil:
		return nil, incomplete(op, adapters.ErrConfiguration)
	case now.Name != status:
		return nil, nil // it has moved on
	}
	all, err := t.api.transitions(ctx, op, like.ID)
	if errors.Is(err, adapters.ErrGone) {
		err = nil
	}
	return targets(all), err
}
