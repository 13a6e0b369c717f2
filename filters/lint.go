package filters

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

// What is here finds lines that compile and still do not do what people mean.
// All of it is warnings: none keeps a script from being used.

// flows visits every part of a value that can become the value itself or a piece
// of it: not what is only compared, counted, hashed or looked up.
func flows(node ast.Node, visit func(ast.Node)) {
	visit(node)
	switch n := node.(type) {
	case *ast.ChainNode:
		flows(n.Node, visit)
	case *ast.UnaryNode:
		flows(n.Node, visit)
	case *ast.BinaryNode:
		if slices.Contains(yesOrNo, n.Operator) {
			return
		}
		flows(n.Left, visit)
		flows(n.Right, visit)
	case *ast.ConditionalNode:
		flows(n.Exp1, visit)
		flows(n.Exp2, visit)
	case *ast.VariableDeclaratorNode:
		flows(n.Value, visit)
		flows(n.Expr, visit)
	case *ast.PredicateNode:
		flows(n.Node, visit)
	case *ast.ArrayNode:
		for _, one := range n.Nodes {
			flows(one, visit)
		}
	case *ast.MapNode:
		for _, one := range n.Pairs {
			flows(one.(*ast.PairNode).Value, visit)
		}
	case *ast.CallNode:
		flowsOfCall(n, visit)
	case *ast.BuiltinNode:
		switch n.Name {
		case "any", "all", "none", "one", "count":
		case "filter", "find", "sortBy":
			flows(n.Arguments[0], visit)
		default:
			for _, arg := range n.Arguments {
				flows(arg, visit)
			}
		}
	}
}

// yesOrNo are the operators whose result says nothing but yes or no.
var yesOrNo = strings.Fields("== != < <= > >= in contains startsWith endsWith matches and or && ||")

// hiding are the functions whose result does not hold their arguments.
var hiding = strings.Fields("len blank sent changed mapped lookup hash pseudonym mask redact user ticketBy twinOf token")

func flowsOfCall(n *ast.CallNode, visit func(ast.Node)) {
	if slices.Contains(hiding, calleeOf(n)) {
		return
	}
	for _, arg := range n.Arguments {
		flows(arg, visit)
	}
}

// calleeOf is the name of the function that a node calls, or "".
func calleeOf(node ast.Node) string {
	if call, ok := node.(*ast.CallNode); ok {
		if name, ok := call.Callee.(*ast.IdentifierNode); ok {
			return name.Value
		}
	}
	return ""
}

func (c *compilation) warn(code Code, offset int, format string, args ...any) *Problem {
	return c.report.warn(code, offset, format, args...)
}

func (c *compilation) offset(n ast.Node) int { return c.base + n.Location().From }

// lintAssignment looks at a line that sets a field.
func (c *compilation) lintAssignment(s *statement, t *target) {
	c.ignored(t, s.targetAt)
	if c.tree == nil {
		return
	}
	c.grows(s, t)
	if c.kind == outgoing {
		c.leaves(t)
	}
	whole(c.tree, func(n ast.Node) {
		c.literalFor(n, t)
		if c.issue.ours && c.kind == incoming {
			c.lintPairs(n, t.shown, t.options)
		}
	})
}

// literalFor finds options that the target's field does not have.
func (c *compilation) literalFor(node ast.Node, t *target) {
	s, ok := node.(*ast.StringNode)
	if !ok {
		return
	}
	switch {
	case !c.issue.ours || c.kind != incoming:
	case t.key == event.FieldProject:
		c.listed(s, t.shown, c.env.Schema.Projects)
	case t.key == event.FieldType:
		c.listed(s, t.shown, c.env.Schema.Types)
	case (t.typ == event.TypeOption || t.typ == event.TypeOptions) && len(t.options) > 0:
		c.checkOption(c.offset(s), t.shown, s.Value, t.options, false)
	}
}

// listed warns of a name that is not in a list that may be incomplete.
func (c *compilation) listed(s *ast.StringNode, shown string, list []string) {
	if len(list) > 0 && !slices.Contains(list, s.Value) {
		c.warn(CodeUnknownOption, c.offset(s), "your account at the tracker sees no %q for %s", s.Value, shown).Nearest = nearest(s.Value, list)
	}
}

// whole visits what can become the value without being changed.
func whole(node ast.Node, visit func(ast.Node)) {
	switch n := node.(type) {
	case *ast.ConditionalNode:
		whole(n.Exp1, visit)
		whole(n.Exp2, visit)
	case *ast.ArrayNode:
		for _, one := range n.Nodes {
			whole(one, visit)
		}
	case *ast.MemberNode:
		m, ok := unchain(n.Node).(*ast.MapNode)
		if !ok {
			visit(n)
			return
		}
		for _, one := range m.Pairs { // a table written out
			whole(one.(*ast.PairNode).Value, visit)
		}
	case *ast.ChainNode:
		whole(n.Node, visit)
	case *ast.BinaryNode:
		if n.Operator != "??" {
			visit(n)
			return
		}
		whole(n.Left, visit)
		whole(n.Right, visit)
	case *ast.CallNode:
		switch name := calleeOf(n); {
		case name == "default" && len(n.Arguments) == 2, name == "concat", name == "exactly":
			for _, arg := range n.Arguments {
				whole(arg, visit)
			}
		case name == "lookup":
			visit(n)
			for _, arg := range n.Arguments[min(2, len(n.Arguments)):] {
				whole(arg, visit)
			}
		case name == "via":
			for _, arg := range n.Arguments {
				whole(arg, visit)
			}
		default:
			visit(n)
		}
	default:
		visit(node)
	}
}

