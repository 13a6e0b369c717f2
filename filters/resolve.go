package filters

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

// resolver gives every name of an expression its slot, and refuses what is not
// in the language. It runs before expr's checker, so that mistakes in names
// are told in our words and all of them at once.
type resolver struct {
	*compilation
	base     int
	source   []rune
	locals   []string // lets inside predicates
	nesting  int      // of predicates
	used     map[int]bool
	gates    []string // replica fields that must have been sent
	exempt   []string // those that sent() asks about
	depends  []string // of lets
	literals map[ast.Node]any
}

func (r *resolver) at(n ast.Node) int { return r.base + n.Location().From }

func (r *resolver) fail(n ast.Node, code Code, format string, args ...any) *Problem {
	return r.report.add(code, r.at(n), format, args...)
}

// reads are the replica fields that must have been sent.
func (r *resolver) reads() []string {
	slices.Sort(r.gates)
	list := slices.Compact(slices.Clone(r.gates))
	return slices.DeleteFunc(list, func(key string) bool { return slices.Contains(r.exempt, key) })
}

// dependsOn are all replica fields that the value comes from.
func (r *resolver) dependsOn() []string {
	list := slices.Concat(r.gates, r.exempt, r.depends)
	slices.Sort(list)
	return slices.Compact(list)
}

func (r *resolver) resolve(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConstantNode:
	case *ast.IdentifierNode:
		r.name(node, n)
	case *ast.UnaryNode:
		r.resolve(&n.Node)
	case *ast.BinaryNode:
		r.binary(n)
	case *ast.ChainNode:
		r.resolve(&n.Node)
	case *ast.MemberNode:
		r.member(node, n)
	case *ast.CallNode:
		r.call(n)
	case *ast.BuiltinNode:
		r.builtin(n)
	case *ast.PredicateNode:
		r.nesting++
		r.resolve(&n.Node)
		r.nesting--
	case *ast.PointerNode:
		r.element(n)
	case *ast.VariableDeclaratorNode:
		r.declare(n)
	case *ast.ConditionalNode:
		if n.Cond == n.Exp1 {
			r.fail(n, CodeSyntax, "there is no ?: here; write a ?? b, or default(a, b)")
			return
		}
		r.resolve(&n.Cond)
		r.resolve(&n.Exp1)
		r.resolve(&n.Exp2)
	case *ast.ArrayNode:
		for i := range n.Nodes {
			r.resolve(&n.Nodes[i])
		}
	case *ast.MapNode:
		r.record(n)
	case *ast.SliceNode:
		r.fail(n, CodeSyntax, "slices are off; write take(list, n) or sub(text, from, to)")
	default:
		r.fail(*node, CodeSyntax, "this is not part of the language")
	}
}

func (r *resolver) binary(n *ast.BinaryNode) {
	if left, ok := n.Left.(*ast.BinaryNode); ok && n.Operator == "&&" {
		// expr reads a < b < c as a < b && b < c with the same b twice; nested,
		// that grows without end.
		last := left
		if left.Operator == "&&" {
			last, _ = left.Right.(*ast.BinaryNode)
		}
		if right, ok := n.Right.(*ast.BinaryNode); ok && last != nil && last.Right == right.Left {
			r.fail(n, CodeSyntax, "write a < b and b < c")
			return
		}
	}
	r.resolve(&n.Left)
	r.resolve(&n.Right)
	switch n.Operator {
	case "matches":
		r.pattern(n.Right)
	case "==", "!=":
		r.optionLiteral(n.Left, n.Right)
		r.optionLiteral(n.Right, n.Left)
	case "in":
		if name, ok := n.Right.(*ast.IdentifierNode); ok {
			r.memberLiteral(name, n.Left)
		}
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			for _, one := range list.Nodes {
				r.optionLiteral(n.Left, one)
			}
		}
	}
}

