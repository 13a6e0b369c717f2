package filters

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/builtin"
)

// function is a built-in of the language.
type function struct {
	name string
	// types are func values: what expr's checker compares arguments with.
	types []any
	// only is set when it exists in one kind of script.
	only *direction
	// later functions are in the language but not in this version.
	later bool
	// literals are arguments that are written out and computed when compiling.
	literals map[int]literalCheck
	// everyLiteral is set when all arguments from this one on are.
	rest     literalCheck
	restFrom int
	call     func(r *run, args []any) (any, error)
}

// literalCheck turns a literal into what the function gets instead of it.
type literalCheck func(r *resolver, text string) (any, *Problem)

func (f *function) literalAt(i int) literalCheck {
	if check := f.literals[i]; check != nil {
		return check
	}
	if f.rest != nil && i >= f.restFrom {
		return f.rest
	}
	return nil
}

// forExpr is f as expr wants it; guard puts the run in front of the arguments.
func (f *function) forExpr() *builtin.Function {
	out := &builtin.Function{
		Name: f.name,
		Func: func(args ...any) (any, error) { return f.call(args[0].(*run), args[1:]) },
	}
	for _, t := range f.types {
		out.Types = append(out.Types, reflect.TypeOf(t))
	}
	return out
}

// builtins are all functions of the language.
func builtins() []*function {
	return slices.Concat(
		textFunctions(), markdownFunctions(), listFunctions(), valueFunctions(), timeFunctions(),
		peopleFunctions(), privacyFunctions(), changeFunctions(), laterFunctions(),
	)
}

// Builtins lists the names of the language's functions, expr's own included.
func Builtins() []string {
	names := slices.Clone(predicates)
	for _, f := range builtins() {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

func laterFunctions() []*function {
	var out []*function
	for _, name := range []string{"token", "reveal", "via", "version", "component", "asUser", "assignable"} {
		out = append(out, &function{name: name, later: true, call: func(*run, []any) (any, error) {
			return nil, fmt.Errorf("%s is not available in this version", name)
		}})
	}
	return out
}

func onlyIn(d direction) *direction { return &d }

// wrongArgument says which argument is not what it should be.
func wrongArgument(name string, v any, wanted string) error {
	return fmt.Errorf("%s wants %s, not a %s", name, wanted, kindOf(v))
}

// forText makes a function of a text argument: nothing gives nothing.
func forText(name string, at int, f func(r *run, t string, a []any) (any, error)) func(*run, []any) (any, error) {
	return func(r *run, a []any) (any, error) {
		if a[at] == nil {
			return nil, nil
		}
		t, ok := a[at].(string)
		if !ok {
			return nil, wrongArgument(name, a[at], "a text")
		}
		if err := r.step(1 + len(t)>>10); err != nil {
			return nil, err
		}
		return f(r, t, a)
	}
}

// textAt reads another text argument; nothing is "".
func textAt(name string, a []any, i int) (string, error) {
	if i >= len(a) || a[i] == nil {
		return "", nil
	}
	s, ok := a[i].(string)
	if !ok {
		return "", wrongArgument(name, a[i], "a text")
	}
	return s, nil
}

// intAt reads a whole number argument, or d if it is not there.
func intAt(name string, a []any, i, d int) (int, error) {
	if i >= len(a) || a[i] == nil {
		return d, nil
	}
	n, ok := toInt(a[i])
	if !ok {
		return 0, wrongArgument(name, a[i], "a whole number")
	}
	return n, nil
}
