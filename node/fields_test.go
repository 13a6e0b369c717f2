package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/node/notify"
)

// fieldsWhen waits until what is said of a connection's fields is as wanted.
func (s *site) fieldsWhen(what string, is func(admin.Fields) bool) admin.Fields {
	s.t.Helper()
	var got admin.Fields
	eventually(s.t, what, func() error {
		var err error
		if got, err = s.node.Fields(s.t.Context(), "peer"); err == nil && !is(got) {
			err = fmt.Errorf("got %+v", got)
		}
		return err
	})
	return got
}

func sentNames(s *admin.Sent) string {
	if s == nil {
		return "nothing said"
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

// TestFields_PublishingTellsThePeerAndItsFiltersAreCheckedAgainstIt: what a filter in
// force sends is known at the other side, whose people are told when it changes and
// shown each place of their own filter that reads nothing.
func TestFields_PublishingTellsThePeerAndItsFiltersAreCheckedAgainstIt(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	told := b.told()
	a.run()
	b.run()
	join(t, a, b)
	first := b.fieldsWhen("B knows what A sends", func(f admin.Fields) bool { return sentNames(f.Theirs) == "key status summary" && f.Held })
	if !first.Theirs.Comments || !first.Theirs.Attachments || len(first.Unread) != 0 || len(first.Changes) != 0 || sentNames(&first.Ours) != "key status summary" {
		t.Errorf("at first: %+v", first)
	}

	a.script("out.parley", "replica.key = issue.key\nreplica.summary = issue.summary\nreplica.priority = issue.priority\nreplica.comments = issue.comments\n")
	published := a.publish(admin.PublishRequest{Reason: "no status, and no files", Wider: true})
	if !published.Published {
		t.Fatalf("got %+v", published)
	}
	then := b.fieldsWhen("B knows what A sends now", func(f admin.Fields) bool { return sentNames(f.Theirs) == "key priority summary" })
	if want := []string{"attachments come no longer", "priority comes now", "status comes no longer"}; !slices.Equal(then.Changes, want) || then.Changed.IsZero() {
		t.Errorf("changes: got %q at %v, want %q", then.Changes, then.Changed, want)
	}
	if len(then.Unread) != 2 || then.Unread[0].Line != 7 || then.Unread[0].Code != "not-sent" ||
		!strings.Contains(then.Unread[0].Text, "issue.status = replica.status\n") || !strings.HasSuffix(strings.TrimRight(then.Unread[0].Text, "\n"), "^") {
		t.Errorf("what reads nothing: %+v", then.Unread)
	}
	eventually(t, "people at B are told", func() error {
		if wrong, over := told.counts(notify.Fields); wrong != 1 || over != 0 {
			return fmt.Errorf("told %d times, and %d that it is over", wrong, over)
		}
		return nil
	})

	b.stop()
	b.run()
	b.fieldsWhen("a restart keeps it", func(f admin.Fields) bool { return len(f.Changes) == 3 && sentNames(f.Theirs) == "key priority summary" })
	tried := b.publish(admin.PublishRequest{DryRun: true})
	if len(tried.Unread) != 2 {
		t.Errorf("publishing shows %+v", tried.Unread)
	}
	seen, err := b.node.FieldsSeen(t.Context(), "peer")
	if err != nil || len(seen.Changes) != 0 || len(seen.Unread) != 2 {
		t.Errorf("seen: %+v, %v", seen, err)
	}
	eventually(t, "people at B are told that it is over", func() error {
		if wrong, over := told.counts(notify.Fields); wrong != 1 || over != 1 {
			return fmt.Errorf("told %d times, and %d that it is over", wrong, over)
		}
		return nil
	})
	var known *admin.Error
	if _, err := b.node.Fields(t.Context(), "nobody"); !errors.As(err, &known) || known.Kind != admin.KindNotFound {
		t.Errorf("of no connection: %v", err)
	}
}
