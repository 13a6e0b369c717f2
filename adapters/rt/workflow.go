package rt

import (
	"context"
	"errors"
	"slices"

	"parley/adapters"
	"parley/sync/event"
)

// maxSampled bounds how many statuses a ticket is looked for in.
const maxSampled = 20

// Moves implements adapters.Workflow. RT tells of a ticket the actions of its
// lifecycle, which need not be all moves that it allows; what follows another
// status is read from a ticket of the same queue that has it. A status that no such
// ticket has leads nowhere, as far as can be known.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	op := "read the lifecycle of ticket " + ref.ID
	body, _, err := t.same(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	moves := map[string][]string{string(body.Status): body.actions()}
	next := slices.Clone(body.actions())
	for n := 0; n < len(next) && len(moves) < maxSampled; n++ {
		if _, known := moves[next[n]]; known {
			continue
		}
		sample, err := t.sample(ctx, op, string(body.Queue.Name), next[n])
		if err != nil {
			return nil, err
		}
		moves[next[n]] = nil
		if sample != nil {
			moves[next[n]] = sample.actions()
			next = append(next, sample.actions()...)
		}
	}
	return moves, nil
}

// sample is a ticket of a queue that has a status; nil if there is none.
func (t *Tracker) sample(ctx context.Context, op, queue, status string) (*ticketBody, error) {
	condition := both("Queue = "+quote(queue), "Status = "+quote(status))
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, rows(condition, 1, "-LastUpdated"))
	if err != nil || len(found.Items) == 0 || found.Items[0] == nil {
		return nil, err
	}
	like, _, err := t.ticket(ctx, op, string(found.Items[0].ID))
	switch {
	case errors.Is(err, adapters.ErrGone), err == nil && string(like.Status) != status:
		return nil, nil // it has moved on
	case err != nil:
		return nil, err
	}
	return like, nil
}

// actions are the statuses that the lifecycle leads to from the ticket's.
func (b *ticketBody) actions() []string {
	var out []string
	for _, l := range b.Links {
		if l.Ref == "lifecycle" && l.To != "" && l.To != b.Status {
			out = append(out, string(l.To))
		}
	}
	return out
}
