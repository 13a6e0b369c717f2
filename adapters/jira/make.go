package jira

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"parley/adapters"
	"parley/sync/event"
)

var _ adapters.Maker = (*Tracker)(nil)

// administerProjects is the permission to make versions and components.
const administerProjects = "ADMINISTER_PROJECTS"

// Make implements adapters.Maker.
func (t *Tracker) Make(ctx context.Context, what event.Making) error {
	op := "make one of the " + what.Kind
	e := &encoder{t: t, op: op}
	key, err := e.target(event.Fields{event.FieldProject: what.Project})
	if err != nil {
		return err
	}
	p, err := t.api.names(ctx, op, key)
	if err != nil || p.has(what) {
		return err
	}
	body := map[string]any{"name": what.Name, "project": key}
	path := "component"
	switch what.Kind {
	case event.MakeComponents:
	case event.MakeVersions:
		// The Cloud takes the number of the project only.
		id, err := strconv.ParseInt(p.ID, 10, 64)
		if err != nil {
			return incomplete(op, adapters.ErrConfiguration)
		}
		path, body = "version", map[string]any{"name": what.Name, "projectId": id}
	default:
		return e.reject("Jira has no %s", what.Kind)
	}
	err = t.api.write(ctx, op, http.MethodPost, path, body, nil, http.StatusCreated)
	t.dir.memory.ForgetAll() // screens list what may be chosen
	if errors.Is(err, adapters.ErrRejected) {
		// Somebody else may have made it meanwhile: Jira takes a name once.
		if p, again := t.api.names(ctx, op, key); again == nil && p.has(what) {
			return nil
		}
		return err
	}
	return mayNot(err, op, key)
}

// mayNot says what a refusal means here: a project that may not be administered is one
// that is not there.
func mayNot(err error, op, project string) error {
	if !errors.Is(err, adapters.ErrGone) {
		return err
	}
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: fmt.Errorf("the account sees no project %s to change", project),
		Hint: "let the account administer the project, or take create out of the accept gate",
	}
}

// projectNames is what of a project tickets can name.
type projectNames struct {
	ID         string   `json:"id"`
	Key        string   `json:"key"`
	Versions   *[]named `json:"versions"`
	Components *[]named `json:"components"`
}

func (p *projectNames) has(what event.Making) bool {
	all := *p.Versions
	if what.Kind == event.MakeComponents {
		all = *p.Components
	}
	return slices.ContainsFunc(all, func(n named) bool { return n.Name == what.Name })
}

// names reads a project's versions and components.
func (c client) names(ctx context.Context, op, key string) (*projectNames, error) {
	var out projectNames
	if err := c.get(ctx, op, "project/{key}", nil, &out, key); err != nil {
		return nil, listError(err, op)
	}
	if out.Key == "" || out.Versions == nil || out.Components == nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return &out, nil
}
