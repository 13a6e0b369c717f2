package filters

import "github.com/expr-lang/expr/ast"

// wholeChecker finds keepRemoved and exactly inside of what makes a list of them:
// they say something of the whole value of a line.
type wholeChecker struct{ *resolver }

// Visit implements ast.Visitor.
func (w wholeChecker) Visit(node *ast.Node) {
	var name string
	var args []ast.Node
	switch n := (*node).(type) {
	case *ast.BuiltinNode:
		name, args = n.Name, n.Arguments
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			name, args = callee.Value, n.Arguments
		}
	}
	for _, arg := range args {
		inner, ok := arg.(*ast.CallNode)
		if !ok {
			continue
		}
		if whole, ok := inner.Callee.(*ast.IdentifierNode); ok && (whole.Value == "keepRemoved" || whole.Value == "exactly") {
			w.fail(inner, CodeType, "%[1]s goes around the whole value: %[1]s(x | %[2]s(...))", whole.Value, name)
		}
	}
}
