// Package parley_test holds the repository to its own rules: who may import
// whom, what each package and file looks like, which dependencies there are.
// It reads source text only, so it works on code that does not compile.
package parley_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// topFolders are all the folders that the repository has, hidden ones aside.
var topFolders = []string{"adapters", "cmd", "docs", "filters", "node", "scripts", "sync"}

// sourceFile is one parsed Go file.
type sourceFile struct {
	path  string // slash-separated, from the repository's root
	pkg   string // its folder; "." at the root
	test  bool
	lines int
	set   *token.FileSet
	ast   *ast.File
}

// parse makes a sourceFile of text.
func parse(name string, text []byte) (sourceFile, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	slashed := filepath.ToSlash(name)
	return sourceFile{
		path: slashed, pkg: path.Dir(slashed), test: strings.HasSuffix(name, "_test.go"),
		lines: strings.Count(string(text), "\n"), set: set, ast: tree,
	}, nil
}

// problem is a message about a place.
func (f sourceFile) problem(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", f.path, f.set.Position(pos).Line) + fmt.Sprintf(format, args...)
}

// imports returns the import paths of a file.
func (f sourceFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// source parses every Go file of the module, whatever its build tags.
func source(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipFolder(name, d)
		case filepath.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parse(name, text)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatalf("read the source: %v", err)
	}
	return files
}

// skipFolder leaves out what is not this module's code.
func skipFolder(name string, d fs.DirEntry) error {
	if name == "." {
		return nil
	}
	if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func TestStructure_TopFoldersAreTheFixedOnes(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topFolders, e.Name()) {
			t.Errorf("folder %s: the top level has only %s", e.Name(), strings.Join(topFolders, ", "))
		}
	}
}

func TestStructure_EveryPackageHasOneDoc(t *testing.T) {
	t.Parallel()
	code := map[string]bool{}
	docs := map[string][]string{}
	for _, f := range source(t) {
		code[f.pkg] = code[f.pkg] || !f.test
		if f.ast.Doc == nil || f.test {
			continue
		}
		docs[f.pkg] = append(docs[f.pkg], f.path)
		if want := docStart(f); !strings.HasPrefix(f.ast.Doc.Text(), want) {
			t.Errorf("%s: the package doc must start with %q", f.path, want)
		}
	}
	for pkg, hasCode := range code {
		if n := len(docs[pkg]); hasCode && n != 1 {
			t.Errorf("package %s has %d package docs %v, want one", pkg, n, docs[pkg])
		}
	}
}

// docStart is how the doc of a file's package begins.
func docStart(f sourceFile) string {
	if f.ast.Name.Name == "main" {
		return "Command " + path.Base(f.pkg) + " "
	}
	return "Package " + f.ast.Name.Name + " "
}

func TestStructure_FilesKeepTheRules(t *testing.T) {
	t.Parallel()
	files := source(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range files {
				for _, problem := range r.check(f) {
					t.Error(problem)
				}
			}
		})
	}
}

func TestStructure_EveryRuleBites(t *testing.T) {
	t.Parallel()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if len(r.good) == 0 || len(r.bad) == 0 {
				t.Error("a rule needs code that keeps it and code that breaks it")
			}
			for _, text := range r.good {
				if got := checkText(t, r, text); len(got) != 0 {
					t.Errorf("good code gave %q:\n%s", got, text)
				}
			}
			for _, text := range r.bad {
				if got := checkText(t, r, text); len(got) != 1 {
					t.Errorf("bad code gave %q, want one problem:\n%s", got, text)
				}
			}
		})
	}
}

// checkText applies a rule to declarations in text.
func checkText(t *testing.T, r rule, text string) []string {
	t.Helper()
	name := "sync/example/example.go"
	if r.tests {
		name = "sync/example/example_test.go"
	}
	if !strings.HasPrefix(text, "package ") {
		text = "package example\n" + text
	}
	f, err := parse(name, []byte(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return r.check(f)
}
