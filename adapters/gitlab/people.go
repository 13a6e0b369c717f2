package gitlab

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// FindUser implements adapters.People, by user name: e-mail addresses are shown to
// administrators only.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	if strings.TrimSpace(query) == "" || strings.ContainsAny(query, "@ ") {
		_, err := t.check(ctx)
		return nil, err
	}
	all, err := t.api.people(ctx, query)
	if err != nil {
		return nil, err
	}
	var out []event.User
	for n := range all {
		if strings.EqualFold(all[n].Username, query) {
			out = append(out, all[n].event())
		}
	}
	_, err = t.check(ctx)
	return out, err
}

// Assignable implements adapters.Assigner: issues are assigned to members of the project.
func (t *Tracker) Assignable(ctx context.Context, _, id string) (bool, error) {
	found, err := t.FindUser(ctx, id)
	return slices.ContainsFunc(found, func(u event.User) bool { return u.ID == id }), err
}

// assignee sets the one that other trackers know. Where several can be assigned, the
// others stay.
func (e *edit) assignee(ctx context.Context, v any) error {
	ids := []int64{}
	if v != nil {
		u, err := e.person(ctx, v)
		if err != nil {
			return err
		}
		ids = append(ids, u.ID)
	}
	if e.of != nil {
		for n, a := range e.of.Assignees {
			if n > 0 && !slices.Contains(ids, a.ID) {
				ids = append(ids, a.ID)
			}
		}
	}
	e.patch["assignee_ids"] = ids
	return nil
}

// person is a member of the project, by user name, else by a name that is one's only.
func (e *edit) person(ctx context.Context, v any) (*user, error) {
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	name, _ := m["name"].(string)
	for _, query := range []string{id, name} {
		if query == "" {
			continue
		}
		all, err := e.t.api.people(ctx, query)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(u user) bool { return !strings.EqualFold(u.Username, query) && u.Name != query })
		if len(all) == 1 {
			return &all[0], nil
		}
	}
	return nil, &adapters.Error{
		Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("nobody in the project is %q", name),
		Hint: "map people to user names in the filter, and make them members of the project",
	}
}
