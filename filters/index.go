package filters

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

// Index finds, among many scopes, those that may match a ticket, without running
// each: a scope that begins with a comparison, like `issue.project == "ACME"` or
// `issue.fields["Customer"] == "acme" and …`, matches nothing where that field has
// another value. It leaves out only what surely does not match; that another field
// of such a ticket is wrong is not found. It is never changed once it is made.
type Index struct {
	always []int
	fields []indexedField
}

// indexedField are the scopes that begin by comparing one field.
type indexedField struct {
	key     string
	typ     event.Type
	all     []int
	byValue map[any][]int // string or float64
}

// NewIndex indexes scopes by their place in the list; nil stands for one that may
// match anything.
func NewIndex(scopes []*Scope) *Index {
	x := &Index{}
	for i, s := range scopes {
		if s == nil {
			x.always = append(x.always, i)
			continue
		}
		n := s.script.statements[0].value.needs
		if n == nil {
			x.always = append(x.always, i)
			continue
		}
		at := slices.IndexFunc(x.fields, func(f indexedField) bool { return f.key == n.key && f.typ == n.typ })
		if at < 0 {
			at = len(x.fields)
			x.fields = append(x.fields, indexedField{key: n.key, typ: n.typ, byValue: map[any][]int{}})
		}
		f := &x.fields[at]
		f.all = append(f.all, i)
		f.byValue[n.value] = append(f.byValue[n.value], i)
	}
	return x
}

// Candidates are the places of the scopes that may match a ticket, ascending.
func (x *Index) Candidates(issue Ours) []int {
	found := slices.Clone(x.always)
	for i := range x.fields {
		f := &x.fields[i]
		switch v, err := inward(issue.Fields[f.key], f.typ); {
		case err != nil:
			found = append(found, f.all...) // each scope says what is wrong
		case v != nil:
			found = append(found, f.byValue[v]...)
		}
	}
	slices.Sort(found)
	return found
}

// need is what a field of the ticket must be for a scope to be true.
type need struct {
	key   string
	typ   event.Type
	value any
}

// needsOf reads the comparison that an expression begins with, if it decides the
// whole: the left end of a chain of and, so that nothing runs before it.
func (r *resolver) needsOf(node ast.Node) *need {
	n, ok := node.(*ast.BinaryNode)
	for ok && (n.Operator == "and" || n.Operator == "&&") {
		n, ok = n.Left.(*ast.BinaryNode)
	}
	if !ok || n.Operator != "==" {
		return nil
	}
	if found := r.comparison(n.Left, n.Right); found != nil {
		return found
	}
	return r.comparison(n.Right, n.Left)
}

func (r *resolver) comparison(name, constant ast.Node) *need {
	id, ok := name.(*ast.IdentifierNode)
	if !ok {
		return nil
	}
	at, ok := r.slotOf[id.Value]
	if !ok || r.slots[at].field == nil {
		return nil
	}
	found := *r.slots[at].field
	switch v := r.constantOf(constant).(type) {
	case string:
		found.value = v
		ok = found.typ == event.TypeText || found.typ == event.TypeOption
	case float64:
		found.value = v
		ok = found.typ == event.TypeNumber
	default:
		ok = false
	}
	if !ok {
		return nil
	}
	return &found
}

// constantOf is what a text, a number or a declared variable stands for.
func (r *resolver) constantOf(node ast.Node) any {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.IntegerNode:
		return float64(n.Value)
	case *ast.IdentifierNode:
		if name, ok := strings.CutPrefix(n.Value, "vars."); ok {
			v, err := inwardVar(r.env.Vars[name])
			if err != nil {
				return nil
			}
			return v
		}
	}
	return nil
}
