package filters_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// everyList takes a list through every function that could change it in place.
const everyList = `
let sorted = concat(sort(LIST), reverse(LIST), uniq(LIST), take(LIST, 1), without(LIST, "b"), intersect(LIST, ["b", "c"]))
let turned = concat(take(LIST, 1), ["z"], sortBy(LIST, #, "desc"), LIST | map(upper(#)) | filter(# != "B"))
note sorted
note turned
note {"a": LIST, "b": concat(LIST, "y")}
`

// otherIssue differs from the sample in whatever the scripts here read.
func otherIssue() filters.Ours {
	issue := sampleIssue()
	issue.Fields = event.Fields{"summary": "Other", "labels": []any{"x"}, "status": "Done", "priority": "Low"}
	issue.Comments = []filters.Comment{comment("8", "other", "", false)}
	issue.Attachments = nil
	return issue
}

func TestRun_KeepsNothingOfTheRunBefore(t *testing.T) {
	t.Parallel()
	src := `let s = issue.summary
if issue.fields["Severity"] == "S2" {
  let more = s + "!"
  replica.description = more
  replica.due = issue.due
  replica.comments = issue.comments | filter(.body != "x")
  replica.attachments = issue.attachments
}
if s == "stop" {
  skip "enough"
}
replica.summary = upper(s)
replica.labels += issue.labels
replica.assignee = issue.assignee
`
	stopped := otherIssue()
	stopped.Fields["summary"] = "stop"
	wrong := otherIssue()
	wrong.Fields["summary"] = 3.0
	used, fresh := outgoing(t, src, sampleEnv()), func() *filters.Outgoing { return outgoing(t, src, sampleEnv()) }
	var kept []filters.OutResult
	issues := []filters.Ours{sampleIssue(), otherIssue(), stopped, sampleIssue(), wrong, otherIssue()}
	for _, issue := range issues {
		in := filters.OutInput{Context: sampleContext(), Issue: issue, Trace: true}
		got, err := used.Run(t.Context(), in)
		want, wantErr := fresh().Run(t.Context(), in)
		if diff := cmp.Diff(got, want); diff != "" || (err == nil) != (wantErr == nil) {
			t.Errorf("%v: %v, want %v (-got +want):\n%s", issue.Fields["summary"], err, wantErr, diff)
		}
		kept = append(kept, got)
	}
	for i, issue := range issues {
		want, _ := fresh().Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: issue, Trace: true})
		if diff := cmp.Diff(kept[i], want); diff != "" {
			t.Errorf("later runs changed the result of run %d (-got +want):\n%s", i, diff)
		}
	}
}

func TestRun_ListsAreNotChangedInPlace(t *testing.T) {
	t.Parallel()
	literal := `["c", "a", "b"]`
	for _, list := range []string{literal, "issue.labels", "replica.labels"} {
		src := "let list = " + list + strings.ReplaceAll(everyList, "LIST", list) + "issue.summary = join(list)\nissue.labels = exactly(list)\nissue.fields[\"Systems\"] = " + literal + "\n"
		f := incoming(t, src, sampleEnv())
		issue := sampleIssue()
		issue.Fields["labels"] = []any{"c", "a", "b"}
		in := filters.InInput{Context: sampleContext(), Issue: &issue, Replica: filters.Replica{Fields: event.Fields{"labels": []any{"c", "a", "b"}}}}
		for range 3 {
			got, err := f.Run(t.Context(), in)
			if err != nil {
				t.Fatalf("%s: %v", list, err)
			}
			want := event.Fields{"summary": "cab", "labels": []any{"a", "b", "c"}, "fields.Systems": []any{"a", "b", "c"}}
			if diff := cmp.Diff(got.Fields, want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", list, diff)
			}
			got.Fields["labels"].([]any)[0] = "changed by the caller"
		}
		for side, fields := range map[string]event.Fields{"issue": issue.Fields, "replica": in.Replica.Fields} {
			if diff := cmp.Diff(fields["labels"], any([]any{"c", "a", "b"})); diff != "" {
				t.Errorf("%s: labels of %s (-got +want):\n%s", list, side, diff)
			}
		}
	}
}

func TestEgress_HoldsBackWithoutChangingTheReplica(t *testing.T) {
	t.Parallel()
	issue := longTalk()
	issue.Comments[3].From = "initech"
	give := func() filters.Replica {
		return filters.Replica{
			Fields:   event.Fields{"summary": "s", "zone": 1.0, "url": "u", "about": nil},
			Comments: slices.Clone(issue.Comments[:6]), CommentsSent: true,
		}
	}
	replica := give()
	passed, findings := filters.Egress{Allow: []string{"summary", "comments"}}.Check(replica, filters.MetaOf(issue, false))
	var found []string
	for _, f := range findings {
		found = append(found, string(f.Code)+" "+f.Field+f.Item)
	}
	if diff := cmp.Diff(found, []string{"field about", "field url", "field zone", "internal comments2", "internal comments5"}); diff != "" {
		t.Errorf("findings (-got +want):\n%s", diff)
	}
	want := filters.Replica{
		Fields:   event.Fields{"summary": "s"},
		Comments: []filters.Comment{issue.Comments[0], issue.Comments[1], issue.Comments[4]}, CommentsSent: true,
	}
	if diff := cmp.Diff(passed, want); diff != "" {
		t.Errorf("passed (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(replica, give()); diff != "" {
		t.Errorf("the replica was changed (-got +want):\n%s", diff)
	}
}

// TestRun_KeepsNothingOfAnotherScript: what a run needs is used again by scripts of other
// connections, whose people have other ids.
func TestRun_KeepsNothingOfAnotherScript(t *testing.T) {
	t.Parallel()
	const src = "let shown = issue.summary\nreplica.assignee = issue.assignee\nreplica.summary = shown"
	var scripts []*filters.Outgoing
	var want []filters.OutResult
	in := filters.OutInput{Context: sampleContext(), Issue: sampleIssue()}
	for i := range 8 {
		env := sampleEnv()
		env.Key = []byte{byte(i)}
		scripts = append(scripts, outgoing(t, src, env))
		got, err := scripts[i].Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, before := range want {
			if cmp.Equal(before.Replica.Fields["assignee"], got.Replica.Fields["assignee"]) {
				t.Fatalf("two connections call a person alike: %v", got.Replica.Fields["assignee"])
			}
		}
		want = append(want, got)
	}
	for i := range 400 {
		at := i * 5 % len(scripts)
		got, err := scripts[at].Run(t.Context(), in)
		if diff := cmp.Diff(got, want[at]); diff != "" || err != nil {
			t.Fatalf("run %d: %v %s", i, err, diff)
		}
	}
}
