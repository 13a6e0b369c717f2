package jira

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// directory knows what stands behind Jira's ids. All of it can be asked for
// again: nothing is lost with it.
type directory struct {
	api    client
	set    settings
	memory recall.Memory
}

func newDirectory(api client, set settings) *directory {
	return &directory{api: api, set: set}
}

// definition is a field: its id at Jira, its name here, and how its values read.
type definition struct {
	id     string
	name   string
	kind   event.Type
	schema fieldSchema
}

// jql is how a query names the field.
func (d *definition) jql() string {
	if n, ok := strings.CutPrefix(d.id, "customfield_"); ok {
		return "cf[" + n + "]"
	}
	if d.id == "duedate" {
		return "due"
	}
	return d.id
}

// standard are the names of Jira's own fields.
func standard(id string) string {
	switch id {
	case "summary", "description", "status", "resolution", "priority", "assignee", "reporter", "creator",
		"created", "updated", "labels", "components", "fixVersions", "parent", "project":
		return id
	case "issuetype":
		return event.FieldType
	case "duedate":
		return event.FieldDue
	case "timeoriginalestimate":
		return event.FieldEstimate
	case "timespent":
		return event.FieldSpent
	case linksField:
		return event.FieldLinks
	case "subtasks":
		return event.FieldChildren
	}
	return ""
}

// kindOf is the type of a field's values; "" where there is none for them.
func kindOf(id string, s fieldSchema) event.Type {
	switch id {
	case "description", "environment":
		return event.TypeRich
	case "timeoriginalestimate", "timespent":
		return event.TypeDuration
	case "parent":
		return event.TypeRef
	case "issuetype", "project", "status", "resolution", "priority":
		return event.TypeOption
	case linksField:
		return event.TypeLinks
	case "subtasks":
		return event.TypeRefs
	}
	switch s.Type {
	case "string":
		if strings.HasSuffix(s.Custom, ":textarea") {
			return event.TypeRich
		}
		return event.TypeText
	case "option":
		return event.TypeOption
	case "option-with-child":
		return event.TypeCascade
	case "number":
		return event.TypeNumber
	case "date":
		return event.TypeDate
	case "datetime":
		return event.TypeTime
	case "user":
		return event.TypeUser
	case "array":
		switch s.Items {
		case "option":
			return event.TypeOptions
		case "user":
			return event.TypeUsers
		case "string", "version", "component":
			return event.TypeSet
		}
	}
	return ""
}

// plugins' fields whose text is not what people see.
var opaque = []string{"gh-sprint", "gh-lexo-rank", "gh-global-rank", "devsummary", "vulnerabilities"}

// fields are all that have a type here, in the order of their ids.
func (d *directory) fields(ctx context.Context) ([]definition, error) {
	return recall.Of(&d.memory, "fields", func() ([]definition, error) {
		const op = "list fields"
		var all []fieldDetails
		if err := d.api.get(ctx, op, "field", nil, &all); err != nil {
			return nil, listError(err, op)
		}
		if len(all) == 0 {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		if !slices.ContainsFunc(all, func(f fieldDetails) bool { return f.ID == event.FieldParent }) {
			all = append(all, fieldDetails{ID: event.FieldParent, Name: "Parent"}) // not listed everywhere
		}
		return definitions(all)
	})
}

func definitions(all []fieldDetails) ([]definition, error) {
	var out []definition
	for _, f := range all {
		if f.ID == "" || f.Name == "" {
			return nil, incomplete("list fields", adapters.ErrConfiguration)
		}
		s := fieldSchema{}
		if f.Schema != nil {
			s = *f.Schema
		}
		def := definition{id: f.ID, name: standard(f.ID), schema: s, kind: kindOf(f.ID, s)}
		own := f.ID == "environment" || f.ID == "versions" || strings.HasPrefix(f.ID, "customfield_")
		hidden := slices.ContainsFunc(opaque, func(o string) bool { return strings.HasSuffix(s.Custom, ":"+o) })
		if def.kind == "" || hidden || def.name == "" && !own {
			continue
		}
		if def.name == "" {
			def.name = event.CustomPrefix + f.Name
		}
		out = append(out, def)
	}
	slices.SortFunc(out, func(a, b definition) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	// Names need not be unique in Jira: the oldest keeps it.
	seen := map[string]bool{}
	for i, def := range out {
		if seen[def.name] {
			out[i].name += " (" + strings.TrimPrefix(def.id, "customfield_") + ")"
		}
		seen[def.name] = true
	}
	return out, nil
}

// byName is a field by its name here; nil if there is none.
func (d *directory) byName(ctx context.Context, name string) (*definition, error) {
	all, err := d.fields(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].name == name {
			return &all[i], nil
		}
	}
	return nil, nil
}

// types are those that issues of a project can be created as.
func (d *directory) types(ctx context.Context, project string) ([]named, error) {
	return recall.Of(&d.memory, "types "+project, func() ([]named, error) {
		const op = "list issue types"
		all, err := pages[named](ctx, d.api, op, "issue/createmeta/{key}/issuetypes", []string{"issueTypes", "values"}, project)
		return all, listError(err, op)
	})
}

// screen are the fields that an issue of a type can be created with.
func (d *directory) screen(ctx context.Context, project, typeID string) ([]fieldInUse, error) {
	return recall.Of(&d.memory, "screen "+project+" "+typeID, func() ([]fieldInUse, error) {
		const op = "list fields of a type"
		all, err := pages[fieldInUse](ctx, d.api, op, "issue/createmeta/{key}/issuetypes/{id}", []string{"fields", "values", "results"}, project, typeID)
		return all, listError(err, op)
	})
}

type typeStatuses struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Statuses []named `json:"statuses"`
}

