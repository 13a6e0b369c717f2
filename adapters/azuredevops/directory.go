package azuredevops

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

// directory knows what the organisation's processes define. All of it can be asked for
// again: nothing is lost with it.
type directory struct {
	api    client
	set    settings
	memory recall.Memory
}

func newDirectory(api client, set settings) *directory {
	return &directory{api: api, set: set}
}

// types are the types of work items of a project that are in use.
func (d *directory) types(ctx context.Context, project string) ([]workItemType, error) {
	return recall.Of(&d.memory, "types "+project, func() ([]workItemType, error) {
		const op = "list types of work items"
		all, err := list[workItemType](ctx, d.api, op, "{project}/_apis/wit/workitemtypes", nil, project)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(w workItemType) bool { return w.Disabled })
		if len(all) == 0 || slices.ContainsFunc(all, func(w workItemType) bool { return w.Name == "" }) {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		return all, nil
	})
}

// typeOf is one type of a project; nil if there is none of the name.
func (d *directory) typeOf(ctx context.Context, project, name string) (*workItemType, error) {
	all, err := d.types(ctx, project)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(w workItemType) bool { return w.Name == name })
	if n < 0 {
		return nil, nil
	}
	return &all[n], nil
}

func (d *directory) states(ctx context.Context, project, kind string) ([]stateInfo, error) {
	return recall.Of(&d.memory, "states "+project+" "+kind, func() ([]stateInfo, error) {
		return list[stateInfo](ctx, d.api, "list states", "{project}/_apis/wit/workitemtypes/{type}/states", nil, project, kind)
	})
}

