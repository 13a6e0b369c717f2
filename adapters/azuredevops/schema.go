package azuredevops

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// maxFile is the limit of Azure DevOps Services; a server has its own.
const maxFile = 60 << 20

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	if _, err := t.check(ctx); err != nil {
		return event.Schema{}, err
	}
	writes, err := t.writes(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	out := event.Schema{
		Fields: map[string]event.Field{
			event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
			event.FieldLinks:       {Type: event.TypeLinks, Options: relationNames(), Writable: writes},
			event.FieldParent:      {Type: event.TypeRef, Writable: writes},
			event.FieldChildren:    {Type: event.TypeRefs},
			event.FieldDescription: {Type: event.TypeRich, Writable: writes},
		},
		Projects: slices.Clone(t.set.projects), Comments: writes, EditComments: writes, Attachments: writes,
	}
	if t.set.services {
		out.MaxAttachment = maxFile
	}
	all, err := t.dir.fields(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	for _, def := range all {
		out.Fields[def.name] = event.Field{Type: def.kind, Options: def.options, Writable: writes && !def.fixed, Required: def.required && def.ref == refTitle}
	}
	if err := t.addStates(ctx, &out); err != nil {
		return event.Schema{}, err
	}
	set := func(name string, change func(*event.Field)) {
		if f, ok := out.Fields[name]; ok {
			change(&f)
			out.Fields[name] = f
		}
	}
	set(event.FieldSummary, func(f *event.Field) { f.MaxLength, f.Required = maxTitle, true })
	set(event.FieldProject, func(f *event.Field) { f.Options, f.Writable = out.Projects, writes })
	set(event.FieldType, func(f *event.Field) { f.Options, f.Writable = out.Types, writes })
	return out, nil
}

// addStates adds types, and the states that they have.
func (t *Tracker) addStates(ctx context.Context, out *event.Schema) error {
	status := out.Fields[event.FieldStatus]
	status.Options = nil
	for _, project := range t.set.projects {
		types, err := t.dir.types(ctx, project)
		if err != nil {
			return err
		}
		for _, kind := range types {
			if !slices.Contains(out.Types, kind.Name) {
				out.Types = append(out.Types, kind.Name)
			}
			states, err := t.dir.states(ctx, project, kind.Name)
			if err != nil {
				return err
			}
			for _, s := range states {
				if !slices.Contains(status.Options, s.Name) {
					status.Options = append(status.Options, s.Name)
				}
				if (s.Category == "Completed" || s.Category == "Removed") && !slices.Contains(status.Closed, s.Name) {
					status.Closed = append(status.Closed, s.Name)
				}
			}
		}
	}
	out.Fields[event.FieldStatus] = status
	return nil
}

// writes tells whether the account may write in one project at least.
func (t *Tracker) writes(ctx context.Context) (bool, error) {
	for _, project := range t.set.projects {
		why, err := t.hindrance(ctx, project)
		if err != nil || why == nil {
			return err == nil, err
		}
	}
	return false, nil
}

// hindrance is why no work item can be created in a project, nil if nothing stands in
// the way: Azure DevOps checks a create without doing it. What it says of values is
// another matter.
func (t *Tracker) hindrance(ctx context.Context, project string) (error, error) { //nolint:revive // the first is a finding
	type answer struct{ why error }
	found, err := recall.Of(&t.dir.memory, "may create "+project, func() (answer, error) {
		ops := t.marked([]operation{{Op: "add", Path: "/fields/" + refTitle, Value: "Parley checks its permissions"}}, "aaaaaaaaaaaaaaaa")
		err := t.api.mayCreate(ctx, project, t.set.kind, ops)
		switch {
		case err == nil:
			return answer{}, nil
		case errors.Is(err, adapters.ErrRejected), errors.Is(err, adapters.ErrGone):
			return answer{why: err}, nil
		case errors.Is(err, adapters.ErrDenied):
			if _, checked := t.check(ctx); checked != nil {
				return answer{}, checked
			}
			return answer{why: err}, nil
		}
		return answer{}, err
	})
	return found.why, err
}

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.event().Name}}
	for _, project := range t.set.projects {
		out = append(out, t.probeProject(ctx, project)...)
	}
	if _, err := t.dir.people(ctx, me.ID); err != nil {
		f := problem(err)
		f.Level, f.What = adapters.LevelWarning, "people cannot be looked up: "+f.What
		f.Hint = "give the token the scope Identity (read), or set identity_url"
		out = append(out, f)
	}
	if t.set.entered {
		out = append(out, adapters.Finding{
			Level: adapters.LevelOK, What: "a personal access token ends on the day chosen when it was made, which the API does not tell",
		})
	}
	if t.set.entered && t.set.services {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "tokens for all organisations at once stop on 2026-12-01",
			Hint: "use a service principal of Microsoft Entra, or a token for this organisation only",
		})
	}
	return out
}

func (t *Tracker) probeProject(ctx context.Context, project string) []adapters.Finding {
	var out []adapters.Finding
	kind, err := t.dir.typeOf(ctx, project, t.set.kind)
	switch {
	case err != nil:
		return []adapters.Finding{problem(err)}
	case kind == nil:
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: fmt.Sprintf("project %q has no work items of type %q", project, t.set.kind),
			Hint: "set work_item_type to a type of the project's process",
		})
	}
	why, err := t.hindrance(ctx, project)
	switch {
	case err != nil:
		out = append(out, problem(err))
	case errors.Is(why, adapters.ErrDenied):
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: fmt.Sprintf("the account may not create work items in %q", project),
			Hint: "give it the access level Basic, put it among the project's Contributors, and let a token have the scope Work Items (read and write)",
		})
	case why != nil:
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: fmt.Sprintf("a %s with nothing but a title would be refused in %q: %v", t.set.kind, project, why),
			Hint: "set the fields that the process requires in the filter, and check marker_field",
		})
	}
	if _, err := t.api.feed(ctx, project, pathDiscussions, nil); err != nil {
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