func (d *directory) statuses(ctx context.Context, project string) ([]typeStatuses, error) {
	return recall.Of(&d.memory, "statuses "+project, func() ([]typeStatuses, error) {
		const op = "list statuses"
		var out []typeStatuses
		err := d.api.get(ctx, op, "project/{key}/statuses", nil, &out, project)
		if err == nil && len(out) == 0 {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return out, listError(err, op)
	})
}

// permissions are what the account may in a project, by Jira's names.
func (d *directory) permissions(ctx context.Context, project string) (map[string]bool, error) {
	return recall.Of(&d.memory, "permissions "+project, func() (map[string]bool, error) {
		const op = "read permissions"
		query := url.Values{"projectKey": {project}}
		if d.api.cloud {
			query.Set("permissions", strings.Join(permissionNames(), ","))
		}
		var out struct {
			Permissions map[string]struct {
				Have bool `json:"havePermission"`
			} `json:"permissions"`
		}
		err := d.api.get(ctx, op, "mypermissions", query, &out)
		if err == nil && out.Permissions == nil {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		if err != nil {
			return nil, listError(err, op)
		}
		may := map[string]bool{}
		for name, p := range out.Permissions {
			may[name] = p.Have
		}
		return may, nil
	})
}

// hides says why a project may hold issues that the account does not see; "" if
// nothing tells of such a reason.
func (d *directory) hides(ctx context.Context, project string) (string, error) {
	may, err := d.permissions(ctx, project)
	if err != nil {
		return "", err
	}
	if !may["BROWSE_PROJECTS"] {
		return "the account may not browse project " + project, nil
	}
	levels, err := recall.Of(&d.memory, "levels "+project, func() ([]named, error) {
		const op = "list security levels"
		var out struct {
			Levels *[]named `json:"levels"`
		}
		err := d.api.get(ctx, op, "project/{key}/securitylevel", nil, &out, project)
		if err == nil && out.Levels == nil {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		if err != nil {
			return nil, listError(err, op)
		}
		return *out.Levels, nil
	})
	if err != nil || len(levels) == 0 {
		return "", err
	}
	return "project " + project + " has security levels", nil
}

// users are the people that Jira finds for a query.
func (d *directory) users(ctx context.Context, query string) ([]user, error) {
	return recall.Of(&d.memory, "user "+query, func() ([]user, error) {
		const op = "look a person up"
		keys := []string{"query"}
		switch {
		case !d.api.cloud:
			keys = []string{"username"}
		case !strings.ContainsAny(query, "@ ") && len(query) <= 128:
			keys = []string{"accountId", "query"}
		}
		var all []user
		for _, key := range keys {
			var found []user
			if err := d.api.get(ctx, op, "user/search", url.Values{key: {query}, "maxResults": {"50"}}, &found); err != nil {
				if errors.Is(err, adapters.ErrRejected) {
					continue // no account id
				}
				return nil, listError(err, op)
			}
			all = append(all, found...)
		}
		return all, nil
	})
}

// assignable are the people whom issues of a project can be assigned to, of those that
// an id finds.
func (d *directory) assignable(ctx context.Context, op, project, id string) ([]user, error) {
	return recall.Of(&d.memory, "assignable "+project+" "+id, func() ([]user, error) {
		key := "username"
		if d.api.cloud {
			key = "accountId"
		}
		var found []user
		err := d.api.get(ctx, op, "user/assignable/search", url.Values{key: {id}, "project": {project}, "maxResults": {"50"}}, &found)
		return found, listError(err, op)
	})
}

// person is somebody by what changelogs name them by: account id, or key.
func (d *directory) person(ctx context.Context, id string) (user, error) {
	return recall.Of(&d.memory, "person "+id, func() (user, error) {
		const op = "read a person"
		param := "key"
		if d.api.cloud {
			param = "accountId"
		}
		var out user
		err := d.api.get(ctx, op, "user", url.Values{param: {id}}, &out)
		if err == nil && out.id() == "" {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return out, err
	})
}
