package node_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/adapters/desk"
	"parley/node/admin"
)

const (
	summaryTest  = "- {name: as it is, filter: outgoing, issue: {fields: {summary: a}}, expect: {fields: {summary: a, key: null, status: null}}}\n"
	priorityTest = "- {name: high stays high, filter: incoming, issue: {fields: {}}, replica: {fields: {summary: a, status: Open, priority: High}}, expect: {fields: {summary: a, status: Open, priority: High}}}\n"
	oddTest      = "- {name: odd of theirs, filter: incoming, issue: {fields: {}}, replica: {fields: {summary: a, status: Open, priority: Odd}}, expect: {fields: {summary: a, status: Open, priority: Odd}}}\n"
	oddSchema    = `{"fields": {"priority": {"type": "option", "options": ["Odd"], "writable": true}, "summary": {"type": "text", "writable": true}, "status": {"type": "option", "writable": true}, "project": {"type": "option", "writable": true}, "type": {"type": "option", "writable": true}}, "comments": true, "attachments": true}`
)

// otherOptions starts a site's desk again with other priorities, and its node.
func (s *site) otherOptions(priorities ...string) {
	s.t.Helper()
	s.stop()
	must(s.t, s.desk.Close())
	var err error
	s.desk, err = desk.Open(filepath.Join(s.dir, "desk"), desk.Options{
		Name: "acme", Token: token, Projects: []string{"ACME"}, Priorities: priorities, Tokens: map[string]string{"alice-token": "alice"},
	})
	must(s.t, err)
	s.run()
}

// TestPublish_GoingBackRunsTheTestsOfThen: the tests belong to the version. Those that it
// was published with are run, whatever files there are by now, against what the tracker
// says by now; what changes is shown, and more that leaves must be meant.
func TestPublish_GoingBackRunsTheTestsOfThen(t *testing.T) {
	t.Parallel()
	a, b, _ := together(t)
	a.script("in.parley", strings.ReplaceAll(incoming, "%s", "ACME")+"issue.priority = option(replica.priority) ?? keep\n")
	a.script("tests/peer/a.yaml", summaryTest+priorityTest)
	a.script("tests/peer/theirs/b.yaml", oddTest)
	a.script("tests/peer/theirs/schema.json", oddSchema)
	a.script("tests/peer/same/c.yaml", priorityTest)
	a.script("tests/peer/same/schema.json", strings.Replace(oddSchema, "Odd", "High", 1))
	first := a.publish(admin.PublishRequest{Reason: "as it is"})
	if first.Tests != 4 {
		t.Fatalf("publishing ran %d tests, want 4: %+v", first.Tests, first)
	}
	a.script("out.parley", "replica.key = issue.key\nreplica.summary = upper(issue.summary)\n")
	for _, file := range []string{"a.yaml", "theirs/b.yaml", "same/c.yaml"} {
		a.script("tests/peer/"+file, "- {name: loud, filter: outgoing, issue: {fields: {summary: a}}, expect: {fields: {summary: A, key: null}}}\n")
	}
	second := a.publish(admin.PublishRequest{Reason: "louder", Apply: true})
	eventually(t, "it is louder", func() error { _, err := b.find("PRINTER ON FIRE"); return err })
	a.quiet()

	shown := a.publish(admin.PublishRequest{Version: first.Version, DryRun: true})
	if shown.Tests != 4 || len(shown.Failures) != 0 || shown.Changed != 1 || shown.Published || !slices.ContainsFunc(shown.Wider, func(w string) bool { return strings.HasPrefix(w, "status leaves") }) {
		t.Errorf("going back would be: %+v; want 4 tests, one ticket that changes, and status named", shown)
	}
	refused := a.refusedToGoBack(admin.PublishRequest{Version: first.Version, Reason: "back"})
	if refused.Kind != admin.KindConflict || !strings.Contains(refused.Message, "status leaves") {
		t.Errorf("more leaves, and nobody said so: %v", refused)
	}
	back := a.publish(admin.PublishRequest{Version: first.Version, Reason: "back", Wider: true})
	if !back.Published {
		t.Fatalf("going back: %+v", back)
	}
	a.publish(admin.PublishRequest{Version: second.Version, Reason: "louder after all", Wider: true})

	// A priority of then is none of today's. The schema that stood beside a test is
	// kept where the test needs it, and nowhere else.
	a.otherOptions("Urgent", "Low")
	refused = a.refusedToGoBack(admin.PublishRequest{Version: first.Version, Reason: "back", Wider: true})
	if refused.Kind != admin.KindInvalid || !strings.Contains(refused.Message, "a.yaml: high stays high; same/c.yaml: high stays high") || strings.Contains(refused.Message, "odd of theirs") || !strings.Contains(refused.Hint, "--force") {
		t.Errorf("a test that fails today: %v, %s", refused, refused.Hint)
	}
	if a.inForce() != second.Version {
		t.Errorf("what was refused is in force")
	}
	forced := a.publish(admin.PublishRequest{Version: first.Version, Reason: "back", Wider: true, Force: true})
	if !forced.Published || forced.Tests != 2 || len(forced.Failures) != 2 || a.inForce() != first.Version {
		t.Errorf("by force: %+v", forced)
	}
	if _, err := a.node.Publish(t.Context(), admin.PublishRequest{Connection: "peer", Reason: "files", Wider: true, Force: true}); err == nil {
		t.Error("files were published by force")
	}
}

