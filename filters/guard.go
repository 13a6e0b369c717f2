package filters

import (
	"errors"
	"fmt"
	"reflect"
	"time"

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

// call calls one of guards() or builtins() with the run in front.
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
		return g.call("(member)", n, g.rewrite(n.Node), g.rewrite(n.Property))
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
	return finish(&ast.UnaryNode{Operator: n.Operator, Node: g.call("(number)", n, g.rewrite(n.Node))}, n)
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
			same := g.call("(same)", n, g.rewrite(n.Left), g.rewrite(n.Right))
			if n.Operator == "!=" {
				return finish(&ast.UnaryNode{Operator: "not", Node: same}, n)
			}
			return same
		}
	}
	if name, ok := counted[n.Operator]; ok {
		return g.call(name, n, g.rewrite(n.Left), g.rewrite(n.Right))
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
	return g.call("(truth)", n, g.rewrite(n))
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
	args := []ast.Node{g.call("(list)", n.Arguments[0], g.rewrite(n.Arguments[0]))}
	if len(n.Arguments) == 1 { // sum
		element := finish(&ast.PointerNode{}, n)
		args = append(args, finish(&ast.PredicateNode{Node: g.call(turn, n, element)}, n))
	}
	for i, arg := range n.Arguments[1:] {
		p, ok := arg.(*ast.PredicateNode)
		if !ok || i > 0 {
			args = append(args, g.rewrite(arg)) // the order of sortBy
			continue
		}
		args = append(args, finish(&ast.PredicateNode{Node: g.call(turn, p, g.rewrite(p.Node))}, p))
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
	return g.call("(made)", n, finish(&ast.ArrayNode{Nodes: nodes}, n))
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
	return g.call("(made)", n, finish(&ast.MapNode{Pairs: pairs}, n))
}

// guards are the functions that guard puts in; no script can spell their names.
func guards() []*function {
	return []*function{
		{name: "(member)", call: func(r *run, a []any) (any, error) { return member(a[0], a[1]) }},
		{name: "(same)", call: func(r *run, a []any) (any, error) { return same(r, a[0], a[1], 0) }},
		{name: "(add)", call: func(r *run, a []any) (any, error) { return add(r, a[0], a[1]) }},
		{name: "(in)", call: func(r *run, a []any) (any, error) { return contains(r, a[1], a[0]) }},
		{name: "(range)", call: rangeOf},
		{name: "(matches)", call: matches},
		{name: "(contains)", call: textOperator(func(t, part string) bool { return indexOf(t, part) >= 0 })},
		{name: "(startsWith)", call: textOperator(func(t, part string) bool { return len(t) >= len(part) && t[:len(part)] == part })},
		{name: "(endsWith)", call: textOperator(func(t, part string) bool { return len(t) >= len(part) && t[len(t)-len(part):] == part })},
		{name: "(truth)", call: func(r *run, a []any) (any, error) { return truthOf(a[0]) }},
		{name: "(cond)", call: func(r *run, a []any) (any, error) {
			if err := r.use(32); err != nil {
				return nil, err
			}
			return truthOf(a[0])
		}},
		{name: "(turn)", call: func(r *run, a []any) (any, error) { return a[0], r.use(32) }},
		{name: "(key)", call: sortKey},
		{name: "(number)", call: numberOf},
		{name: "(list)", call: listOf},
		{name: "(made)", call: made},
	}
}

func truthOf(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	return nil, fmt.Errorf("a %s is neither true nor false", kindOf(v))
}

// numberOf keeps sums and signs to numbers: a sum of texts would grow uncounted.
func numberOf(r *run, a []any) (any, error) {
	if err := r.use(16); err != nil {
		return nil, err
	}
	switch v := a[0].(type) {
	case nil:
		return 0, nil
	case int, float64, time.Duration:
		return v, nil
	}
	return nil, fmt.Errorf("a %s is not a number", kindOf(a[0]))
}

func sortKey(r *run, a []any) (any, error) {
	if err := r.use(64); err != nil {
		return nil, err
	}
	switch a[0].(type) {
	case string, int, float64, time.Time, time.Duration:
		return a[0], nil
	case nil:
		return nil, errors.New("an entry has nothing to sort by; see default(x, d)")
	}
	return nil, fmt.Errorf("a %s is nothing to sort by", kindOf(a[0]))
}

func listOf(r *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case nil:
		return []any{}, nil
	case []any:
		return v, r.list(len(v))
	}
	return nil, fmt.Errorf("a %s is not a list", kindOf(a[0]))
}

