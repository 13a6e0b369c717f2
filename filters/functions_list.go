package filters

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func listFunctions() []*function {
	type list = func([]any) []any
	type two = func(any, any) []any
	return []*function{
		{name: "first", types: []any{func([]any) any { return nil }}, call: edge("first", false)},
		{name: "last", types: []any{func([]any) any { return nil }}, call: edge("last", true)},
		{name: "take", types: []any{func([]any, float64) []any { return nil }}, call: take},
		{name: "reverse", types: []any{list(nil)}, call: forList("reverse", reverse)},
		{name: "sort", types: []any{list(nil)}, call: forList("sort", sortValues)},
		{name: "uniq", types: []any{list(nil)}, call: forList("uniq", uniq)},
		{name: "len", types: []any{func(any) int { return 0 }}, call: length},
		{name: "keys", types: []any{func(any) []any { return nil }}, call: keys},
		{name: "values", types: []any{func(any) []any { return nil }}, call: valuesOf},
		{name: "concat", types: []any{func(...any) []any { return nil }}, call: concat},
		{name: "intersect", types: []any{two(nil)}, call: intersect},
		{name: "without", types: []any{func(any, ...any) []any { return nil }}, call: without},
		{name: "exactly", only: onlyIn(incoming), types: []any{func(any) any { return nil }}, call: func(_ *run, a []any) (any, error) {
			return exactValue{items: a[0]}, nil
		}},
		{name: "keepRemoved", only: onlyIn(incoming), types: []any{func(any) any { return nil }}, call: func(_ *run, a []any) (any, error) {
			return stayValue{items: a[0]}, nil
		}},
		{name: "with", types: []any{func(any, map[string]any) any { return nil }}, call: with},
	}
}

// forList makes a function of a list: nothing gives nothing.
func forList(name string, f func(r *run, list []any) (any, error)) func(*run, []any) (any, error) {
	return func(r *run, a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		list, ok := a[0].([]any)
		if !ok {
			return nil, wrongArgument(name, a[0], "a list")
		}
		if err := r.list(len(list)); err != nil {
			return nil, err
		}
		return f(r, list)
	}
}

func edge(name string, end bool) func(*run, []any) (any, error) {
	return forList(name, func(_ *run, list []any) (any, error) {
		switch {
		case len(list) == 0:
			return nil, nil
		case end:
			return list[len(list)-1], nil
		}
		return list[0], nil
	})
}

func take(r *run, a []any) (any, error) {
	n, err := intAt("take", a, 1, 0)
	if err != nil {
		return nil, err
	}
	return forList("take", func(_ *run, list []any) (any, error) {
		return list[:max(0, min(n, len(list)))], nil
	})(r, a)
}

func reverse(_ *run, list []any) (any, error) {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out, nil
}

// sortValues sorts texts, numbers or times; what cannot be compared is an error.
func sortValues(r *run, list []any) (any, error) {
	if err := r.step(len(list)); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	var failure error
	slices.SortStableFunc(out, func(a, b any) int {
		if failure == nil {
			failure = r.reads(a)
		}
		if failure != nil {
			return 0 // a sort cannot be stopped, only made short
		}
		n, err := compare(a, b)
		failure = err
		return n
	})
	return out, failure
}

func compare(a, b any) (int, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return cmp.Compare(x, y), nil
		}
	}
	x, ok := toFloat(a)
	y, ok2 := toFloat(b)
	if !ok || !ok2 {
		return 0, fmt.Errorf("a %s and a %s have no order", kindOf(a), kindOf(b))
	}
	return cmp.Compare(x, y), nil
}

// errNested is for lists whose entries cannot be told apart.
var errNested = errors.New("the entries are lists or values with members; this works on plain ones")

// setOf is the entries of lists as map keys.
func setOf(r *run, lists ...[]any) (map[any]bool, error) {
	out := map[any]bool{}
	for _, list := range lists {
		if err := r.use(48 * len(list)); err != nil {
			return nil, err
		}
		for _, one := range list {
			if err := r.reads(one); err != nil {
				return nil, err
			}
			key, ok := hashable(one)
			if !ok {
				return nil, errNested
			}
			out[key] = true
		}
	}
	return out, nil
}

