package filters

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
)

// guard rewrites a checked expression so that all it can do is bounded: what
// allocates is counted, every predicate looks at the clock, members are reached
// through member() only, and an empty value gives no panic. It builds a tree of
// its own: expr shares nodes between places.
//
// Types are taken off on the way. They served the checker; expr's compiler
// would use them for short cuts that fail on an empty value.
type guard struct {
	literals map[ast.Node]any
	guards   map[string]guardFunction
}

// untyped is any type that gives expr's compiler no idea.
func untyped() nature.Nature { return nature.FromType(reflect.TypeFor[struct{}]()) }

func finish[N ast.Node](n N, from ast.Node) ast.Node {
	n.SetLocation(from.Location())
	n.SetNature(untyped())
	return n
}

func (g *guard) constant(v any, from ast.Node) ast.Node {
	return finish(&ast.ConstantNode{Value: v}, from)
}

// guarded calls one of guards.
func (g *guard) guarded(name string, from ast.Node, args ...ast.Node) ast.Node {
	callee := finish(&ast.IdentifierNode{Value: name}, from)
	callee.SetNature(g.guards[name].nature())
	return finish(&ast.CallNode{Callee: callee, Arguments: args}, from)
}

// call calls one of builtins() with the run in front.
func (g *guard) call(name string, from ast.Node, args ...ast.Node) ast.Node {
	callee := finish(&ast.IdentifierNode{Value: name}, from)
	run := finish(&ast.IdentifierNode{Value: runSlot}, from)
	return finish(&ast.CallNode{Callee: callee, Arguments: append([]ast.Node{run}, args...)}, from)
}

func (g *guard) rewrite(node ast.Node) ast.Node {
	if v, ok := g.literals[node]; ok {
		return g.constant(v, node)
	}
	switch n := node.(type) {
	case *ast.NilNode:
		return finish(&ast.NilNode{}, n)
	case *ast.IdentifierNode:
		return finish(&ast.IdentifierNode{Value: n.Value}, n)
	case *ast.IntegerNode:
		return finish(&ast.IntegerNode{Value: n.Value}, n)
	case *ast.FloatNode:
		return finish(&ast.FloatNode{Value: n.Value}, n)
	case *ast.BoolNode:
		return finish(&ast.BoolNode{Value: n.Value}, n)
	case *ast.StringNode:
		return finish(&ast.StringNode{Value: n.Value}, n)
	case *ast.ConstantNode:
		return g.constant(n.Value, n)
	case *ast.PointerNode:
		return finish(&ast.PointerNode{Name: n.Name}, n)
	case *ast.ChainNode:
		return g.rewrite(n.Node)
	case *ast.MemberNode:
		return g.guarded("(member)", n, g.rewrite(n.Node), g.rewrite(n.Property))
	case *ast.UnaryNode:
		return g.unary(n)
	case *ast.BinaryNode:
		return g.binary(n)
	case *ast.ConditionalNode:
		return finish(&ast.ConditionalNode{
			Ternary: true, Cond: g.truth(n.Cond), Exp1: g.rewrite(n.Exp1), Exp2: g.rewrite(n.Exp2),
		}, n)
	case *ast.VariableDeclaratorNode:
		return finish(&ast.VariableDeclaratorNode{Name: n.Name, Value: g.rewrite(n.Value), Expr: g.rewrite(n.Expr)}, n)
	case *ast.CallNode:
		args := make([]ast.Node, len(n.Arguments))
		for i, arg := range n.Arguments {
			args[i] = g.rewrite(arg)
		}
		return g.call(n.Callee.(*ast.IdentifierNode).Value, n, args...)
	case *ast.BuiltinNode:
		return g.predicate(n)
	case *ast.ArrayNode:
		return g.array(n)
	case *ast.MapNode:
		return g.record(n)
	}
	// resolve lets nothing else through; should it, nothing is what runs.
	return finish(&ast.NilNode{}, node)
}

func (g *guard) unary(n *ast.UnaryNode) ast.Node {
	if n.Operator == "not" || n.Operator == "!" {
		return finish(&ast.UnaryNode{Operator: n.Operator, Node: g.truth(n.Node)}, n)
	}
	return finish(&ast.UnaryNode{Operator: n.Operator, Node: g.guarded("(number)", n, g.rewrite(n.Node))}, n)
}

// counted are the operators that a function of ours does.
var counted = map[string]string{
	"+": "(add)", "in": "(in)", "..": "(range)", "matches": "(matches)",
	"contains": "(contains)", "startsWith": "(startsWith)", "endsWith": "(endsWith)",
}

