package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/node"
	"parley/node/backup"
	"parley/node/secret"
	"parley/sync/event"
)

// TestBackup_YesterdaysIsRestoredAndBothSidesAgree: over all that is real, a node
// is backed up while it runs, goes on, loses its disk and gets the backup back.
// What both sides did since is there on both sides, once.
func TestBackup_YesterdaysIsRestoredAndBothSidesAgree(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:"+freePort(t)), newSite(t, "globex", "")
	a.run()
	b.run()
	join(t, a, b)
	old := []string{a.create("old A").Key, b.create("old B").Key}
	inStep(t, a, b, "old A", "old B")
	quiet(t, a, b)

	var file bytes.Buffer
	contents, err := b.node.Backup(t.Context(), &file)
	must(t, err)
	if contents.Twins != len(old) || !slices.Equal(contents.Connections, []string{"peer"}) {
		t.Errorf("the backup says it has %+v", contents)
	}

	// Both go on: new tickets, comments and changes on both sides.
	a.create("new A")
	b.create("new B")
	inStep(t, a, b, "old A", "old B", "new A", "new B")
	for _, s := range []*site{a, b} {
		for _, summary := range []string{"old A", "old B", "new A", "new B"} {
			s.comment(summary, "said since")
		}
	}
	a.change("old A", "older A")
	b.change("old B", "older B")
	inStep(t, a, b, "older A", "older B", "new A", "new B")

	b.stop()
	b.loseDisk()
	b.restore(file.Bytes())
	// While it is away, and since, people go on at both sides.
	a.create("newest A")
	b.create("newest B")
	a.comment("new B", "while you were away")
	b.run()
	inStep(t, a, b, "older A", "older B", "new A", "new B", "newest A", "newest B")
	quiet(t, a, b)
	inStep(t, a, b, "older A", "older B", "new A", "new B", "newest A", "newest B")
	for _, s := range []*site{a, b} {
		for summary, want := range map[string]int{"older A": 2, "older B": 2, "new A": 2, "new B": 3, "newest A": 0} {
			ticket, err := s.find(summary)
			must(t, err)
			if got := len(ticket.Comments); got != want {
				t.Errorf("%s has %d comments at %s, want %d", summary, got, s.dir, want)
			}
		}
	}
}

// TestBackup_HasTheTemplatesOfItsConnections: without them the node would not start.
func TestBackup_HasTheTemplatesOfItsConnections(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	a.tied()
	var file bytes.Buffer
	_, err := a.node.Backup(t.Context(), &file)
	must(t, err)
	a.stop()
	data := filepath.Join(a.dir, "data")
	key, err := os.ReadFile(filepath.Join(data, secret.KeyFile))
	must(t, err)
	must(t, errors.Join(os.RemoveAll(data), os.RemoveAll(filepath.Join(a.dir, "templates")), os.MkdirAll(data, 0o700)))
	must(t, os.WriteFile(filepath.Join(data, secret.KeyFile), key, 0o600))
	a.restore(file.Bytes())
	if got := a.load().Connections["peer"]; got.Template != "customer@1" || got.Vars["label"] != "c-001" {
		t.Errorf("restored: %+v", got)
	}
}

// loseDisk takes away all that the node wrote: its key is elsewhere.
func (s *site) loseDisk() {
	s.t.Helper()
	data := filepath.Join(s.dir, "data")
	key, err := os.ReadFile(filepath.Join(data, secret.KeyFile))
	must(s.t, err)
	must(s.t, os.RemoveAll(data))
	must(s.t, os.Remove(filepath.Join(s.dir, "in.parley")))
	must(s.t, os.MkdirAll(data, 0o700))
	must(s.t, os.WriteFile(filepath.Join(data, secret.KeyFile), key, 0o600))
}

func (s *site) restore(file []byte) {
	s.t.Helper()
	data := filepath.Join(s.dir, "data")
	key, err := secret.FindKey(data, func(string) string { return "" })
	must(s.t, err)
	_, err = backup.Restore(s.t.Context(), bytes.NewReader(file), backup.Target{
		Folder: data, Config: s.file(), Key: key.Derive(secret.PurposeBackup), StoreKey: backup.StoreKey(key),
		Mark: node.MarkRestored, Now: time.Now(),
	}, nil)
	must(s.t, err)
}

func (s *site) comment(summary, body string) {
	s.t.Helper()
	ticket, err := s.find(summary)
	must(s.t, err)
	_, err = s.people.Write(s.t.Context(), event.Step{Kind: event.StepComment, Ref: ticket.Ref, Comment: &event.CommentWrite{Body: body}}, nil)
	must(s.t, err)
}

func (s *site) change(summary, to string) {
	s.t.Helper()
	ticket, err := s.find(summary)
	must(s.t, err)
	_, err = s.people.Write(s.t.Context(), event.Step{Kind: event.StepUpdate, Ref: ticket.Ref, Fields: event.Fields{"summary": to}}, nil)
	must(s.t, err)
}

// tickets are the desk's, by summary: how often, and their comments.
func (s *site) tickets() (map[string][]string, error) {
	changes, _, err := s.people.List(s.t.Context(), "", "", 1000)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, c := range changes {
		ticket, err := s.people.Read(s.t.Context(), c.Ref)
		if err != nil {
			return nil, err
		}
		comments := []string{fmt.Sprint(ticket.Fields["status"])}
		for _, c := range ticket.Comments {
			comments = append(comments, c.Body)
		}
		slices.Sort(comments)
		summary := fmt.Sprint(ticket.Fields["summary"])
		if _, twice := all[summary]; twice {
			return nil, fmt.Errorf("%q stands twice at %s", summary, s.dir)
		}
		all[summary] = comments
	}
	return all, nil
}

// inStep waits until both desks have these tickets, once, with the same comments.
func inStep(t *testing.T, a, b *site, summaries ...string) {
	t.Helper()
	eventually(t, "the desks agree", func() error {
		ours, err := a.tickets()
		if err != nil {
			return err
		}
		theirs, err := b.tickets()
		if err != nil {
			return err
		}
		for _, s := range summaries {
			if ours[s] == nil || !slices.Equal(ours[s], theirs[s]) {
				return fmt.Errorf("%s: %q and %q", s, ours[s], theirs[s])
			}
		}
		if len(ours) != len(summaries) || len(theirs) != len(summaries) {
			return fmt.Errorf("%d and %d tickets, want %d", len(ours), len(theirs), len(summaries))
		}
		return nil
	})
}

// quiet waits until nothing is under way at either side, twice.
func quiet(t *testing.T, sites ...*site) {
	t.Helper()
	for range 2 {
		eventually(t, "nothing is under way", func() error {
			for _, s := range sites {
				all, err := s.node.Connections(t.Context())
				if err != nil {
					return err
				}
				for _, c := range all {
					if c.State != "working" || c.Waiting+c.Sending+c.Applying+c.Files > 0 {
						return fmt.Errorf("%s: %+v", s.dir, c)
					}
				}
			}
			return nil
		})
		polled(t, sites...)
	}
}

// polled waits until each node has asked its tracker once more.
func polled(t *testing.T, sites ...*site) {
	t.Helper()
	for _, s := range sites {
		before, err := s.node.Status(t.Context())
		must(t, err)
		eventually(t, "a poll", func() error {
			after, err := s.node.Status(t.Context())
			if err == nil && !after.Tracker.LastPoll.After(before.Tracker.LastPoll) {
				err = fmt.Errorf("last at %s", after.Tracker.LastPoll)
			}
			return err
		})
	}
}