func uniq(r *run, list []any) (any, error) {
	if err := r.use(48 * len(list)); err != nil {
		return nil, err
	}
	seen := make(map[any]bool, len(list))
	out := make([]any, 0, len(list))
	for _, one := range list {
		if err := r.reads(one); err != nil {
			return nil, err
		}
		key, ok := hashable(one)
		if !ok {
			return nil, errNested
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, one)
		}
	}
	return out, nil
}

// length counts characters, entries or members; nothing has none.
func length(_ *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case nil:
		return 0, nil
	case string:
		return utf8.RuneCountInString(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, wrongArgument("len", a[0], "a text or a list")
}

func members(r *run, name string, v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrongArgument(name, v, "a value with members")
	}
	return m, r.list(len(m))
}

func keys(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	m, err := members(r, "keys", a[0])
	if err != nil {
		return nil, err
	}
	return texts(slices.Sorted(maps.Keys(m))), nil
}

func valuesOf(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	m, err := members(r, "values", a[0])
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[key])
	}
	return out, nil
}

// concat puts lists behind one another; a single value is a list of one.
func concat(r *run, a []any) (any, error) {
	n, some := 0, false
	for _, one := range a {
		if list, ok := one.([]any); ok {
			n += len(list)
		} else {
			n++
		}
		some = some || one != nil
	}
	if !some {
		return nil, nil
	}
	if err := r.list(n); err != nil {
		return nil, err
	}
	out := make([]any, 0, n)
	for _, one := range a {
		switch v := one.(type) {
		case nil:
		case []any:
			out = append(out, v...)
		default:
			out = append(out, v)
		}
	}
	return out, nil
}

func intersect(r *run, a []any) (any, error) {
	if a[0] == nil || a[1] == nil {
		return nil, nil
	}
	other, ok := a[1].([]any)
	if !ok {
		return nil, wrongArgument("intersect", a[1], "a list")
	}
	wanted, err := setOf(r, other)
	if err != nil {
		return nil, err
	}
	return selectFrom(r, "intersect", a[0], func(key any) bool { return wanted[key] })
}

// without takes entries out; each further argument is an entry or a list of them.
func without(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	var lists [][]any
	for _, one := range a[1:] {
		if list, ok := one.([]any); ok {
			lists = append(lists, list)
		} else {
			lists = append(lists, []any{one})
		}
	}
	unwanted, err := setOf(r, lists...)
	if err != nil {
		return nil, err
	}
	return selectFrom(r, "without", a[0], func(key any) bool { return !unwanted[key] })
}

func selectFrom(r *run, name string, v any, keep func(key any) bool) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, wrongArgument(name, v, "a list")
	}
	if err := r.list(len(list)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for _, one := range list {
		if err := r.reads(one); err != nil {
			return nil, err
		}
		key, ok := hashable(one)
		if !ok {
			return nil, errNested
		}
		if keep(key) {
			out = append(out, one)
		}
	}
	return out, nil
}

// with copies a comment or an attachment with changes.
func with(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	changes, ok2 := a[1].(map[string]any)
	if l, ok := a[0].(link); ok && ok2 {
		return l.with(r, changes)
	}
	it, ok := a[0].(*item)
	if !ok || !ok2 {
		return nil, wrongArgument("with", a[0], "a comment, an attachment or a link")
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if err := r.use(256); err != nil {
			return nil, err
		}
		var err error
		if it, err = it.change(name, changes[name]); err != nil {
			return nil, err
		}
	}
	return it, nil
}

// with is l with another relation.
func (l link) with(r *run, changes map[string]any) (any, error) {
	for name, v := range changes {
		if name != "type" {
			return nil, fmt.Errorf("%s of a link cannot be changed", name)
		}
		if err := set(&l.Type, name, v); err != nil {
			return nil, err
		}
	}
	return l, r.use(256)
}
