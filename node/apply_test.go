package node_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/admin"
)

// definition makes a site's connection one with tables, tests and settings.
func (s *site) definition() {
	s.t.Helper()
	s.script("rules/out.parley", outgoing+"replica.priority = issue.priority\n")
	s.script("tables/words/state.yaml", "# ours, theirs\npolicy: pass\npairs:\n  - [Open, new]\n")
	s.script("tests/peer/one.yaml", "- name: the summary leaves\n  filter: outgoing\n  issue: {fields: {summary: a}}\n  expect: {fields: {summary: a, key: null, status: null, priority: null}}\n")
	raw, err := os.ReadFile(s.file())
	must(s.t, err)
	text := strings.Replace(string(raw), "peer: {scope: \"true\", out: out.parley,", "peer: {scope: \"true\", tables: tables/words, vars: {label: \"x: y\"}, fuse: {closes: 7}, out: rules/out.parley,", 1)
	must(s.t, os.WriteFile(s.file(), []byte("# kept\n"+text+"# at the end\n"), 0o600))
	must(s.t, s.node.Reload(s.t.Context()))
}

func (s *site) export() admin.Setup {
	s.t.Helper()
	got, err := s.node.Export(s.t.Context())
	must(s.t, err)
	return got
}

func (s *site) apply(r admin.ApplyRequest) admin.ApplyResult {
	s.t.Helper()
	got, err := s.node.Apply(s.t.Context(), r)
	must(s.t, err)
	if len(got.Problems) > 0 {
		s.t.Fatalf("problems: %s", strings.Join(got.Problems, "\n"))
	}
	return got
}

// changedIn is a setup with one file changed.
func changedIn(s admin.Setup, name, from, to string) admin.Setup {
	out := admin.Setup{Files: maps.Clone(s.Files), Versions: s.Versions}
	out.Files[name] = strings.Replace(out.Files[name], from, to, 1)
	return out
}

func same(t *testing.T, got, want admin.Setup) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the setups differ (-want +got):\n%s", diff)
	}
}

// TestApply_AnExportMakesAnotherNodeTheSame: from one node to another, over the socket's words.
func TestApply_AnExportMakesAnotherNodeTheSame(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.definition()
	first := a.export()
	same(t, a.export(), first)
	if got := a.apply(admin.ApplyRequest{Setup: first}); !got.Same || got.Applied {
		t.Fatalf("an export of the same node: got %+v", got)
	}
	if strings.Contains(first.Files["parley.yaml"], "tracker") || !strings.Contains(first.Files["tables/peer/state.yaml"], "# ours, theirs") {
		t.Errorf("got %s", first.Files)
	}
	shown := b.apply(admin.ApplyRequest{Setup: first, DryRun: true})
	one := shown.Connections[0]
	if !slices.ContainsFunc(one.Publish.Wider, func(w string) bool { return strings.HasPrefix(w, "priority leaves") }) || one.Publish.Tests == 0 {
		t.Errorf("got %+v", one.Publish)
	}
	if !slices.Contains(one.Settings, admin.SettingDiff{Key: "fuse.closes", From: "60", To: "7"}) {
		t.Errorf("got settings %+v", one.Settings)
	}
	if got := b.export(); cmp.Equal(got, first) {
		t.Error("a dry run changed the node")
	}
	got := b.apply(admin.ApplyRequest{Setup: first, Expect: shown.Digest, Reason: "as acme", Author: "ann", Wider: true})
	if !got.Applied {
		t.Fatalf("got %+v", got)
	}
	same(t, b.export(), first)
	if got := b.apply(admin.ApplyRequest{Setup: first}); !got.Same {
		t.Errorf("applied twice: got %+v", got)
	}
	history, err := b.node.FilterHistory(t.Context(), "peer")
	must(t, err)
	if len(history.Versions) != 1 || history.Drift || history.Versions[0].Author != "ann" || history.Versions[0].Reason != "as acme" {
		t.Errorf("got history %+v", history)
	}
	raw, err := os.ReadFile(b.file())
	must(t, err)
	if !strings.Contains(string(raw), "${secret:tracker-token}") {
		t.Errorf("parley.yaml lost what is the node's own:\n%s", raw)
	}
	b.stop()
	b.run()
	same(t, b.export(), first)
}

// tied makes a site's connection one that runs by a template.
func (s *site) tied() {
	s.t.Helper()
	s.template(1, templateOut)
	raw, err := os.ReadFile(s.file())
	must(s.t, err)
	text := string(raw)
	at := strings.Index(text, "  peer: {")
	end := at + strings.IndexByte(text[at:], '\n')
	must(s.t, os.WriteFile(s.file(), []byte(text[:at]+"  peer: {template: customer@1, vars: {label: c-001}}"+text[end:]), 0o600))
	must(s.t, s.node.Reload(s.t.Context()))
}

