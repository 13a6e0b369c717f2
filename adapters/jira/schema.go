package jira

import (
	"context"
	"errors"
	"slices"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	if _, err := t.check(ctx); err != nil {
		return event.Schema{}, err
	}
	may, err := t.everywhere(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	out := event.Schema{
		Fields: map[string]event.Field{
			event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
		},
		Projects: slices.Clone(t.set.projects),
		Comments: may["ADD_COMMENTS"], EditComments: may["EDIT_OWN_COMMENTS"], Attachments: may["CREATE_ATTACHMENTS"],
	}
	if may[administerProjects] {
		out.Makes = []string{event.MakeVersions, event.MakeComponents}
	}
	if err := t.addFields(ctx, &out); err != nil {
		return event.Schema{}, err
	}
	writes := may["CREATE_ISSUES"] || may["EDIT_ISSUES"]
	for _, project := range t.set.projects {
		if err := t.addProject(ctx, &out, project, writes); err != nil {
			return event.Schema{}, err
		}
	}
	if out.Internal, err = t.hasInternal(ctx); err != nil {
		return event.Schema{}, err
	}
	out.Internal = out.Internal && out.Comments
	out.MaxAttachment, err = t.uploadLimit(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	t.finish(&out, may)
	types, err := t.linkTypes(ctx)
	out.Fields[event.FieldLinks] = event.Field{
		Type: event.TypeLinks, Options: relations(types), Writable: may["LINK_ISSUES"] && len(types) > 0,
	}
	return out, err
}

// everywhere are the permissions that the account has in one project at least.
func (t *Tracker) everywhere(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for _, project := range t.set.projects {
		may, err := t.dir.permissions(ctx, project)
		if err != nil {
			return nil, err
		}
		for name, have := range may {
			all[name] = all[name] || have
		}
	}
	return all, nil
}

func (t *Tracker) addFields(ctx context.Context, out *event.Schema) error {
	all, err := t.dir.fields(ctx)
	for _, def := range all {
		out.Fields[def.name] = event.Field{Type: def.kind}
	}
	return err
}

// addProject adds what a project's screens have: which fields can be written, and
// what they take.
func (t *Tracker) addProject(ctx context.Context, out *event.Schema, project string, writes bool) error {
	types, err := t.dir.types(ctx, project)
	if err != nil {
		return err
	}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return err
	}
	for _, kind := range types {
		if !slices.Contains(out.Types, kind.Name) {
			out.Types = append(out.Types, kind.Name)
		}
		screen, err := t.dir.screen(ctx, project, kind.ID)
		if err != nil {
			return err
		}
		for n := range screen {
			addScreen(out, defs, &screen[n], writes)
		}
	}
	return t.addStatuses(ctx, out, project)
}

func addScreen(out *event.Schema, defs []definition, f *fieldInUse, writes bool) {
	id := f.id()
	if id == "timetracking" {
		id = "timeoriginalestimate"
	}
	n := slices.IndexFunc(defs, func(d definition) bool { return d.id == id })
	if n < 0 || id == "project" || id == "issuetype" {
		return
	}
	def := defs[n]
	field := out.Fields[def.name]
	field.Writable = writes
	// A parent is required of sub-tasks only.
	field.Required = field.Required || f.Required && !f.HasDefault && def.kind != event.TypeRef
	for _, o := range f.options() {
		if !slices.Contains(field.Options, o) && def.kind != event.TypeRef {
			field.Options = append(field.Options, o)
		}
	}
	out.Fields[def.name] = field
}

func (t *Tracker) addStatuses(ctx context.Context, out *event.Schema, project string) error {
	all, err := t.dir.statuses(ctx, project)
	if err != nil {
		return err
	}
	field := out.Fields[event.FieldStatus]
	for _, kind := range all {
		for _, s := range kind.Statuses {
			if !slices.Contains(field.Options, s.Name) {
				field.Options = append(field.Options, s.Name)
			}
			if s.Category != nil && s.Category.Key == "done" && !slices.Contains(field.Closed, s.Name) {
				field.Closed = append(field.Closed, s.Name)
			}
		}
	}
	out.Fields[event.FieldStatus] = field
	return nil
}

// finish sets what no screen tells.
func (t *Tracker) finish(out *event.Schema, may map[string]bool) {
	change := func(name string, set func(*event.Field)) {
		f, ok := out.Fields[name]
		if ok {
			set(&f)
			out.Fields[name] = f
		}
	}
	change(event.FieldStatus, func(f *event.Field) { f.Type, f.Writable = event.TypeOption, may["TRANSITION_ISSUES"] })
	change(event.FieldSummary, func(f *event.Field) { f.MaxLength = maxSummary })
	change(event.FieldProject, func(f *event.Field) { f.Options, f.Writable = out.Projects, may["CREATE_ISSUES"] })
	change(event.FieldType, func(f *event.Field) { f.Options, f.Writable = out.Types, may["CREATE_ISSUES"] })
	for _, name := range []string{event.FieldCreated, event.FieldUpdated, event.FieldCreator, event.FieldSpent} {
		change(name, func(f *event.Field) { f.Writable = false })
	}
}

// hasInternal tells whether internal comments can be written.
func (t *Tracker) hasInternal(ctx context.Context) (bool, error) {
	if t.set.audience != nil {
		return true, nil
	}
	for _, project := range t.set.projects {
		p, err := recall.Of(&t.dir.memory, "project "+project, func() (named, error) {
			const op = "read a project"
			var out named
			err := t.api.get(ctx, op, "project/{key}", nil, &out, project)
			if err == nil && out.Key == "" {
				err = incomplete(op, adapters.ErrConfiguration)
			}
			return out, listError(err, op)
		})
		if err != nil || p.Type == serviceProject {
			return err == nil, err
		}
	}
	return false, nil
}

func (t *Tracker) uploadLimit(ctx context.Context) (int64, error) {
	const op = "read the limit of attachments"
	var out struct {
		Enabled *bool `json:"enabled"`
		Limit   int64 `json:"uploadLimit"`
	}
	err := t.api.get(ctx, op, "attachment/meta", nil, &out)
	if err == nil && out.Enabled == nil {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	return out.Limit, listError(err, op)
}

type permission struct {
	name, why string
	level     adapters.Level
}

// wanted are the permissions that the account needs, least first.
func wanted() []permission {
	return []permission{
		{"BROWSE_PROJECTS", "see the project's issues", adapters.LevelError},
		{"CREATE_ISSUES", "create issues", adapters.LevelWarning},
		{"EDIT_ISSUES", "change issues", adapters.LevelWarning},
		{"TRANSITION_ISSUES", "change the status", adapters.LevelWarning},
		{"ASSIGN_ISSUES", "assign issues", adapters.LevelWarning},
		{"ADD_COMMENTS", "comment", adapters.LevelWarning},
		{"EDIT_OWN_COMMENTS", "follow edits of comments", adapters.LevelWarning},
		{"CREATE_ATTACHMENTS", "attach files", adapters.LevelWarning},
		{"LINK_ISSUES", "link issues", adapters.LevelWarning},
	}
}

func permissionNames() []string {
	out := []string{administerProjects}
	for _, p := range wanted() {
		out = append(out, p.name)
	}
	return out
}

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.event().Name}}
	if me.TimeZone != "" {
		out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "the account's time zone is " + me.TimeZone + ": queries of Jira go by it, and so does Parley"})
	}
	for _, project := range t.set.projects {
		out = append(out, t.probeProject(ctx, project)...)
	}
	if internal, err := t.hasInternal(ctx); err != nil {
		out = append(out, problem(err))
	} else if !internal {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "internal comments cannot be written: the projects have none",
			Hint: "set internal_comments to a role or group that may read them, if they shall be kept in step",
		})
	}
	if t.set.entered {
		out = append(out, adapters.Finding{
			Level: adapters.LevelOK, What: "an API token of the Cloud ends after a year at most, which the API does not tell",
		})
	}
	return out
}

func (t *Tracker) probeProject(ctx context.Context, project string) []adapters.Finding {
	may, err := t.dir.permissions(ctx, project)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	var out []adapters.Finding
	for _, p := range wanted() {
		if !may[p.name] {
			out = append(out, adapters.Finding{
				Level: p.level, What: "the account may not " + p.why + " in " + project,
				Hint: "give it the permission " + p.name + " in the project's permission scheme",
			})
		}
	}
	why, err := t.dir.hides(ctx, project)
	switch {
	case err != nil:
		out = append(out, problem(err))
	case why != "" && may["BROWSE_PROJECTS"]:
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: why + ": a deleted issue cannot be told from a hidden one",
			Hint: "twins of deleted issues have to be ended by hand",
		})
	}
	if _, err := t.dir.types(ctx, project); err != nil {
		out = append(out, problem(err))
	}
	return out
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
