package filters_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// warned is a script with what it is warned of, as "line:column code".
type warned struct {
	src  string
	want []string
}

func places(list filters.Problems) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d:%d %s %s", p.Line, p.Col, p.Code, p.Nearest)))
	}
	return out
}

func checkWarnings(t *testing.T, one warned, got filters.Problems) {
	t.Helper()
	want := append([]string{}, one.want...)
	if diff := cmp.Diff(places(got), want); diff != "" {
		t.Errorf("%s\nwarnings (-got +want):\n%s", one.src, diff)
	}
	for _, p := range got {
		if !p.Warning {
			t.Errorf("%s: %s is no warning", one.src, p.Code)
		}
	}
}

func TestLint_OperatorsThatFailOnNothing(t *testing.T) {
	t.Parallel()
	for _, one := range []warned{
		{`replica.fields["Late"] = issue.due < now()`, []string{"1:26 maybe-nothing"}},
		{`replica.fields["Late"] = issue.due != nil and issue.due < now()`, nil},
		{`replica.fields["Late"] = issue.due == nil or issue.due < now()`, nil},
		{`replica.fields["Late"] = not blank(issue.due) and issue.due < now() and issue.due > event.at`, nil},
		{`replica.fields["Late"] = issue.due == nil ? false : issue.due < now()`, nil},
		{`replica.fields["Late"] = issue.due == nil ? issue.due < now() : false`, []string{"1:45 maybe-nothing"}},
		{`replica.fields["Half"] = issue.fields["Points"] * 0.5`, []string{"1:26 maybe-nothing"}},
		{`replica.fields["Half"] = default(issue.fields["Points"], 0) * 0.5`, nil},
		{`replica.fields["Half"] = (issue.fields["Points"] ?? 0) * 0.5`, nil},
		{`replica.fields["Half"] = number(issue.summary) * 0.5`, []string{"1:26 maybe-nothing"}},
		{`replica.fields["Age"] = event.at - issue.created`, nil},
		{`replica.fields["Sum"] = issue.fields["Points"] + 1`, nil},
		{"if issue.due != nil {\n  replica.fields[\"Late\"] = issue.due < event.at\n}", nil},
		{"if issue.due == nil {\n  skip \"not planned\"\n}\nreplica.fields[\"Late\"] = issue.due < event.at", nil},
		{"if issue.due == nil {\n  note \"not planned\"\n}\nreplica.fields[\"Late\"] = issue.due < event.at", []string{"4:26 maybe-nothing"}},
		{"let due = issue.due\nreplica.fields[\"Late\"] = due < event.at", []string{"2:26 maybe-nothing"}},
		{"let due = issue.due ?? issue.created\nreplica.fields[\"Late\"] = due < event.at", nil},
		{`replica.comments = issue.comments | filter(.created > event.at)`, nil},
		{`replica.comments = issue.comments | filter(.edited > event.at)`, []string{"1:45 maybe-nothing"}},
	} {
		checkWarnings(t, one, outgoing(t, one.src, sampleEnv()).Warnings())
	}
}

func TestLint_WhatIsWarnedOfAsNothingFails(t *testing.T) {
	t.Parallel()
	issue := sampleIssue()
	for _, field := range []string{"due", "fields.Points"} {
		issue.Fields[field] = nil
	}
	for src, fails := range map[string]bool{
		`replica.fields["A"] = issue.due < now()`:                         true,
		`replica.fields["A"] = issue.fields["Points"] * 2`:                true,
		`replica.fields["A"] = issue.fields["Points"] + 2`:                false,
		`replica.fields["A"] = issue.due != nil and issue.due < now()`:    false,
		`replica.fields["A"] = default(issue.fields["Points"], 0) * 2`:    false,
		`replica.fields["A"] = issue.comments | filter(.edited > now())`:  true,
		`replica.fields["A"] = issue.comments | filter(.created > now())`: false,
	} {
		f := outgoing(t, src, sampleEnv())
		_, err := f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: issue})
		if warned := len(f.Warnings()) > 0; warned != fails || (err != nil) != fails {
			t.Errorf("%s: warned %v, and the run gave %v", src, f.Warnings(), err)
		}
	}
}

