package filters

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/expr-lang/expr/checker/nature"
)

// guardFunction is what guard puts in; no script can spell its name. It takes
// one argument or two, as they are: expr makes a list of arguments for every
// call of other functions, and these are called for every entry of a list.
type guardFunction struct {
	one func(r *run, a any) (any, error)
	two func(r *run, a, b any) (any, error)
}

// guards are the functions that guard puts in, by name.
func guards() map[string]guardFunction {
	return map[string]guardFunction{
		"(member)":     {two: func(_ *run, base, key any) (any, error) { return member(base, key) }},
		"(same)":       {two: func(r *run, a, b any) (any, error) { return same(r, a, b, 0) }},
		"(add)":        {two: add},
		"(in)":         {two: func(r *run, v, in any) (any, error) { return contains(r, in, v) }},
		"(range)":      {two: rangeOf},
		"(matches)":    {two: matches},
		"(contains)":   {two: textOperator(strings.Contains)},
		"(startsWith)": {two: textOperator(strings.HasPrefix)},
		"(endsWith)":   {two: textOperator(strings.HasSuffix)},
		"(truth)":      {one: func(_ *run, v any) (any, error) { return truthOf(v) }},
		"(cond)": {one: func(r *run, v any) (any, error) {
			if err := r.use(32); err != nil {
				return nil, err
			}
			return truthOf(v)
		}},
		"(turn)":   {one: func(r *run, v any) (any, error) { return v, r.use(32) }},
		"(key)":    {one: sortKey},
		"(number)": {one: numberOf},
		"(list)":   {one: listOf},
		"(made)":   {one: made},
	}
}

// nature is one of those that expr calls without a list of arguments.
func (f guardFunction) nature() nature.Nature {
	if f.one != nil {
		return nature.FromType(reflect.TypeFor[func(any) any]())
	}
	return nature.FromType(reflect.TypeFor[func(any, any) any]())
}

// forRun is f as expr calls it for r. Functions of these types cannot return
// an error: the virtual machine itself panics with one and recovers it in Run.
func (f guardFunction) forRun(r *run) any {
	if f.one != nil {
		return func(a any) any { return must(f.one(r, a)) }
	}
	return func(a, b any) any { return must(f.two(r, a, b)) }
}

func must(v any, err error) any {
	if err != nil {
		panic(err)
	}
	return v
}

func truthOf(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	return nil, fmt.Errorf("a %s is neither true nor false", kindOf(v))
}

// numberOf keeps sums and signs to numbers: a sum of texts would grow uncounted.
func numberOf(r *run, v any) (any, error) {
	if err := r.use(16); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int, float64, time.Duration:
		return v, nil
	}
	return nil, fmt.Errorf("a %s is not a number", kindOf(v))
}

func sortKey(r *run, v any) (any, error) {
	if err := r.use(64); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		// The sort that follows goes through the texts many times and cannot be stopped.
		return v, r.use(4 * len(v))
	case int, float64, time.Time, time.Duration:
		return v, nil
	case nil:
		return nil, errors.New("an entry has nothing to sort by; see default(x, d)")
	}
	return nil, fmt.Errorf("a %s is nothing to sort by", kindOf(v))
}

func listOf(r *run, v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return []any{}, nil
	case []any:
		return v, r.list(len(v))
	}
	return nil, fmt.Errorf("a %s is not a list", kindOf(v))
}

func made(r *run, v any) (any, error) {
	switch v := v.(type) {
	case []any:
		return v, r.list(len(v))
	case map[string]any:
		return v, r.use(256 + 64*len(v))
	}
	return v, nil
}

func rangeOf(r *run, a, b any) (any, error) {
	from, ok := toInt(a)
	to, ok2 := toInt(b)
	if !ok || !ok2 {
		return nil, errors.New("a range goes from one whole number to another")
	}
	if to < from {
		return []any{}, nil
	}
	if to-from >= r.limits.Items || to-from < 0 {
		return nil, r.list(r.limits.Items + 1)
	}
	if err := r.list(to - from + 1); err != nil {
		return nil, err
	}
	out := make([]any, 0, to-from+1)
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out, nil
}

func textOperator(test func(t, part string) bool) func(r *run, a, b any) (any, error) {
	return func(r *run, a, b any) (any, error) {
		if a == nil || b == nil {
			return false, nil
		}
		t, ok := a.(string)
		part, ok2 := b.(string)
		if !ok || !ok2 {
			return nil, fmt.Errorf("this compares texts, not a %s with a %s", kindOf(a), kindOf(b))
		}
		return test(t, part), r.step(1 + len(t)>>10)
	}
}

// add is +: numbers, times and durations are added, texts are joined and
// counted. Nothing adds nothing.
func add(r *run, a, b any) (any, error) {
	switch x := a.(type) {
	case nil:
		return b, nil
	case string:
		switch y := b.(type) {
		case nil:
			return x, nil
		case string:
			return x + y, r.text(len(x) + len(y))
		}
	case int:
		if y, ok := b.(int); ok {
			return x + y, nil
		}
	case time.Time:
		if y, ok := b.(time.Duration); ok {
			return x.Add(y), nil
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Duration:
			return x + y, nil
		case time.Time:
			return y.Add(x), nil
		}
	}
	if b == nil {
		return a, nil
	}
	x, ok := toFloat(a)
	y, ok2 := toFloat(b)
	if !ok || !ok2 {
		return nil, fmt.Errorf("a %s and a %s cannot be added; text(\"{}{}\", a, b) joins anything", kindOf(a), kindOf(b))
	}
	return x + y, nil
}

// same is ==, counted: two small values may be very large trees.
func same(r *run, a, b any, depth int) (bool, error) {
	if err := r.step(1); err != nil || depth > maxDepth*4 {
		if err == nil {
			err = fmt.Errorf("%w: the value is nested too deeply", ErrLimit)
		}
		return false, err
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for i := range x {
			if equal, err := same(r, x[i], y[i], depth+1); err != nil || !equal {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for k := range x {
			other, ok := y[k]
			if !ok {
				return false, nil
			}
			if equal, err := same(r, x[k], other, depth+1); err != nil || !equal {
				return false, err
			}
		}
		return true, nil
	}
	x, ok := hashable(a)
	y, ok2 := hashable(b)
	return ok && ok2 && x == y, nil
}

// itemKey tells entries of collections apart.
type itemKey struct{ kind, id string }

// timeKey is a time whatever its zone.
type timeKey int64

// hashable gives a value that == and maps compare as scripts do.
func hashable(v any) (any, bool) {
	switch v := v.(type) {
	case nil, string, bool, float64, time.Duration, person, ticketRef, link:
		return v, true
	case int:
		return float64(v), true
	case time.Time:
		return timeKey(v.UnixNano()), true
	case *item:
		if v.comment != nil {
			return itemKey{"comment", v.comment.ID}, true
		}
		return itemKey{"attachment", v.attachment.ID}, true
	}
	return nil, false
}

// contains is "in": an element of a list, or a key of a value with members.
func contains(r *run, in, v any) (any, error) {
	switch c := in.(type) {
	case nil:
		return false, nil
	case []any:
		if err := r.step(1 + len(c)>>3); err != nil {
			return nil, err
		}
		for _, one := range c {
			if equal, err := same(r, one, v, 0); err != nil || equal {
				return equal, err
			}
		}
		return false, nil
	case map[string]any:
		key, _ := v.(string)
		_, ok := c[key]
		return ok, nil
	}
	return nil, fmt.Errorf("in looks into lists, not into a %s", kindOf(in))
}
