package redmine

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	me, err := t.check(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	may, err := t.permissions(ctx, me)
	if err != nil {
		return event.Schema{}, err
	}
	projects, err := t.dir.projects(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	s := event.Schema{
		Comments:     may["add_issue_notes"] || may["edit_issues"],
		Internal:     may["set_notes_private"] && may["view_private_notes"],
		Attachments:  may["edit_issues"] || may["add_issue_notes"],
		EditComments: may["edit_issue_notes"] || may["edit_own_issue_notes"],
		Makes:        makes(may),
	}
	var categories, versions []string
	for _, p := range projects {
		s.Projects = append(s.Projects, p.Identifier)
		s.Types = append(s.Types, names(p.Trackers)...)
		categories = append(categories, names(p.Categories)...)
		found, err := t.dir.versions(ctx, p.ID)
		if err != nil {
			return event.Schema{}, err
		}
		versions = append(versions, names(found)...)
	}
	s.Types = unique(s.Types)
	s.Fields, err = t.standardFields(ctx, may["edit_issues"], s, unique(categories), unique(versions))
	if err != nil {
		return event.Schema{}, err
	}
	s.Fields[event.FieldChildren] = event.Field{Type: event.TypeRefs}
	s.Fields[event.FieldLinks] = event.Field{Type: event.TypeLinks, Options: relationNames(), Writable: may[manageRelations]}
	return s, t.addCustomFields(ctx, s.Fields, may["edit_issues"])
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func (t *Tracker) standardFields(ctx context.Context, may bool, s event.Schema, categories, versions []string) (map[string]event.Field, error) {
	statuses, err := t.dir.statuses(ctx)
	if err != nil {
		return nil, err
	}
	priorities, err := t.dir.priorities(ctx)
	if err != nil {
		return nil, err
	}
	fixed := func(kind event.Type) event.Field { return event.Field{Type: kind} }
	free := func(kind event.Type, options ...string) event.Field {
		return event.Field{Type: kind, Options: options, Writable: may}
	}
	status := free(event.TypeOption, names(statuses)...)
	for _, s := range statuses {
		if s.Closed {
			status.Closed = append(status.Closed, s.Name)
		}
	}
	return map[string]event.Field{
		event.FieldKey:         fixed(event.TypeText),
		event.FieldURL:         fixed(event.TypeText),
		event.FieldProject:     free(event.TypeOption, s.Projects...),
		event.FieldType:        free(event.TypeOption, s.Types...),
		event.FieldSummary:     {Type: event.TypeText, Writable: may, Required: true, MaxLength: maxSubject},
		event.FieldDescription: free(event.TypeRich),
		event.FieldStatus:      status,
		event.FieldPriority:    free(event.TypeOption, names(priorities)...),
		event.FieldAssignee:    free(event.TypeUser),
		event.FieldReporter:    fixed(event.TypeUser),
		event.FieldCreator:     fixed(event.TypeUser),
		event.FieldCreated:     fixed(event.TypeTime),
		event.FieldUpdated:     fixed(event.TypeTime),
		event.FieldDue:         free(event.TypeDate),
		event.FieldComponents:  free(event.TypeSet, categories...),
		event.FieldFixVersions: free(event.TypeSet, versions...),
		event.FieldEstimate:    free(event.TypeDuration),
		event.FieldSpent:       fixed(event.TypeDuration),
		event.FieldParent:      free(event.TypeRef),
	}, nil
}

func (t *Tracker) addCustomFields(ctx context.Context, out map[string]event.Field, may bool) error {
	custom, err := t.dir.customFields(ctx)
	if err != nil {
		return err
	}
	for name, kind := range t.set.types {
		out[event.CustomPrefix+name] = event.Field{Type: kind, Writable: may}
	}
	for name, def := range custom {
		out[event.CustomPrefix+name] = event.Field{Type: def.kind, Options: def.options, Writable: may}
	}
	delete(out, event.CustomPrefix+t.set.markerField)
	return nil
}

// permissions are what the account may in any of its projects.
func (t *Tracker) permissions(ctx context.Context, me account) (map[string]bool, error) {
	may := map[string]bool{}
	if me.Admin {
		return everything(), nil
	}
	for _, m := range me.Memberships {
		if !t.dir.configured(m.Project.ID) {
			continue
		}
		if err := t.addRoles(ctx, may, m); err != nil {
			return nil, err
		}
	}
	return may, nil
}

// permissionsIn are what the account may in one project; not known where it
// sees the project without being a member.
func (t *Tracker) permissionsIn(ctx context.Context, me account, projectID int64) (map[string]bool, bool, error) {
	if me.Admin {
		return everything(), true, nil
	}
	may, known := map[string]bool{}, false
	for _, m := range me.Memberships {
		if m.Project.ID == projectID {
			known = true
			if err := t.addRoles(ctx, may, m); err != nil {
				return nil, false, err
			}
		}
	}
	return may, known, nil
}

func (t *Tracker) addRoles(ctx context.Context, may map[string]bool, m membership) error {
	for _, role := range m.Roles {
		all, err := t.dir.role(ctx, role.ID)
		if err != nil {
			return err
		}
		for _, p := range all {
			may[p] = true
		}
	}
	return nil
}

func everything() map[string]bool {
	may := map[string]bool{manageVersions: true, manageCategories: true}
	for _, p := range wanted() {
		may[p.name] = true
	}
	return may
}

func (d *directory) configured(projectID int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.scope == nil || d.scope[projectID]
}

func (d *directory) role(ctx context.Context, id int64) ([]string, error) {
	key := strconv.FormatInt(id, 10)
	op := "read role " + key
	return recall.Of(&d.memory, "role "+key, func() ([]string, error) {
		var out struct {
			Role struct {
				ID          int64    `json:"id"`
				Permissions []string `json:"permissions"`
			} `json:"role"`
		}
		err := d.api.get(ctx, op, "roles/{id}.json", nil, &out, key)
		if err == nil && out.Role.ID != id {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return out.Role.Permissions, listError(err, op)
	})
}

type permission struct {
	name, why string
	level     adapters.Level
}

// manageRelations is the permission to write links.
const manageRelations = "manage_issue_relations"

// wanted are the permissions that the account needs, least first.
func wanted() []permission {
	return []permission{
		{"view_issues", "read issues", adapters.LevelError},
		{"add_issues", "create issues", adapters.LevelWarning},
		{"edit_issues", "change issues and attach files", adapters.LevelWarning},
		{"add_issue_notes", "comment", adapters.LevelWarning},
		{"view_private_notes", "see private notes of others", adapters.LevelWarning},
		{"set_notes_private", "write private notes", adapters.LevelWarning},
		{"edit_own_issue_notes", "follow edits of comments", adapters.LevelWarning},
		{manageRelations, "write links between issues", adapters.LevelWarning},
	}
}

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.Login}}
	if me.Admin {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "the key is an administrator's",
			Hint: "use an account of its own with a role in the projects: an administrator's key can do far more than is needed",
		})
	}
	if err := t.dir.loadScope(ctx); err != nil {
		return append(out, problem(err))
	}
	may, err := t.permissions(ctx, me)
	if err != nil {
		return append(out, problem(err))
	}
	for _, p := range wanted() {
		if !may[p.name] && (p.name != "edit_own_issue_notes" || !may["edit_issue_notes"]) {
			out = append(out, adapters.Finding{
				Level: p.level, What: "the account may not " + p.why,
				Hint: "give its role the permission " + p.name + " in every project named",
			})
		}
	}
	return append(out, t.probeFields(ctx)...)
}

func (t *Tracker) probeFields(ctx context.Context) []adapters.Finding {
	fields, err := t.dir.customFields(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	var out []adapters.Finding
	for name := range t.set.types {
		if _, ok := fields[name]; !ok {
			out = append(out, adapters.Finding{
				Level: adapters.LevelWarning, What: "no issue shows a custom field " + strconv.Quote(name),
				Hint: "check its name in field_types, and that it is active for the project and tracker",
			})
		}
	}
	if name := t.set.markerField; name != "" {
		if _, ok := fields[name]; !ok {
			return append(out, adapters.Finding{
				Level: adapters.LevelWarning, What: "no issue shows the marker_field " + strconv.Quote(name),
				Hint: "until one does, markers stand in a line of the description",
			})
		}
		_, err := t.ByField(ctx, event.CustomPrefix+name, "aaaaaaaaaaaaaaaa", 1)
		if errors.Is(err, adapters.ErrConfiguration) {
			out = append(out, problem(err))
		}
	}
	return append(out, adapters.Finding{
		Level: adapters.LevelOK, What: "texts are taken for " + t.set.format + ", which the API cannot confirm",
	})
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
