package filters_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

func TestScope(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`issue.project == vars.project and vars.label in issue.labels`: true,
		`issue.project == "OPS"`: false,
		"// all of them\ntrue":   true,
		`issue.fields["Severity"] in ["S1", "S2"]` + "\n  and true": true,
		`any(issue.labels, # startsWith "pub-")`:                    true,
		`issue.assignee.email endsWith "@acme.example"`:             true,
		`issue.reporter.name contains "x"`:                          false,
	} {
		s, err := filters.CompileScope(src, sampleEnv())
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		got, err := s.Match(t.Context(), sampleIssue(), sampleContext())
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", src, got, err, want)
		}
	}
	for _, src := range []string{"", "issue.project", "true\nfalse", "replica.summary == nil", "keep == 1", "previous == nil", `changed("x")`, "let x = 1"} {
		if _, err := filters.CompileScope(src, sampleEnv()); err == nil {
			t.Errorf("the scope %q compiled", src)
		}
	}
}

func TestWrongValuesOfThePeerAreErrors(t *testing.T) {
	t.Parallel()
	for field, v := range map[string]any{
		"summary": map[string]any{"a": 1.0}, "labels": "x", "due": "tomorrow", "estimate": "1h", "assignee": "bob", "parent": []any{}, "status": 3.0,
	} {
		target := map[string]string{"due": "due", "labels": "labels", "estimate": "estimate"}[field]
		src := "note replica." + field
		if target != "" {
			src = "issue." + target + " = replica." + field
		}
		_, err := incoming(t, src, sampleEnv()).Run(t.Context(), filters.InInput{Replica: filters.Replica{Fields: event.Fields{field: v}}})
		var failure *filters.RunError
		if !errors.As(err, &failure) || failure.Line != 1 {
			t.Errorf("%s = %v: got %v", field, v, err)
		}
	}
}

func TestRunErrorsSayWhereAndNoValues(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"\nissue.status = lookup(\"status\", replica.status)":        `run the incoming filter: line 2, issue.status: the table "status" has no entry for •••`,
		`issue.assignee = replica.assignee ?? nil`:                   "run the incoming filter: line 1, issue.assignee: this is a person of the other side; user(replica.assignee.email) finds ours",
		`issue.assignee = user("down")`:                              "run the incoming filter: line 1, issue.assignee: look up a person: tracker is down",
		`issue.summary = replica.fields["n"]`:                        "run the incoming filter: line 1, issue.summary: the field wants a text, not a number",
		`issue.fields["Points"] = replica.fields["n"] - number("x")`: "run the incoming filter: line 1, issue.fields[\"Points\"]: number - nothing makes no sense; see default(x, d)",
		`issue.fields["Points"] = 1 / 0`:                             "run the incoming filter: line 1, issue.fields[\"Points\"]: the number is not finite",
		"if replica.fields[\"n\"] {\n}":                              "run the incoming filter: line 1, if: the condition is a number, not yes or no",
	} {
		_, err := incoming(t, src, sampleEnv()).Run(t.Context(), filters.InInput{
			Context: sampleContext(), Replica: filters.Replica{Fields: event.Fields{"status": "secret value", "fields.n": 4.0, "assignee": value("x", "Eve", "")}},
		})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestVersion_NamesWhatTheScriptDoes(t *testing.T) {
	t.Parallel()
	src := `replica.summary = lookup("status", issue.status)`
	base := outgoing(t, src, sampleEnv()).Version()
	if again := outgoing(t, src, sampleEnv()).Version(); again != base || len(base) != 12 {
		t.Errorf("equal scripts have versions %q and %q", base, again)
	}
	other := sampleEnv()
	other.Vars["project"] = "OPS"
	table := sampleEnv()
	table.Tables["status"] = filters.Table{Policy: filters.TablePass}
	for _, v := range []string{outgoing(t, src+"\n", sampleEnv()).Version(), outgoing(t, src, other).Version(), outgoing(t, src, table).Version()} {
		if v == base {
			t.Error("a change of source, variables or tables kept the version")
		}
	}
}

func TestTargetsAndSources(t *testing.T) {
	t.Parallel()
	out := outgoing(t, "if vars.on {\n  replica.summary = issue.summary\n}\nreplica.fields[\"A\"] = issue.notes\nreplica.comments = []", sampleEnv())
	if diff := cmp.Diff(out.Targets(), []string{"comments", "fields.A", "summary"}); diff != "" {
		t.Errorf("targets (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(out.Reads(), []string{"notes", "summary"}); diff != "" {
		t.Errorf("reads (-got +want):\n%s", diff)
	}
	in := incoming(t, "let s = replica.status\nif replica.priority == \"x\" {\n  issue.summary = s\n  issue.labels += replica.labels\n}\nissue.comments = replica.comments\nissue.priority = sent(\"fields.A\") ? replica.fields[\"A\"] : keep", sampleEnv())
	want := []filters.Source{
		{Line: 3, Target: "summary", Fields: []string{"priority", "status"}},
		{Line: 4, Target: "labels", Fields: []string{"labels", "priority"}},
		{Line: 6, Target: "comments", Fields: []string{"comments"}},
		{Line: 7, Target: "priority", Fields: []string{"fields.A"}},
	}
	if diff := cmp.Diff(in.Sources(), want); diff != "" {
		t.Errorf("sources (-got +want):\n%s", diff)
	}
}

func TestCompiledScriptsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	f := outgoing(t, "let x = issue.summary\nreplica.summary = x + text(\"{}\", issue.labels | filter(# != \"x\") | map(upper(#)))", sampleEnv())
	want, err := f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				got, err := f.Run(context.Background(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
				if diff := cmp.Diff(got, want); diff != "" || err != nil {
					t.Errorf("%v (-got +want):\n%s", err, diff)
				}
			}
		})
	}
	wait.Wait()
}
