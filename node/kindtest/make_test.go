package kindtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// add puts lines behind a filter, and text in place of another in the configuration.
func (x *site) add(file, lines, was, text string) {
	x.t.Helper()
	for name, change := range map[string]func(string) string{
		file:          func(s string) string { return s + lines },
		"parley.yaml": func(s string) string { return strings.Replace(s, was, text, 1) },
	} {
		path := filepath.Join(x.dir, name)
		raw, err := os.ReadFile(path)
		must(x.t, err)
		must(x.t, os.WriteFile(path, []byte(change(string(raw))), 0o600))
	}
}

// TestJira_VersionsThatADeskNamesAreMadeOnce: tickets that name the same ones come at
// once, while Jira misbehaves.
func TestJira_VersionsThatADeskNamesAreMadeOnce(t *testing.T) {
	t.Parallel()
	left, right := newSite(t, "left", deskSide(t), true), newSite(t, "right", jiraSide(t, 11), false)
	left.add("out.parley", "replica.fixVersions = issue.labels\n", "", "")
	right.add("in.parley", "issue.fixVersions = map(replica.fixVersions, version(#, true))\n",
		"in: in.parley", "in: in.parley, accept: {create: [versions]}")
	left.run()
	right.run()
	join(t, left, right)
	var works []*work
	named := map[*work][]any{}
	for n := range 8 {
		w := &work{number: n, home: left, away: right, summary: fmt.Sprintf("Ticket %02d is planned", n)}
		w.make()
		named[w] = []any{"1.0", []string{"autumn", "spring"}[n%2]}
		left.do(event.Step{Kind: event.StepUpdate, Ref: w.made, Fields: event.Fields{event.FieldLabels: named[w]}}, nil)
		works = append(works, w)
	}
	held := func(w *work) func() error {
		return func() error {
			ref, err := right.find(w)
			if err != nil {
				return err
			}
			ticket, err := right.people.Read(t.Context(), ref)
			if got, _ := ticket.Fields[event.FieldFixVersions].([]any); err == nil && !slices.Equal(got, named[w]) {
				err = fmt.Errorf("ticket %d holds %v, want %v", w.number, got, named[w])
			}
			return err
		}
	}
	eventually(t, "the first ticket is there in spite of all", func() error { _, err := right.find(works[0]); return err })
	t.Logf("faults %v", right.trouble.Heal())
	eventually(t, "what was parked is driven again", func() error {
		_, err := right.running.Retry(t.Context(), admin.QueueSelect{Connection: "peer", All: true})
		return err
	})
	for _, w := range works {
		eventually(t, "the versions", held(w))
	}
	schema, err := right.people.Schema(t.Context())
	must(t, err)
	if got := schema.Fields[event.FieldFixVersions].Options; len(got) != 4 || !slices.Contains(got, "autumn") || !slices.Contains(got, "spring") {
		t.Errorf("Jira has the versions %q", got)
	}
}
