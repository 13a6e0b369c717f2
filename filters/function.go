package filters

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// function is a built-in of the language.
type function struct {
	name string
	// types are func values: the signatures it has.
	types []any
	// only is set when it exists in one kind of script.
	only *direction
	// unfit says why the function cannot be used so with this tracker or gate; "" if it can.
	unfit func(r *resolver, args []ast.Node) string
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
	if len(f.types) > 0 {
		out.Validate = f.validate
	}
	return out
}

// validate compares the types of arguments with those that f takes. expr's own
// check of several signatures visits nested calls again for each of them, which
// grows without end.
func (f *function) validate(args []reflect.Type) (reflect.Type, error) {
	var problem error
	for _, one := range f.types {
		signature := reflect.TypeOf(one)
		if problem = f.fits(signature, args); problem == nil {
			return signature.Out(0), nil
		}
	}
	return nil, problem
}

func (f *function) fits(signature reflect.Type, args []reflect.Type) error {
	least, most := signature.NumIn(), signature.NumIn()
	if signature.IsVariadic() {
		least, most = least-1, len(args)
	}
	switch {
	case len(args) < least:
		return fmt.Errorf("%s needs %d arguments, there are %d", f.name, least, len(args))
	case len(args) > most:
		return fmt.Errorf("%s takes %d arguments, there are %d", f.name, most, len(args))
	}
	for i, arg := range args {
		var wanted reflect.Type
		if signature.IsVariadic() && i >= least {
			wanted = signature.In(least).Elem()
		} else {
			wanted = signature.In(i)
		}
		if !takes(wanted, arg) {
			return fmt.Errorf("argument %d of %s is a %s; it takes a %s", i+1, f.name, typeName(arg), typeName(wanted))
		}
	}
	return nil
}

// takes tells whether a parameter may be given arg; what is not known may.
func takes(wanted, arg reflect.Type) bool {
	switch {
	case arg == nil || arg.Kind() == reflect.Interface || wanted.Kind() == reflect.Interface:
		return true
	case wanted.Kind() == reflect.Float64:
		return arg != reflect.TypeFor[time.Duration]() && (arg.Kind() == reflect.Float64 || arg.Kind() == reflect.Int)
	case wanted.Kind() == reflect.Slice:
		return arg.Kind() == reflect.Slice
	}
	return arg == wanted
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[keepValue]():
		return "keep"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes or no"
	case reflect.Float64, reflect.Int:
		return "number"
	case reflect.Slice:
		return "list"
	}
	return "value with members"
}

// builtins are all functions of the language.
func builtins() []*function {
	return slices.Concat(
		textFunctions(), markdownFunctions(), listFunctions(), valueFunctions(), timeFunctions(),
		peopleFunctions(), privacyFunctions(), tokenFunctions(), changeFunctions(), nameFunctions(), viaFunctions(),
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
