package gitlab

// Recorded bodies are decoded by what is internal: the types of the wire.

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/internal/contract"
	"parley/adapters/internal/rest"
)

// recordedBy says how a recording is read, by its name; nil if nobody does.
func recordedBy(name string) func(*testing.T, []byte) error {
	switch {
	case name == "issue_move.json":
		return func(_ *testing.T, raw []byte) error {
			var i issue
			if err := rest.Decode(raw, &i); err != nil {
				return err
			}
			if !i.sound() || i.Author.value() == nil || i.web() == "" || len(i.fields(&project{}, "")) == 0 {
				return errIncomplete
			}
			return nil
		}
	case name == "get_user.json":
		return func(_ *testing.T, raw []byte) error {
			var u user
			err := rest.Decode(raw, &u)
			if err == nil && (u.ID == 0 || u.Username == "") {
				err = errIncomplete
			}
			return err
		}
	case name == "notes-docs-sample.json":
		return func(_ *testing.T, raw []byte) error {
			var all []note
			if err := rest.Decode(raw, &all); err != nil {
				return err
			}
			if len(all) != 2 || !all[0].sound() || !all[1].sound() || all[0].hidden() || !all[1].hidden() {
				return errIncomplete
			}
			return nil
		}
	case strings.Contains(name, "issue"), strings.Contains(name, "comment"), strings.HasPrefix(name, "milestone"):
		return hinted
	}
	return nil
}

// hinted gives a recorded webhook to its project: those of an issue lead to it.
func hinted(t *testing.T, raw []byte) error {
	t.Helper()
	var of struct {
		Kind    string `json:"object_kind"`
		Project struct {
			ID   int64  `json:"id"`
			Path string `json:"path_with_namespace"`
		} `json:"project"`
	}
	if err := json.Unmarshal(raw, &of); err != nil {
		return err
	}
	const secret = "s"
	tracker := &Tracker{api: client{name: of.Project.Path}, set: settings{hookSecret: secret}}
	d := adapters.Delivery{Header: map[string][]string{"X-Gitlab-Token": {secret}}, Body: raw}
	hint, err := tracker.Hook(d)
	switch {
	case err != nil:
		return err
	case of.Kind == "milestone" && len(hint.Tickets) > 0:
		return errors.New("a milestone hints at an issue")
	case of.Kind != "milestone" && (len(hint.Tickets) != 1 || hint.Tickets[0].Key == ""):
		return errors.New("it does not lead to its issue")
	}
	return nil
}

func TestRecorded_EveryBodyIsRead(t *testing.T) {
	t.Parallel()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("no recorded bodies are read: %v", err)
		return
	}
	read := 0
	for _, pattern := range []string{"recorded/*.json", "recorded/webhooks/*.json", "webhooks-recorded/*.json", "notes-docs-sample.json"} {
		all, err := filepath.Glob(filepath.Join(dir, "gitlab", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range all {
			name := filepath.Base(path)
			check := recordedBy(name)
			if check == nil {
				t.Errorf("%s: nobody knows how to read it", name)
				continue
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(t, raw); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			read++
		}
	}
	t.Logf("%d bodies were read", read)
	if read < 9 {
		t.Errorf("%d recorded bodies were read, want all of 9", read)
	}
}

func TestNote_WhatDoesNotSayWhoSeesItIsInternal(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`{"internal":false}`: false, `{"internal":true}`: true, `{}`: true, `{"internal":null}`: true,
		`{"internal":false,"confidential":true}`: true,
	} {
		var n note
		if err := json.Unmarshal([]byte(raw), &n); err != nil || n.hidden() != want {
			t.Errorf("%s: internal is %v, want %v (%v)", raw, n.hidden(), want, err)
		}
	}
}

func TestText_OrdersNamesAndNumbersDoNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, md, want string }{
		{"an order", "text\n/close", "text\n/|close"},
		{"an order in a quote and a list", "> /close\n\n- /label ~bug", "> /|close\n\n- /|label ~bug"},
		{"an order as an entity", "&#47;close", "&#47;|close"},
		{"an order in a comment", "seen <!--\n/close\n--> end", "seen <!--\n/|close\n--> end"},
		{"an order in an address", "[a](\n/close)", "[a](\n/|close)"},
		{"an order in a tag", "a <b\n/close>", "a <b\n/|close>"},
		{"an order in code that does not end", "text\n```\n/close", "text\n```\n/|close"},
		{"indented code", "text\n\n    /close", "text\n\n    /close"},
		{"a path", "see a/b and /", "see a/b and /"},
		{"code", "```\n/close @alice\n```", "```\n/close @alice\n```"},
		{"names and numbers", "@alice in #12, !13 and acme/x#14", "@|alice in #|12, !|13 and acme/x#|14"},
		{"an epic, entities, and companies", "&12 &amp;13 &#38;14 &amp; AT&T", "&|12 &amp;|13 &#38;|14 &amp; AT&T"},
		{"an address of e-mail", "alice@example.org!", "alice@example.org!"},
	} {
		raw := fromMarkdown(c.md)
		if got := strings.ReplaceAll(raw, "\u200b", "|"); got != c.want {
			t.Errorf("%s: wrote %q, want %q", c.name, got, c.want)
		}
		if got := toMarkdown(raw); got != c.md {
			t.Errorf("%s: reads as %q, want %q", c.name, got, c.md)
		}
	}
}
