package flow

import (
	"maps"

	"parley/sync/event"
)

// To find out what follows from a field, scripts run once more with another value
// in it.

// others makes other values for the fields of one of our tickets.
type others struct {
	types map[string]event.Field
	ref   event.Ref
}

// other is nothing where v is something, and something where it is nothing.
func (o others) other(name string, v any) any {
	kind := o.types[name].Type
	list, isList := v.([]any)
	switch {
	case v == nil, isList && len(list) == 0:
		return o.sample(kind)
	case kind.IsSet():
		return []any{}
	}
	return nil
}

// another is a value of the same kind that differs from v.
func (o others) another(name string, v any) any {
	switch v := v.(type) {
	case string:
		return v + "-"
	case float64:
		return v + 1
	case bool:
		return !v
	}
	return o.other(name, v)
}

// sample is a value of a kind. A link leads to the ticket itself: it has a twin, and
// nobody has such a link.
func (o others) sample(t event.Type) any {
	person := event.User{ID: "-", Name: "-"}.Value()
	switch t {
	case event.TypeSet, event.TypeOptions:
		return []any{"-"}
	case event.TypeUsers:
		return []any{person}
	case event.TypeUser:
		return person
	case event.TypeLinks:
		return event.LinksValue([]event.Link{{Type: "-", ID: o.ref.ID}})
	case event.TypeRef:
		return map[string]any{"id": o.ref.ID, "key": "-"}
	case event.TypeRefs:
		return event.RefsValue(map[string]string{o.ref.ID: "-"})
	case event.TypeCascade:
		return map[string]any{"value": "-", "child": ""}
	case event.TypeNumber, event.TypeDuration:
		return 1.0
	case event.TypeBool:
		return true
	case event.TypeTime:
		return "2000-01-01T00:00:00Z"
	case event.TypeDate:
		return "2000-01-01"
	}
	return "-"
}

// others is before with values instead of what is empty.
func (in *incoming) others(after, before event.Fields, o others) event.Fields {
	out := maps.Clone(before)
	for name, value := range after {
		if _, had := before[name]; !had {
			out[name] = o.another(name, value)
		}
	}
	if !in.created() {
		for name := range in.plan.Said {
			out[name] = o.another(name, after[name])
		}
	}
	return out
}
