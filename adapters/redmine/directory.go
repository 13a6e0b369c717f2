package redmine

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// directory knows the names behind Redmine's numbers. All of it can be asked
// for again: nothing is lost with it.
type directory struct {
	api client
	set settings

	memory recall.Memory

	mu       sync.Mutex       // guards what follows
	fields   map[string]field // by name
	fieldIDs map[int64]string
	scope    map[int64]bool // ids of the configured projects
}

// field is a custom field.
type field struct {
	id      int64
	kind    event.Type
	options []string
}

func newDirectory(api client, set settings) *directory {
	return &directory{api: api, set: set, fields: map[string]field{}, fieldIDs: map[int64]string{}}
}

func (d *directory) statuses(ctx context.Context) ([]named, error) {
	return recall.Of(&d.memory, "statuses", func() ([]named, error) {
		return rows[named](ctx, d.api, "list statuses", "issue_statuses.json", "issue_statuses")
	})
}

func (d *directory) priorities(ctx context.Context) ([]named, error) {
	return recall.Of(&d.memory, "priorities", func() ([]named, error) {
		return rows[named](ctx, d.api, "list priorities", "enumerations/issue_priorities.json", "issue_priorities")
	})
}

// project takes an identifier or a number.
func (d *directory) project(ctx context.Context, id string) (project, error) {
	return recall.Of(&d.memory, "project "+id, func() (project, error) {
		p, err := d.api.project(ctx, id)
		return p, listError(err, "read project "+id)
	})
}

func (d *directory) projectByID(ctx context.Context, id int64) (project, error) {
	return d.project(ctx, strconv.FormatInt(id, 10))
}

