package filters_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

func TestAssignable_AsksForTheTargetProject(t *testing.T) {
	t.Parallel()
	const ask = "if assignable(user(\"bob\")) {\n  issue.assignee = user(\"bob\")\n}"
	for _, tt := range []struct {
		name, src string
		issue     *filters.Ours
		want      bool
	}{
		{"the ticket's", ask, &filters.Ours{Fields: event.Fields{"project": "SUP"}}, true},
		{"another", ask, &filters.Ours{Fields: event.Fields{"project": "ENG"}}, false},
		{"one that a line sets", "issue.project = \"SUP\"\n" + ask, nil, true},
		{"a line counts more than the ticket", "issue.project = \"ENG\"\n" + ask, &filters.Ours{Fields: event.Fields{"project": "SUP"}}, false},
		{"none yet", ask, nil, false},
		{"nobody", "if assignable(user(\"nobody\")) {\n  issue.assignee = user(\"bob\")\n}", &filters.Ours{Fields: event.Fields{"project": "SUP"}}, false},
	} {
		out, err := incoming(t, tt.src, sampleEnv()).Run(t.Context(), filters.InInput{Context: sampleContext(), Issue: tt.issue})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if _, got := out.Fields["assignee"]; got != tt.want {
			t.Errorf("%s: assigned %v, want %v", tt.name, got, tt.want)
		}
	}
}

// asks counts what a run asks for.
type asks struct {
	people
	n *int
}

func (a asks) Assignable(ctx context.Context, project, id string) (bool, error) {
	*a.n++
	return a.people.Assignable(ctx, project, id)
}

func TestAssignable_IsALookupThatIsAskedOnce(t *testing.T) {
	t.Parallel()
	n := 0
	info := sampleContext()
	info.Lookups = asks{n: &n}
	env := sampleEnv()
	env.Limits.Lookups = 2
	run := func(src string, fields event.Fields) error {
		_, err := incoming(t, src, env).Run(t.Context(), filters.InInput{Context: info, Issue: &filters.Ours{Fields: event.Fields{"project": "SUP"}}, Replica: filters.Replica{Fields: fields}})
		return err
	}
	if err := run(`issue.summary = string(all(1..50, assignable(user("bob"))))`, nil); err != nil || n != 1 {
		t.Errorf("one person was asked about %d times: %v", n, err)
	}
	if err := run("issue.project = \"A\"\nnote assignable(user(\"bob\"))\nissue.project = \"B\"\nnote assignable(user(\"bob\"))", nil); !errors.Is(err, filters.ErrLimit) {
		t.Errorf("three look-ups of two: %v", err)
	}
	if err := run("issue.project = \"DOWN\"\nnote assignable(user(\"bob\"))", nil); !errors.Is(err, errDown) {
		t.Errorf("a tracker that is down: %v", err)
	}
}

func TestAssignable_NeitherGuessesNorTakesTheirPeople(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Schema.Assignable = false
	_, err := filters.CompileIncoming(`note assignable(user("bob"))`, env)
	if err == nil || problems(t, err)[0].Code != filters.CodeNotAvailable {
		t.Errorf("a tracker that does not tell: %v", err)
	}
	if _, err := filters.CompileOutgoing(`note assignable(issue.assignee)`, sampleEnv()); err == nil || problems(t, err)[0].Code != filters.CodeOffHere {
		t.Errorf("on the way out: %v", err)
	}
	f := incoming(t, `note assignable(replica.assignee)`, sampleEnv())
	_, err = f.Run(t.Context(), filters.InInput{Context: sampleContext(), Issue: &filters.Ours{}, Replica: filters.Replica{Fields: event.Fields{"assignee": value("8", "Bob", "")}}})
	if err == nil || !strings.Contains(err.Error(), "person of the other side") {
		t.Errorf("a person of theirs: %v", err)
	}
}
