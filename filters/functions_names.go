package filters

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

// nameFunctions find components and versions of ours by their name, and have those made
// that are not there.
func nameFunctions() []*function {
	of := func(name, kind, field string) *function {
		return &function{
			name: name, only: onlyIn(incoming), unfit: unfitToMake(kind), call: forText(name, 0, ofField(name, kind, field)),
			types: []any{func(string) string { return "" }, func(string, bool) string { return "" }},
		}
	}
	return []*function{
		of("component", event.MakeComponents, event.FieldComponents),
		of("version", event.MakeVersions, event.FieldFixVersions),
	}
}

// unfitToMake tells why what is missing cannot be made, where the call asks for it.
func unfitToMake(kind string) func(*resolver, []ast.Node) string {
	return func(r *resolver, args []ast.Node) string {
		if len(args) < 2 {
			return ""
		}
		if asks, plain := args[1].(*ast.BoolNode); plain && !asks.Value {
			return ""
		}
		switch {
		case !slices.Contains(r.env.Create, kind):
			return "the accept gate lets no " + kind + " be made; write accept: {create: [" + kind + "]}, or leave the second argument out"
		case len(r.env.Schema.Fields) > 0 && !slices.Contains(r.env.Schema.Makes, kind):
			return "your tracker does not let our account make " + kind + "; leave the second argument out"
		}
		return ""
	}
}

// ofField gives the option of a field that has this name, in any case of letters
// if that is one only; nil if the tracker has none. While the tracker does not
// tell its options, every name is one. With a second argument that is true, a name that
// no option has is given too, and is to be made.
func ofField(name, kind, field string) func(*run, string, []any) (any, error) {
	return func(r *run, t string, a []any) (any, error) {
		create, err := boolAt(name, a, 1)
		if err != nil {
			return nil, err
		}
		options := r.script.named[field]
		found, ok := findOption(t, options)
		if err := r.step(1 + len(options)>>3); err != nil {
			return nil, err
		}
		out, creates := r.sink.(*InResult)
		alike := slices.ContainsFunc(options, func(one string) bool { return strings.EqualFold(one, t) })
		switch {
		case creates && create && !alike && slices.Contains(r.script.creates, kind):
			return out.make(r, kind, t)
		case ok:
			return found, nil
		}
		return nil, nil
	}
}

// boolAt reads another argument that is yes or no; nothing is no.
func boolAt(name string, a []any, i int) (bool, error) {
	if i >= len(a) || a[i] == nil {
		return false, nil
	}
	b, ok := a[i].(bool)
	if !ok {
		return false, wrongArgument(name, a[i], "true or false")
	}
	return b, nil
}

// make gives a name as it will stand in the tracker. What is made is counted with the
// look-ups: a peer that names ever more of them is stopped.
func (o *InResult) make(r *run, kind, name string) (any, error) {
	m := event.Making{Kind: kind, Name: strings.Join(strings.Fields(name), " ")}
	switch {
	case m.Name == "":
		return nil, nil
	case slices.Contains(o.Make, m):
		return m.Name, nil
	}
	if err := r.look(); err != nil {
		return nil, err
	}
	o.Make = append(o.Make, m)
	return m.Name, r.use(len(m.Name) + 64)
}

func named(schema event.Schema) map[string][]string {
	out := map[string][]string{}
	for _, field := range []string{event.FieldComponents, event.FieldFixVersions} {
		if options := schema.Fields[field].Options; len(options) > 0 {
			out[field] = options
		}
	}
	return out
}