// projects are those configured, or all that the account sees.
func (d *directory) projects(ctx context.Context) ([]project, error) {
	var all []project
	if len(d.set.projects) == 0 {
		found, err := recall.Of(&d.memory, "projects", func() ([]project, error) {
			return rows[project](ctx, d.api, "list projects", "projects.json", "projects")
		})
		if err != nil {
			return nil, err
		}
		// The list lacks what a project has: trackers and categories.
		for _, p := range found[:min(len(found), maxPage)] {
			whole, err := d.projectByID(ctx, p.ID)
			if err != nil {
				return nil, err
			}
			all = append(all, whole)
		}
		return all, nil
	}
	for _, identifier := range d.set.projects {
		p, err := d.project(ctx, identifier)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (d *directory) versions(ctx context.Context, projectID int64) ([]named, error) {
	id := strconv.FormatInt(projectID, 10)
	return recall.Of(&d.memory, "versions "+id, func() ([]named, error) {
		found, err := rows[named](ctx, d.api, "list versions", "projects/{id}/versions.json", "versions", id)
		return found, listError(err, "list versions")
	})
}

// members are the people and groups of a project: /users.json is for
// administrators only.
func (d *directory) members(ctx context.Context, projectID int64) ([]named, error) {
	id := strconv.FormatInt(projectID, 10)
	return recall.Of(&d.memory, "members "+id, func() ([]named, error) {
		found, err := rows[membership](ctx, d.api, "list members", "projects/{id}/memberships.json", "memberships", id)
		if err != nil {
			return nil, listError(err, "list members")
		}
		var all []named
		for _, m := range found {
			if m.User != nil {
				all = append(all, *m.User)
			} else if m.Group != nil {
				all = append(all, *m.Group)
			}
		}
		return all, nil
	})
}

// everybody are the members of all projects, once each.
func (d *directory) everybody(ctx context.Context) ([]named, error) {
	projects, err := d.projects(ctx)
	if err != nil {
		return nil, err
	}
	var all []named
	for _, p := range projects {
		found, err := d.members(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// user is one account, as far as it is shown to us.
func (d *directory) user(ctx context.Context, id int64) (account, error) {
	key := strconv.FormatInt(id, 10)
	return recall.Of(&d.memory, "user "+key, func() (account, error) {
		var out struct {
			User account `json:"user"`
		}
		err := d.api.get(ctx, "read user "+key, "users/{id}.json", nil, &out, key)
		if err == nil && out.User.ID != id {
			err = incomplete("read user "+key, adapters.ErrConfiguration)
		}
		return out.User, err
	})
}

// loadScope makes within answer.
func (d *directory) loadScope(ctx context.Context) error {
	if len(d.set.projects) == 0 {
		return nil
	}
	d.mu.Lock()
	known := d.scope != nil
	d.mu.Unlock()
	if known {
		return nil
	}
	projects, err := d.projects(ctx)
	if err != nil {
		return err
	}
	scope := map[int64]bool{}
	for _, p := range projects {
		scope[p.ID] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scope = scope
	return nil
}

// within tells whether a project is one of those configured.
func (d *directory) within(projectID int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.set.projects) == 0 || d.scope[projectID]
}

// learn takes the custom fields from issues: their list is for administrators
// only.
func (d *directory) learn(issues ...issue) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range issues {
		for _, c := range i.CustomFields {
			if _, ok := d.fields[c.Name]; ok && d.fieldIDs[c.ID] == c.Name {
				continue
			}
			kind, ok := d.set.types[c.Name]
			if !ok {
				kind = event.TypeText
				if c.Multiple {
					kind = event.TypeOptions
				}
			}
			d.fields[c.Name] = field{id: c.ID, kind: kind, options: d.fields[c.Name].options}
			d.fieldIDs[c.ID] = c.Name
		}
	}
}

// define takes the custom fields as an administrator sees them.
func (d *directory) define(all []definition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, def := range all {
		if def.Customized != "issue" {
			continue
		}
		f := field{id: def.ID, kind: kindOf(def)}
		if kind, ok := d.set.types[def.Name]; ok {
			f.kind = kind
		}
		for _, v := range def.Values {
			f.options = append(f.options, v.Value)
		}
		d.fields[def.Name] = f
		d.fieldIDs[def.ID] = def.Name
	}
}

func kindOf(def definition) event.Type {
	switch def.Format {
	case "int", "float":
		return event.TypeNumber
	case "bool":
		return event.TypeBool
	case "date":
		return event.TypeDate
	case "user":
		if def.Multiple {
			return event.TypeUsers
		}
		return event.TypeUser
	case "list":
		if def.Multiple {
			return event.TypeOptions
		}
		return event.TypeOption
	}
	if def.Multiple {
		return event.TypeOptions
	}
	return event.TypeText
}

// customFields are the custom fields known, after asking if there are none.
func (d *directory) customFields(ctx context.Context) (map[string]field, error) {
	_, err := recall.Of(&d.memory, "custom fields", func() (bool, error) { return true, d.askFields(ctx) })
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.fields), nil
}

func (d *directory) askFields(ctx context.Context) error {
	defs, err := rows[definition](ctx, d.api, "list custom fields", "custom_fields.json", "custom_fields")
	if err == nil {
		d.define(defs)
		return nil
	}
	if !errors.Is(err, adapters.ErrDenied) {
		return err
	}
	query := url.Values{"sort": {"id:desc"}, "limit": {strconv.Itoa(maxPage)}}
	if len(d.set.projects) == 1 {
		query.Set("project_id", d.set.projects[0])
	}
	found, err := d.api.issues(ctx, "learn custom fields", query)
	if err != nil {
		return listError(err, "learn custom fields")
	}
	d.learn(found...)
	return nil
}

// fieldByID is the name and kind of a custom field seen before.
func (d *directory) fieldByID(id int64) (string, field, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name, ok := d.fieldIDs[id]
	return name, d.fields[name], ok
}

func byName(all []named, name string) (int64, bool) {
	for _, n := range all {
		if n.Name == name {
			return n.ID, true
		}
	}
	return 0, false
}

func nameOf(all []named, id int64) string {
	for _, n := range all {
		if n.ID == id {
			return n.Name
		}
	}
	return strconv.FormatInt(id, 10)
}

func names(all []named) []string {
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = n.Name
	}
	return out
}
