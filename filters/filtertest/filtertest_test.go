package filtertest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/filters/filtertest"
)

func pair(t *testing.T) filtertest.Pair {
	t.Helper()
	out, err := filters.CompileOutgoing("if issue.key == \"stop\" {\n  skip \"x\"\n}\nreplica.summary = issue.summary\nreplica.comments = concat(issue.comments, issue.notes)\nreplica.attachments = issue.attachments", filters.Env{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := filters.CompileIncoming("if firstSync {\n  connect ticketBy(\"Remote key\", replica.key)\n}\nissue.summary = replica.summary + 1 * replica.fields[\"n\"]\nissue.summary = replica.summary\nissue.labels += replica.labels\nissue.labels -= \"old\"\nissue.comments = replica.comments", filters.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return filtertest.Pair{Outgoing: out, Incoming: in}
}

const passing = `
- name: all that a case can say
  filter: incoming
  first: true
  tickets: {fields.Remote key=K-1: "77"}
  replica: {fields: {key: K-1, summary: a, labels: [l]}, comments: [{id: w, body: b}]}
  expect: {fields: {summary: a}, connect: "77", add: {labels: [l]}, remove: {labels: [old]}, comments: [{body: b}]}
- name: a stop
  filter: outgoing
  issue: {key: stop}
  expect: {stop: skip}
- name: a gate
  filter: outgoing
  issue: {fields: {summary: a}, comments: [{id: n, body: b, internal: true}]}
  expect: {fields: {summary: a}, held: [internal]}
- name: an error
  filter: incoming
  replica: {fields: {summary: 3}}
  expect: {error: is not a text}
`

func TestCases_Pass(t *testing.T) {
	t.Parallel()
	cases, err := filtertest.Load(fstest.MapFS{"t.yaml": {Data: []byte(passing)}}, "t.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, difference := range pair(t).Run(t.Context(), c) {
			t.Errorf("%s: %s", c.Name, difference)
		}
	}
}

// Each change of a passing case is found, at its place.
func TestCases_Fail(t *testing.T) {
	t.Parallel()
	for _, change := range []struct{ from, to, want string }{
		{"expect: {fields: {summary: a}, connect", "expect: {fields: {summary: b}, connect", `fields.summary: got "a", want "b"`},
		{"expect: {fields: {summary: a}, connect", "expect: {connect", `fields.summary: got "a", want not set`},
		{"expect: {fields: {summary: a}, connect", "expect: {fields: {summary: a, due: null}, connect", `fields.due: got not set, want null`},
		{`connect: "77"`, `connect: "78"`, `connect: got "77", want "78"`},
		{"add: {labels: [l]}", "add: {labels: [m]}", `add: got {"labels":["l"]}, want {"labels":["m"]}`},
		{"remove: {labels: [old]}", "remove: {}", `remove: got {"labels":["old"]}, want {}`},
		{"comments: [{body: b}]}", "comments: [{body: c}]}", `comments[0].body: got "b", want "c"`},
		{"comments: [{body: b}]}", "comments: []}", `comments: got 1 of them, want 0`},
		{"stop: skip", "stop: leave", `stop: got "skip", want "leave"`},
		{"stop: skip", "fields: {}", `stop: got "skip", want ""`},
		{"held: [internal]", "held: []", `held: got ["internal"], want []`},
		{"error: is not a text", "error: other", `want "other"`},
		{"summary: 3}", "summary: x}", `error: got none, want "is not a text"`},
	} {
		cases, err := filtertest.Parse([]byte(strings.Replace(passing, change.from, change.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range cases {
			for _, d := range pair(t).Run(t.Context(), c) {
				got = append(got, d.String())
			}
		}
		if len(got) != 1 || !strings.Contains(got[0], change.want) {
			t.Errorf("%s -> %s: got %q, want %q", change.from, change.to, got, change.want)
		}
	}
}

func TestParse_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown key":  "- {name: a, filter: incoming, expext: {}}",
		"unknown deep": "- {name: a, filter: incoming, expect: {feilds: {}}}",
		"no name":      "- {filter: incoming}",
		"no filter":    "- {name: a}",
		"not yaml":     "- [",
		"no list":      "name: a",
		"too long":     strings.Repeat(" ", 2<<20),
	} {
		if _, err := filtertest.Parse([]byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	cases, err := filtertest.Parse([]byte("- {name: a, filter: outgoing, issue: {fields: {n: 3, l: [1]}}}"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cases[0].Issue.Fields["n"], any(3.0)); diff != "" {
		t.Errorf("a number (-got +want):\n%s", diff)
	}
}