// leaves warns of what leaves about people, and of what is different each time.
func (c *compilation) leaves(t *target) {
	flows(c.tree, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.MemberNode:
			if isName(n.Property, "email") {
				c.warn(CodePersonal, c.offset(n.Property), "a person's e-mail address leaves with %s; hash or pseudonym would hide it", t.shown)
			}
		case *ast.CallNode:
			switch calleeOf(n) {
			case "withEmail":
				c.warn(CodePersonal, c.offset(n), "a person's e-mail address leaves with %s", t.shown)
			case "now":
				c.unsteady(c.offset(n), t)
			}
		case *ast.IdentifierNode:
			switch f := c.facts[n.Value]; {
			case n.Value == "issue."+fieldWatchers:
				c.warn(CodePersonal, c.offset(n), "who watches the ticket leaves with %s", t.shown)
			case f.personal:
				c.warn(CodePersonal, c.offset(n), "a person's e-mail address leaves with %s", t.shown)
			case f.unsteady:
				c.unsteady(c.offset(n), t)
			}
		}
	})
}

func (c *compilation) unsteady(at int, t *target) {
	if slices.Contains(c.scene.decided, "firstSync") {
		return // said once
	}
	c.warn(CodeUnsteady, at, "now() is different with each change, so %s leaves anew each time; put it under if firstSync, or use issue.updated", t.shown)
}

// lintLet gives a let what is to be told where it is used.
func (c *compilation) lintLet(f *fact) {
	if c.tree == nil {
		return
	}
	f.maybe = c.maybe(c.tree, c.scene.present) != ""
	flows(c.tree, func(node ast.Node) {
		switch n := node.(type) {
		case *ast.MemberNode:
			f.personal = f.personal || isName(n.Property, "email")
		case *ast.CallNode:
			f.personal = f.personal || calleeOf(n) == "withEmail"
			f.unsteady = f.unsteady || calleeOf(n) == "now"
		case *ast.IdentifierNode:
			f.personal = f.personal || c.facts[n.Value].personal
			f.unsteady = f.unsteady || c.facts[n.Value].unsteady
		}
	})
}

// grows warns of a line that adds to the field that it sets: it does so with
// every change that passes.
func (c *compilation) grows(s *statement, t *target) {
	own := "issue."
	if c.kind == outgoing {
		own = "previous."
	}
	own += shownKey(t.key)
	if _, read := c.slotOf[own]; !read || s.op != "=" || t.typ == event.TypeSet || t.typ == event.TypeOptions || t.collection() {
		return
	}
	var at ast.Node
	flows(c.tree, func(node ast.Node) {
		var parts []ast.Node
		switch n := node.(type) {
		case *ast.BinaryNode:
			if n.Operator == "+" {
				parts = []ast.Node{n.Left, n.Right}
			}
		case *ast.CallNode:
			switch calleeOf(n) {
			case "text":
				parts = n.Arguments[1:]
			case "concat", "join":
				parts = n.Arguments
			}
		}
		for _, part := range parts {
			flows(part, func(one ast.Node) {
				if name, ok := one.(*ast.IdentifierNode); ok && name.Value == own && at == nil {
					at = one
				}
			})
		}
	})
	if at != nil {
		c.warn(CodeGrows, c.offset(at), "%s grows with every change: the line adds to what it set before; prefixed(p, t) adds once", t.shown)
	}
}

// ignored warns of what the tracker would not take from this account.
func (c *compilation) ignored(t *target, at int) {
	if c.kind != incoming || len(c.env.Schema.Fields) == 0 {
		return
	}
	switch {
	case t.key == collectionComments && !c.env.Schema.Comments:
		c.warn(CodeIgnored, at, "your account at the tracker may not write comments; this line does nothing")
	case t.key == collectionAttachments && !c.env.Schema.Attachments:
		c.warn(CodeIgnored, at, "your account at the tracker may not write attachments; this line does nothing")
	}
}

// lintTables warns of options that a look-up would park the ticket for.
func (c *compilation) lintTables(node *ast.Node) {
	n, ok := (*node).(*ast.CallNode)
	if !ok || calleeOf(n) != "lookup" || len(n.Arguments) != 2 {
		return
	}
	name, ok := n.Arguments[0].(*ast.StringNode)
	field, isField := n.Arguments[1].(*ast.IdentifierNode)
	if !ok || !isField {
		return
	}
	table := c.env.Tables[name.Value]
	if table.Policy != "" && table.Policy != TablePark {
		return
	}
	to := compileTable(name.Value, table, c.kind == incoming).to
	var missing []string
	for _, option := range c.facts[field.Value].options {
		if _, ok := to[option]; !ok {
			missing = append(missing, quoteName(option))
		}
	}
	if len(missing) > 0 {
		more := ""
		if len(missing) > mostNamed {
			missing, more = missing[:mostNamed], fmt.Sprintf(" and %d more", len(missing)-mostNamed)
		}
		c.warn(CodeUnmapped, c.offset(field), "the table %s has no pair for %s%s: such a ticket waits for a person", name.Value, strings.Join(missing, ", "), more)
	}
}

// Visit implements ast.Visitor.
func (c *compilation) Visit(node *ast.Node) {
	c.lintTables(node)
	c.lintLookedUp(*node)
}
