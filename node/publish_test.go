package node_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// script writes a file of a site's node.
func (s *site) script(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	must(s.t, os.MkdirAll(filepath.Dir(file), 0o700))
	must(s.t, os.WriteFile(file, []byte(text), 0o600))
}

func (s *site) publish(r admin.PublishRequest) admin.PublishResult {
	s.t.Helper()
	r.Connection = "peer"
	got, err := s.node.Publish(s.t.Context(), r)
	must(s.t, err)
	return got
}

// lastSent is the last event that left of a ticket.
func (s *site) lastSent(key string) admin.PastEvent {
	s.t.Helper()
	history, err := s.node.History(s.t.Context(), key)
	must(s.t, err)
	out := slices.DeleteFunc(history.Events, func(e admin.PastEvent) bool { return e.Direction != "out" })
	return out[len(out)-1]
}

// together are two sites with one ticket that is in step.
func together(t *testing.T) (a, b *site, made event.Written) {
	t.Helper()
	a, b = joined(t, "")
	made = a.create("Printer on fire")
	eventually(t, "the ticket appears", func() error { _, err := b.find("Printer on fire"); return err })
	a.quiet()
	b.quiet()
	return a, b, made
}

// TestPublish_AVersionStaysInForceWhateverTheFilesSay: what was published runs the
// connection, over a reload and a restart, until another version is published; every
// event carries the version that made it, and going back is one command.
func TestPublish_AVersionStaysInForceWhateverTheFilesSay(t *testing.T) {
	t.Parallel()
	a, b, made := together(t)
	ctx := t.Context()
	first := a.publish(admin.PublishRequest{Reason: "as it is", Author: "ann"})
	if !first.Published || first.Changed != 0 || len(first.Wider) != 0 || first.Twins != 1 || first.Looked != 1 {
		t.Fatalf("publishing what is in force: %+v", first)
	}
	a.script("out.parley", strings.Replace(outgoing, "= issue.summary", "= upper(issue.summary)", 1))
	must(t, a.node.Reload(ctx))
	a.write(event.Step{Kind: event.StepUpdate, Ref: made.Ref, Fields: event.Fields{"summary": "Printer out"}}, "")
	eventually(t, "the edit crosses under the version", func() error { _, err := b.find("Printer out"); return err })
	a.quiet()
	if got := a.lastSent(made.Key).Filter; got != first.Version {
		t.Errorf("the event carries %s, want version %s", got, first.Version)
	}
	history, err := a.node.FilterHistory(ctx, "peer")
	must(t, err)
	if !history.Drift || len(history.Versions) != 1 {
		t.Errorf("the files differ, and history says %+v", history)
	}

	second := a.publish(admin.PublishRequest{Reason: "louder", Author: "bob", Apply: true})
	if second.Changed != 1 || second.Fields["summary"] != 1 || second.Applied != 1 || second.Before != first.Version {
		t.Errorf("publishing a change: %+v", second)
	}
	eventually(t, "what changes is sent at once", func() error { _, err := b.find("PRINTER OUT"); return err })
	a.quiet()
	if got := a.lastSent(made.Key); got.Filter != second.Version || got.Cause != "filter" {
		t.Errorf("the event is %+v, want version %s and the cause filter", got, second.Version)
	}
	diff, err := a.node.FilterDiff(ctx, "peer", first.Version[:12], second.Version)
	must(t, err)
	if len(diff.Parts) != 1 || diff.Parts[0].Part != "out" || !slices.Contains(diff.Parts[0].Lines, "-replica.summary = issue.summary") || !slices.Contains(diff.Parts[0].Lines, "+replica.summary = upper(issue.summary)") {
		t.Errorf("the difference is %+v", diff)
	}

	back := a.publish(admin.PublishRequest{Version: first.Version[:12], Reason: "too loud"})
	if back.Version != first.Version || !back.Published {
		t.Errorf("going back: %+v", back)
	}
	a.stop()
	a.run()
	eventually(t, "the node has its version again", func() error {
		tried, err := a.node.Try(ctx, admin.TryRequest{Key: made.Key})
		if err == nil && tried.Replica["summary"] != "Printer out" {
			err = fmt.Errorf("it leaves as %v", tried.Replica["summary"])
		}
		return err
	})
	history, err = a.node.FilterHistory(ctx, "peer")
	must(t, err)
	var said []string
	for _, v := range history.Versions {
		said = append(said, fmt.Sprint(v.Version, v.Reason, v.Rollback, v.InForce))
	}
	want := []string{
		fmt.Sprint(first.Version, "too loud", true, true), fmt.Sprint(second.Version, "louder", false, false), fmt.Sprint(first.Version, "as it is", false, false),
	}
	if !slices.Equal(said, want) {
		t.Errorf("history: got %q, want %q", said, want)
	}
}

