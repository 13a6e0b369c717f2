package filters_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

func TestTables_AreRead(t *testing.T) {
	t.Parallel()
	got, err := filters.LoadTables(fstest.MapFS{
		"tables/status.yaml": {Data: []byte("policy: keep\npairs:\n  - [Open, new]\n  - [Closed, \"yes\"]\n")},
		"tables/empty.yaml":  {}, "tables/notes.txt": {Data: []byte("x")},
	}, "tables")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]filters.Table{
		"status": {Policy: filters.TableKeep, Pairs: []filters.Pair{{Ours: "Open", Wire: "new"}, {Ours: "Closed", Wire: "yes"}}}, "empty": {},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("tables (-got +want):\n%s", diff)
	}
	if none, err := filters.LoadTables(fstest.MapFS{}, "tables"); err != nil || len(none) > 0 {
		t.Errorf("no folder: %v, %v", none, err)
	}
}

func TestTables_TellAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := filters.LoadTables(fstest.MapFS{
		"a.yaml": {Data: []byte("policy: guess\npairs:\n  - [a]\n  - [b, c]\n  - [b, c]\n")},
		"b.yaml": {Data: []byte("pears: []\n")},
	}, ".")
	for _, want := range []string{`policy "guess"`, "pair 1 has 1 values", "pair 3, [b, c], stands twice", "table b", "pears"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if _, err := filters.ParseTable([]byte(strings.Repeat("#", 1<<20))); err == nil {
		t.Error("a table of 1 MB was read")
	}
}

func TestTables_ServeBothDirections(t *testing.T) {
	t.Parallel()
	for ours, wire := range map[string]string{"Open": "open", "In Progress": "open", "Done": "closed"} {
		env := sampleEnv()
		out, err := outgoing(t, `replica.status = lookup("status", issue.status)`, env).Run(t.Context(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"status": ours}}})
		if err != nil || out.Replica.Fields["status"] != wire {
			t.Errorf("%s left as %v (%v)", ours, out.Replica.Fields["status"], err)
		}
	}
	for wire, ours := range map[string]string{"open": "Open", "closed": "Done"} {
		if got := receive(t, `issue.status = lookup("status", replica.status)`, event.Fields{"status": wire}).Fields["status"]; got != ours {
			t.Errorf("%s came in as %v", wire, got)
		}
	}
	for policy, want := range map[string]event.Fields{"keep": {}, "empty": {"status": nil}, "pass": {"status": "odd"}} {
		if got := receive(t, `issue.status = lookup("`+policy+`", replica.status)`, event.Fields{"status": "odd"}).Fields; !cmp.Equal(got, want) {
			t.Errorf("policy %s gave %v", policy, got)
		}
	}
}
