package filters_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
)

func TestProblems_TenMistakesAreTenErrors(t *testing.T) {
	t.Parallel()
	src := `issue.sumary = "1"
issue.summary = replica.sumary
issue.summary = upper(replica.key
issue.summary = "open
if replica.status = "x" {
  issue.summary = upcase(replica.key)
}
issue.fields["Sevrity"] = "S1"
issue.comments = replica.comments | map(with(#, {boddy: "x"}))
issue.status = "Opne"
issue.fields["Points"] = "eight"
`
	_, err := filters.CompileIncoming(src, sampleEnv())
	var got []string
	for _, p := range problems(t, err) {
		if !p.Warning {
			got = append(got, fmt.Sprintf("%d:%d %s %s", p.Line, p.Col, p.Code, p.Nearest))
		}
	}
	want := []string{
		"1:7 unknown-field summary", "2:25 unknown-field summary", "3:22 unclosed ", "4:17 unclosed ", "5:19 assign-in-expression ",
		"6:19 unknown-function ", `8:14 unknown-field Severity`, "9:50 unknown-key body", "10:16 unknown-option Open", "11:26 wrong-type ",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("problems (-got +want):\n%s", diff)
	}
}

func TestProblems_RenderForATerminal(t *testing.T) {
	t.Parallel()
	_, err := filters.CompileIncoming("// x\n\tissue.summary = replica.sumary // \x1b[31mä\n", sampleEnv())
	want := "line 2, column 26: replica has no field sumary; did you mean summary? [unknown-field]\n" +
		"     issue.summary = replica.sumary // \ufffd[31mä\n" +
		"                             ^"
	if diff := cmp.Diff(problems(t, err).Error(), want); diff != "" {
		t.Errorf("text (-got +want):\n%s", diff)
	}
	raw, err := json.Marshal(problems(t, err))
	if err != nil {
		t.Fatal(err)
	}
	wantJSON := `[{"code":"unknown-field","line":2,"col":26,"message":"replica has no field sumary","didYouMean":"summary","source":"\tissue.summary = replica.sumary // \u001b[31mä"}]`
	if diff := cmp.Diff(string(raw), wantJSON); diff != "" {
		t.Errorf("json (-got +want):\n%s", diff)
	}
	long := "replica.summary = " + strings.Repeat("(", 3) + strings.Repeat(" ", 500) + "nope" + strings.Repeat(")", 3)
	_, err = filters.CompileOutgoing(long, sampleEnv())
	lines := strings.Split(err.Error(), "\n")
	if at := strings.Index(lines[2], "^"); len(lines[1]) > 200 || !strings.HasPrefix(lines[1][at:], "nope") {
		t.Errorf("a long line is not cut around the place:\n%s", err)
	}
}

// one is a script with one mistake.
type mistake struct {
	src     string
	code    filters.Code
	col     int
	nearest string
}

