package all_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/all"
)

const tableHead = `# What each kind of tracker can do

This page is made from tests: an ability stands here if ` + "`adaptertest`" + ` holds the adapter to it, at a real tracker or at a double that does
as the vendor's documents say (each tracker's own page tells which). Beside these, the suite holds all to the same: creating, reading,
comments, changes by cursor, look-up in doubt, sign-in, every fault of its table. To write it anew: run the suite of the kind, then the tests
of ` + "`adapters/all`" + `, with ` + "`UPDATE=1`" + `.

`

const tableFoot = `
*Status*: can be changed. *Workflow*: knows which status may follow which. *Internal comments* and *internal attachments*: stay among the
tracker's own people. *Pictures in texts*: a text shows the tracker's own copy of a file that it refers to (at Zendesk,
where nobody can change a comment, only if the file was there before); elsewhere the reference stands as words, and is read as the reference. *Optimistic lock*: no write runs over an edit made since the ticket was read; without it, *history* shows such an edit
afterwards. *Creates once*: the tracker itself takes a repeated create for the first one. *Query*: a connection can narrow listings in the
tracker's language. *Told at once*: the tracker pushes; *webhooks* do the same over a listener. *Access tokens*: signs in by OAuth 2.0 and
renews them. *Probe*: tells an administrator what is missing.

What becomes of text between their formats stands in [text.md](text.md).
`

// TestTable_IsWhatTheSuitesProved: the page of the documents is made from the files
// that the suites wrote and compare. UPDATE=1 writes it.
func TestTable_IsWhatTheSuitesProved(t *testing.T) {
	t.Parallel()
	const name = "../../docs/adapters/README.md"
	got := tableHead + table("Ability", func(k adapters.Kind) []string { return k.Capabilities.Abilities }) + "\n" +
		table("Fields of type", func(k adapters.Kind) []string { return k.Capabilities.Fields }) + tableFoot
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the source
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, string(want)); d != "" {
		t.Errorf("run this test with UPDATE=1:\n%s", d)
	}
}

func TestCapabilities_AreOfKindsThatThereAre(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("capabilities/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if !slices.ContainsFunc(all.Kinds(), func(k adapters.Kind) bool { return k.Name == name }) {
			t.Errorf("%s is of no kind that there is", f)
		}
	}
}

// table has a row for each thing that any kind has, in the order in which they have it.
func table(title string, of func(adapters.Kind) []string) string {
	kinds := all.Kinds()
	var rows []string
	var head, rule strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&head, " %s |", k.Name)
		rule.WriteString("---|")
		for _, what := range of(k) {
			if !slices.Contains(rows, what) {
				rows = append(rows, what)
			}
		}
	}
	slices.Sort(rows)
	out := "| " + title + " |" + head.String() + "\n|---|" + rule.String() + "\n"
	for _, what := range rows {
		out += "| " + what + " |"
		for _, k := range kinds {
			out += map[bool]string{true: " yes |", false: " |"}[slices.Contains(of(k), what)]
		}
		out += "\n"
	}
	return out
}