// TestApply_AConnectionOfATemplateStaysOne: it goes along by the template's name and
// its variables, with the template, and what was published against it goes as its own.
func TestApply_AConnectionOfATemplateStaysOne(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.tied()
	first := a.export()
	if said := first.Files["parley.yaml"]; !strings.Contains(said, "template: customer@1") || strings.Contains(said, "outgoing") {
		t.Fatalf("the export is\n%s", said)
	}
	if first.Files["templates/customer/outgoing.parley"] != templateOut || first.Files["filters/peer.out.parley"] != "" {
		t.Errorf("the export has %q", slices.Sorted(maps.Keys(first.Files)))
	}
	if got := a.apply(admin.ApplyRequest{Setup: first}); !got.Same {
		t.Fatalf("an export of the same node: got %+v", got)
	}
	if got := b.apply(admin.ApplyRequest{Setup: first, Reason: "as acme", Wider: true}); !got.Applied {
		t.Fatalf("got %+v", got)
	}
	same(t, b.export(), first)
	if got := b.runBy(); got["customer@1"] != 1 {
		t.Errorf("the connection runs by %v", got)
	}
}

var errCut = errors.New("cut off")

// TestApply_WhatWasCutOffIsCompleted: at every step of an application, the process ends;
// the next one does the rest.
func TestApply_WhatWasCutOffIsCompleted(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.definition()
	want := a.export()
	original := b.export()
	var steps []string
	b.node.CutApply(func(step string) error { steps = append(steps, step); return nil })
	r := admin.ApplyRequest{Setup: want, Reason: "why", Wider: true}
	b.apply(r)
	if len(steps) < 7 {
		t.Fatalf("got steps %q", steps)
	}
	for _, at := range slices.Clone(steps) {
		b.node.CutApply(nil)
		b.apply(admin.ApplyRequest{Setup: original, Reason: "back", Wider: true})
		b.node.CutApply(func(step string) error {
			if step == at {
				return errCut
			}
			return nil
		})
		if _, err := b.node.Apply(t.Context(), r); !errors.Is(err, errCut) {
			t.Fatalf("at %s: got %v", at, err)
		}
		b.stop()
		b.run()
		b.apply(r)
		same(t, b.export(), want)
		if got := b.apply(r); !got.Same {
			t.Fatalf("cut off at %s: left is %+v", at, got)
		}
	}
}

// TestApply_NothingIsDoneIfOneThingIsWrong tells all that is wrong, each at its place.
func TestApply_NothingIsDoneIfOneThingIsWrong(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	a.definition()
	good := a.export()
	with := func(name, text string) admin.Setup {
		s := admin.Setup{Files: maps.Clone(good.Files), Versions: good.Versions}
		s.Files[name] = text
		return s
	}
	two := changedIn(changedIn(good, "filters/peer.out.parley", "issue.summary", "issue.sumary"), "filters/peer.in.parley", "replica.status", "replica.")
	for _, c := range []struct {
		name  string
		setup admin.Setup
		want  []string
	}{
		{"two filters", two, []string{"filters/peer.out.parley:3:", "filters/peer.in.parley:7:"}},
		{"an unknown key", with("parley.yaml", "connections:\n  peer:\n    scop: x\n"), []string{"parley.yaml:3:5: connections.peer.scop: unknown key", "did you mean scope?"}},
		{"another part of the node", with("parley.yaml", "node: {name: x}\n"), []string{"parley.yaml:1:1: node: unknown key"}},
		{"another place", changedIn(good, "parley.yaml", "filters/peer.out.parley", "../../etc/passwd"), []string{"connections.peer.out: stands elsewhere", "write filters/peer.out.parley"}},
		{"a way out", with("filters/../../x", "x"), []string{"no place for a file"}},
		{"an absolute one", with("/etc/passwd", "x"), []string{"no place for a file"}},
		{"a backslash", with(`filters\x`, "x"), []string{"no place for a file"}},
		{"a hidden one", with("templates/.git/config", "x"), []string{"no place for a file"}},
		{"a large one", with("tests/peer/x.yaml", strings.Repeat("x", 1<<20+1)), []string{"tests/peer/x.yaml has 1048577 bytes"}},
		{"no text", with("tests/peer/x.yaml", "\xff"), []string{"tests/peer/x.yaml is no text"}},
		{"a file of nobody", with("filters/per.out.parley", "x"), []string{"filters/per.out.parley belongs to no connection"}},
		{"a test that fails", changedIn(good, "tests/peer/one.yaml", "expect: {fields: {summary: a", "expect: {fields: {summary: b"), []string{"filter tests fail"}},
		{"nothing", admin.Setup{}, []string{"there is no parley.yaml"}},
	} {
		got, err := a.node.Apply(t.Context(), admin.ApplyRequest{Setup: c.setup, Reason: "why", Wider: true})
		must(t, err)
		all := strings.Join(got.Problems, "\n")
		for _, want := range c.want {
			if !strings.Contains(all, want) {
				t.Errorf("%s: got problems\n%s\nwant %s", c.name, all, want)
			}
		}
		same(t, a.export(), good)
	}
	if _, err := os.Stat(filepath.Join(a.dir, "data", "apply")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was left: %v", err)
	}
}