func TestProblems_OfNamesInOutgoingFilters(t *testing.T) {
	t.Parallel()
	for _, m := range []mistake{
		{`replica.summry = issue.key`, filters.CodeUnknownField, 9, "summary"},
		{`replica.severity = issue.key`, filters.CodeUnknownField, 9, ""},
		{`replica.fields = issue.key`, filters.CodeTarget, 9, ""},
		{`replica = issue.key`, filters.CodeTarget, 1, ""},
		{`issue.summary = "x"`, filters.CodeTarget, 1, ""},
		{`replika.summary = "x"`, filters.CodeTarget, 1, "replica"},
		{`replica.notes = issue.notes`, filters.CodeTarget, 9, ""},
		{`replica.workLogs = nil`, filters.CodeNotAvailable, 9, ""},
		{`replica.key = issue.workLogs`, filters.CodeNotAvailable, 21, ""},
		{`replica.key = replica.summary`, filters.CodeOffHere, 23, ""},
		{`replica.key = issue`, filters.CodeSyntax, 15, ""},
		{`replica.key = issue["key"] + issue[vars.label]`, filters.CodeLiteral, 41, ""},
		{`replica.key = issue.fields[vars.label]`, filters.CodeLiteral, 33, ""},
		{`replica.key = issue.fields`, filters.CodeSyntax, 21, ""},
		{`replica.key = issue.fields["Sverity"]`, filters.CodeUnknownField, 28, "Severity"},
		{`replica.key = vars.projekt`, filters.CodeUnknownVar, 20, "project"},
		{`replica.key = vars`, filters.CodeSyntax, 15, ""},
		{`replica.key = isue.key`, filters.CodeUnknownName, 15, "issue"},
		{`replica.key = $env["issue"]`, filters.CodeUnknownName, 15, ""},
		{`replica.key = upper`, filters.CodeUnknownName, 15, ""},
		{`replica.key = uper(issue.key)`, filters.CodeUnknownCall, 15, "upper"},
		{`replica.key = issue.created.Unix()`, filters.CodeUnknownCall, 29, ""},
		{`replica.key = toJSON(issue.key)`, filters.CodeUnknownCall, 15, ""},
		{`replica.key = ::len(issue.key) == 1 ? "a" : "b"` + "\nreplica.key = ::toJSON(1)", filters.CodeUnknownCall, 17, ""},
		{`replica.key = reduce([1], #acc + #)`, filters.CodeUnknownCall, 15, ""},
		{`replica.key = via("a", "b")`, filters.CodeOffHere, 15, ""},
		{`replica.key = option("a")`, filters.CodeOffHere, 15, ""},
		{`replica.key = sent("key") ? "a" : "b"`, filters.CodeOffHere, 15, ""},
		{`replica.key = lookup("sttus", issue.status)`, filters.CodeUnknownTable, 22, "status"},
		{`replica.key = lookup(issue.key, issue.status)`, filters.CodeLiteral, 22, ""},
		{`replica.key = capture(issue.key, "(")`, filters.CodeSyntax, 34, ""},
		{`replica.key = capture(issue.key, issue.key)`, filters.CodeLiteral, 34, ""},
		{`replica.fields["A"] = issue.key matches issue.key`, filters.CodeLiteral, 41, ""},
		{`replica.key = format(now(), "YYYY", "Mars/Base")`, filters.CodeUnknownName, 37, ""},
		{`replica.key = redact(issue.key, "emial")`, filters.CodeUnknownName, 33, "email"},
		{`replica.key = issue.key[0:1]`, filters.CodeSyntax, 24, ""},
		{`replica.key = issue.key ?: "x"`, filters.CodeSyntax, 26, ""},
		{`replica.fields["A"] = 1 < vars.limit < 5`, filters.CodeSyntax, 38, ""},
		{`replica.key = if true { 1 } else { 2 }`, filters.CodeSyntax, 15, ""},
		{`replica.key = let x = 1; x`, filters.CodeSyntax, 24, ""},
		{`replica.key = b"bytes"`, filters.CodeSyntax, 15, ""},
		{`replica.fields["A"] = {a: 1, a: 2}`, filters.CodeRedeclared, 30, ""},
		{`replica.fields["A"] = count(issue.labels)`, filters.CodeSyntax, 23, ""},
		{`replica.fields["A"] = issue.comments | map(any(issue.notes, .body == #.body))`, filters.CodeElement, 70, ""},
	} {
		_, err := filters.CompileOutgoing(m.src, sampleEnv())
		checkMistake(t, m, err)
	}
}

func TestProblems_OfTypesAndFormInOutgoingFilters(t *testing.T) {
	t.Parallel()
	for _, m := range []mistake{
		{`replica.fields["A"] = ` + strings.Repeat("(", 65) + "1" + strings.Repeat(")", 65), filters.CodeTooDeep, 87, ""},
		{`replica.fields["A"] = ` + strings.Repeat("!", 20) + "true", filters.CodeTooDeep, 38, ""},
		{`replica.comments = issue.comments | map(with(#, {id: "x"}))`, filters.CodeUnknownKey, 50, ""},
		{`replica.attachments = issue.attachments | map(with(#, {body: "x"}))`, filters.CodeUnknownKey, 56, ""},
		{`replica.comments = issue.comments | filter(.bodi == "")`, filters.CodeUnknownField, 45, "body"},
		{`replica.key = issue.assignee.emial`, filters.CodeUnknownField, 30, "email"},
		{`replica.key = issue.labels`, filters.CodeType, 15, ""},
		{`replica.labels = issue.key`, filters.CodeType, 18, ""},
		{`replica.assignee = issue.assignee.name`, filters.CodeType, 20, ""},
		{`replica.key = issue.key + 1`, filters.CodeType, 25, ""},
		{`replica.key = upper(1)`, filters.CodeType, 15, ""},
		{`replica.key = upper()`, filters.CodeType, 15, ""},
		{`replica.key = upper("a", "b")`, filters.CodeType, 15, ""},
		{`replica.key += "a"`, filters.CodeTarget, 9, ""},
		{`replica.comments += issue.comments`, filters.CodeTarget, 9, ""},
		{`replica.key = issue.status == "Opne" ? "a" : "b"`, filters.CodeUnknownOption, 31, "Open"},
		{`replica.key = issue.status in ["Open", "Dnoe"] ? "a" : "b"`, filters.CodeUnknownOption, 40, "Done"},
		{`replica.key = changed("summary") ? "a" : "b"`, filters.CodeUnknownField, 23, ""},
		{`let key = 1`, filters.CodeUnused, 5, ""},
		{"let a = 1\nlet a = 2\nreplica.key = text(\"{}\", a)", filters.CodeRedeclared, 5, ""},
		{`let issue = 1`, filters.CodeRedeclared, 5, ""},
		{`let = 1`, filters.CodeSyntax, 5, ""},
		{`let a`, filters.CodeSyntax, 6, ""},
		{`skip`, filters.CodeSyntax, 5, ""},
		{`skip 3`, filters.CodeType, 6, ""},
		{`refuse "x"`, filters.CodeOffHere, 1, ""},
		{`connect nil`, filters.CodeOffHere, 1, ""},
		{`if issue.key {` + "\n}", filters.CodeType, 4, ""},
		{`if vars.on { skip "a" }`, filters.CodeSyntax, 12, ""},
		{"if vars.on {\nskip \"a\"", filters.CodeUnclosed, 1, ""},
		{"}", filters.CodeSyntax, 1, ""},
		{"else {\n", filters.CodeSyntax, 1, ""},
		{"if vars.on {\n} else skip \"x\"\n}", filters.CodeSyntax, 3, ""},
		{`replica.key = (`, filters.CodeUnclosed, 15, ""},
		{`replica.key = "a")`, filters.CodeSyntax, 18, ""},
		{`replica.key`, filters.CodeSyntax, 12, ""},
		{`replica.key =`, filters.CodeSyntax, 14, ""},
		{`replica.key = "a"; replica.summary = "b"`, filters.CodeSyntax, 18, ""},
		{`replica.key = 'a`, filters.CodeUnclosed, 15, ""},
		{"replica.key = `a", filters.CodeUnclosed, 15, ""},
		{`/* open`, filters.CodeUnclosed, 1, ""},
		{`replica.key = § + "x"`, filters.CodeSyntax, 15, ""},
		{`replica.key = 10MB`, filters.CodeSyntax, 15, ""},
		{`= 3`, filters.CodeSyntax, 1, ""},
		{`notte "x"`, filters.CodeSyntax, 1, "note"},
	} {
		_, err := filters.CompileOutgoing(m.src, sampleEnv())
		checkMistake(t, m, err)
	}
}

