package filters_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// slip is a line, or some, that the checker warns of; right are as many that mean what
// was meant. Want is "LINE:COLUMN CODE NEAREST" with lines counted from the slip's own.
type slip struct{ wrong, right, want string }

// slipsOut are what a hasty outgoing filter has wrong that runs all the same.
func slipsOut() []slip {
	return []slip{
		{`let unused = issue.key`, `note issue.key`, "1:5 unused"},
		{`replica.fields["Late"] = issue.due < event.at`, `replica.fields["Late"] = issue.due != nil and issue.due < event.at`, "1:26 maybe-nothing"},
		{`replica.fields["Half"] = issue.fields["Points"] * 0.5`, `replica.fields["Half"] = default(issue.fields["Points"], 0) * 0.5`, "1:26 maybe-nothing"},
		{"if 1 == 2 {\n  replica.url = issue.url\n}", "if vars.on {\n  replica.url = issue.url\n}", "1:4 constant-condition"},
		{"if firstSync and vars.on {\n  if vars.on {\n    replica.type = issue.type\n  }\n}", "if firstSync {\n  if vars.on {\n    replica.type = issue.type\n  }\n}", "2:6 constant-condition"},
		{"if issue.status == \"Open\" and issue.status == \"Done\" {\n  replica.kind = \"x\"\n}", "if issue.status == \"Open\" or issue.status == \"Done\" {\n  replica.kind = \"x\"\n}", "1:4 constant-condition"},
		{"replica.key = issue.summary\nreplica.key = issue.key", "replica.fields[\"Second\"] = issue.summary\nreplica.key = issue.key", "1:1 overwritten"},
		{"if vars.on {\n  skip \"not yet\"\n  replica.project = issue.project\n}", "if vars.on {\n  note \"not yet\"\n  replica.project = issue.project\n}", "3:3 unreachable"},
		{`replica.reporter = withEmail(issue.reporter)`, `replica.reporter = issue.reporter`, "1:20 personal"},
		{`replica.fields["Mail"] = issue.assignee.email`, `replica.fields["Mail"] = hash(issue.assignee.email)`, "1:41 personal"},
		{`replica.watchers = issue.watchers`, `replica.watchers = ["nobody"]`, "1:20 personal"},
		{`replica.fields["At"] = now()`, `replica.fields["At"] = issue.created`, "1:24 unsteady"},
		{`replica.priority = lookup("partly", issue.priority)`, `replica.priority = lookup("partly", issue.priority, "5")`, "1:37 unmapped"},
		{`replica.comments = issue.comments | filter(.edited > event.at)`, `replica.comments = issue.comments | filter(.created > event.at)`, "1:45 maybe-nothing"},
	}
}

// slipsIn are those of an incoming one, at a tracker that takes no files.
func slipsIn() []slip {
	return []slip{
		{`let desk = "support"`, `note "support"`, "1:5 unused"},
		{`issue.summary = "[Globex] " + issue.summary`, `issue.summary = prefixed("[Globex] ", replica.summary)`, "1:31 grows"},
		{`issue.attachments = replica.attachments`, `note len(replica.attachments)`, "1:7 ignored"},
		{"issue.due = replica.due\nissue.due = nil", "note \"due\"\nissue.due = nil", "1:1 overwritten"},
		{`issue.description = replica.key`, `issue.description = replica.summary`, "1:29 not-sent"},
		{`issue.resolution = replica.status == "closd" ? "Done" : "Fixed"`, `issue.resolution = replica.status == "closed" ? "Done" : "Fixed"`, "1:38 unknown-option closed"},
		{`issue.fields["Points"] = replica.fields["Points"] * 2`, `issue.fields["Points"] = default(replica.fields["Points"], 0) * 2`, "1:26 maybe-nothing"},
		{"if replica.status != \"open\" or replica.status != \"closed\" {\n  issue.status = \"Open\"\n}", "if replica.status == \"open\" {\n  issue.status = \"Open\"\n}", "1:4 constant-condition"},
	}
}

// checkSlips holds a script of all slips to one warning for each, at its place, and to
// exactly one less when any of them is put right.
func checkSlips(t *testing.T, all []slip, compile func(src string) filters.Problems) {
	t.Helper()
	told := func(right int) (src string, want []string) {
		var text strings.Builder
		line := 1
		for i, s := range all {
			lines := s.wrong
			if i == right {
				lines = s.right
			} else {
				var at int
				var rest string
				if _, err := fmt.Sscanf(s.want, "%d:%s", &at, &rest); err != nil {
					t.Fatal(err)
				}
				_, rest, _ = strings.Cut(s.want, ":")
				want = append(want, fmt.Sprintf("%d:%s", line+at-1, rest))
			}
			text.WriteString(lines + "\n")
			line += strings.Count(lines, "\n") + 1
		}
		return text.String(), want
	}
	for right := -1; right < len(all); right++ {
		src, want := told(right)
		list := compile(src)
		got := places(list)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("with number %d put right (-got +want):\n%s\n%s", right, diff, src)
		}
		lines := strings.Split(src, "\n")
		for _, p := range list {
			if !p.Warning || p.Source != lines[p.Line-1] {
				t.Errorf("%v", p)
			}
		}
	}
}

// TestProblems_TwentyTwoSlipsAreAsManyWarningsAndEachGoesAlone: what runs, and yet is not
// what was meant, is told at its place, and nothing else is.
func TestProblems_TwentyTwoSlipsAreAsManyWarningsAndEachGoesAlone(t *testing.T) {
	t.Parallel()
	checkSlips(t, slipsOut(), func(src string) filters.Problems { return outgoing(t, src, sampleEnv()).Warnings() })
	env := sampleEnv()
	env.Schema.Attachments = false
	env.Peer = event.Schema{Comments: true, Attachments: true, Fields: map[string]event.Field{
		"summary": {Type: event.TypeText}, "status": {Type: event.TypeOption, Options: []string{"open", "closed"}}, "due": {Type: event.TypeDate},
		"fields.Points": {Type: event.TypeNumber},
	}}
	checkSlips(t, slipsIn(), func(src string) filters.Problems { return incoming(t, src, env).Warnings() })
}
