package parley_test

import (
	"go/ast"
	"slices"
	"strings"
)

// sleeps finds tests that wait for luck.
func sleeps(f sourceFile) []string {
	if !f.test {
		return nil
	}
	var problems []string
	walk(f.ast, func(n ast.Node, above []ast.Node) {
		if (isCall(n, "time", "Sleep") || waitsForTimer(n, above)) && !slices.ContainsFunc(above, virtualTime) {
			problems = append(problems, f.problem(n.Pos(),
				"sleeps; wait for a signal, poll with a deadline, or run in synctest.Test"))
		}
	})
	return problems
}

// virtualTime tells whether what stands in n runs where a sleep costs nothing:
// in synctest.Test, or in a function that calls synctest.Wait, which panics
// anywhere else.
func virtualTime(n ast.Node) bool {
	switch n.(type) {
	case *ast.FuncDecl, *ast.FuncLit:
		found := false
		ast.Inspect(n, func(n ast.Node) bool {
			found = found || isCall(n, "synctest", "Wait")
			return !found
		})
		return found
	}
	return isCall(n, "synctest", "Test")
}

// skips finds tests that may not run.
func skips(f sourceFile) []string {
	var problems []string
	walk(f.ast, func(n ast.Node, above []ast.Node) {
		if isCall(n, "testing", "Short") || skipsTest(n, above) {
			problems = append(problems, f.problem(n.Pos(),
				"skips; a test that cannot run must fail and say what it needs"))
		}
	})
	return problems
}

// skipsTest tells whether n calls Skip of a test. rapid's Skip and that of a
// fuzz target drop one input only.
func skipsTest(n ast.Node, above []ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && isTesting(parameter(x.Name, above)) && !slices.ContainsFunc(above, callsFuzz)
}

// walk calls fn for every node with the nodes above it, outermost first.
func walk(root ast.Node, fn func(n ast.Node, above []ast.Node)) {
	var above []ast.Node
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		fn(n, above)
		above = append(above, n)
		return true
	})
}

// isCall tells whether n calls pkg.name.
func isCall(n ast.Node, pkg, name string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// waitsForTimer tells whether n is the statement <-time.After(d): a sleep by
// another name. As a case of a select it is a deadline and welcome.
func waitsForTimer(n ast.Node, above []ast.Node) bool {
	stmt, ok := n.(*ast.ExprStmt)
	if !ok {
		return false
	}
	if clause, ok := above[len(above)-1].(*ast.CommClause); ok && clause.Comm == stmt {
		return false
	}
	receive, ok := stmt.X.(*ast.UnaryExpr)
	return ok && isCall(receive.X, "time", "After")
}

// parameter returns the type of the innermost parameter called name.
func parameter(name string, above []ast.Node) ast.Expr {
	for _, n := range slices.Backward(above) {
		var fn *ast.FuncType
		switch n := n.(type) {
		case *ast.FuncLit:
			fn = n.Type
		case *ast.FuncDecl:
			fn = n.Type
		default:
			continue
		}
		for _, field := range fn.Params.List {
			if slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return id.Name == name }) {
				return field.Type
			}
		}
	}
	return nil
}

// isTesting tells whether a type is one of package testing (*testing.T, testing.TB).
func isTesting(x ast.Expr) bool {
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "testing" && !strings.HasPrefix(sel.Sel.Name, "F")
}

// callsFuzz tells whether n is f.Fuzz(…).
func callsFuzz(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Fuzz"
}
