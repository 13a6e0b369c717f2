package salesforce

import (
	"context"

	"parley/adapters"
	"parley/sync/event"
)

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	if _, err := t.check(ctx); err != nil {
		return event.Schema{}, err
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	writes := cat.Createable && cat.Updateable
	out := event.Schema{
		Fields: cat.schema(), Comments: cat.mayComment, Internal: cat.mayComment, Attachments: writes, MaxAttachment: maxFile,
	}
	for _, p := range cat.projects() {
		out.Projects = append(out.Projects, p.Name)
	}
	if len(out.Projects) == 0 {
		return out, incomplete("read the record types", adapters.ErrConfiguration)
	}
	out.Fields[event.FieldProject] = event.Field{Type: event.TypeOption, Options: out.Projects, Writable: writes}
	if kinds, ok := cat.fields[event.FieldType]; ok {
		out.Types = kinds.active()
	}
	return out, nil
}

func (c *catalog) schema() map[string]event.Field {
	reference := func(field string, kind event.Type) event.Field {
		f := c.field(field)
		return event.Field{Type: kind, Writable: f != nil && f.Updateable && f.Createable}
	}
	out := map[string]event.Field{
		event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
		event.FieldCreated: {Type: event.TypeTime}, event.FieldUpdated: {Type: event.TypeTime}, event.FieldCreator: {Type: event.TypeUser},
		event.FieldAssignee: reference("OwnerId", event.TypeUser), event.FieldReporter: reference("ContactId", event.TypeUser),
		event.FieldParent: reference("ParentId", event.TypeRef),
	}
	for name, def := range c.fields {
		f := event.Field{Type: def.kind, Writable: def.Updateable && def.Createable}
		switch def.kind {
		case event.TypeOption, event.TypeOptions:
			f.Options = def.active()
		case event.TypeText, event.TypeRich:
			f.MaxLength = def.Length
		}
		switch name {
		case event.FieldSummary:
			f.Required = true
		case event.FieldStatus:
			for _, o := range def.Options {
				if o.Active && c.closed[o.Value] {
					f.Closed = append(f.Closed, o.Label)
				}
			}
		}
		out[name] = f
	}
	return out
}
