package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// summary is how many dependencies an issue has, those of closed issues too. It spares
// the requests for lists that are empty.
type summary struct {
	BlockedBy int `json:"total_blocked_by"`
	Blocking  int `json:"total_blocking"`
}

const (
	pathBlockedBy = "issues/{number}/dependencies/blocked_by"
	pathBlocking  = "issues/{number}/dependencies/blocking"
)

func relationNames() []string { return []string{event.Blocks, event.IsBlockedBy} }

// links reads the dependencies to issues of this repository.
func (t *Tracker) links(ctx context.Context, op string, i *issue) ([]event.Link, error) {
	var out []event.Link
	for _, side := range []struct {
		relation, path string
		some           bool
	}{
		{event.IsBlockedBy, pathBlockedBy, i.Depends == nil || i.Depends.BlockedBy > 0},
		{event.Blocks, pathBlocking, i.Depends == nil || i.Depends.Blocking > 0},
	} {
		if !side.some {
			continue
		}
		all, err := t.api.dependencies(ctx, op, side.path, i.id())
		switch {
		case err != nil && i.Depends == nil && isNotFound(err):
			return nil, nil // a server that has no dependencies
		case err != nil:
			return nil, t.believeGone(ctx, op, i.ref(), err)
		}
		for n := range all {
			if other := &all[n]; other.Pull == nil && (other.Repository == "" || t.here(other.Repository)) {
				out = append(out, event.Link{Type: side.relation, ID: other.id(), Key: other.key()})
			}
		}
	}
	return out, nil
}

func (c client) dependencies(ctx context.Context, op, path, number string) ([]issue, error) {
	return list[issue]{
		op: op, path: path, args: []string{number}, query: url.Values{}, sound: (*issue).sound,
		key: func(i *issue) string { return strconv.FormatInt(i.ID, 10) }, // numbers are each repository's own
	}.read(ctx, c)
}

func (c client) block(ctx context.Context, blocked string, by int64) error {
	return c.write(ctx, "link issue "+blocked, http.MethodPost, pathBlockedBy, map[string]any{"issue_id": by}, nil, http.StatusCreated, blocked)
}

// unblock takes a dependency away. One that is not there is away already.
func (c client) unblock(ctx context.Context, blocked string, by int64) error {
	err := c.write(ctx, "unlink issue "+blocked, http.MethodDelete, pathBlockedBy+"/{id}", nil, nil, http.StatusOK, blocked, strconv.FormatInt(by, 10))
	if errors.Is(err, adapters.ErrGone) {
		return nil
	}
	return err
}

// dependency is one to make or to take away.
type dependency struct {
	link event.Link
	// other is the number for all of GitHub of the issue at the other end.
	other int64
	gone  bool
}

// links reads what a step does to the dependencies. The other ends are looked at before
// anything is written.
func (e *edit) links(ctx context.Context, step event.Step) error {
	if _, named := step.Fields[event.FieldLinks]; !named {
		return nil
	}
	var have []event.Link
	if e.of != nil {
		var err error
		if have, err = e.t.links(ctx, e.op, e.of); err != nil {
			return err
		}
	}
	add, remove := step.LinkChanges(have)
	for _, l := range add {
		switch {
		case l.Type != event.Blocks && l.Type != event.IsBlockedBy:
			return e.reject("GitHub has no relation %q, but %q", l.Type, relationNames())
		case !isID(l.ID) || e.of != nil && e.of.id() == l.ID:
			return e.reject("a link leads to %q, which is no other issue of this repository", l.ID)
		}
	}
	for n, l := range slices.Concat(add, remove) {
		other, err := e.t.api.issue(ctx, e.op, l.ID)
		gone := n >= len(add)
		switch {
		case gone && errors.Is(err, adapters.ErrGone):
			continue
		case errors.Is(err, adapters.ErrGone) || err == nil && other.Pull != nil:
			return e.reject("a link leads to issue %s, which is not there", l.ID)
		case err != nil:
			return err
		}
		e.dependencies = append(e.dependencies, dependency{link: l, other: other.ID, gone: gone})
	}
	return nil
}

// depend makes or takes away one dependency of an issue: it is always the blocked one's.
func (t *Tracker) depend(ctx context.Context, i *issue, d dependency) error {
	blocked, blocker := i.id(), d.other
	if d.link.Type == event.Blocks {
		blocked, blocker = d.link.ID, i.ID
	}
	if d.gone {
		return t.api.unblock(ctx, blocked, blocker)
	}
	err := t.api.block(ctx, blocked, blocker)
	if !rest.HasStatus(err, http.StatusUnprocessableEntity) {
		return err
	}
	// One that is there already is refused, as one is that cannot be.
	have, asked := t.api.dependencies(ctx, "link issue "+blocked, pathBlockedBy, blocked)
	for n := range have {
		if have[n].ID == blocker {
			return nil
		}
	}
	return errors.Join(err, asked)
}