// TestApply_SaysWhoPublishedSince: what the directory does not know of is shown with who and why.
func TestApply_SaysWhoPublishedSince(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	before := a.export()
	a.publish(admin.PublishRequest{Reason: "first"})
	a.script("out.parley", strings.Replace(outgoing, "replica.comments = issue.comments\n", "", 1))
	if got := a.apply(admin.ApplyRequest{Setup: before, DryRun: true}); got.Same || !got.Connections[0].Drafts {
		t.Errorf("an edited draft: got %+v", got)
	}
	a.publish(admin.PublishRequest{Reason: "no comments", Author: "bob"})
	got := a.apply(admin.ApplyRequest{Setup: before, DryRun: true})
	one := got.Connections[0]
	if one.InForce == nil || one.InForce.Author != "bob" || one.InForce.Reason != "no comments" || !one.Moved || len(one.Parts) != 1 {
		t.Errorf("got %+v", one)
	}
	var failed *admin.Error
	if _, err := a.node.Apply(t.Context(), admin.ApplyRequest{Setup: before, Reason: "back"}); !errors.As(err, &failed) || !strings.Contains(failed.Message, "comments leaves") {
		t.Errorf("more leaves, and nobody said so: got %v", err)
	}
	if _, err := a.node.Apply(t.Context(), admin.ApplyRequest{Setup: before, Wider: true}); !errors.As(err, &failed) || failed.Kind != admin.KindInvalid {
		t.Errorf("without a reason: got %v", err)
	}
	if _, err := a.node.Apply(t.Context(), admin.ApplyRequest{Setup: before, Wider: true, Reason: "back", Expect: "another"}); !errors.As(err, &failed) || failed.Kind != admin.KindConflict {
		t.Errorf("another difference than was shown: got %v", err)
	}
}

// TestApply_EndsAConnectionOnlyIfAsked: one that the directory lacks is told of, and stays.
func TestApply_EndsAConnectionOnlyIfAsked(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	none := admin.Setup{Files: map[string]string{"parley.yaml": "connections: {}\n"}}
	if got := a.apply(admin.ApplyRequest{Setup: none}); !got.Same || !slices.Equal(got.Missing, []string{"peer"}) || len(a.export().Versions) != 1 {
		t.Errorf("got %+v", got)
	}
	if got := a.apply(admin.ApplyRequest{Setup: none, Prune: true}); !got.Applied {
		t.Errorf("got %+v", got)
	}
	all, err := a.node.Connections(t.Context())
	must(t, err)
	if len(all)+len(a.export().Versions) != 0 {
		t.Errorf("left are %+v", all)
	}
}

// TestApply_WhatWasToGoGoesThoughItWasCutOff: parley.yaml does not name a table any more
// when the process ends before the table's file is gone. The next application still
// knows that it is to go; what lies there and never was the connection's, stays.
func TestApply_WhatWasToGoGoesThoughItWasCutOff(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.definition()
	original := b.export()
	r := admin.ApplyRequest{Setup: a.export(), Reason: "why", Wider: true}
	b.apply(r)
	b.script("tables/peer/mine.txt", "kept")
	b.node.CutApply(func(step string) error {
		if step == "remove tables/peer/state.yaml" {
			return errCut
		}
		return nil
	})
	r.Setup = original
	if _, err := b.node.Apply(t.Context(), r); !errors.Is(err, errCut) {
		t.Fatalf("it was not cut off: %v", err)
	}
	b.node.CutApply(nil)
	b.stop()
	b.script("filters/peer.old.parley", "kept too")
	b.run()
	if got := b.apply(admin.ApplyRequest{Setup: original, DryRun: true}); got.Same || !slices.Contains(got.Files, "tables/peer/state.yaml") {
		t.Errorf("a file is left, and a look says %+v", got)
	}
	if got := b.apply(r); !got.Applied {
		t.Errorf("the rest: %+v", got)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "tables", "peer", "state.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	for _, kept := range []string{"tables/peer/mine.txt", "filters/peer.old.parley"} {
		if _, err := os.Stat(filepath.Join(b.dir, filepath.FromSlash(kept))); err != nil {
			t.Error(err)
		}
	}
	if got := b.apply(r); !got.Same {
		t.Errorf("once more: %+v", got)
	}
	// One that comes to the same place later is somebody's own.
	b.script("tables/peer/state.yaml", "pairs: []\n")
	if got := b.apply(r); !got.Same {
		t.Errorf("a file that nobody applied: %+v", got)
	}
}
