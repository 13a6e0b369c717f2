package filters

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

// scene is what the ifs around a line, and those above it that ended, say.
type scene struct {
	// present are the values that are something here.
	present []string
	// decided are the conditions that hold here, and refuted those that do not.
	decided, refuted []string
}

// maxKnown bounds how much of each kind is remembered of conditions.
const maxKnown = 64

func (s scene) with(tree ast.Node, yes bool) scene {
	out := scene{present: slices.Clone(s.present), decided: slices.Clone(s.decided), refuted: slices.Clone(s.refuted)}
	implied(tree, yes, func(n ast.Node) { out.present = append(out.present, written(n)) })
	settled(tree, yes, func(n ast.Node, yes bool) {
		if yes {
			out.decided = append(out.decided, written(n))
		} else {
			out.refuted = append(out.refuted, written(n))
		}
	})
	for _, list := range []*[]string{&out.present, &out.decided, &out.refuted} {
		*list = (*list)[max(0, len(*list)-maxKnown):]
	}
	return out
}

// maxWritten bounds the parts of an expression that is told from others by how it
// is written.
const maxWritten = 40

// written is an expression as text, the same however it was typed; "" for a long one.
func written(node ast.Node) string {
	left := maxWritten
	if !small(node, &left) {
		return ""
	}
	return node.String()
}

// small tells whether an expression has no more parts than are left.
func small(node ast.Node, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	all := func(list []ast.Node) bool {
		return !slices.ContainsFunc(list, func(one ast.Node) bool { return !small(one, left) })
	}
	switch n := node.(type) {
	case *ast.ChainNode:
		return small(n.Node, left)
	case *ast.UnaryNode:
		return small(n.Node, left)
	case *ast.BinaryNode:
		return small(n.Left, left) && small(n.Right, left)
	case *ast.MemberNode:
		return small(n.Node, left) && small(n.Property, left)
	case *ast.ConditionalNode:
		return small(n.Cond, left) && small(n.Exp1, left) && small(n.Exp2, left)
	case *ast.PredicateNode:
		return small(n.Node, left)
	case *ast.CallNode:
		return all(n.Arguments)
	case *ast.BuiltinNode:
		return all(n.Arguments)
	case *ast.ArrayNode:
		return all(n.Nodes)
	case *ast.MapNode, *ast.VariableDeclaratorNode:
		return false
	}
	return true
}

// implied visits the values that are something if a condition holds, or does not.
func implied(node ast.Node, yes bool, visit func(ast.Node)) {
	switch n := node.(type) {
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		if yes {
			visit(unchain(node))
		}
	case *ast.UnaryNode:
		if isNot(n) {
			implied(n.Node, !yes, visit)
		}
	case *ast.CallNode:
		if calleeOf(n) == "blank" && !yes {
			visit(unchain(n.Arguments[0]))
		}
	case *ast.BinaryNode:
		impliedByOperator(n, yes, visit)
	}
}

func impliedByOperator(n *ast.BinaryNode, yes bool, visit func(ast.Node)) {
	both := func() {
		implied(n.Left, yes, visit)
		implied(n.Right, yes, visit)
	}
	switch n.Operator {
	case "and", "&&":
		if yes {
			both()
		}
	case "or", "||":
		if !yes {
			both()
		}
	case "==", "!=":
		_, leftNil := n.Left.(*ast.NilNode)
		_, rightNil := n.Right.(*ast.NilNode)
		equal := (n.Operator == "==") == yes
		switch {
		case rightNil && !equal:
			visit(unchain(n.Left))
		case leftNil && !equal:
			visit(unchain(n.Right))
		case equal && plainLiteral(n.Right) && !rightNil:
			visit(unchain(n.Left))
		}
	case "in", "startsWith", "endsWith", "contains", "matches":
		if yes {
			visit(unchain(n.Left))
		}
	case "<", "<=", ">", ">=":
		visit(unchain(n.Left))
		visit(unchain(n.Right))
	}
}

func isNot(n *ast.UnaryNode) bool { return n.Operator == "not" || n.Operator == "!" }

// settled visits the parts of a condition whose outcome follows from its own.
func settled(node ast.Node, yes bool, visit func(ast.Node, bool)) {
	visit(node, yes)
	switch n := node.(type) {
	case *ast.UnaryNode:
		if isNot(n) {
			settled(n.Node, !yes, visit)
		}
	case *ast.BinaryNode:
		and, or := n.Operator == "and" || n.Operator == "&&", n.Operator == "or" || n.Operator == "||"
		if and && yes || or && !yes {
			settled(n.Left, yes, visit)
			settled(n.Right, yes, visit)
		}
	}
}

// failing are the operators that stop a run where a side of them is nothing.
var failing = strings.Fields("< <= > >= - * / % ** ..")

