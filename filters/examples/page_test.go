package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters/examples"
)

// page is docs/filters/examples.md, made of what the pairs' folders say.
func page(all []examples.Pair) string {
	var b strings.Builder
	b.WriteString(`# Ready-made pairs

This page is made from the folders in [filters/examples/pairs](../../filters/examples/pairs): ` + "`UPDATE=1 go test ./filters/examples`" + ` writes it. Each pair has both sides, with
scripts, tables, gates and tests that run, and is written for the built-in desk: for another tracker, fit the tables, the names of
types and fields, and run ` + "`parley filter check`" + `. A pair's side is installed by

    parley init --example NAME --side SIDE

and its tests by then pass: ` + "`parley filter test`" + `. Under the default gate, none of them lets a key, a card or an internal host name leave.

`)
	for _, p := range all {
		_, text, _ := strings.Cut(p.Text, "\n")
		title, _, _ := strings.Cut(strings.TrimPrefix(p.Text, "# "), "\n")
		fmt.Fprintf(&b, "## %s\n\n`%s`: %s.\n%s\n", title, p.Name, p.About, text)
		b.WriteString("| Side | What it does | Variables | Fields that the tracker needs |\n|---|---|---|---|\n")
		for _, e := range p.Sides {
			var vars, needs []string
			for _, v := range e.Vars {
				vars = append(vars, "`"+v.Name+"`: "+v.About)
			}
			for name := range e.Needs {
				needs = append(needs, "`"+name+"`")
			}
			slices.Sort(needs)
			fmt.Fprintf(&b, "| [`%s`](../../filters/examples/pairs/%s) | %s | %s | %s |\n", e.Side, e.Name, e.About, strings.Join(vars, "<br>"), strings.Join(needs, ", "))
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// TestPairs_ThePageSaysWhatTheirFoldersSay: docs/filters/examples.md is up to date.
func TestPairs_ThePageSaysWhatTheirFoldersSay(t *testing.T) {
	t.Parallel()
	name, want := filepath.Join("..", "..", "docs", "filters", "examples.md"), page(pairs(t))
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("write it with UPDATE=1 (-got +want):\n%s", diff)
	}
}
