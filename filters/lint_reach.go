package filters

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// lintCondition warns of a condition that is always the same, and of branches
// that are never reached.
func (c *compilation) lintCondition(tree ast.Node, at int) {
	if c.kind == scope {
		return // "true" is every ticket
	}
	if yes, known := c.decide(tree, 0); known {
		word := "never"
		if yes {
			word = "always"
		}
		c.warn(CodeConstant, at, "this condition is %s true here", word)
	}
}

// maxDecided bounds how deep a condition is looked into.
const maxDecided = 64

// decide tells what a condition gives whatever the ticket, if that is known.
func (c *compilation) decide(node ast.Node, depth int) (yes, known bool) {
	if depth > maxDecided {
		return false, false
	}
	switch text := written(node); {
	case text == "" || c.kind == outgoing && strings.Contains(text, "changed("): // the lines between count
	case slices.Contains(c.scene.decided, text):
		return true, true
	case slices.Contains(c.scene.refuted, text):
		return false, true
	}
	switch n := node.(type) {
	case *ast.BoolNode:
		return n.Value, true
	case *ast.NilNode:
		return false, true
	case *ast.UnaryNode:
		if isNot(n) {
			yes, known = c.decide(n.Node, depth+1)
			return !yes, known
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return c.decideBoth(n, false, depth)
		case "or", "||":
			return c.decideBoth(n, true, depth)
		case "==", "!=":
			if plainLiteral(n.Left) && plainLiteral(n.Right) {
				return (n.Left.String() == n.Right.String()) == (n.Operator == "=="), true
			}
		}
	}
	return false, false
}

// decideBoth decides and (ends is false) and or (ends is true): the side that
// gives ends decides alone.
func (c *compilation) decideBoth(n *ast.BinaryNode, ends bool, depth int) (yes, known bool) {
	left, leftKnown := c.decide(n.Left, depth+1)
	right, rightKnown := c.decide(n.Right, depth+1)
	switch {
	case leftKnown && left == ends || rightKnown && right == ends:
		return ends, true
	case leftKnown && rightKnown:
		return !ends, true
	}
	operator := "=="
	if ends {
		operator = "!="
	}
	return ends, depth == 0 && exclude(n, operator)
}

// exclude tells whether a chain of and asks one value to be two different ones,
// or a chain of or asks it not to be.
func exclude(n *ast.BinaryNode, operator string) bool {
	is := map[string]string{}
	twice := false
	var walk func(ast.Node, int)
	walk = func(node ast.Node, depth int) {
		b, ok := node.(*ast.BinaryNode)
		switch {
		case !ok || depth > maxDecided:
		case junctions[b.Operator] == junctions[n.Operator] && junctions[n.Operator] != "":
			walk(b.Left, depth+1)
			walk(b.Right, depth+1)
		case b.Operator == operator && plainLiteral(b.Right) && !plainLiteral(b.Left):
			name, value := written(b.Left), b.Right.String()
			before, there := is[name]
			twice = twice || name != "" && there && before != value
			is[name] = value
		}
	}
	walk(n, 0)
	return twice
}

// ends tells whether no line after s is reached.
func (s *statement) ends() bool {
	switch s.kind {
	case statementStop:
		return !s.bad
	case statementIf:
		return len(s.otherwise) > 0 && anyEnds(s.then) && anyEnds(s.otherwise)
	}
	return false
}

func anyEnds(list []statement) bool {
	return slices.ContainsFunc(list, func(s statement) bool { return s.ends() })
}

// branch compiles an if whose condition was compiled last.
func (c *compilation) branch(s *statement, out *compiled) {
	tree := c.tree
	outside := c.scene
	if tree != nil {
		c.lintCondition(tree, s.value.start)
		c.scene = outside.with(tree, true)
	}
	c.depth++
	out.then = c.block(s.then)
	c.scene = outside
	if tree != nil {
		c.scene = outside.with(tree, false)
	}
	out.otherwise = c.block(s.otherwise)
	c.depth--
	c.scene = outside
	switch {
	case tree == nil:
	case anyEnds(s.then):
		c.scene = outside.with(tree, false)
	case len(s.otherwise) > 0 && anyEnds(s.otherwise):
		c.scene = outside.with(tree, true)
	}
}
