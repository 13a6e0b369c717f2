package filters_test

import (
	"fmt"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

func TestSmoke(t *testing.T) {
	env := filters.Env{Vars: map[string]any{"project": "SUP"}, Tables: map[string]filters.Table{"status": {Pairs: []filters.Pair{{Ours: "Open", Wire: "open"}}}, "type": {Policy: "pass"}}, Key: []byte("k")}
	src := `// outgoing: what Globex may see
replica.key         = issue.key
replica.summary     = unprefixed("[Globex] ", issue.summary)
replica.description = redact(issue.description, "email", "card")
replica.status      = lookup("status", issue.status)
replica.assignee    = withEmail(issue.assignee)
replica.parent      = issue.parent
replica.fields["Region"] = issue.fields["Region"]
replica.comments    = issue.comments
replica.attachments = issue.attachments
  | filter(.size < 10 * MB and .mime != "application/zip")
`
	f, err := filters.CompileOutgoing(src, env)
	if err != nil {
		t.Fatal(err)
	}
	in := filters.OutInput{Trace: true, Issue: filters.Ours{Key: "SUP-1", Fields: event.Fields{"summary": "[Globex] a", "description": "mail a@b.de 4111 1111 1111 1111", "status": "Open", "assignee": map[string]any{"id": "7", "name": "Ann", "email": "ann@x"}, "fields.Region": map[string]any{"value": "a", "child": "b"}},
		Comments: []filters.Comment{{Comment: event.Comment{ID: "1", Body: "hi"}}, {Comment: event.Comment{ID: "2", Body: "int", Internal: true}}},
		Attachments: []filters.Attachment{{Attachment: event.Attachment{ID: "9", Size: 5}}},
	}}
	res, err := f.Run(t.Context(), in)
	fmt.Printf("%+v %v\n", res, err)
	in2 := `if firstSync {
  connect ticketBy("fields.Remote key", replica.key)
  issue.project = vars.project
  issue.type    = lookup("type", replica.type)
  issue.parent  = twinOf(replica.parent)
}
issue.summary  = prefixed("[Globex] ", replica.summary)
issue.status   = lookup("status", replica.status)
if replica.status == "Resolved" {
  issue.resolution = "Done"
}
issue.assignee = user(replica.assignee?.email) ?? user("triage@acme.example")
issue.fields["Region"] = option(replica.fields["Region"]?.value, replica.fields["Region"]?.child) ?? keep
issue.comments = replica.comments | map(with(#, {body: byline(#) + .body}))
`
	g, err := filters.CompileIncoming(in2, env)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := g.Run(t.Context(), filters.InInput{Trace: true, Context: filters.Context{FirstSync: true}, Replica: res.Replica})
	fmt.Printf("%+v %v\n", r2, err)
	_, err = filters.CompileIncoming(`issue.sumary = replica.sumary
issue.status = (replica.status
issue.summary = "a
if replica.status = "x" {
  issue.foo = bar(1)
}
issue.comments = replica.comments | map(with(#, {boddy: .bodi}))
replica.x = 1
let y = 1
issue.labels = 3 + nope
skip
issue.summary = 12
`, env)
	fmt.Println(err)
}