// TestPublish_WhatLetsMorePassMustBeMeant: a field, a source, a gate and a scope that
// are wider are named, and refused until somebody says so.
func TestPublish_WhatLetsMorePassMustBeMeant(t *testing.T) {
	t.Parallel()
	a, _, made := together(t)
	a.publish(admin.PublishRequest{Reason: "as it is"})
	text, err := os.ReadFile(a.file())
	must(t, err)
	for _, c := range []struct{ out, keys, want string }{
		{outgoing + "\nreplica.description = issue.description\n", "", "description leaves"},
		{strings.Replace(outgoing, "= issue.summary", "= issue.summary + (issue.description ?? \"\")", 1), "", "reads issue.description"},
		{outgoing, "gate: {internal_comments: true}", "internal comments leave"},
		{outgoing, "gate: {detect: {card: pass}}", "looks like card gets pass instead of ask"},
		{outgoing, "gate: {unscanned: [picture, archive]}", "cannot be read leave: archive"},
		{outgoing, "forward: [other]", "what came from other leaves"},
	} {
		a.script("out.parley", c.out)
		config := string(text)
		if c.keys != "" {
			config = strings.Replace(config, "in: in.parley}", "in: in.parley, "+c.keys+"}", 1)
			if strings.HasPrefix(c.keys, "forward") {
				config += "  other: {scope: \"true\", out: out.parley, in: in.parley}\n"
			}
		}
		must(t, os.WriteFile(a.file(), []byte(config), 0o600))
		_, err := a.node.Publish(t.Context(), admin.PublishRequest{Connection: "peer", Reason: "more"})
		var refused *admin.Error
		if !errors.As(err, &refused) || refused.Kind != admin.KindConflict || !strings.Contains(err.Error(), c.want) || !strings.Contains(refused.Hint, "--wider") {
			t.Errorf("want a refusal about %q, got %v", c.want, err)
		}
	}
	// A scope that takes in more is found out by what it takes in.
	must(t, os.WriteFile(a.file(), text, 0o600))
	a.script("out.parley", outgoing)
	narrow := strings.Replace(string(text), `scope: "true"`, `scope: 'issue.summary == "no such"'`, 1)
	must(t, os.WriteFile(a.file(), []byte(narrow), 0o600))
	if got := a.publish(admin.PublishRequest{Reason: "nothing"}); len(got.Wider) != 0 || got.Leave != 1 {
		t.Errorf("a narrower scope: %+v; want one ticket that leaves", got)
	}
	must(t, os.WriteFile(a.file(), text, 0o600))
	wider := a.publish(admin.PublishRequest{DryRun: true})
	if len(wider.Wider) != 1 || !strings.Contains(wider.Wider[0], made.Key) || wider.Published {
		t.Errorf("a wider scope: %+v; want %s named", wider, made.Key)
	}
	if got := a.publish(admin.PublishRequest{Reason: "meant", Wider: true}); !got.Published {
		t.Errorf("what was meant: %+v", got)
	}
	waiting := strings.Replace(string(text), "in: in.parley}", "in: in.parley, gate: {hold: 10s}}", 1)
	must(t, os.WriteFile(a.file(), []byte(waiting), 0o600))
	a.publish(admin.PublishRequest{Reason: "time to think"})
	must(t, os.WriteFile(a.file(), text, 0o600))
	if got := a.publish(admin.PublishRequest{DryRun: true}); len(got.Wider) != 1 || !strings.Contains(got.Wider[0], "stood for 0s instead of 10s") {
		t.Errorf("a shorter hold: %q", got.Wider)
	}
}

