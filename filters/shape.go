package filters

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"parley/sync/event"
)

// Shape is what the filter can send, for the other side to check against: the
// names of fields, their types as far as they are known, and the options that a
// field may have where the filter or its tables name them all: those of our tracker
// may hold what never leaves. It says nothing of the script itself.
func (f *Outgoing) Shape() event.Schema { return f.script.shape }

// Shape is what of a filter's shape may be told: no field that the gate does not let
// leave, and no options in which it would find something.
func (e Egress) Shape(of event.Schema) event.Schema {
	out := event.Schema{
		Comments: of.Comments && e.allows(collectionComments), Attachments: of.Attachments && e.allows(collectionAttachments),
		Fields: map[string]event.Field{},
	}
	for name, f := range of.Fields {
		if !e.allows(name) {
			continue
		}
		if len(f.Options) > 0 {
			options := make([]any, len(f.Options))
			for i, o := range f.Options {
				options[i] = o
			}
			said := event.Fields{name: options}
			masked := e.Mask(Replica{Fields: said}).Fields[name]
			if len(e.Scan(&event.ChangeBody{Fields: said})) > 0 || !reflect.DeepEqual(masked, said[name]) {
				f.Options = nil
			}
		}
		out.Fields[name] = f
	}
	return out
}

// shapes adds what a line can set to the script's shape.
func (c *compilation) shapes(t *target, op string, n nature.Nature) {
	switch t.key {
	case collectionComments:
		c.shape.Comments = true
		return
	case collectionAttachments:
		c.shape.Attachments = true
		return
	}
	if c.shape.Fields == nil {
		c.shape.Fields = map[string]event.Field{}
	}
	before, there := c.shape.Fields[t.key]
	now := event.Field{Type: t.typ}
	if now.Type == "" && op == "=" {
		now.Type = c.typeOfValue(n)
	}
	options, known := []string(nil), false
	if now.Type == event.TypeOption || now.Type == event.TypeOptions {
		options, known = c.optionsOf(c.tree)
	}
	switch {
	case there && before.Type != now.Type:
		now.Type, known = "", false
	case there && len(before.Options) == 0:
		known = false
	}
	if known && len(options)+len(before.Options) > 0 {
		now.Options = append(slices.Clone(before.Options), options...)
		slices.Sort(now.Options)
		now.Options = slices.Compact(now.Options)
	}
	c.shape.Fields[t.key] = now
}

// typeOfValue is the type of the expression that was compiled last, "" if it is
// not known.
func (c *compilation) typeOfValue(n nature.Nature) event.Type {
	if name, ok := c.tree.(*ast.IdentifierNode); ok && c.facts[name.Value].typ != "" {
		return c.facts[name.Value].typ
	}
	switch {
	case n.Nil || n.IsUnknown(&c.config.NtCache) || isSpecial(n):
	case n.IsString():
		return event.TypeText
	case n.IsBool():
		return event.TypeBool
	case n.IsTime():
		return event.TypeTime
	case n.Type == reflect.TypeFor[time.Duration]():
		return event.TypeDuration
	case n.IsNumber():
		return event.TypeNumber
	case n.IsArray():
		return event.TypeSet
	}
	return ""
}

// optionsOf lists what a value may be, if that can be told.
func (c *compilation) optionsOf(tree ast.Node) (list []string, known bool) {
	known = tree != nil
	if !known {
		return nil, false
	}
	whole(tree, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.StringNode:
			list = append(list, n.Value)
		case *ast.NilNode, *ast.ConstantNode:
		case *ast.CallNode:
			mapped, ok := c.optionsOfLookup(n)
			list, known = append(list, mapped...), known && ok
		default:
			known = false
		}
	})
	return list, known
}

// optionsOfLookup are the values that a table maps to.
func (c *compilation) optionsOfLookup(n *ast.CallNode) ([]string, bool) {
	if calleeOf(n) != "lookup" {
		return nil, false
	}
	name, ok := n.Arguments[0].(*ast.StringNode)
	table := Table{}
	if ok {
		table = c.env.Tables[name.Value]
	}
	if !ok || table.Policy == TablePass {
		return nil, false
	}
	return slices.Collect(maps.Values(compileTable(name.Value, table, c.kind == incoming).to)), true
}

// unsent warns of a field that the other side says it does not send.
func (c *compilation) unsent(at int, field string, custom bool) {
	sent := c.env.Peer
	if len(sent.Fields) == 0 || !custom && (field == collectionComments && sent.Comments || field == collectionAttachments && sent.Attachments) {
		return
	}
	if _, ok := sent.Fields[fieldKey(field, custom)]; ok {
		return
	}
	var known []string
	for name := range sent.Fields {
		if bare, isCustom := cutCustom(name); isCustom == custom {
			known = append(known, bare)
		}
	}
	slices.Sort(known)
	c.warn(CodeNotSent, at, "the other side does not send %s; this line does nothing", shownKey(fieldKey(field, custom))).Nearest = nearest(field, known)
}
