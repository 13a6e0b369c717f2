package filtertest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/filters/filtertest"
)

func scripts() filtertest.Scripts {
	return filtertest.Scripts{
		Outgoing: "replica.summary = issue.summary\nreplica.status = lookup(\"status\", issue.status)\nreplica.project = vars.project",
		Incoming: "issue.priority = option(replica.priority) ?? keep",
		Env: filters.Env{
			Vars:   map[string]any{"project": "SUP"},
			Tables: map[string]filters.Table{"status": {Pairs: []filters.Pair{{Ours: "Open", Wire: "open"}}}},
		},
	}
}

const withData = `
- name: with the connection's own data
  filter: outgoing
  issue: {fields: {summary: a, status: Open}}
  expect: {fields: {summary: a, status: open, project: SUP}}
- name: with the case's data
  filter: outgoing
  vars: {project: OPS}
  tables: {status: {policy: keep, pairs: [[Open, new]]}}
  issue: {fields: {summary: a, status: Open}}
  expect: {fields: {summary: a, status: new, project: OPS}}
- name: an option that the tracker does not have
  filter: incoming
  replica: {fields: {priority: P0}}
  expect: {fields: {}}
`

const schema = `{"fields": {"priority": {"type": "option", "options": ["High"], "writable": true}, "summary": {"type": "text", "writable": true},
	"status": {"type": "option", "options": ["Open"], "writable": true}, "project": {"type": "option", "writable": true}}}`

// TestScripts_ACaseBringsItsData: tables and variables of a case stand over the
// connection's, and the schema beside a file is the tracker's for its cases.
func TestScripts_ACaseBringsItsData(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{
		"tests/globex/a.yaml": {Data: []byte(withData)}, "tests/globex/schema.json": {Data: []byte(schema)},
		"tests/globex/notes.txt": {Data: []byte("no cases")},
	}
	files, err := filtertest.Find(folder, "tests")
	if err != nil {
		t.Fatal(err)
	}
	results := scripts().RunFiles(t.Context(), files)
	if len(results) != 3 {
		t.Fatalf("got %d results, want 3", len(results))
	}
	for _, r := range results {
		if !r.Passed() || r.File != "tests/globex/a.yaml" {
			t.Errorf("%+v", r)
		}
	}
	delete(folder, "tests/globex/schema.json")
	files, err = filtertest.Find(folder, "tests/globex/a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if last := scripts().RunFiles(t.Context(), files)[2]; last.Passed() {
		t.Error("without a schema an option of any name passes, and nothing failed")
	}
}

func TestScripts_WhatCannotRunSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*filtertest.Scripts)
		text   string
		want   string
	}{
		{func(s *filtertest.Scripts) { s.Outgoing = "replica.sumary = 1" }, withData, "outgoing filter: line 1"},
		{func(s *filtertest.Scripts) { s.Incoming = "issue.sumary = 1" }, withData, "incoming filter: line 1"},
		{func(*filtertest.Scripts) {}, strings.Replace(withData, "[[Open, new]]", "[[Open]]", 1), "table status of the case"},
	} {
		s := scripts()
		c.change(&s)
		cases, err := filtertest.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Run(t.Context(), cases)[1]; r.Passed() || !strings.Contains(r.Error, c.want) {
			t.Errorf("got %+v, want %q", r, c.want)
		}
	}
	if _, err := filtertest.Find(fstest.MapFS{"a.yaml": {Data: []byte("- {}")}}, "."); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("a file without cases: got %v", err)
	}
	if _, err := filtertest.Find(fstest.MapFS{"a.yaml": {Data: []byte("[]")}, "schema.json": {Data: []byte("[")}}, "."); err == nil || !strings.Contains(err.Error(), "schema.json") {
		t.Errorf("a schema that is none: got %v", err)
	}
}

// TestDifference_ShowsTheLinesThatDiffer: of long texts what differs is seen, with
// the lines around it.
func TestDifference_ShowsTheLinesThatDiffer(t *testing.T) {
	t.Parallel()
	d := filtertest.Difference{What: "fields.description", Got: `"one\ntwo\nTHREE\nfour\nfive"`, Want: `"one\ntwo\nthree\nfour\nfive"`}
	want := []string{"fields.description", "    two", "  - three", "  + THREE", "    four"}
	if diff := cmp.Diff(d.Lines(), want); diff != "" {
		t.Errorf("lines (-got +want):\n%s", diff)
	}
	short := filtertest.Difference{What: "stop", Got: `"skip"`, Want: `""`}
	if diff := cmp.Diff(short.Lines(), []string{"stop", `  - ""`, `  + "skip"`}); diff != "" {
		t.Errorf("one line (-got +want):\n%s", diff)
	}
}