func (s *site) refusedToGoBack(r admin.PublishRequest) *admin.Error {
	s.t.Helper()
	r.Connection = "peer"
	_, err := s.node.Publish(s.t.Context(), r)
	var refused *admin.Error
	if !errors.As(err, &refused) {
		s.t.Fatalf("want a refusal, got %v", err)
	}
	return refused
}

func (s *site) inForce() string {
	s.t.Helper()
	h, err := s.node.FilterHistory(s.t.Context(), "peer")
	must(s.t, err)
	return h.Versions[0].Version
}

// TestPublish_TestsThatAreKeptHaveABound: a version is published with tests that can be
// kept with it, or not at all.
func TestPublish_TestsThatAreKeptHaveABound(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	large := "# " + strings.Repeat("x", 500<<10) + "\n" + summaryTest
	for i := range 8 {
		name := string(rune('a' + i))
		a.script(filepath.Join("tests", "peer", name+".yaml"), "# "+name+large)
	}
	first := a.publish(admin.PublishRequest{Reason: "many tests"})
	a.script("out.parley", strings.Replace(outgoing, "replica.comments = issue.comments\n", "", 1))
	a.publish(admin.PublishRequest{Reason: "no comments"})
	if back := a.publish(admin.PublishRequest{Version: first.Version, Reason: "back", Wider: true}); back.Tests != 8 {
		t.Errorf("going back ran %d tests of 8", back.Tests)
	}
	a.script("out.parley", strings.Replace(outgoing, "replica.attachments = issue.attachments\n", "", 1))
	a.script("tests/peer/i.yaml", large)
	if refused := a.refusedToGoBack(admin.PublishRequest{Reason: "too many"}); !strings.Contains(refused.Error(), "are allowed") {
		t.Errorf("more than is kept: %v", refused)
	}
	a.script("tests/peer/i.yaml", large+large)
	if refused := a.refusedToGoBack(admin.PublishRequest{Reason: "too large"}); !strings.Contains(refused.Error(), "i.yaml has") {
		t.Errorf("a file that is too large: %v", refused)
	}
}

// TestPublish_GoingBackToWhatWasAppliedRunsItsTests: a directory's tests stay with the
// versions that it put in force.
func TestPublish_GoingBackToWhatWasAppliedRunsItsTests(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.definition()
	b.apply(admin.ApplyRequest{Setup: a.export(), Reason: "as acme", Wider: true})
	applied := b.inForce()
	b.script("filters/peer.out.parley", outgoing)
	b.script("tests/peer/one.yaml", summaryTest)
	b.publish(admin.PublishRequest{Reason: "no priority"})
	if back := b.publish(admin.PublishRequest{Version: applied, Reason: "back", Wider: true}); !back.Published || back.Tests != 1 {
		t.Errorf("going back: %+v, want one test that passed", back)
	}
}