// TestPublish_WhatLetsMoreEnterMustBeMeant: comments, kinds of files and their size, what is made.
func TestPublish_WhatLetsMoreEnterMustBeMeant(t *testing.T) {
	t.Parallel()
	a, _, _ := together(t)
	text, err := os.ReadFile(a.file())
	must(t, err)
	narrow := strings.Replace(string(text), "in: in.parley}", "in: in.parley, accept: {comments: internal, attachments: [picture], max_attachment: 1MB}, gate: {budget: 64KiB}}", 1)
	must(t, os.WriteFile(a.file(), []byte(narrow), 0o600))
	a.publish(admin.PublishRequest{Reason: "little"})
	for more, want := range map[string]string{
		"accept: {comments: all, attachments: [picture], max_attachment: 1MB}, gate: {budget: 64KiB}":                          "comments for all enter",
		"accept: {comments: internal, attachments: [picture, pdf], max_attachment: 1MB}, gate: {budget: 64KiB}":                "files that are pdf enter",
		"accept: {comments: internal, max_attachment: 1MB}, gate: {budget: 64KiB}":                                             "files of any kind enter",
		"accept: {comments: internal, attachments: [picture]}, gate: {budget: 64KiB}":                                          "larger files enter",
		"accept: {comments: internal, attachments: [picture], max_attachment: 1MB}":                                            "more of a ticket leaves",
		"accept: {comments: internal, attachments: [picture], max_attachment: 1MB}, gate: {budget: 64KiB, restricted: true}":   "restricted tickets leave",
		"accept: {comments: internal, attachments: [picture], max_attachment: 1MB, create: [versions]}, gate: {budget: 64KiB}": "versions are made here",
	} {
		must(t, os.WriteFile(a.file(), []byte(strings.Replace(string(text), "in: in.parley}", "in: in.parley, "+more+"}", 1)), 0o600))
		if got := a.publish(admin.PublishRequest{DryRun: true}); !slices.Equal(got.Wider, []string{want}) {
			t.Errorf("%s: %q, want %q", more, got.Wider, want)
		}
	}
}

// TestPublish_NothingComesIntoForceThatFails: neither a filter with a mistake, nor
// one whose tests fail, nor files that changed since they were shown.
func TestPublish_NothingComesIntoForceThatFails(t *testing.T) {
	t.Parallel()
	a, _, _ := together(t)
	first := a.publish(admin.PublishRequest{Reason: "as it is"})
	if again := a.publish(admin.PublishRequest{Reason: "again"}); !again.Same || again.Published {
		t.Errorf("what is in force already: %+v", again)
	}
	a.script("tests/peer/a.yaml", "- {name: loud, filter: outgoing, issue: {fields: {summary: a}}, expect: {fields: {summary: A, key: null, status: null}}}\n")
	quiet := strings.Replace(outgoing, "= issue.summary", "= lower(issue.summary)", 1)
	for _, c := range []struct {
		out  string
		r    admin.PublishRequest
		want string
	}{
		{"replica.sumary = 1", admin.PublishRequest{Reason: "x"}, "do not compile"},
		{quiet, admin.PublishRequest{Reason: "x"}, "a.yaml: loud"},
		{strings.Replace(outgoing, "= issue.summary", "= upper(issue.summary)", 1), admin.PublishRequest{}, "no reason"},
		{strings.Replace(outgoing, "= issue.summary", "= upper(issue.summary)", 1), admin.PublishRequest{Reason: "x", Expect: "000000000000"}, "changed since"},
		{outgoing, admin.PublishRequest{Version: "000000000000", Reason: "x"}, "never run by"},
	} {
		a.script("out.parley", c.out)
		c.r.Connection = "peer"
		if _, err := a.node.Publish(t.Context(), c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	history, err := a.node.FilterHistory(t.Context(), "peer")
	must(t, err)
	if len(history.Versions) != 1 || history.Versions[0].Version != first.Version {
		t.Errorf("what failed came into force: %+v", history)
	}
}