// lintNothing warns of operators that fail on a value that may be nothing.
func (c *compilation) lintNothing(node ast.Node, present []string) {
	deeper := func(n ast.Node) { c.lintNothing(n, present) }
	within := func(n, condition ast.Node, yes bool) {
		c.lintNothing(n, andImplied(present, condition, yes))
	}
	switch n := node.(type) {
	case *ast.ChainNode:
		deeper(n.Node)
	case *ast.MemberNode:
		deeper(n.Node)
		deeper(n.Property)
	case *ast.UnaryNode:
		deeper(n.Node)
	case *ast.BinaryNode:
		if _, ok := junctions[n.Operator]; ok {
			c.lintJunction(n, present)
			return
		}
		deeper(n.Left)
		deeper(n.Right)
		c.checkOperands(n, present)
	case *ast.ConditionalNode:
		deeper(n.Cond)
		within(n.Exp1, n.Cond, true)
		within(n.Exp2, n.Cond, false)
	case *ast.VariableDeclaratorNode:
		deeper(n.Value)
		deeper(n.Expr)
	case *ast.PredicateNode:
		deeper(n.Node)
	case *ast.CallNode:
		for _, arg := range n.Arguments {
			deeper(arg)
		}
	case *ast.BuiltinNode:
		for _, arg := range n.Arguments {
			deeper(arg)
		}
	case *ast.ArrayNode:
		for _, one := range n.Nodes {
			deeper(one)
		}
	case *ast.MapNode:
		for _, one := range n.Pairs {
			deeper(one.(*ast.PairNode).Value)
		}
	}
}

// junctions are the operators that join conditions, with their one spelling.
var junctions = map[string]string{"and": "and", "&&": "and", "or": "or", "||": "or"}

// lintJunction goes along a chain of and, or of or: what stands further right is
// looked at only if what stands further left holds, or does not.
func (c *compilation) lintJunction(n *ast.BinaryNode, present []string) {
	var chain []ast.Node
	for node := ast.Node(n); ; {
		b, ok := node.(*ast.BinaryNode)
		if !ok || junctions[b.Operator] != junctions[n.Operator] {
			chain = append(chain, node)
			break
		}
		chain = append(chain, b.Right)
		node = b.Left
	}
	for _, one := range slices.Backward(chain) {
		c.lintNothing(one, present)
		present = andImplied(present, one, junctions[n.Operator] == "and")
	}
}

// andImplied adds to what is something what a condition implies.
func andImplied(present []string, condition ast.Node, yes bool) []string {
	known := slices.Clone(present)
	implied(condition, yes, func(one ast.Node) { known = append(known, written(one)) })
	return known[max(0, len(known)-maxKnown):]
}

func (c *compilation) checkOperands(n *ast.BinaryNode, present []string) {
	if !slices.Contains(failing, n.Operator) {
		return
	}
	for _, side := range []ast.Node{n.Left, n.Right} {
		if name := c.maybe(side, present); name != "" {
			c.warn(CodeNothing, c.offset(side), "%s may be nothing, and then this line fails; write default(%s, …), or ask %s != nil first", name, name, name)
			return
		}
	}
}

// sure are the fields that every ticket has.
var sure = []string{
	event.FieldKey, event.FieldSummary, event.FieldStatus, event.FieldProject, event.FieldType, event.FieldCreated, event.FieldUpdated,
}

// givesNothing are the functions that may give nothing whatever they are given,
// and passesNothing those that give nothing for nothing.
var (
	givesNothing  = strings.Fields("number bool date first last capture user option ticketBy")
	passesNothing = strings.Fields("round floor ceil abs days hours minutes inZone startOfDay")
)

// maybe is the name of a value that may be nothing, or "".
func (c *compilation) maybe(node ast.Node, present []string) string {
	node = unchain(node)
	if text := shortString(node); text != "" && slices.Contains(present, text) {
		return ""
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return c.maybeName(n.Value)
	case *ast.MemberNode:
		return c.maybeMember(n, present)
	case *ast.CallNode:
		switch name := calleeOf(n); {
		case slices.Contains(givesNothing, name):
			return name + "(…)"
		case slices.Contains(passesNothing, name):
			return c.maybe(n.Arguments[0], present)
		case name == "default":
			return c.maybe(n.Arguments[1], present)
		}
	case *ast.BuiltinNode:
		if n.Name == "find" {
			return "find(…)"
		}
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return c.maybe(n.Right, present)
		}
	}
	return ""
}

// shortString is how conditions name a value; only names and members are looked for.
func shortString(node ast.Node) string {
	switch node.(type) {
	case *ast.IdentifierNode, *ast.MemberNode:
		return written(node)
	}
	return ""
}

func (c *compilation) maybeName(name string) string {
	side, field, ok := strings.Cut(name, ".")
	switch {
	case strings.HasPrefix(name, "(let "):
		for _, l := range c.lets {
			if l.slot == name && l.fact.maybe {
				return l.name
			}
		}
	case ok && (side == "issue" || side == "replica" || side == "previous") && !slices.Contains(sure, field):
		return name
	}
	return ""
}

// maybeMember tells of the members that a value with members need not have.
func (c *compilation) maybeMember(n *ast.MemberNode, present []string) string {
	property, ok := n.Property.(*ast.StringNode)
	if !ok {
		return ""
	}
	base := unchain(n.Node)
	if name, ok := base.(*ast.IdentifierNode); ok && (name.Value == "event" || name.Value == "connection") {
		return ""
	}
	switch property.Value {
	case "email", "edited", "child":
		return property.Value
	}
	if name := c.maybe(base, present); name != "" {
		return name + "." + property.Value
	}
	return ""
}
