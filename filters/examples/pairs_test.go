package examples_test

import (
	"slices"
	"strings"
	"testing"

	"parley/filters"
	"parley/filters/examples"
	"parley/filters/filtertest"
)

func pairs(t *testing.T) []examples.Pair {
	t.Helper()
	all, err := examples.Pairs()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPairs_EachSideFitsTheOther: every script of every pair compiles on the tracker
// that it is for, and against what the other side sends, and nothing is to be said of it.
func TestPairs_EachSideFitsTheOther(t *testing.T) {
	t.Parallel()
	for _, p := range pairs(t) {
		for i, e := range p.Sides {
			other := p.Sides[1-i]
			env, theirs := e.Env(), other.Env()
			env.Schema, theirs.Schema = schemaFor(t, e), schemaFor(t, other)
			out, err := filters.CompileOutgoing(other.Outgoing, theirs)
			if err != nil {
				t.Errorf("%s outgoing:\n%v", other.Name, err)
				continue
			}
			env.Peer = out.Shape()
			in, err := filters.CompileIncoming(e.Incoming, env)
			if err != nil {
				t.Errorf("%s incoming:\n%v", e.Name, err)
				continue
			}
			if _, err := filters.CompileScope(e.Scope, env); err != nil {
				t.Errorf("%s scope:\n%v", e.Name, err)
			}
			for _, w := range out.Warnings() {
				t.Errorf("%s outgoing: %v", other.Name, w)
			}
			for _, w := range in.Warnings() {
				t.Errorf("%s incoming: %v", e.Name, w)
			}
		}
	}
}

// TestPairs_AreTenAndWhole: ten pairs at least, each with two sides, each side with its
// scripts, tests of both of them, one of which stops or fails, and all that a list says.
func TestPairs_AreTenAndWhole(t *testing.T) {
	t.Parallel()
	all := pairs(t)
	if len(all) < 10 {
		t.Errorf("there are %d pairs, want 10", len(all))
	}
	for _, p := range all {
		if len(p.Sides) != 2 {
			t.Errorf("%s has %d sides, want 2", p.Name, len(p.Sides))
		}
		if p.About == "" || strings.Contains(p.About, "\n") {
			t.Errorf("%s: about is %q, want one line", p.Name, p.About)
		}
		for _, says := range []string{"# ", "**What leaves", "**What stays**", "**Change first**"} {
			if !strings.Contains(p.Text, says) {
				t.Errorf("%s: its README.md does not say %q", p.Name, says)
			}
		}
		for _, e := range p.Sides {
			for _, problem := range missing(t, e) {
				t.Errorf("%s: %s", e.Name, problem)
			}
		}
	}
}

// missing is what a side lacks.
func missing(t *testing.T, e examples.Example) (problems []string) {
	t.Helper()
	for what, has := range map[string]string{
		"about": e.About, "tracker": e.Tracker, "outgoing.parley": e.Outgoing, "incoming.parley": e.Incoming, "scope.parley": e.Scope, "connection.yaml": e.Settings,
	} {
		if strings.TrimSpace(has) == "" {
			problems = append(problems, "no "+what)
		}
	}
	for _, text := range []string{e.Outgoing, e.Incoming} {
		if !strings.HasPrefix(text, "// ") {
			problems = append(problems, "a script does not begin with what it is for")
		}
	}
	for _, v := range e.Vars {
		if v.About == "" || v.Sample == nil {
			problems = append(problems, "variable "+v.Name+" is not described")
		}
	}
	if e.Ticket["summary"] == nil {
		problems = append(problems, "no ticket that belongs on it")
	}
	files, err := filtertest.Find(e.Files, "tests")
	if err != nil {
		return append(problems, err.Error())
	}
	var cases []filtertest.Case
	for _, file := range files {
		cases = append(cases, file.Cases...)
	}
	for _, filter := range []string{"outgoing", "incoming"} {
		if !slices.ContainsFunc(cases, func(c filtertest.Case) bool { return c.Filter == filter }) {
			problems = append(problems, "no test of the "+filter+" filter")
		}
	}
	stops := func(c filtertest.Case) bool {
		return c.Expect.Error != "" || c.Expect.Stop != "" || len(c.Expect.Held) > 0
	}
	if len(cases) < 6 || !slices.ContainsFunc(cases, stops) {
		problems = append(problems, "fewer than six tests, or none in which a filter stops, fails or is held")
	}
	return problems
}
