package servicenow

import (
	"context"
	"slices"
	"strconv"

	"parley/sync/event"
)

// Schema implements adapters.Tracker, from sys_dictionary and sys_choice. What the
// account's rights say of single fields cannot be asked: ServiceNow ignores a field that
// may not be written.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	if _, err := t.check(ctx); err != nil {
		return event.Schema{}, err
	}
	all, err := t.dir.elements(ctx, t.set.table)
	if err != nil {
		return event.Schema{}, err
	}
	table := []string{t.set.table}
	out := event.Schema{
		Fields: map[string]event.Field{
			event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
			event.FieldCreated: {Type: event.TypeTime}, event.FieldUpdated: {Type: event.TypeTime},
			event.FieldProject: {Type: event.TypeOption, Options: table, Writable: true},
			event.FieldType:    {Type: event.TypeOption, Writable: true},
			event.FieldLinks:   {Type: event.TypeLinks},
		},
		Projects: table, Types: table,
	}
	_, hasPublic := all[public]
	_, hasInternal := all[internal]
	out.Comments, out.Internal, out.Attachments = hasPublic, hasInternal, true
	for _, def := range t.set.definitions(all) {
		f := event.Field{
			Type: def.kind, Writable: def.writable(), Required: def.mandatory && def.def == "" && def.writable(),
		}
		if textual(def.kind) {
			f.MaxLength = def.length
		}
		if def.kind == event.TypeOption && def.reference == "" {
			if f.Options, f.Closed, err = t.options(ctx, &def); err != nil {
				return event.Schema{}, err
			}
		}
		out.Fields[def.title] = f
	}
	out.MaxAttachment, err = t.uploadLimit(ctx)
	return out, err
}

// options are the labels of a choice, and of a status those that end a ticket.
func (t *Tracker) options(ctx context.Context, def *definition) (labels, ends []string, err error) {
	all, err := t.dir.choices(ctx, def.name)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		if slices.Contains(labels, c.label) {
			continue
		}
		labels = append(labels, c.label)
		if def.title == event.FieldStatus && slices.Contains(closed(&t.set, def.element), c.value) {
			ends = append(ends, c.label)
		}
	}
	return labels, ends, nil
}

// uploadLimit is com.glide.attachment.max_size, which counts in megabytes, or its default
// where it is not set or hidden.
func (t *Tracker) uploadLimit(ctx context.Context) (int64, error) {
	const standard = 1024
	got, err := t.api.list(ctx, asked{
		op: "read the limit of attachments", table: "sys_properties", fields: []string{"value"}, limit: 1,
		where: query{}.and("name", "=", "com.glide.attachment.max_size"),
	})
	if err != nil && !isDenied(err) {
		return 0, err
	}
	limit := int64(standard)
	if len(got.rows) > 0 {
		if n, err := strconv.ParseInt(got.rows[0].value("value"), 10, 64); err == nil && n > 0 {
			limit = n
		}
	}
	return min(limit, 1<<20) << 20, nil
}
