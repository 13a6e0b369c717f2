package desk

import (
	"context"
	"maps"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// lines puts change to every text of one line. The desk is asked for its fields only
// where there is something to change, which is rare: a name of an option stays as it is.
func (t *Tracker) lines(ctx context.Context, fields event.Fields, change func(string) string) (event.Fields, error) {
	out, types := fields, map[string]event.Field(nil)
	for name, v := range fields {
		s, ok := v.(string)
		if !ok || name == event.FieldDescription || change(s) == s {
			continue
		}
		if types == nil {
			in, err := t.schema(ctx, "read the desk's fields")
			if err != nil {
				return nil, err
			}
			types, out = in.Fields, maps.Clone(fields)
		}
		if types[name].Type == event.TypeText {
			out[name] = change(s)
		}
	}
	return out, nil
}

// meant spells an edit as Read spells the field.
func (t *Tracker) meant(ctx context.Context, e *adapters.Edit) error {
	for _, side := range []*any{&e.Old, &e.New} {
		fields, err := t.lines(ctx, event.Fields{e.Field: *side}, defuse.MeantFormula)
		if err != nil {
			return err
		}
		*side = fields[e.Field]
	}
	return nil
}