func (g *guard) binary(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "and", "or", "&&", "||":
		return finish(&ast.BinaryNode{Operator: n.Operator, Left: g.truth(n.Left), Right: g.truth(n.Right)}, n)
	case "==", "!=":
		if !plainLiteral(n.Left) && !plainLiteral(n.Right) {
			same := g.guarded("(same)", n, g.rewrite(n.Left), g.rewrite(n.Right))
			if n.Operator == "!=" {
				return finish(&ast.UnaryNode{Operator: "not", Node: same}, n)
			}
			return same
		}
	}
	if name, ok := counted[n.Operator]; ok {
		return g.guarded(name, n, g.rewrite(n.Left), g.rewrite(n.Right))
	}
	return finish(&ast.BinaryNode{Operator: n.Operator, Left: g.rewrite(n.Left), Right: g.rewrite(n.Right)}, n)
}

// plainLiteral values are compared in one step, whatever is on the other side.
func plainLiteral(n ast.Node) bool {
	switch n.(type) {
	case *ast.NilNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}

// truth makes sure that expr's jumps find true or false: nothing is false.
func (g *guard) truth(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.BoolNode:
		return g.rewrite(n)
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=", "<", ">", "<=", ">=", "and", "or", "&&", "||", "in", "contains", "startsWith", "endsWith", "matches":
			return g.rewrite(n)
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return g.rewrite(n)
		}
	}
	return g.guarded("(truth)", n, g.rewrite(n))
}

// predicate guards filter, map and the like: the list is a list, and every
// turn is counted.
func (g *guard) predicate(n *ast.BuiltinNode) ast.Node {
	turn := "(cond)"
	switch n.Name {
	case "map":
		turn = "(turn)"
	case "sum":
		turn = "(number)"
	case "sortBy":
		turn = "(key)"
	}
	args := []ast.Node{g.guarded("(list)", n.Arguments[0], g.rewrite(n.Arguments[0]))}
	if len(n.Arguments) == 1 { // sum
		element := finish(&ast.PointerNode{}, n)
		args = append(args, finish(&ast.PredicateNode{Node: g.guarded(turn, n, element)}, n))
	}
	for i, arg := range n.Arguments[1:] {
		p, ok := arg.(*ast.PredicateNode)
		if !ok || i > 0 {
			args = append(args, g.rewrite(arg)) // the order of sortBy
			continue
		}
		args = append(args, finish(&ast.PredicateNode{Node: g.guarded(turn, p, g.rewrite(p.Node))}, p))
	}
	return finish(&ast.BuiltinNode{Name: n.Name, Arguments: args}, n)
}

// literalOf is the value of an expression that is written out whole, lists and
// values with members too: it is made once, not with every run.
func literalOf(node ast.Node) (any, bool) {
	switch n := node.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.ConstantNode:
		return n.Value, true
	case *ast.ArrayNode:
		list := make([]any, len(n.Nodes))
		for i, one := range n.Nodes {
			v, ok := literalOf(one)
			if !ok {
				return nil, false
			}
			list[i] = v
		}
		return list, true
	case *ast.MapNode:
		record := make(map[string]any, len(n.Pairs))
		for _, one := range n.Pairs {
			pair := one.(*ast.PairNode)
			v, ok := literalOf(pair.Value)
			if !ok {
				return nil, false
			}
			record[pair.Key.(*ast.StringNode).Value] = v
		}
		return record, true
	}
	return nil, false
}

func (g *guard) array(n *ast.ArrayNode) ast.Node {
	if v, ok := literalOf(n); ok {
		return g.constant(v, n)
	}
	nodes := make([]ast.Node, len(n.Nodes))
	for i, one := range n.Nodes {
		nodes[i] = g.rewrite(one)
	}
	return g.guarded("(made)", n, finish(&ast.ArrayNode{Nodes: nodes}, n))
}

func (g *guard) record(n *ast.MapNode) ast.Node {
	if v, ok := literalOf(n); ok {
		return g.constant(v, n)
	}
	pairs := make([]ast.Node, len(n.Pairs))
	for i, one := range n.Pairs {
		pair := one.(*ast.PairNode)
		pairs[i] = finish(&ast.PairNode{Key: g.rewrite(pair.Key), Value: g.rewrite(pair.Value)}, pair)
	}
	return g.guarded("(made)", n, finish(&ast.MapNode{Pairs: pairs}, n))
}
