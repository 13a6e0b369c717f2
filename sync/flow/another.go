package flow

import (
	"maps"

	"parley/sync/event"
)

// other is a value that differs from v, to find out what depends on it.
func other(v any) any {
	if v == nil {
		return "-"
	}
	return nil
}

// others is before with values instead of what is empty.
func (in *incoming) others(after, before event.Fields) event.Fields {
	out := maps.Clone(before)
	for name, value := range after {
		if _, had := before[name]; !had {
			out[name] = another(value)
		}
	}
	if !in.created() {
		for name := range in.plan.Said {
			out[name] = another(after[name])
		}
	}
	return out
}

// another is a value of the same kind that differs from v.
func another(v any) any {
	switch v := v.(type) {
	case string:
		return v + "-"
	case float64:
		return v + 1
	case bool:
		return !v
	case []any:
		if len(v) > 0 {
			return []any{}
		}
		return []any{"-"}
	}
	return other(v)
}
