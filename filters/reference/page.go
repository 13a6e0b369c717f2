package reference

import (
	"fmt"
	"strings"

	"parley/filters"
)

func split(forms string) []string { return strings.Split(forms, "; ") }

// Page is the reference as Markdown.
func Page() string {
	words := filters.Vocabulary()
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("## Statements\n\n| Statement | Where | What it does |\n|---|---|---|\n")
	for _, s := range Statements() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", code(s.Form), s.Where, s.About)
	}
	b.WriteString(targets)
	for _, s := range Statements() {
		fmt.Fprintf(&b, "```parley\n%s\n```\n\ngives %s\n\n", s.Example, code(s.Gives))
	}
	section(&b, "Variables", "", "Variable", Variables())
	section(&b, "Fields", "`issue`, `replica` and `previous` have these fields.", "Field", Fields())
	b.WriteString("\n" + codes(words.LaterFields) + " are not available in this version. What the peer itself wrote never comes back to it: it is in none of the collections of\nan outgoing filter.\n")
	section(&b, "Operators", "", "Operator", Operators())
	b.WriteString(predicateNote)
	b.WriteString("\n## Functions\n\nEvery function takes nothing, and gives nothing then unless it says something else.\n")
	for _, g := range Groups() {
		fmt.Fprintf(&b, "\n### %s\n\n", g.Title)
		if g.About != "" {
			b.WriteString(g.About + "\n\n")
		}
		b.WriteString("| Function | Result | Example | Gives |\n|---|---|---|---|\n")
		for _, f := range g.Functions {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", codes(f.Forms), f.About, code(f.Example), code(f.Gives))
		}
	}
	b.WriteString("\n## Limits\n\n| Of | At most |\n|---|---|\n")
	for _, bound := range words.Bounds {
		fmt.Fprintf(&b, "| %s | %s |\n", bound.Of, bound.Most)
	}
	b.WriteString(tail)
	return b.String()
}

func section(b *strings.Builder, title, about, what string, list []Word) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if about != "" {
		b.WriteString(about + "\n\n")
	}
	fmt.Fprintf(b, "| %s | What it is | Example | Gives |\n|---|---|---|---|\n", what)
	for _, w := range list {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", codes(strings.Fields(w.Names)), w.About, code(w.Example), code(w.Gives))
	}
}

// code is a piece of a script within a line or a table.
func code(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ⏎ ")
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

func codes(list []string) string {
	var out []string
	for _, one := range list {
		out = append(out, code(one))
	}
	return strings.Join(out, " ")
}

const head = `# Reference of the filter language

This page is made from the program, and each example on it is run by a test on the sample at its end: ` + "`UPDATE=1 go test ./filters/reference`" + ` writes it.

A script is UTF-8. Comments are ` + "`// …` and `/* … */`" + `. Texts are ` + "`\"…\"` and `'…'` with `\\n`, `\\\"`" + ` and the like; between backticks they stand as they are.
A line that begins with ` + "`|`, `?`, `:`, `??`, `and` or `or`" + ` goes on from the line above, and so does everything inside brackets.

`

const targets = "\nTargets are `replica.FIELD` and `replica.fields[\"Name\"]` in an outgoing filter, `issue.FIELD` and `issue.fields[\"Name\"]` in an incoming one.\n" +
	"A scope is one expression that is true or false, over `issue`, `vars`, `connection` and `event`.\n\n"

const predicateNote = "\nIn `filter(list, …)` and its like `#` is the element and `.name` its member. In a predicate inside a predicate name the element:\n`{let c = #; …}`.\n"

const tail = `
## Problems

[problems.md](problems.md) explains every problem that ` + "`filter check`" + ` tells, by its code, with an example.

## The sample

Our ticket ` + "`SUP-7`" + `, "Printer on fire", is Open, of severity S2, in the region EU / Berlin, with the labels globex and vip, an estimate of an hour and a half, Ann as its assignee and no
resolution; it blocks another ticket and is below SUP-1. It has two public comments of ours, an internal one, one from Initech, and two files. Globex sends ` + "`GLX-1`" + `, which is open, with
one comment of Gil's. Last time its summary and its labels were others, and ours was called "Printer smokes".
`