func TestProblems_OfIncomingFilters(t *testing.T) {
	t.Parallel()
	for _, m := range []mistake{
		{`issue.created = now()`, filters.CodeReadOnly, 7, ""},
		{`issue.reporter = user("x")`, filters.CodeReadOnly, 7, ""},
		{`issue.fields["Locked"] = "x"`, filters.CodeReadOnly, 14, ""},
		{`issue.environment = "x"`, filters.CodeUnknownField, 7, ""},
		{`replica.summary = "x"`, filters.CodeTarget, 1, ""},
		{`issue.status = "opn"`, filters.CodeUnknownOption, 16, "Open"},
		{`issue.assignee = replica.assignee`, filters.CodeType, 18, ""},
		{`issue.parent = replica.parent`, filters.CodeType, 16, ""},
		{`issue.summary = withEmail(replica.assignee)`, filters.CodeOffHere, 17, ""},
		{`issue.summary = replica.notes`, filters.CodeUnknownField, 25, ""},
		{`issue.summary = sent("sumary") ? "a" : "b"`, filters.CodeUnknownField, 22, "summary"},
		{`connect ticketBy("Regoin", replica.key)`, filters.CodeUnknownField, 18, "Region"},
		{`issue.labels = added("summary")`, filters.CodeTarget, 22, ""},
	} {
		_, err := filters.CompileIncoming(m.src, sampleEnv())
		checkMistake(t, m, err)
	}
}

func checkMistake(t *testing.T, m mistake, err error) {
	t.Helper()
	var list filters.Problems
	if m.code == filters.CodeUnused {
		if err != nil {
			t.Errorf("%s: %v", m.src, err)
		}
		return
	}
	if !errors.As(err, &list) {
		t.Errorf("%s: got %v", m.src, err)
		return
	}
	got := list[0]
	if len(list) != 1 || got.Code != m.code || got.Col != m.col || got.Nearest != m.nearest {
		t.Errorf("%s: want one problem %s at column %d, meant %q; got\n%v", m.src, m.code, m.col, m.nearest, err)
	}
}

func TestProblems_WarningsDoNotStopAScript(t *testing.T) {
	t.Parallel()
	f := outgoing(t, "let a = 1\nreplica.key = \"x\"\nreplica.key = \"y\"\nif vars.on {\n  replica.key = \"z\"\n}", sampleEnv())
	var got []string
	for _, p := range f.Warnings() {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.Code))
	}
	if diff := cmp.Diff(got, []string{"1:5 unused", "2:1 overwritten"}); diff != "" {
		t.Errorf("warnings (-got +want):\n%s", diff)
	}
}

func TestProblems_BadVariablesAndPolicies(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Vars["bad"] = map[string]any{}
	_, err := filters.CompileOutgoing("replica.key = nil", env)
	if list := problems(t, err); list[0].Code != filters.CodeVariable {
		t.Errorf("got %v", list)
	}
	env = sampleEnv()
	env.Tables["status"] = filters.Table{Policy: "guess"}
	_, err = filters.CompileOutgoing(`replica.key = lookup("status", issue.status)`, env)
	if list := problems(t, err); list[0].Code != filters.CodeUnknownTable {
		t.Errorf("got %v", list)
	}
}

func TestProblems_WithoutASchemaCustomNamesAreUnchecked(t *testing.T) {
	t.Parallel()
	if _, err := filters.CompileIncoming("issue.fields[\"Anything\"] = replica.fields[\"Else\"]\nissue.environment = \"x\"\nissue.status = \"whatever\"", filters.Env{}); err != nil {
		t.Error(err)
	}
}
