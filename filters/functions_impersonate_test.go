package filters_test

import (
	"testing"

	"parley/filters"
	"parley/sync/event"
)

func TestAsUser_IsForThoseWhomTheGateAndTheTrackerLet(t *testing.T) {
	t.Parallel()
	const src = `issue.comments = map(replica.comments, asUser(#, user("bob")))`
	closed, unable := sampleEnv(), sampleEnv()
	closed.OwnName = true
	unable.Schema.Impersonate = false
	for name, env := range map[string]filters.Env{"accept": closed, "tracker": unable} {
		if _, err := filters.CompileIncoming(src, env); err == nil || problems(t, err)[0].Code != filters.CodeNotAvailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := filters.CompileIncoming(src, filters.Env{}); err != nil {
		t.Errorf("where nothing is known of the tracker: %v", err)
	}
	if _, err := filters.CompileOutgoing(`replica.comments = map(issue.comments, asUser(#, nil))`, sampleEnv()); err == nil || problems(t, err)[0].Code != filters.CodeOffHere {
		t.Errorf("outgoing: %v", err)
	}
}

func TestAsUser_NamesAPersonOfOurs(t *testing.T) {
	t.Parallel()
	run := func(src string) (filters.InResult, error) {
		return incoming(t, src, sampleEnv()).Run(t.Context(), filters.InInput{Context: sampleContext(), Replica: filters.Replica{
			Fields:       event.Fields{"assignee": map[string]any{"id": "1", "name": "Bob of theirs"}},
			CommentsSent: true, Comments: []filters.Comment{{Comment: event.Comment{ID: "1", Body: "hello", Author: event.User{ID: "9", Name: "Gil"}}}},
		}})
	}
	out, err := run(`issue.comments = map(replica.comments, with(asUser(#, user("bob")), {internal: true}))`)
	if err != nil || len(out.Comments) != 1 {
		t.Fatal(out, err)
	}
	if c := out.Comments[0]; c.As.ID == "" || c.Author.ID != "9" || c.Body != "hello" || !c.Internal {
		t.Errorf("bob's is %+v", c)
	}
	out, err = run(`issue.comments = map(replica.comments, asUser(#, user("nobody")))`)
	if err != nil || len(out.Comments) != 1 {
		t.Fatal(out, err)
	}
	if c := out.Comments[0]; c.As != (event.User{}) || c.Line == "" || c.Body != "hello" {
		t.Errorf("nobody's is %+v", c)
	}
	for _, src := range []string{
		`issue.comments = map(replica.comments, asUser(#, replica.assignee))`,
		`issue.comments = map(replica.comments, asUser(#, "bob"))`,
		`issue.comments = map(replica.comments, asUser("hello", user("bob")))`,
	} {
		if out, err := run(src); err == nil {
			t.Errorf("%s gave %+v", src, out.Comments)
		}
	}
}
