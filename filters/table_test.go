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
	for _, want := range []string{`policy "guess"`, "pair 1 (line 3, column 5) has 1 values", "pair 3 (line 5, column 5), [b, c], stands twice", "table b", "pears"} {
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

// TestTables_AreHeldToTheTrackersOptions: pairs that name no option of the field are
// told where the table is used, all at once, each with what was probably meant.
func TestTables_AreHeldToTheTrackersOptions(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	many := filters.Table{Policy: filters.TableKeep, Pairs: []filters.Pair{{Ours: "Low", Wire: "1"}, {Ours: "Hihg", Wire: "2"}, {Ours: "Hihg", Wire: "3"}, {Ours: "Top", Wire: "4"}}}
	env.Tables["many"] = many
	for i := range 9 {
		many.Pairs = append(many.Pairs, filters.Pair{Ours: "Odd" + string(rune('A'+i)), Wire: "5"})
	}
	env.Tables["crowd"] = many
	names := func(table, rest string) string {
		return "the table " + table + " names what is no option of issue.priority: " + rest
	}
	two := names("many", `pair 2 names "Hihg" (did you mean High?), pair 4 names "Top"`)
	for _, c := range []struct {
		list      filters.Problems
		line      int
		message   string
		nearestTo string
	}{
		{outgoing(t, `replica.priority = lookup("many", issue.priority)`, env).Warnings(), 1, two, ""},
		{incoming(t, "issue.summary = replica.summary\nissue.priority = lookup(\"many\", replica.priority) ?? \"Low\"", env).Warnings(), 2, two, ""},
		{outgoing(t, `replica.priority = lookup("urgency", issue.priority, "1")`, env).Warnings(), 1, names("urgency", `pair 2 names "Hihg"`), "High"},
		{outgoing(t, `replica.priority = lookup("crowd", issue.priority)`, env).Warnings(), 1, names("crowd", `pair 2 names "Hihg" (did you mean High?), pair 4 names "Top", pair 5 names "OddA", pair 6 names "OddB", pair 7 names "OddC", and 6 more`), ""},
	} {
		if len(c.list) != 1 {
			t.Errorf("want one warning, got\n%v", c.list)
			continue
		}
		if p := c.list[0]; p.Code != filters.CodeTableOption || !p.Warning || p.Line != c.line || p.Message != c.message || p.Nearest != c.nearestTo {
			t.Errorf("got  %s, nearest %q, in line %d\nwant %s, nearest %q, in line %d", p.Message, p.Nearest, p.Line, c.message, c.nearestTo, c.line)
		}
	}
	whole := env
	whole.Tables = map[string]filters.Table{"whole": {Pairs: []filters.Pair{{Ours: "Low", Wire: "1"}, {Ours: "High", Wire: "2"}}}}
	if list := outgoing(t, `replica.priority = lookup("whole", issue.priority)`, whole).Warnings(); len(list) > 0 {
		t.Errorf("a table that is whole gave\n%v", list)
	}
}