func made(r *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case []any:
		return v, r.list(len(v))
	case map[string]any:
		return v, r.use(256 + 64*len(v))
	}
	return a[0], nil
}

func rangeOf(r *run, a []any) (any, error) {
	from, ok := toInt(a[0])
	to, ok2 := toInt(a[1])
	if !ok || !ok2 {
		return nil, errors.New("a range goes from one whole number to another")
	}
	if to < from {
		return []any{}, nil
	}
	if to-from >= r.limits.Items || to-from < 0 {
		return nil, r.list(r.limits.Items + 1)
	}
	if err := r.list(to - from + 1); err != nil {
		return nil, err
	}
	out := make([]any, 0, to-from+1)
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out, nil
}

func textOperator(test func(t, part string) bool) func(*run, []any) (any, error) {
	return func(r *run, a []any) (any, error) {
		if a[0] == nil || a[1] == nil {
			return false, nil
		}
		t, ok := a[0].(string)
		part, ok2 := a[1].(string)
		if !ok || !ok2 {
			return nil, fmt.Errorf("this compares texts, not a %s with a %s", kindOf(a[0]), kindOf(a[1]))
		}
		return test(t, part), r.step(1 + len(t)>>10)
	}
}

// add is +: numbers, times and durations are added, texts are joined and
// counted. Nothing adds nothing.
func add(r *run, a, b any) (any, error) {
	switch x := a.(type) {
	case nil:
		return b, nil
	case string:
		switch y := b.(type) {
		case nil:
			return x, nil
		case string:
			return x + y, r.text(len(x) + len(y))
		}
	case int:
		if y, ok := b.(int); ok {
			return x + y, nil
		}
	case time.Time:
		if y, ok := b.(time.Duration); ok {
			return x.Add(y), nil
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Duration:
			return x + y, nil
		case time.Time:
			return y.Add(x), nil
		}
	}
	if b == nil {
		return a, nil
	}
	x, ok := toFloat(a)
	y, ok2 := toFloat(b)
	if !ok || !ok2 {
		return nil, fmt.Errorf("a %s and a %s cannot be added; text(\"{}{}\", a, b) joins anything", kindOf(a), kindOf(b))
	}
	return x + y, nil
}

// same is ==, counted: two small values may be very large trees.
func same(r *run, a, b any, depth int) (bool, error) {
	if err := r.step(1); err != nil || depth > maxDepth*4 {
		if err == nil {
			err = fmt.Errorf("%w: the value is nested too deeply", ErrLimit)
		}
		return false, err
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for i := range x {
			if equal, err := same(r, x[i], y[i], depth+1); err != nil || !equal {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for k := range x {
			other, ok := y[k]
			if !ok {
				return false, nil
			}
			if equal, err := same(r, x[k], other, depth+1); err != nil || !equal {
				return false, err
			}
		}
		return true, nil
	}
	x, ok := hashable(a)
	y, ok2 := hashable(b)
	return ok && ok2 && x == y, nil
}

// itemKey tells entries of collections apart.
type itemKey struct{ kind, id string }

// timeKey is a time whatever its zone.
type timeKey int64

// hashable gives a value that == and maps compare as scripts do.
func hashable(v any) (any, bool) {
	switch v := v.(type) {
	case nil, string, bool, float64, time.Duration, person, ticketRef:
		return v, true
	case int:
		return float64(v), true
	case time.Time:
		return timeKey(v.UnixNano()), true
	case *item:
		if v.comment != nil {
			return itemKey{"comment", v.comment.ID}, true
		}
		return itemKey{"attachment", v.attachment.ID}, true
	}
	return nil, false
}

// contains is "in": an element of a list, or a key of a value with members.
func contains(r *run, in, v any) (any, error) {
	switch c := in.(type) {
	case nil:
		return false, nil
	case []any:
		if err := r.step(1 + len(c)>>3); err != nil {
			return nil, err
		}
		for _, one := range c {
			if equal, err := same(r, one, v, 0); err != nil || equal {
				return equal, err
			}
		}
		return false, nil
	case map[string]any:
		key, _ := v.(string)
		_, ok := c[key]
		return ok, nil
	}
	return nil, fmt.Errorf("in looks into lists, not into a %s", kindOf(in))
}
