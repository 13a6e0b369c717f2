package desk

import (
	"context"
	"maps"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// texts puts line to every text of one line, and long to the others. The desk is asked for
// its fields only where there is something to change, which is rare: a name of an option
// stays as it is.
func (t *Tracker) texts(ctx context.Context, fields event.Fields, line, long func(string) string) (event.Fields, error) {
	out, types := fields, map[string]event.Field(nil)
	for name, v := range fields {
		s, ok := v.(string)
		if !ok || line(s) == s && long(s) == s {
			continue
		}
		if types == nil {
			in, err := t.schema(ctx, "read the desk's fields")
			if err != nil {
				return nil, err
			}
			types, out = in.Fields, maps.Clone(fields)
		}
		switch types[name].Type {
		case event.TypeText:
			out[name] = line(s)
		case event.TypeRich:
			out[name] = long(s)
		}
	}
	return out, nil
}

// meant spells an edit as Read spells the field.
func (t *Tracker) meant(ctx context.Context, e *adapters.Edit) error {
	for _, side := range []*any{&e.Old, &e.New} {
		fields, err := t.texts(ctx, event.Fields{e.Field: *side}, defuse.MeantFormula, defuse.MeantFormula)
		if err != nil {
			return err
		}
		*side = fields[e.Field]
	}
	return nil
}
