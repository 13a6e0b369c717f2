package filters

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"

	"parley/sync/event"
)

// globals are the names that scripts start from.
var globals = strings.Fields(
	"issue replica previous firstSync connection vars twin event keep KB MB GB MINUTE HOUR DAY WEEK true false nil",
)

// constants stand for themselves.
func constants(name string) any {
	switch name {
	case "keep":
		return keepValue{}
	case "KB":
		return 1 << 10
	case "MB":
		return 1 << 20
	case "GB":
		return 1 << 30
	case "MINUTE":
		return time.Minute
	case "HOUR":
		return time.Hour
	case "DAY":
		return 24 * time.Hour
	case "WEEK":
		return 7 * 24 * time.Hour
	}
	return nil
}

// name resolves a name that stands alone.
func (r *resolver) name(node *ast.Node, n *ast.IdentifierNode) {
	if slices.Contains(r.locals, n.Value) {
		return
	}
	for _, l := range r.lets {
		if l.name == n.Value {
			l.used = true
			r.gates = append(r.gates, l.fact.reads...)
			r.depends = append(r.depends, l.fact.depends...)
			ast.Patch(node, &ast.IdentifierNode{Value: l.slot})
			return
		}
	}
	if v := constants(n.Value); v != nil {
		if n.Value == "keep" && r.kind == scope {
			r.fail(n, CodeOffHere, "keep is for filters")
		}
		ast.Patch(node, &ast.ConstantNode{Value: v})
		return
	}
	switch n.Value {
	case "firstSync":
		r.useSlot(node, "firstSync", types.Bool, fact{typ: event.TypeBool}, func(r *run) (any, error) { return r.info.FirstSync, nil })
	case "connection":
		r.useSlot(node, "connection", connectionType, fact{}, loadConnection)
	case "twin":
		r.asks.Twin = true
		r.useSlot(node, "twin", twinType, fact{}, loadTwin)
	case "event":
		r.asks.By, r.asks.Kinds = true, true
		r.useSlot(node, "event", eventType, fact{}, loadEvent)
	case "previous":
		if r.kind == scope {
			r.fail(n, CodeOffHere, "a scope knows no previous")
			return
		}
		// Only good for comparing with nil: its members are slots of their own.
		r.useSlot(node, "previous", types.Any, fact{}, func(r *run) (any, error) {
			if r.previous == nil {
				return nil, nil
			}
			return map[string]any{}, nil
		})
	case "issue", "replica":
		r.fail(n, CodeSyntax, "%s stands for many fields; name one: %s.summary", n.Value, n.Value)
	case "vars":
		r.fail(n, CodeSyntax, "name a variable: vars.name")
	default:
		r.unknownName(n)
	}
}

func (r *resolver) unknownName(n *ast.IdentifierNode) {
	known := slices.Concat(globals, r.locals)
	for _, l := range r.lets {
		known = append(known, l.name)
	}
	p := r.fail(n, CodeUnknownName, "there is nothing called %s", n.Value)
	if p.Nearest = nearest(n.Value, known); p.Nearest == "" {
		if _, ok := r.functions[n.Value]; ok || slices.Contains(predicates, n.Value) {
			p.Message = n.Value + " is a function; write " + n.Value + "(...)"
		}
	}
}

// useSlot makes node the slot's name.
func (r *resolver) useSlot(node *ast.Node, name string, t types.Type, f fact, load func(*run) (any, error)) {
	n, ok := r.slotOf[name]
	if !ok {
		n = len(r.slots)
		r.slots = append(r.slots, slot{name: name, shown: name, load: load})
		r.slotOf[name] = n
		r.facts[name] = f
		r.config.Env.Fields[name] = t.Nature()
	}
	r.used[n] = true
	r.remembers = r.remembers || name == "previous" || strings.HasPrefix(name, "previous.")
	r.gates = append(r.gates, f.reads...)
	where := (*node).Location()
	for first := *node; ; {
		m, ok := first.(*ast.MemberNode)
		if !ok {
			where.From = first.Location().From
			break
		}
		first = unchain(m.Node)
	}
	ast.Patch(node, &ast.IdentifierNode{Value: name})
	(*node).SetLocation(where) // expr places a member at its name, not where it begins
}

// member resolves side.field, side.fields["name"] and vars.name; any other
// member is looked at when the script runs.
func (r *resolver) member(node *ast.Node, n *ast.MemberNode) {
	base := unchain(n.Node)
	property, literal := n.Property.(*ast.StringNode)
	if inner, ok := base.(*ast.MemberNode); ok {
		if side, ok := r.side(inner.Node); ok && isName(inner.Property, "fields") {
			if !literal {
				r.fail(n.Property, CodeLiteral, `the name of a field is written out: %s.fields["Name"]`, side)
				return
			}
			r.field(node, n, side, property.Value, true)
			return
		}
	}
	if side, ok := r.side(base); ok {
		switch {
		case !literal:
			r.fail(n.Property, CodeLiteral, "the name of a field is written out: %s.summary", side)
		case side == "vars":
			r.variable(node, n, property.Value)
		case property.Value == "fields":
			r.fail(n.Property, CodeSyntax, `name the custom field: %s.fields["Name"]`, side)
		default:
			r.field(node, n, side, property.Value, false)
		}
		return
	}
	asks := r.asks
	r.resolve(&n.Node)
	if !literal {
		r.resolve(&n.Property)
		return
	}
	if name, ok := base.(*ast.IdentifierNode); ok && name.Value == "event" && !slices.Contains(r.locals, "event") {
		r.asks = asks.of(property.Value)
	}
	if name, ok := unchain(n.Node).(*ast.IdentifierNode); ok && r.facts[name.Value].typ == event.TypeOption {
		switch property.Value {
		case "name", "value":
			*node = name
		case "child":
			ast.Patch(node, &ast.NilNode{})
		}
	}
}