func TestLint_ConditionsAndLinesThatAreNeverReached(t *testing.T) {
	t.Parallel()
	line := "\n  replica.key = \"x\"\n}"
	for _, one := range []warned{
		{"if true {" + line, []string{"1:4 constant-condition"}},
		{"if 1 == 2 {" + line, []string{"1:4 constant-condition"}},
		{"if vars.on {" + line, nil},
		{"if issue.status == \"Open\" and issue.status == \"Done\" {" + line, []string{"1:4 constant-condition"}},
		{"if issue.status != \"Open\" or issue.status != \"Done\" {" + line, []string{"1:4 constant-condition"}},
		{"if issue.status == \"Open\" or issue.status == \"Done\" {" + line, nil},
		{"if firstSync {\n} else if firstSync {" + line, []string{"2:11 constant-condition"}},
		{"if firstSync {\n} else if not firstSync {" + line, []string{"2:11 constant-condition"}},
		{"if firstSync and vars.on {\n  if vars.on {\n    replica.key = \"x\"\n  }\n}", []string{"2:6 constant-condition"}},
		{"if firstSync or vars.on {\n  if vars.on {\n    replica.key = \"x\"\n  }\n}", nil},
		{"if vars.on {\n  skip \"a\"\n}\nif vars.on {" + line, []string{"4:4 constant-condition"}},
		{"skip \"a\"\nreplica.key = \"x\"\nreplica.summary = \"x\"", []string{"2:1 unreachable"}},
		{"if vars.on {\n  skip \"a\"\n} else {\n  park \"b\"\n}\nreplica.key = \"x\"", []string{"6:1 unreachable"}},
		{"replica.key = \"x\"\nif changed(\"key\") {\n  replica.key = \"y\"\n}\nif changed(\"key\") {" + line, nil},
	} {
		checkWarnings(t, one, outgoing(t, one.src, sampleEnv()).Warnings())
	}
	if s, err := filters.CompileScope("true", sampleEnv()); err != nil || s == nil {
		t.Error(err)
	}
}

func TestLint_WhatLeavesOfPeopleAndOfTheClock(t *testing.T) {
	t.Parallel()
	for _, one := range []warned{
		{`replica.assignee = issue.assignee`, nil},
		{`replica.assignee = withEmail(issue.assignee)`, []string{"1:20 personal"}},
		{`replica.key = issue.assignee.email`, []string{"1:30 personal"}},
		{`replica.key = "by " + (issue.assignee?.email ?? "")`, []string{"1:40 personal"}},
		{`replica.key = hash(issue.assignee.email)`, nil},
		{`replica.key = issue.assignee.email == "a" ? "a" : "b"`, nil},
		{"let mail = issue.assignee.email\nreplica.key = text(\"{}\", mail)", []string{"2:26 personal"}},
		{`replica.comments = issue.comments | map(with(#, {body: .author.email}))`, []string{"1:64 personal"}},
		{`replica.watchers = issue.watchers`, []string{"1:20 personal"}},
		{`replica.fields["At"] = now()`, []string{"1:24 unsteady"}},
		{"if firstSync {\n  replica.fields[\"At\"] = now()\n}", nil},
		{"let at = now()\nreplica.fields[\"At\"] = format(at, \"YYYY\")", []string{"2:31 unsteady"}},
		{`replica.fields["Old"] = issue.created < now()`, nil},
	} {
		checkWarnings(t, one, outgoing(t, one.src, sampleEnv()).Warnings())
	}
}

func TestLint_IncomingFilters(t *testing.T) {
	t.Parallel()
	silent := sampleEnv()
	silent.Schema.Comments, silent.Schema.Attachments = false, false
	for _, one := range []warned{
		{`issue.summary = "[X] " + issue.summary`, []string{"1:26 grows"}},
		{`issue.summary = prefixed("[X] ", issue.summary)`, nil},
		{`issue.summary = text("{} {}", replica.key, issue.summary)`, []string{"1:44 grows"}},
		{`issue.description = default(issue.description, "") + "x"`, []string{"1:29 grows"}},
		{`issue.summary = "[X] " + replica.summary`, nil},
		{`issue.labels = concat(issue.labels, ["x"])`, nil},
		{`issue.status = vars.on ? "Opne" : "Done"`, nil}, // an error: see below
	} {
		if f, err := filters.CompileIncoming(one.src, sampleEnv()); err == nil {
			checkWarnings(t, one, f.Warnings())
		}
	}
	checkWarnings(t, warned{"comments", []string{"1:7 ignored", "2:7 ignored"}},
		incoming(t, "issue.comments = replica.comments\nissue.attachments = replica.attachments", silent).Warnings())
	env := sampleEnv()
	env.Schema.Projects = []string{"SUP", "OPS"}
	checkWarnings(t, warned{"project", []string{"1:17 unknown-option SUP"}}, incoming(t, `issue.project = "SUPP"`, env).Warnings())
}

func TestLint_OptionsInEveryPlace(t *testing.T) {
	t.Parallel()
	for _, m := range []mistake{
		{`issue.status = vars.on ? "Opne" : "Done"`, filters.CodeUnknownOption, 26, "Open"},
		{`issue.status = replica.status ?? "Opne"`, filters.CodeUnknownOption, 34, "Open"},
		{`issue.status = default(replica.status, "Opne")`, filters.CodeUnknownOption, 40, "Open"},
		{`issue.status = lookup("status", replica.status, "Opne")`, filters.CodeUnknownOption, 49, "Open"},
		{`issue.status = {"a": "Open", "b": "Doen"}[replica.status]`, filters.CodeUnknownOption, 35, "Done"},
		{`issue.fields["Systems"] = ["A", "X1"]`, filters.CodeUnknownOption, 33, ""},
		{`issue.summary = "Sytem" in issue.fields["Systems"] ? "a" : "b"`, filters.CodeUnknownOption, 17, ""},
	} {
		_, err := filters.CompileIncoming(m.src, sampleEnv())
		checkMistake(t, m, err)
	}
}

