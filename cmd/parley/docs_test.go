package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

const cliDoc = "../../docs/cli.md"

func TestDocs_CommandsAreDescribedAsTheyAre(t *testing.T) {
	t.Parallel()
	_, parser, err := newParser(&app{process: process{out: &bytes.Buffer{}, err: &bytes.Buffer{}}})
	if err != nil {
		t.Fatal(err)
	}
	want := describe(parser.Model)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(cliDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(cliDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/cli.md is stale; mend it with: UPDATE=1 go test ./cmd/parley -run TestDocs (-got +want):\n%s", diff)
	}
}

// describe writes docs/cli.md from the command line itself.
func describe(model *kong.Application) string {
	var out strings.Builder
	fmt.Fprintf(&out, `# The command line

%s This page is made from the program; `+"`parley COMMAND --help`"+` says the same.

Data goes to standard output, everything else to standard error. With `+"`--json`"+` a command prints JSON, and an error is

    {"error": {"kind": "no-node", "message": "no node is running in /srv/parley/data", "hint": "start it with `+"`parley run`"+`"}}

on standard error, with `+"`problems`"+` beside the hint where a file has several. Text from trackers and peers is printed without control characters; in JSON they are escaped.

`, model.Help)
	out.WriteString("## Flags of every command\n\n")
	flags(&out, model.Flags)
	out.WriteString("\n## Exit codes\n\n| Code | Kind in JSON | Meaning |\n|---|---|---|\n")
	for _, e := range exitCodes() {
		kind := ""
		if e.kind != "" {
			kind = "`" + e.kind + "`"
		}
		fmt.Fprintf(&out, "| %d | %s | %s |\n", e.code, kind, e.meaning)
	}
	out.WriteString("\n## Commands\n")
	for _, node := range model.Leaves(true) {
		fmt.Fprintf(&out, "\n### `%s`\n\n%s\n", strings.TrimSpace(node.Summary()), node.Help)
		if len(node.Positional) > 0 || len(node.Flags) > 0 {
			out.WriteString("\n")
		}
		for _, arg := range node.Positional {
			fmt.Fprintf(&out, "- `%s`: %s\n", arg.Summary(), arg.Help)
		}
		flags(&out, node.Flags)
	}
	describeStatus(&out)
	return out.String()
}

func flags(out *strings.Builder, list []*kong.Flag) {
	for _, f := range list {
		if f.Hidden || f.Name == "help" {
			continue
		}
		short := ""
		if f.Short != 0 {
			short = fmt.Sprintf("`-%c`, ", f.Short)
		}
		value, fallback := "", ""
		if !f.IsBool() {
			value = "=" + f.FormatPlaceHolder()
		}
		if f.HasDefault && f.Default != "" && !f.IsBool() {
			fallback = " Default: `" + f.Default + "`."
		}
		fmt.Fprintf(out, "- %s`--%s%s`: %s%s\n", short, f.Name, value, f.Help, fallback)
	}
}