func unchain(n ast.Node) ast.Node {
	for {
		chain, ok := n.(*ast.ChainNode)
		if !ok {
			return n
		}
		n = chain.Node
	}
}

// side tells whether n is issue, replica, previous or vars.
func (r *resolver) side(n ast.Node) (string, bool) {
	name, ok := unchain(n).(*ast.IdentifierNode)
	if !ok || slices.Contains(r.locals, name.Value) {
		return "", false
	}
	switch name.Value {
	case "issue", "replica", "previous", "vars":
		return name.Value, true
	}
	return "", false
}

func isName(n ast.Node, text string) bool {
	s, ok := n.(*ast.StringNode)
	return ok && s.Value == text
}

func (r *resolver) variable(node *ast.Node, n *ast.MemberNode, name string) {
	v, ok := r.env.Vars[name]
	if !ok {
		p := r.fail(n.Property, CodeUnknownVar, "the connection declares no variable %s", name)
		p.Nearest = nearest(name, slices.Sorted(maps.Keys(r.env.Vars)))
		return
	}
	t := types.Type(types.Any)
	switch v.(type) {
	case string:
		t = types.String
	case bool:
		t = types.Bool
	case int, int64, float64:
		t = types.Float64
	case []any, []string:
		t = types.Array(types.String)
	}
	r.useSlot(node, "vars."+name, t, fact{}, func(run *run) (any, error) {
		if given, ok := run.info.Vars[name]; ok {
			return inwardVar(given)
		}
		return inwardVar(v)
	})
}

// inwardVar makes a declared variable a script's value.
func inwardVar(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case int, int64, float64:
		return inwardNumber(v)
	case []any, []string:
		return inward(v, event.TypeSet)
	}
	return nil, fmt.Errorf("is a %T", v)
}

func (r *resolver) field(node *ast.Node, n *ast.MemberNode, side, field string, custom bool) {
	switch {
	case side == "replica" && r.kind == scope, side == "previous" && r.kind == scope:
		r.fail(n, CodeOffHere, "a scope knows issue only")
		return
	case side == "replica" && r.kind == outgoing:
		r.fail(n, CodeOffHere, "replica is write only in an outgoing filter; read issue.%s, or previous.%s for what was sent last", field, field)
		return
	}
	names := r.replica
	if side == "issue" {
		names = r.issue
	}
	if !custom {
		if why, later := laterFields()[field]; later {
			r.fail(n.Property, CodeNotAvailable, "%s is not available in this version: %s", field, why)
			return
		}
		if field == event.FieldChildren && !r.childrenTold(n, side) {
			return
		}
		if r.collection(node, n, side, field) {
			return
		}
	}
	typ, ok := names.typeOf(field, custom)
	if !ok {
		r.unknownField(r.at(n.Property), side, field, custom, names)
		return
	}
	key := fieldKey(field, custom)
	f := fact{typ: typ}
	if declared, ok := names.field(field, custom); ok {
		f.options = declared.Options
	}
	if side == "replica" {
		f.reads, f.options = []string{key}, r.env.Peer.Fields[key].Options
		r.unsent(r.at(n.Property), field, custom)
	}
	name := side + "." + shownKey(key)
	r.useSlot(node, name, exprType(typ), f, fieldLoader(side, key, typ))
	if side == "issue" && key != event.FieldKey && key != event.FieldURL {
		r.slots[r.slotOf[name]].field = &need{key: key, typ: typ}
	}
}

// childrenTold refuses children where nobody tells them.
func (r *resolver) childrenTold(n *ast.MemberNode, side string) bool {
	if side != "issue" {
		r.fail(n.Property, CodeOffHere, "children are not sent: each child names its parent; issue.children are ours")
		return false
	}
	if _, told := r.issue.field(event.FieldChildren, false); !told && r.issue.ours && len(r.issue.schema.Fields) > 0 {
		r.fail(n.Property, CodeNotAvailable, "your tracker does not tell a ticket's children")
		return false
	}
	return true
}

func (r *resolver) collection(node *ast.Node, n *ast.MemberNode, side, field string) bool {
	var load func(*run) (any, error)
	element := commentType
	f := fact{}
	switch {
	case field == collectionAttachments:
		element, load = attachmentType, attachmentLoader(side)
	case field == collectionComments, field == collectionNotes && side == "issue", field == collectionForeign && side == "issue":
		load = commentLoader(side, field)
	case field == collectionNotes, field == collectionForeign:
		r.fail(n.Property, CodeUnknownField, "%s has no %s; its comments carry internal", side, field)
		return true
	default:
		return false
	}
	if side == "replica" {
		f.reads = []string{field}
		r.unsent(r.at(n.Property), field, false)
	}
	r.useSlot(node, side+"."+field, types.Array(element), f, load)
	return true
}
