package filters_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

func TestOutgoing_FieldsKeepTheirMeaningOnTheWire(t *testing.T) {
	t.Parallel()
	got := send(t, `
replica.key = issue.key
replica.summary = issue.summary
replica.status = issue.status.name
replica.due = issue.due
replica.estimate = issue.estimate
replica.created = issue.created
replica.labels = issue.labels
replica.parent = issue.parent
replica.reporter = issue.reporter
replica.fields["Region"] = issue.fields["Region"]
replica.fields["Points"] = issue.fields["Points"] + 1
replica.fields["Billable"] = issue.fields["Billable"]
replica.fields["Needed"] = issue.fields["Needed"] + 1 * DAY
replica.fields["Day"] = issue.fields["Day"]
replica.fields["Systems"] = issue.fields["Systems"]
`).Replica.Fields
	want := event.Fields{
		"key": "SUP-1", "summary": "Printer on fire", "status": "Open", "due": "2026-02-01", "estimate": 5400.0,
		"created": "2026-01-30T08:00:00Z", "labels": []any{"globex", "pub-fire"}, "parent": map[string]any{"id": "4", "key": "SUP-0"},
		"reporter": nil, "fields.Region": map[string]any{"value": "EU", "child": "Berlin"}, "fields.Points": 9.0,
		"fields.Billable": true, "fields.Needed": "2026-02-02T10:30:00Z", "fields.Day": "2026-02-02", "fields.Systems": []any{"A"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("replica (-got +want):\n%s", diff)
	}
}

func TestOutgoing_NothingLeavesThatNoLineNames(t *testing.T) {
	t.Parallel()
	got := send(t, `replica.summary = issue.summary`).Replica
	if diff := cmp.Diff(got, filters.Replica{Fields: event.Fields{"summary": "Printer on fire"}}); diff != "" {
		t.Errorf("replica (-got +want):\n%s", diff)
	}
}

func TestOutgoing_PeopleLoseIdAndEmail(t *testing.T) {
	t.Parallel()
	got := send(t, `
replica.assignee = issue.assignee
replica.reporter = withEmail(issue.assignee)
replica.fields["Reviewer"] = issue.fields["Reviewer"]
replica.comments = issue.comments`).Replica
	assignee := got.Fields["assignee"].(map[string]any)
	if assignee["id"] == "7" || assignee["email"] != nil || assignee["name"] != "Ann" {
		t.Errorf("assignee is %v; want an opaque id, the name and no e-mail", assignee)
	}
	shown := got.Fields["reporter"].(map[string]any)
	if shown["email"] != "ann@acme.example" || shown["id"] != assignee["id"] {
		t.Errorf("withEmail gave %v", shown)
	}
	if reviewer := got.Fields["fields.Reviewer"].(map[string]any); reviewer["email"] != nil || reviewer["id"] == "9" {
		t.Errorf("a custom field's person is %v", reviewer)
	}
	if author := got.Comments[0].Author; author.Email != "" || author.ID == "7" {
		t.Errorf("a comment's author is %+v", author)
	}
	other := sampleEnv()
	other.Key = []byte("another")
	out, err := outgoing(t, `replica.assignee = issue.assignee`, other).Run(t.Context(), filters.OutInput{Issue: sampleIssue()})
	if err != nil || out.Replica.Fields["assignee"].(map[string]any)["id"] == assignee["id"] {
		t.Errorf("two connections see the same id of a person (%v)", err)
	}
}

func TestOutgoing_CollectionsHoldWhatWasWrittenHere(t *testing.T) {
	t.Parallel()
	ids := func(list []filters.Comment) (out []string) {
		for _, c := range list {
			out = append(out, c.ID)
		}
		return out
	}
	for src, want := range map[string][]string{
		`replica.comments = issue.comments`:                         {"1"},
		`replica.comments = issue.notes`:                            {"2"},
		`replica.comments = issue.foreignComments`:                  {"4"},
		`replica.comments = concat(issue.comments, issue.notes)`:    {"1", "2"},
		`replica.comments = issue.comments | filter(.body == "no")`: nil,
	} {
		got := send(t, src).Replica
		if diff := cmp.Diff(ids(got.Comments), want); diff != "" || !got.CommentsSent {
			t.Errorf("%s: sent %v (-got +want):\n%s", src, got.CommentsSent, diff)
		}
	}
	var names []string
	for _, a := range send(t, "replica.attachments = issue.attachments\n  | filter(.size < 10 * MB and .mime != \"application/zip\")").Replica.Attachments {
		names = append(names, a.Name+a.From)
	}
	if diff := cmp.Diff(names, []string{"a.png", "i.pnginitech"}); diff != "" {
		t.Errorf("attachments (-got +want):\n%s", diff)
	}
}

func TestIncoming_ValueEmptyAndNotSentDiffer(t *testing.T) {
	t.Parallel()
	src := `
issue.summary = replica.summary
issue.description = replica.description
issue.priority = replica.priority
let p = replica.priority
issue.fields["Severity"] = p
if replica.priority == "High" {
  issue.labels += "hot"
} else {
  issue.labels += "cold"
}
issue.fields["Points"] = sent("priority") ? 1 : 2
`
	out := receive(t, src, event.Fields{"summary": "a", "description": nil})
	want := event.Fields{"summary": "a", "description": nil, "fields.Points": 2.0}
	if diff := cmp.Diff(out.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
	if len(out.Sets) > 0 {
		t.Errorf("a condition on a field not sent took a branch: %v", out.Sets)
	}
	var whys []string
	for _, one := range out.Trace {
		whys = append(whys, one.Why)
	}
	if diff := cmp.Diff(whys, []string{"", "", "not sent: priority", "not sent: priority", "not sent: priority", "not sent: priority", ""}); diff != "" {
		t.Errorf("trace (-got +want):\n%s", diff)
	}
}

func TestIncoming_SentAsksWithoutNeeding(t *testing.T) {
	t.Parallel()
	src := `
if sent("status") and replica.status == "closed" {
  issue.status = "Done"
} else {
  issue.status = "Open"
}
issue.fields["Points"] = sent("comments") ? 1 : 0`
	for fields, want := range map[string]string{"": "Open", "closed": "Done"} {
		f := event.Fields{}
		if fields != "" {
			f["status"] = fields
		}
		if got := receive(t, src, f).Fields["status"]; got != want {
			t.Errorf("status %q: got %v, want %v", fields, got, want)
		}
	}
}

func TestIncoming_KeepLeavesAsIs(t *testing.T) {
	t.Parallel()
	out := receive(t, `
issue.summary = keep
issue.description = "x"
issue.description = keep
issue.status = option(replica.status) ?? keep
issue.priority = option("nonsense") ?? keep
issue.fields["Severity"] = option("s1")
issue.fields["Region"] = option(replica.fields["Region"]?.value, replica.fields["Region"]?.child) ?? keep
`, event.Fields{"status": "Done", "fields.Region": map[string]any{"value": "US", "child": "Ohio"}})
	want := event.Fields{"status": "Done", "fields.Severity": "S1", "fields.Region": map[string]any{"value": "US", "child": "Ohio"}}
	if diff := cmp.Diff(out.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
}

func TestIncoming_CollectionsAssertThePeersEntries(t *testing.T) {
	t.Parallel()
	f := incoming(t, `
issue.comments = replica.comments | map(with(#, {body: byline(#) + .body, internal: true}))
issue.attachments = keepRemoved(replica.attachments)
issue.labels = without(replica.labels, "x")
issue.fields["Systems"] = exactly(["B"])
`, sampleEnv())
	in := filters.InInput{Context: sampleContext(), Replica: filters.Replica{
		Fields:   event.Fields{"labels": []any{"b", "x", "a", "a"}},
		Comments: []filters.Comment{comment("w1", "hello", "", false)}, CommentsSent: true,
		Attachments: []filters.Attachment{file("w2", "f", 1, "")}, AttachmentsSent: true,
	}}
	got, err := f.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	changed := comment("w1", "**Ann** · 2026-01-31 12:00\n\nhello", "", true)
	want := filters.InResult{
		Fields: event.Fields{"labels": []any{"a", "b"}, "fields.Systems": []any{"B"}}, Exact: map[string]bool{"fields.Systems": true},
		Comments: []filters.Comment{changed}, CommentsSet: true,
		Attachments: in.Replica.Attachments, AttachmentsSet: true, KeepRemovedAttachments: true,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("result (-got +want):\n%s", diff)
	}
	if in.Replica.Comments[0].Body != "hello" {
		t.Error("the replica that was passed in was changed")
	}
}

func TestIncoming_SetsAddAndTakeAway(t *testing.T) {
	t.Parallel()
	out := receive(t, `
issue.labels += ["a", "b"]
issue.labels -= "b"
issue.labels += replica.labels
issue.labels += nil`, event.Fields{"labels": []any{"c"}})
	if diff := cmp.Diff(out.Sets, map[string]filters.SetChange{"labels": {Add: []any{"a", "c"}, Remove: []any{"b"}}}); diff != "" {
		t.Errorf("sets (-got +want):\n%s", diff)
	}
	if got := send(t, "replica.labels = issue.labels\nreplica.labels -= \"globex\"\nreplica.labels += [\"z\"]").Replica.Fields["labels"]; !cmp.Equal(got, any([]any{"pub-fire", "z"})) {
		t.Errorf("outgoing labels are %v", got)
	}
}

func TestIncoming_PeopleAndTickets(t *testing.T) {
	t.Parallel()
	out := receive(t, `
issue.assignee = user(replica.assignee?.email) ?? user("bob")
issue.parent = twinOf(replica.parent)
issue.fields["Reviewer"] = user("nobody", replica.reporter)
`, event.Fields{"assignee": value("x", "Eve", ""), "parent": map[string]any{"id": "here"}, "reporter": value("y", "Bob", "bob@acme.example")})
	bob := value("8", "Bob", "bob@acme.example")
	want := event.Fields{"assignee": bob, "fields.Reviewer": bob, "parent": map[string]any{"id": "33", "key": ""}}
	if diff := cmp.Diff(out.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
	waiting := receive(t, `issue.parent = twinOf(replica.parent)`, event.Fields{"parent": map[string]any{"id": "later"}})
	if _, set := waiting.Fields["parent"]; set || waiting.Trace[0].Why == "" {
		t.Errorf("a twin that is not here yet gave %+v", waiting)
	}
	if gone := receive(t, `issue.parent = twinOf(replica.parent)`, event.Fields{"parent": nil}); !cmp.Equal(gone.Fields, event.Fields{"parent": nil}) {
		t.Errorf("no parent gave %v", gone.Fields)
	}
}

func TestIncoming_LinksAreThoseWhoseTicketsAreHere(t *testing.T) {
	t.Parallel()
	link := func(relation, id string) map[string]any { return map[string]any{"type": relation, "id": id} }
	theirs := event.Fields{"links": []any{link("blocks", "here"), link("blocks", "later"), "no link"}}
	for script, want := range map[string]any{
		`issue.links = twinOf(replica.links)`:                                                  []any{link("blocks", "33")},
		`issue.links = twinOf(replica.links) | map(with(#, {type: "relates to"}))`:             []any{link("relates to", "33")},
		`issue.links = twinOf(replica.links | filter(.type == "duplicates"))`:                  []any{},
		`issue.links = exactly(twinOf(replica.links))`:                                         []any{link("blocks", "33")},
		`issue.description = string(len(replica.links)) + " " + (replica.links[0].key ?? "-")`: "2 -",
	} {
		name := "links"
		if strings.HasPrefix(script, "issue.description") {
			name = "description"
		}
		out := receive(t, script, theirs)
		if got, set := out.Fields[name]; !set || !cmp.Equal(got, want) {
			t.Errorf("%s gave %v, want %v", script, got, want)
		}
	}
	if _, err := incoming(t, `issue.links = replica.links | filter(true)`, sampleEnv()).Run(t.Context(), filters.InInput{Replica: filters.Replica{Fields: theirs}}); err == nil {
		t.Error("links to tickets of the other side were taken for ours")
	}
}

func TestOutgoing_LinksLeaveAsTheyAre(t *testing.T) {
	t.Parallel()
	got := send(t, `replica.links = issue.links | filter(.type != "clones")`).Replica.Fields["links"]
	if want := any([]any{map[string]any{"type": "blocks", "id": "12", "key": "SUP-12"}}); !cmp.Equal(got, want) {
		t.Errorf("links are %v, want %v", got, want)
	}
}

func TestIncoming_ConnectPairsOnFirstSync(t *testing.T) {
	t.Parallel()
	f := incoming(t, "if firstSync {\n  connect ticketBy(\"Region\", replica.key)\n}", sampleEnv())
	run := func(key string, first bool) (filters.InResult, error) {
		c := sampleContext()
		c.FirstSync = first
		return f.Run(t.Context(), filters.InInput{Context: c, Replica: filters.Replica{Fields: event.Fields{"key": key}}})
	}
	got, err := run("one", true)
	if err != nil || got.Connect == nil || got.Connect.ID != "fields.Region" {
		t.Errorf("got %+v, %v", got.Connect, err)
	}
	if got, err := run("none", true); err != nil || got.Connect != nil {
		t.Errorf("got %+v, %v; want a create", got.Connect, err)
	}
	if _, err := run("two", true); !errors.Is(err, filters.ErrSeveral) {
		t.Errorf("several tickets: got %v", err)
	}
	if got, err := run("one", false); err != nil || got.Connect != nil {
		t.Errorf("later: got %+v, %v", got.Connect, err)
	}
}

func TestStopsEndTheRunAndSetNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []filters.StopKind{filters.StopSkip, filters.StopLeave, filters.StopPark, filters.StopRefuse} {
		src := "issue.summary = \"a\"\nif vars.on {\n  " + string(kind) + ` "because " + issue.key` + "\n}\nissue.priority = \"nope\" + \"\"\n"
		out := receive(t, src, nil)
		if diff := cmp.Diff(out.Stop, &filters.Stop{Kind: kind, Reason: "because SUP-1", Line: 3}); diff != "" {
			t.Errorf("stop (-got +want):\n%s", diff)
		}
		if len(out.Fields) > 0 {
			t.Errorf("%s: fields %v were set", kind, out.Fields)
		}
	}
}

func TestIfElse(t *testing.T) {
	t.Parallel()
	src := `
if issue.priority == "Low" {
  replica.priority = "P4"
} else if issue.priority in ["High"] and not (vars.limit > 5) {
  let n = "P" + string(vars.limit - 2)
  replica.priority = n
}
else {
  replica.priority = "none"
}
if issue.fields["Billable"] {
  replica.fields["Pay"] = "yes"
}
if issue.reporter.email == "x" {
  replica.summary = "never"
}`
	if diff := cmp.Diff(send(t, src).Replica.Fields, event.Fields{"priority": "P1", "fields.Pay": "yes"}); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
}

func TestFormOfScripts(t *testing.T) {
	t.Parallel()
	src := "\ufeff/* a\n comment = */ replica.summary = \"a // b\" // c \"\r\n" +
		"replica.description = `raw \"{` /* x */ + '}#'\n" +
		"let x = issue.labels\n\n  // between\n  | filter(\n    # startsWith \"pub-\"\n  )\n  | map(trimPrefix(#, \"pub-\"))\n" +
		"replica.labels = x\n" +
		"replica.priority = vars.on\n  ? \"yes\"\n  : \"no\"\n" +
		"replica.key = nil\n  ?? \"k\"\n" +
		"replica.fields[\"a \\\"b\\\"\"] = true\n  and false\n  or true\n"
	want := event.Fields{
		"summary": "a // b", "description": "raw \"{}#", "labels": []any{"fire"}, "priority": "yes", "key": "k", `fields.a "b"`: true,
	}
	if diff := cmp.Diff(send(t, src).Replica.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	got := send(t, `
replica.summary = text("{} {} {} {} {}", connection.name, connection.peer, connection.tags, firstSync, vars.desks)
replica.description = text("{} {} {}", event.at, event.kinds, event.by?.name)
replica.fields["twin"] = twin?.key
replica.fields["first"] = previous == nil
replica.fields["size"] = [KB, MB / MB, GB / MB]
replica.fields["time"] = [MINUTE, HOUR, DAY, WEEK]
replica.fields["now"] = now()
`)
	want := event.Fields{
		"summary": "globex Globex Corp gold false a, b", "description": "2026-01-31 12:00 edited ", "fields.twin": nil, "fields.first": true,
		"fields.size": []any{1024.0, 1.0, 1024.0}, "fields.time": []any{60.0, 3600.0, 86400.0, 604800.0}, "fields.now": "2026-01-31T12:00:00Z",
	}
	if diff := cmp.Diff(got.Replica.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
}

func TestChangesAgainstPrevious(t *testing.T) {
	t.Parallel()
	src := `
issue.fields["Points"] = changed("summary") ? 1 : 0
issue.fields["Billable"] = changed("status", "labels", "comments")
issue.labels = added("labels")
issue.labels -= removed("labels")
issue.summary = edited("comments") | map(.id) | join("+")
issue.description = text("{}/{}", len(added("comments")), len(removed("comments")))
`
	f := incoming(t, src, sampleEnv())
	in := filters.InInput{
		Context: sampleContext(),
		Replica: filters.Replica{
			Fields:   event.Fields{"summary": "b", "status": "s", "labels": []any{"x", "y"}},
			Comments: []filters.Comment{comment("1", "new text", "", false), comment("2", "same", "", false)}, CommentsSent: true,
		},
		Previous: &filters.Replica{
			Fields:   event.Fields{"summary": "a", "status": "s", "labels": []any{"x", "z"}},
			Comments: []filters.Comment{comment("1", "text", "", false), comment("2", "same", "", false), comment("3", "gone", "", false)}, CommentsSent: true,
		},
	}
	got, err := f.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := event.Fields{"fields.Points": 1.0, "fields.Billable": true, "labels": []any{"y"}, "summary": "1", "description": "0/1"}
	if diff := cmp.Diff(got.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
}
