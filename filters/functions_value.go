package filters

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

func valueFunctions() []*function {
	number := []any{func(float64) float64 { return 0 }}
	return []*function{
		{name: "default", types: []any{func(any, any) any { return nil }}, call: func(_ *run, a []any) (any, error) {
			if blank(a[0]) {
				return a[1], nil
			}
			return a[0], nil
		}},
		{name: "blank", types: []any{func(any) bool { return false }}, call: func(_ *run, a []any) (any, error) { return blank(a[0]), nil }},
		{name: "number", types: []any{func(any) float64 { return 0 }}, call: toNumber},
		{name: "bool", types: []any{func(any) bool { return false }}, call: toBool},
		{name: "string", types: []any{func(any) string { return "" }}, call: toText},
		{name: "round", types: number, call: forNumber("round", math.Round)},
		{name: "floor", types: number, call: forNumber("floor", math.Floor)},
		{name: "ceil", types: number, call: forNumber("ceil", math.Ceil)},
		{name: "abs", types: number, call: forNumber("abs", math.Abs)},
		{name: "min", types: []any{func(...any) float64 { return 0 }}, call: extreme("min", func(a, b float64) bool { return a < b })},
		{name: "max", types: []any{func(...any) float64 { return 0 }}, call: extreme("max", func(a, b float64) bool { return a > b })},
		{
			name: "lookup", types: []any{func(string, any) any { return nil }, func(string, any, any) any { return nil }},
			literals: map[int]literalCheck{0: tableLiteral}, call: lookup,
		},
		{
			name: "mapped", types: []any{func(string, any) bool { return false }},
			literals: map[int]literalCheck{0: tableLiteral}, call: mapped,
		},
		{
			name: "option", types: []any{func(any) any { return nil }, func(any, any) any { return nil }},
			only: onlyIn(incoming), call: option,
		},
	}
}

func blank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// toNumber reads a number out of a text; nil if it is not one.
func toNumber(_ *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case string:
		n, none := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if none != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			return nil, nil //nolint:nilerr // what is no number gives nothing
		}
		return n, nil
	case time.Duration:
		return v.Seconds(), nil
	}
	if n, ok := toFloat(a[0]); ok {
		return n, nil
	}
	return nil, nil
}

func toBool(_ *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
	case int:
		return v != 0, nil
	case float64:
		return v != 0, nil
	}
	return nil, nil
}

func toText(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	return show(r, a[0])
}

// show is a value as text("{}") writes it; nothing is "".
func show(r *run, v any) (string, error) {
	if err := r.use(32); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		if v.Location() == dateZone {
			return v.Format(dateLayout), nil
		}
		return v.Format("2006-01-02 15:04"), nil
	case time.Duration:
		return showDuration(v), nil
	case person:
		return v.name, nil
	case map[string]any:
		return showRecord(v), nil
	case []any:
		joined, err := join(r, []any{v, ", "})
		if err != nil {
			return "", err
		}
		return joined.(string), nil
	}
	return "", fmt.Errorf("a %s cannot be written as text", kindOf(v))
}

func showDuration(d time.Duration) string {
	d = d.Round(time.Minute)
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strings.TrimSuffix(d.String(), "0s")
}

// showRecord shows what people would call the value.
func showRecord(m map[string]any) string {
	for _, name := range []string{"name", "value", "key"} {
		if s, ok := m[name].(string); ok && s != "" {
			if child, ok := m["child"].(string); ok && child != "" {
				return s + " / " + child
			}
			return s
		}
	}
	return ""
}

func forNumber(name string, f func(float64) float64) func(*run, []any) (any, error) {
	return func(_ *run, a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		n, ok := toFloat(a[0])
		if !ok {
			return nil, wrongArgument(name, a[0], "a number")
		}
		return f(n), nil
	}
}

// extreme is min and max of numbers and lists of numbers; nothing is left out.
func extreme(name string, better func(a, b float64) bool) func(*run, []any) (any, error) {
	return func(r *run, a []any) (any, error) {
		var best any
		for _, one := range a {
			list, ok := one.([]any)
			if !ok {
				list = []any{one}
			}
			if err := r.step(len(list)); err != nil {
				return nil, err
			}
			for _, v := range list {
				n, ok := toFloat(v)
				if v == nil {
					continue
				}
				if !ok {
					return nil, wrongArgument(name, v, "numbers")
				}
				if best == nil || better(n, best.(float64)) {
					best = n
				}
			}
		}
		return best, nil
	}
}

func tableLiteral(r *resolver, name string) (any, *Problem) {
	t, ok := r.env.Tables[name]
	if !ok {
		return nil, &Problem{
			Code: CodeUnknownTable, Message: "there is no table " + quoteName(name),
			Nearest: nearest(name, sortedKeys(r.env.Tables)),
		}
	}
	if err := t.checkPolicy(); err != nil {
		return nil, &Problem{Code: CodeUnknownTable, Message: fmt.Sprintf("table %q: %s", name, err)}
	}
	r.tables[name] = t
	return compileTable(name, t, r.kind == incoming), nil
}

// lookup maps a value, or each one of a list.
func lookup(r *run, a []any) (any, error) {
	t := a[0].(*compiledTable)
	if list, ok := a[1].([]any); ok {
		if err := r.list(len(list)); err != nil {
			return nil, err
		}
		out := make([]any, 0, len(list))
		for _, one := range list {
			v, err := t.find(one, a)
			if err != nil {
				return nil, err
			}
			switch v.(type) {
			case nil, keepValue:
			default:
				out = append(out, v)
			}
		}
		return out, nil
	}
	return t.find(a[1], a)
}

func (t *compiledTable) find(v any, a []any) (any, error) {
	s, ok := v.(string)
	switch {
	case v == nil && len(a) > 2:
		return a[2], nil
	case v == nil:
		return nil, nil
	case !ok:
		return nil, wrongArgument("lookup", v, "a text")
	}
	if to, ok := t.to[s]; ok {
		return to, nil
	}
	if len(a) > 2 {
		return a[2], nil
	}
	switch t.policy {
	case TableKeep:
		return keepValue{}, nil
	case TableEmpty:
		return nil, nil
	case TablePass:
		return s, nil
	}
	return nil, fmt.Errorf("the table %q has no entry for %s", t.name, mask(s, 0))
}

func mapped(_ *run, a []any) (any, error) {
	s, ok := a[1].(string)
	if !ok {
		return false, nil
	}
	_, ok = a[0].(*compiledTable).to[s]
	return ok, nil
}

// option finds an option of the field that the line sets: by its name, else by
// its name in another case if that is one only. Nil if there is none.
func option(r *run, a []any) (any, error) {
	var child any
	if len(a) > 1 {
		child = a[1]
	}
	v := a[0]
	if m, ok := v.(map[string]any); ok {
		v, child = m["value"], m["child"]
	}
	if v == nil {
		return nil, nil
	}
	value, ok := v.(string)
	if !ok {
		return nil, wrongArgument("option", v, "a text")
	}
	if r.target == nil {
		return value, nil
	}
	value, ok = findOption(value, r.target.options)
	if !ok {
		return nil, nil
	}
	if r.target.typ == event.TypeCascade || child != nil {
		c, _ := child.(string)
		return map[string]any{"value": value, "child": c}, nil
	}
	return value, nil
}

func findOption(value string, options []string) (string, bool) {
	if len(options) == 0 || slices.Contains(options, value) {
		return value, true
	}
	found, n := "", 0
	for _, one := range options {
		if strings.EqualFold(one, value) {
			found = one
			n++
		}
	}
	return found, n == 1
}