// uses are the fields of a type with the values that they take there.
func (d *directory) uses(ctx context.Context, project, kind string) ([]fieldUse, error) {
	return recall.Of(&d.memory, "uses "+project+" "+kind, func() ([]fieldUse, error) {
		const op = "list fields of a type"
		all, err := list[fieldUse](ctx, d.api, op, "{project}/_apis/wit/workitemtypes/{type}/fields", url.Values{"$expand": {"all"}}, project, kind)
		if err == nil && len(all) == 0 {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return all, err
	})
}

func (d *directory) infos(ctx context.Context) ([]fieldInfo, error) {
	return recall.Of(&d.memory, "fields", func() ([]fieldInfo, error) {
		const op = "list fields"
		all, err := list[fieldInfo](ctx, d.api, op, "{project}/_apis/wit/fields", nil, d.set.projects[0])
		if err == nil && len(all) == 0 {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		return all, err
	})
}

// definition is a field: its reference name, its name here, and how its values read.
type definition struct {
	ref  string
	name string
	kind event.Type
	// base is the type that Azure DevOps keeps values as.
	base     string
	options  []string
	required bool
	fixed    bool // nobody can write it
	seconds  bool // hours there, seconds here
}

// standard are the names of the fields that every tracker has.
func standard(ref string) string {
	switch ref {
	case refTitle:
		return event.FieldSummary
	case refState:
		return event.FieldStatus
	case refReason:
		return event.FieldResolution
	case "Microsoft.VSTS.Common.Priority":
		return event.FieldPriority
	case "System.AssignedTo":
		return event.FieldAssignee
	case refCreator:
		return event.FieldCreator
	case refCreated:
		return event.FieldCreated
	case refChanged:
		return event.FieldUpdated
	case refTags:
		return event.FieldLabels
	case refProject:
		return event.FieldProject
	case refType:
		return event.FieldType
	case "Microsoft.VSTS.Scheduling.DueDate":
		return event.FieldDue
	case "Microsoft.VSTS.Scheduling.OriginalEstimate":
		return event.FieldEstimate
	case "Microsoft.VSTS.Scheduling.CompletedWork":
		return event.FieldSpent
	}
	return ""
}

// shown tells which of the system's own fields are of interest: the others repeat
// these, or count what else is read.
func shown(ref string) bool {
	if strings.HasPrefix(ref, "WEF_") || ref == refRepro || ref == refDescription {
		return false
	}
	return !strings.HasPrefix(ref, "System.") || standard(ref) != "" || ref == refArea || ref == refIteration
}

// ruled are fields that the rules of the processes fill in.
func ruled(ref string) bool {
	const common = "Microsoft.VSTS.Common."
	rest, ok := strings.CutPrefix(ref, common)
	if !ok {
		return false
	}
	switch rest {
	case "StateChangeDate", "ActivatedDate", "ActivatedBy", "ResolvedDate", "ResolvedBy", "ResolvedReason", "ClosedDate", "ClosedBy", "StateCode":
		return true
	}
	return false
}

// fields are the definitions of all fields that a type of our projects has.
func (d *directory) fields(ctx context.Context) ([]definition, error) {
	return recall.Of(&d.memory, "definitions", func() ([]definition, error) {
		infos, err := d.infos(ctx)
		if err != nil {
			return nil, err
		}
		byRef := map[string]*definition{}
		for _, project := range d.set.projects {
			types, err := d.types(ctx, project)
			if err != nil {
				return nil, err
			}
			for _, w := range types {
				uses, err := d.uses(ctx, project, w.Name)
				if err != nil {
					return nil, err
				}
				for n := range uses {
					d.add(byRef, infos, &uses[n])
				}
			}
		}
		return named(byRef), nil
	})
}

// add takes one use of a field in. A field whose values are limited in one type only
// has those of all.
func (d *directory) add(byRef map[string]*definition, infos []fieldInfo, use *fieldUse) {
	n := slices.IndexFunc(infos, func(f fieldInfo) bool { return strings.EqualFold(f.Ref, use.Ref) })
	if n < 0 || !shown(use.Ref) || use.Ref == d.set.marker {
		return
	}
	def := byRef[use.Ref]
	if def == nil {
		def = define(&infos[n])
		if def == nil {
			return
		}
		byRef[use.Ref] = def
	}
	def.required = def.required || use.Required && (len(use.Default) == 0 || string(use.Default) == "null")
	if infos[n].Identity || infos[n].Suggested || def.kind == event.TypeTime {
		return
	}
	for _, o := range use.options() {
		if def.kind == event.TypeText || def.kind == event.TypeNumber {
			def.kind = event.TypeOption
		}
		if !slices.Contains(def.options, o) {
			def.options = append(def.options, o)
		}
	}
}

// define is a field by its type; nil where there is none for it here.
func define(f *fieldInfo) *definition {
	def := &definition{ref: f.Ref, name: f.Name, base: f.Type, fixed: f.ReadOnly || ruled(f.Ref)}
	switch f.Type {
	case "string", "plainText", "guid":
		def.kind = event.TypeText
	case "treePath":
		def.kind, def.fixed = event.TypeText, false // said to be read-only, and are not
	case "integer", "double":
		def.kind = event.TypeNumber
	case "dateTime":
		def.kind = event.TypeTime
	case "html":
		def.kind = event.TypeRich
	case "boolean":
		def.kind = event.TypeBool
	case "identity":
		def.kind = event.TypeUser
	case "picklistString", "picklistInteger", "picklistDouble":
		def.kind = event.TypeOption
	default:
		return nil
	}
	if f.Identity {
		def.kind = event.TypeUser
	}
	switch standard(f.Ref) {
	case event.FieldLabels:
		def.kind = event.TypeSet
	case event.FieldDue:
		def.kind = event.TypeDate
	case event.FieldEstimate, event.FieldSpent:
		def.kind, def.seconds = event.TypeDuration, true
	case event.FieldStatus, event.FieldProject, event.FieldType, event.FieldPriority:
		def.kind = event.TypeOption
	case event.FieldResolution, event.FieldCreator, event.FieldCreated, event.FieldUpdated:
		def.fixed = true
	}
	return def
}

// named gives each field its name here. Names are unique in an organisation; a field
// that was deleted may have left its own to another.
func named(byRef map[string]*definition) []definition {
	var out []definition
	for _, def := range byRef {
		out = append(out, *def)
	}
	slices.SortFunc(out, func(a, b definition) int { return cmp.Compare(a.ref, b.ref) })
	seen := map[string]bool{}
	for n := range out {
		name := standard(out[n].ref)
		if name == "" {
			name = event.CustomPrefix + out[n].name
		}
		if seen[name] {
			name += " (" + out[n].ref + ")"
		}
		seen[name] = true
		out[n].name = name
	}
	return out
}

// byName is a field by its name here; nil if there is none.
func (d *directory) byName(ctx context.Context, name string) (*definition, error) {
	all, err := d.fields(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(def definition) bool { return def.name == name })
	if n < 0 {
		return nil, nil
	}
	return &all[n], nil
}

// description is the long text that the form of a type shows: bugs have their own.
func (d *directory) description(ctx context.Context, project, kind string) (string, error) {
	w, err := d.typeOf(ctx, project, kind)
	if err != nil || w == nil {
		return refDescription, err
	}
	uses, err := d.uses(ctx, project, kind)
	if slices.ContainsFunc(uses, func(f fieldUse) bool { return f.Ref == refRepro }) {
		return refRepro, err
	}
	return refDescription, err
}

// people are those that the identity service has under a text: a name, an address of
// e-mail or an id.
func (d *directory) people(ctx context.Context, query string) ([]person, error) {
	return recall.Of(&d.memory, "person "+query, func() ([]person, error) {
		if guid.MatchString(query) {
			found, err := d.api.persons(ctx, url.Values{"identityIds": {query}})
			return slices.DeleteFunc(found, func(p person) bool { return p.ID == "" }), err
		}
		found, err := d.api.persons(ctx, url.Values{"searchFilter": {"General"}, "filterValue": {query}, "queryMembership": {"none"}})
		if errors.Is(err, adapters.ErrConfiguration) && strings.TrimSpace(query) == "" {
			return nil, nil
		}
		return slices.DeleteFunc(found, func(p person) bool { return p.ID == "" }), err
	})
}
