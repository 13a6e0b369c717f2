package parley_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

const (
	maxFunction = 80  // lines of a function
	maxFile     = 600 // lines of a file
)

// vagueNames say nothing about what a package is.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "misc", "shared"}

// blankImports only put data into the binary.
var blankImports = []string{`"embed"`, `"time/tzdata"`}

// rule is something that every single file must keep, with code that keeps it
// and code that breaks it once.
type rule struct {
	name  string
	tests bool // the examples are test files
	check func(sourceFile) []string
	good  []string
	bad   []string
}

// rules are all the rules about single files.
var rules = []rule{
	{
		name: "package names say something", check: vagueName,
		good: []string{"package outbox"}, bad: []string{"package util", "package common"},
	},
	{
		name: "functions fit", check: longFunction,
		good: []string{"func f() {" + strings.Repeat("\n", maxFunction-1) + "}"},
		bad:  []string{"func f() {" + strings.Repeat("\n", maxFunction) + "}"},
	},
	{
		name: "files fit", check: longFile,
		good: []string{strings.Repeat("\n", maxFile-1)}, bad: []string{strings.Repeat("\n", maxFile)},
	},
	{
		name: "nothing happens by init", check: initFunction,
		good: []string{"type T int\nfunc (T) init() {}", `import _ "embed"`},
		bad:  []string{"func init() {}", `import _ "parley/adapters/desk"`},
	},
	{
		name: "exported names are documented", check: undocumented,
		good: []string{
			"// F does.\nfunc F() {}", "func f() {}", "// A T is.\ntype T int", "type t int\nfunc (t) F() {}",
			"// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)", "const (\n\tA = 1 // one\n)", "var a = 1",
		},
		bad: []string{
			"func F() {}", "// Does.\nfunc F() {}", "type T int", "// Kinds.\ntype (\n\tT int\n)", "var A = 1",
			"type t int\n// T is.\ntype T[K any] int\nfunc (*T[K]) F() {}",
		},
	},
	{
		name: "tests do not sleep", tests: true, check: sleeps,
		good: []string{
			"func f() { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }",
			"func f() { select { case <-time.After(1): } }",
			"func f() { time.Sleep(1); synctest.Wait() }",
		},
		bad: []string{
			"func f() { time.Sleep(1) }", "func f() { <-time.After(1) }",
			"func f() { select { case <-done: <-time.After(1) } }",
		},
	},
	{
		name: "no test is skipped", tests: true, check: skips,
		good: []string{
			"func f(t *testing.T) { rapid.Check(t, func(t *rapid.T) { t.Skip() }) }",
			"func f(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) { t.Skip() }) }",
			"func f(s scanner) { s.Skip() }",
		},
		bad: []string{
			"func f(t *testing.T) { t.Skip() }", "func f(t *testing.T) { t.Skipf(``) }",
			"func f(t testing.TB) { t.SkipNow() }", "func f(t *testing.T) { if testing.Short() { return } }",
		},
	},
}

func vagueName(f sourceFile) []string {
	if slices.Contains(vagueNames, strings.TrimSuffix(f.ast.Name.Name, "_test")) {
		return []string{f.problem(f.ast.Name.Pos(), "the name %s says nothing; use the noun of the package's one idea", f.ast.Name.Name)}
	}
	return nil
}

func longFile(f sourceFile) []string {
	if f.lines > maxFile {
		return []string{f.problem(f.ast.Pos(), "%d lines, the bound is %d", f.lines, maxFile)}
	}
	return nil
}

func longFunction(f sourceFile) []string {
	var problems []string
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1; n > maxFunction {
			problems = append(problems, f.problem(fn.Pos(), "%s has %d lines, the bound is %d", fn.Name.Name, n, maxFunction))
		}
	}
	return problems
}

func initFunction(f sourceFile) []string {
	var problems []string
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			problems = append(problems, f.problem(fn.Pos(), "init(); call it from where it is needed"))
		}
	}
	for _, spec := range f.ast.Imports {
		if spec.Name != nil && spec.Name.Name == "_" && !slices.Contains(blankImports, spec.Path.Value) {
			problems = append(problems, f.problem(spec.Pos(), "blank import; registration is an explicit list"))
		}
	}
	return problems
}

func undocumented(f sourceFile) []string {
	if f.test {
		return nil
	}
	var problems []string
	for _, decl := range f.ast.Decls {
		var found []string
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && (decl.Recv == nil || exportedReceiver(decl.Recv)) {
				found = nameFirst(decl.Name.Name, decl.Doc)
			}
		case *ast.GenDecl:
			found = undocumentedSpecs(decl)
		}
		for _, text := range found {
			problems = append(problems, f.problem(decl.Pos(), "%s", text))
		}
	}
	return problems
}

// undocumentedSpecs looks at types, constants and variables. A group of
// constants or variables may share one doc, types may not.
func undocumentedSpecs(gen *ast.GenDecl) []string {
	var problems []string
	for _, spec := range gen.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if !gen.Lparen.IsValid() {
				doc = gen.Doc
			}
			if spec.Name.IsExported() {
				problems = append(problems, nameFirst(spec.Name.Name, doc)...)
			}
		case *ast.ValueSpec:
			if spec.Doc == nil && spec.Comment == nil && gen.Doc == nil && slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported) {
				problems = append(problems, spec.Names[0].Name+" has no doc")
			}
		}
	}
	return problems
}

// nameFirst wants a doc that starts with the name, after an article at most.
func nameFirst(name string, doc *ast.CommentGroup) []string {
	words := strings.Fields(doc.Text())
	if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
		words = words[1:]
	}
	switch {
	case len(words) == 0:
		return []string{name + " has no doc"}
	case strings.TrimRight(words[0], ":,.") != name:
		return []string{fmt.Sprintf("the doc of %s must start with its name", name)}
	}
	return nil
}

// exportedReceiver tells whether a method's type can be seen from outside.
func exportedReceiver(recv *ast.FieldList) bool {
	for x := recv.List[0].Type; ; {
		switch typed := x.(type) {
		case *ast.StarExpr:
			x = typed.X
		case *ast.IndexExpr:
			x = typed.X
		case *ast.IndexListExpr:
			x = typed.X
		case *ast.Ident:
			return typed.IsExported()
		default:
			return false
		}
	}
}