func (r *resolver) pattern(n ast.Node) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		r.fail(n, CodeLiteral, "a pattern is written out, not computed")
		return
	}
	p, err := compilePattern(s.Value)
	if err != nil {
		r.fail(n, CodeSyntax, "%s", err)
		return
	}
	r.literals[n] = p
}

// optionLiteral checks a text against the options of the field it is compared with.
func (r *resolver) optionLiteral(field, literal ast.Node) {
	name, ok := field.(*ast.IdentifierNode)
	s, isText := literal.(*ast.StringNode)
	if !ok || !isText {
		return
	}
	f := r.facts[name.Value]
	if f.typ == event.TypeOption && len(f.options) > 0 {
		r.checkOption(r.at(literal), r.shownName(name.Value), s.Value, f.options, len(f.reads) > 0)
	}
}

// memberLiteral checks a text that is looked for in a field of several options.
func (r *resolver) memberLiteral(name *ast.IdentifierNode, literal ast.Node) {
	f := r.facts[name.Value]
	if s, ok := literal.(*ast.StringNode); ok && f.typ == event.TypeOptions && len(f.options) > 0 {
		r.checkOption(r.at(literal), r.shownName(name.Value), s.Value, f.options, len(f.reads) > 0)
	}
}

// shownName is a name as the script has it.
func (r *resolver) shownName(slot string) string {
	for _, l := range r.lets {
		if l.slot == slot {
			return l.name
		}
	}
	return slot
}

// element refuses an explicit # in a predicate inside a predicate: it means the
// inner element, and people read it as the outer one. "let c = #" is clear.
func (r *resolver) element(n *ast.PointerNode) {
	if n.Name != "" && n.Name != "index" {
		r.fail(n, CodeUnknownName, "there is no #%s", n.Name)
		return
	}
	from := n.Location().From
	if r.nesting > 1 && n.Name == "" && from < len(r.source) && r.source[from] == '#' {
		r.fail(n, CodeElement, "# is the inner element here; write let x = # in { } where you mean it, and use x")
	}
}

func (r *resolver) declare(n *ast.VariableDeclaratorNode) {
	if _, ok := n.Value.(*ast.PointerNode); !ok {
		r.resolve(&n.Value)
	}
	if code, message := r.redeclared(n.Name); code != "" || slices.Contains(r.locals, n.Name) {
		if message == "" {
			message = n.Name + " exists already"
		}
		r.fail(n, CodeRedeclared, "%s", message)
	}
	r.locals = append(r.locals, n.Name)
	r.resolve(&n.Expr)
	r.locals = r.locals[:len(r.locals)-1]
}

func (r *resolver) record(n *ast.MapNode) {
	seen := map[string]bool{}
	for _, one := range n.Pairs {
		pair, ok := one.(*ast.PairNode)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.fail(pair.Key, CodeLiteral, "a key is written out, not computed")
		case seen[key.Value]:
			r.fail(pair.Key, CodeRedeclared, "%s stands twice", key.Value)
		default:
			seen[key.Value] = true
		}
		r.resolve(&pair.Value)
	}
}

func (r *resolver) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(predicates, n.Name) {
		r.unknownCall(n, n.Name)
		return
	}
	if n.Name == "count" && len(n.Arguments) == 1 {
		r.fail(n, CodeSyntax, "count needs a condition; len(list) counts all")
	}
	for i := range n.Arguments {
		r.resolve(&n.Arguments[i])
	}
}

func (r *resolver) call(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		r.fail(n, CodeUnknownCall, "values have no functions of their own")
		return
	}
	f, ok := r.functions[name.Value]
	if !ok {
		r.unknownCall(n, name.Value)
	}
	for i := range n.Arguments {
		r.resolve(&n.Arguments[i])
	}
	if f == nil {
		return
	}
	if f.only != nil && *f.only != r.kind {
		r.fail(n, CodeOffHere, "%s is for an %s", f.name, *f.only)
		return
	}
	if f.unfit != nil {
		if why := f.unfit(r, n.Arguments); why != "" {
			r.fail(n, CodeNotAvailable, "%s is not available: %s", f.name, why)
			return
		}
	}
	for i, arg := range n.Arguments {
		if check := f.literalAt(i); check != nil {
			r.literal(arg, check)
		}
	}
}

