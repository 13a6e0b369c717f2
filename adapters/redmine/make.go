package redmine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

var _ adapters.Maker = (*Tracker)(nil)

// The permissions to make versions and categories.
const (
	manageVersions   = "manage_versions"
	manageCategories = "manage_categories"
)

// makes are the kinds that the account may make.
func makes(may map[string]bool) []string {
	var out []string
	if may[manageVersions] {
		out = append(out, event.MakeVersions)
	}
	if may[manageCategories] {
		out = append(out, event.MakeComponents)
	}
	return out
}

// Make implements adapters.Maker: a component is a category.
func (t *Tracker) Make(ctx context.Context, what event.Making) error {
	op := "make one of the " + what.Kind
	p, err := t.target(ctx, op, event.Fields{event.FieldProject: what.Project})
	if err != nil {
		return listError(err, op)
	}
	if there, err := t.has(ctx, p, what); there || err != nil {
		return err
	}
	t.dir.forgetNames(p)
	if there, err := t.has(ctx, p, what); there || err != nil {
		return err
	}
	err = listError(t.api.makeName(ctx, op, p.ID, what), op)
	t.dir.forgetNames(p)
	if errors.Is(err, adapters.ErrRejected) {
		// Somebody else may have made it meanwhile: Redmine takes a name once.
		if there, again := t.has(ctx, p, what); again == nil && there {
			return nil
		}
	}
	return err
}

// has tells whether a project has what is named.
func (t *Tracker) has(ctx context.Context, p project, what event.Making) (bool, error) {
	var all []named
	var err error
	switch what.Kind {
	case event.MakeVersions:
		all, err = t.dir.versions(ctx, p.ID)
	case event.MakeComponents:
		p, err = t.dir.project(ctx, p.Identifier)
		all = p.Categories
	default:
		err = &adapters.Error{Class: adapters.ErrConfiguration, Op: "make what a ticket names", Err: fmt.Errorf("no %s are made in Redmine", what.Kind)}
	}
	return slices.ContainsFunc(all, func(n named) bool { return n.Name == what.Name }), err
}

// forgetNames makes the next question about a project's versions and categories go to
// Redmine.
func (d *directory) forgetNames(p project) {
	id := strconv.FormatInt(p.ID, 10)
	for _, key := range []string{"versions " + id, "project " + id, "project " + p.Identifier} {
		d.memory.Forget(key)
	}
}

func (c client) makeName(ctx context.Context, op string, projectID int64, what event.Making) error {
	path, key := "projects/{id}/versions.json", "version"
	if what.Kind == event.MakeComponents {
		path, key = "projects/{id}/issue_categories.json", "issue_category"
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: path, Args: []string{strconv.FormatInt(projectID, 10)}, Write: true,
		JSON: map[string]any{key: map[string]any{"name": what.Name}}, Expect: []int{http.StatusCreated},
	})
	return err
}
