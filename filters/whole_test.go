package filters_test

import (
	"strings"
	"testing"

	"parley/filters"
)

// TestProblems_WhatFailsInEveryRunIsFoundBefore: what no value can make right is said by
// the check, with what to write.
func TestProblems_WhatFailsInEveryRunIsFoundBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, place, hint string }{
		{
			"a list made of a kept one", `issue.comments = keepRemoved(replica.comments) | map(with(#, {body: "a"}))`,
			"1:18 wrong-type", "keepRemoved(x | map(...))",
		},
		{
			"a part of a kept one", `issue.attachments = keepRemoved(replica.attachments) | filter(.size < 10)`,
			"1:21 wrong-type", "keepRemoved(x | filter(...))",
		},
		{
			"a function of an exact one", `issue.labels = exactly(replica.labels) | without("a")`,
			"1:16 wrong-type", "exactly(x | without(...))",
		},
		{
			"an author that is made up", `issue.comments = replica.comments | map(with(#, {author: {name: "Ann"}}))`,
			"1:58 wrong-type", "author: nil",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := filters.CompileIncoming(c.line, sampleEnv())
			if err == nil {
				t.Fatal("the check finds nothing")
			}
			got := strings.TrimSpace(strings.Join(places(problems(t, err)), ", "))
			if got != c.place || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("got %s, want %s with %q:\n%v", got, c.place, c.hint, err)
			}
		})
	}
	for _, line := range []string{
		`issue.comments = keepRemoved(replica.comments | map(with(#, {author: nil, body: "a"})))`,
		`issue.labels = exactly(replica.labels | filter(# != "a"))`,
	} {
		if _, err := filters.CompileIncoming(line, sampleEnv()); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
