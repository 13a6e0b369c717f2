package flow_test

import (
	"slices"
	"testing"

	"parley/sync/flow"
)

// TestPrevious_KnowsTheCommentsAndFilesThatWereSent: what was sent once is not added for
// ever, what was worded anew since is edited, what is gone is removed.
func TestPrevious_KnowsTheCommentsAndFilesThatWereSent(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	// What the script says of the difference is told by the labels.
	a.rule(func(r *flow.Rules) {
		r.Outgoing, _ = compile(t, `replica.summary = issue.summary
replica.comments = issue.comments
replica.attachments = issue.attachments
if any(added("comments"), true) {
  replica.labels = map(added("comments"), "added " + .body)
} else if any(edited("comments"), true) {
  replica.labels = map(edited("comments"), "edited " + .body)
} else if any(removed("comments"), true) {
  replica.labels = ["removed"]
} else if any(added("attachments"), true) {
  replica.labels = map(added("attachments"), "file " + .name)
}`, incoming)
	})
	ref := a.desk.open("one")
	a.desk.comment(ref, "hello", false)
	labels := func(want ...string) {
		t.Helper()
		w.settle()
		var got []string
		for _, l := range b.one().Fields["labels"].([]any) {
			got = append(got, l.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the labels are %q, want %q", got, want)
		}
	}
	labels("added hello")
	a.desk.set(ref, "summary", "two") // nothing is added: the labels are not said again
	b.desk.set(b.one().Ref, "labels", []any{"seen"})
	labels("seen")
	a.desk.comment(ref, "again", false)
	labels("added again")
	a.desk.attach(ref, "x.txt", "content")
	labels("file x.txt")
}

// TestPrevious_OfTheOtherSideKnowsWhatIsHere: an edit of a comment that is here is no new one.
func TestPrevious_OfTheOtherSideKnowsWhatIsHere(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.rule(func(r *flow.Rules) {
		_, r.Incoming = compile(t, outgoing, `issue.summary = replica.summary
issue.comments = replica.comments
if any(edited("comments"), true) {
  issue.labels = map(edited("comments"), "edited " + .body)
} else if any(added("comments"), true) {
  issue.labels = map(added("comments"), "added " + .body)
}`)
	})
	ref := a.desk.open("one")
	w.settle()
	a.desk.comment(ref, "hello", false)
	w.settle()
	if got := b.one().Fields["labels"]; !slices.Equal(got.([]any), []any{"added hello"}) {
		t.Errorf("a new comment: %v", got)
	}
	a.desk.reword(ref, 0, "hello there")
	w.settle()
	if got := b.one().Fields["labels"].([]any); !slices.Contains(got, any("edited hello there")) || slices.Contains(got, any("added hello there")) {
		t.Errorf("one that was worded anew: %v", got)
	}
}
