package flow

import (
	"context"
	"errors"

	"parley/adapters"
	"parley/sync/event"
)

// lookups answers the questions that filters may ask.
type lookups struct {
	p     *Path
	con   *Connection
	rules *Rules
}

// User finds one person; several are nobody.
func (l lookups) User(ctx context.Context, query string) (*event.User, error) {
	people, ok := l.p.Tracker.(adapters.People)
	if !ok || query == "" {
		return nil, nil
	}
	found, err := people.FindUser(ctx, query)
	if err != nil || len(found) != 1 {
		return nil, err
	}
	return &found[0], nil
}

// Assignable asks the tracker.
func (l lookups) Assignable(ctx context.Context, project, id string) (bool, error) {
	assigner, ok := l.p.Tracker.(adapters.Assigner)
	if !ok {
		return false, errors.New("the tracker does not tell who a ticket can be assigned to")
	}
	return assigner.Assignable(ctx, project, id)
}

// TicketsBy finds tickets by one field's value.
func (l lookups) TicketsBy(ctx context.Context, field, value string) ([]event.Ref, error) {
	searcher, ok := l.p.Tracker.(adapters.Searcher)
	if !ok || value == "" {
		return nil, nil
	}
	changes, err := searcher.ByField(ctx, field, value, 2)
	refs := make([]event.Ref, 0, len(changes))
	for _, c := range changes {
		refs = append(refs, c.Ref)
	}
	return refs, err
}