// literal computes an argument that must be written out.
func (r *resolver) literal(arg ast.Node, check literalCheck) {
	s, ok := arg.(*ast.StringNode)
	if !ok {
		r.fail(arg, CodeLiteral, "this is written out as a text, not computed")
		return
	}
	v, problem := check(r, s.Value)
	if problem != nil {
		p := r.fail(arg, problem.Code, "%s", problem.Message)
		p.Nearest = problem.Nearest
		return
	}
	r.literals[arg] = v
}

// switchedOff are expr's own functions that this language does not have, with
// what to use instead.
func switchedOff(name string) string {
	return map[string]string{
		"reduce": "use map, sum or join", "flatten": "use concat", "groupBy": "use filter", "toJSON": "use text",
		"fromJSON": "", "fromPairs": "", "toPairs": "use keys and values", "duration": "write 3 * DAY",
		"timezone": "use inZone", "findIndex": "use find", "findLast": "use last(filter(...))", "findLastIndex": "use find",
		"get": "write value[key]", "int": "use number", "float": "use number", "hasPrefix": "write a startsWith b",
		"hasSuffix": "write a endsWith b", "type": "", "mean": "use sum and len", "median": "use sort",
	}[name]
}

func (r *resolver) unknownCall(n ast.Node, name string) {
	p := r.fail(n, CodeUnknownCall, "there is no function %s", name)
	if instead := switchedOff(name); instead != "" {
		p.Message += "; " + instead
		return
	}
	p.Nearest = nearest(name, append(slices.Sorted(maps.Keys(r.functions)), predicates...))
}

// checkCalls looks at with(item, {…}), and at what is made of a whole, once types are known.
func (r *resolver) checkCalls(tree ast.Node) {
	ast.Walk(&tree, withChecker{r})
	ast.Walk(&tree, wholeChecker{r})
}

type withChecker struct{ *resolver }

// Visit implements ast.Visitor.
func (w withChecker) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.CallNode)
	if !ok || len(n.Arguments) != 2 {
		return
	}
	if name, ok := n.Callee.(*ast.IdentifierNode); !ok || name.Value != "with" {
		return
	}
	m, ok := n.Arguments[1].(*ast.MapNode)
	if !ok {
		w.fail(n.Arguments[1], CodeLiteral, "with wants its changes written out: {body: ...}")
		return
	}
	allowed := slices.Concat(commentChanges, attachmentChanges, linkChanges)
	what := "comments, attachments and links"
	if data := n.Arguments[0].Nature().TypeData; data != nil && data.Fields != nil {
		if _, ok := data.Fields["body"]; ok {
			allowed, what = commentChanges, "comments"
		} else if _, ok := data.Fields["mime"]; ok {
			allowed, what = attachmentChanges, "attachments"
		} else if _, ok := data.Fields["key"]; ok {
			allowed, what = linkChanges, "links"
		}
	}
	for _, one := range m.Pairs {
		pair := one.(*ast.PairNode)
		if key, ok := pair.Key.(*ast.StringNode); ok && key.Value == "author" {
			if made, ok := pair.Value.(*ast.MapNode); ok {
				w.fail(made, CodeType, "an author cannot be made up; write author: nil to take it off, and a name into the body: {body: \"Ann: \" + .body}")
			}
		}
		if key, ok := pair.Key.(*ast.StringNode); ok && !slices.Contains(allowed, key.Value) {
			p := w.fail(key, CodeUnknownKey, "with cannot change %s of %s", key.Value, what)
			p.Nearest = nearest(key.Value, allowed)
		}
	}
}

// What with may change.
var (
	commentChanges    = strings.Fields("author body created edited internal")
	attachmentChanges = strings.Fields("author inline internal mime name")
	linkChanges       = strings.Fields("type")
)

func quoteName(s string) string { return fmt.Sprintf("%q", s) }