func TestLint_OptionsThatATableDoesNotHave(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Tables["half"] = filters.Table{Pairs: []filters.Pair{{Ours: "Open", Wire: "open"}}}
	env.Tables["loose"] = filters.Table{Policy: filters.TablePass}
	for _, one := range []warned{
		{`replica.status = lookup("half", issue.status)`, []string{"1:33 unmapped"}},
		{`replica.status = lookup("half", issue.status, "open")`, nil},
		{`replica.status = lookup("loose", issue.status)`, nil},
		{`replica.status = lookup("status", issue.status)`, nil},
		{"let s = issue.status\nreplica.status = lookup(\"half\", s)", []string{"2:33 unmapped"}},
	} {
		checkWarnings(t, one, outgoing(t, one.src, env).Warnings())
	}
}

func TestShape_TellsWhatAFilterSendsAndNothingOfHow(t *testing.T) {
	t.Parallel()
	got := outgoing(t, `
let secret = "not told"
replica.summary = secret + issue.summary
replica.status = lookup("status", issue.status)
replica.priority = issue.priority
replica.fields["Severity"] = issue.fields["Severity"]
replica.fields["Points"] = issue.fields["Points"]
replica.fields["Late"] = issue.due != nil
replica.fields["Note"] = "fixed"
replica.resolution = vars.on ? "yes" : "no"
if vars.on {
  replica.resolution = "maybe"
}
replica.comments = issue.comments
`, sampleEnv()).Shape()
	want := event.Schema{Comments: true, Fields: map[string]event.Field{
		"summary": {Type: event.TypeText}, "status": {Type: event.TypeOption, Options: []string{"closed", "open"}},
		"priority": {Type: event.TypeOption}, "fields.Severity": {Type: event.TypeOption}, // our tracker's options are its own
		"fields.Points": {Type: event.TypeNumber}, "fields.Late": {Type: event.TypeBool}, "fields.Note": {Type: event.TypeText},
		"resolution": {Type: event.TypeOption, Options: []string{"maybe", "no", "yes"}},
	}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("shape (-got +want):\n%s", diff)
	}
}

// TestShape_TellsNoMoreThanTheGateLetsLeave: neither a field that it denies, nor an
// option in which it finds what may not leave.
func TestShape_TellsNoMoreThanTheGateLetsLeave(t *testing.T) {
	t.Parallel()
	shape := outgoing(t, `
replica.summary = issue.summary
replica.url = issue.url
replica.status = vars.on ? "open" : "closed"
replica.resolution = vars.on ? "fixed" : "AKIAQ3EXAMPLE7XK2MPL"
replica.comments = issue.comments
replica.attachments = issue.attachments
`, sampleEnv()).Shape()
	all := filters.Egress{}.Shape(shape)
	want := event.Schema{Comments: true, Attachments: true, Fields: map[string]event.Field{
		"summary": {Type: event.TypeText}, "status": {Type: event.TypeOption, Options: []string{"closed", "open"}}, "resolution": {Type: event.TypeOption},
	}}
	if diff := cmp.Diff(all, want); diff != "" {
		t.Errorf("through the gate that is there always (-got +want):\n%s", diff)
	}
	few := filters.Egress{Allow: []string{"summary", "attachments"}}.Shape(shape)
	if diff := cmp.Diff(few, event.Schema{Attachments: true, Fields: map[string]event.Field{"summary": {Type: event.TypeText}}}); diff != "" {
		t.Errorf("through a gate for two (-got +want):\n%s", diff)
	}
}

func TestShape_AnIncomingFilterIsCheckedAgainstIt(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Peer = outgoing(t, "replica.summary = issue.summary\nreplica.status = lookup(\"status\", issue.status)\nreplica.fields[\"Severity\"] = issue.fields[\"Severity\"]", sampleEnv()).Shape()
	for _, one := range []warned{
		{`issue.summary = replica.summary`, nil},
		{`issue.summary = replica.key`, []string{"1:25 not-sent"}},
		{`issue.summary = replica.fields["Sevrity"]`, []string{"1:32 not-sent Severity"}},
		{`issue.comments = replica.comments`, []string{"1:26 not-sent"}},
		{`issue.resolution = replica.status == "closd" ? "Done" : "Fixed"`, []string{"1:38 unknown-option closed"}},
	} {
		f, err := filters.CompileIncoming(one.src, env)
		if err != nil {
			t.Errorf("the other side kept our script from being used: %v", err)
			continue
		}
		checkWarnings(t, one, f.Warnings())
	}
}

// However much there is to warn of, a mistake is a mistake.
func TestLint_WarningsHideNoError(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"replica.key = nope", "replica.key = (", "replica.nope = 1", "skip"} {
		_, err := filters.CompileOutgoing(strings.Repeat("replica.key = now()\n", 300)+wrong, filters.Env{})
		errs := 0
		for _, p := range problems(t, err) {
			if !p.Warning {
				errs++
			}
		}
		if errs == 0 {
			t.Errorf("%s: the mistake is not among what is told", wrong)
		}
	}
}
