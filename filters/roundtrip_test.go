package filters_test

import (
	"testing"

	"parley/filters"
)

func TestRoundTrip_ValuesComeBackAsTheyLeft(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, out string
		warned
	}{
		{"prefixes go and come", `replica.summary = unprefixed("[X] ", issue.summary)`, warned{`issue.summary = prefixed("[X] ", replica.summary)`, nil}},
		{"a text that is left alone", `replica.summary = issue.summary`, warned{`issue.summary = replica.summary`, nil}},
		{"a prefix that nobody takes off", `replica.summary = issue.summary`, warned{`issue.summary = "[X] " + replica.summary`, []string{"1:1 grows"}}},
		{"a prefix that is taken off", `replica.summary = unprefixed("[X] ", issue.summary)`, warned{`issue.summary = "[X] " + replica.summary`, nil}},
		{"two statuses become one", `replica.status = lookup("status", issue.status)`, warned{"// status\n  issue.status = lookup(\"status\", replica.status)", []string{"2:3 round-trip"}}},
		{"a field that does not leave", `replica.status = lookup("status", issue.status)`, warned{"if replica.status == \"closed\" {\n  issue.resolution = \"Done\"\n}", nil}},
		{"a due date", `replica.due = issue.due`, warned{`issue.due = replica.due`, nil}},
		{"an estimate in hours", `replica.fields["Hours"] = number(issue.estimate)`, warned{`issue.estimate = hours(replica.fields["Hours"])`, []string{"1:1 round-trip"}}},
		{"an estimate", `replica.estimate = issue.estimate`, warned{`issue.estimate = replica.estimate`, nil}},
		{"what fails is told elsewhere", `park "x"`, warned{`issue.summary = replica.summary`, nil}},
	} {
		env := sampleEnv()
		out, in := outgoing(t, one.out, env), incoming(t, one.src, env)
		t.Log(one.name)
		checkWarnings(t, one.warned, filters.RoundTrip(t.Context(), out, in, env.Schema, sampleContext()))
	}
}
