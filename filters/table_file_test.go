package filters_test

import (
	"encoding/json"
	"strings"
	"testing"

	"parley/filters"
)

// TestTables_APairThatIsNeverUsedIsAnError: pairs may share a value of ours or one on
// the wire; one that shares both with pairs above it does nothing either way.
func TestTables_APairThatIsNeverUsedIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, pairs, want string }{
		{"two of ours are one on the wire", "[Open, open], [New, open]", ""},
		{"two on the wire are one of ours", "[Open, open], [Open, new]", ""},
		{"both, for different values", "[Open, open], [New, open], [Done, closed], [Done, ended]", ""},
		{"a contradiction", "[Open, new], [Done, closed], [Open, closed]", `pair 3 (line 2, column 38), [Open, closed], is never used: pair 1 (line 2, column 9) has "Open" leave as "new", and pair 2 (line 2, column 22) has "closed" come in as "Done"`},
		{"a contradiction after letters of two bytes", `["Geöffnet", neu], [Zu, zu], ["Geöffnet", zu]`, "pair 3 (line 2, column 38)"},
		{"the same", "[Open, new], [Open, new]", "pair 2 (line 2, column 22), [Open, new], stands twice"},
		{"the same, after a pair that shares a value", "[A, x], [B, x], [B, x]", "pair 3 (line 2, column 25), [B, x], stands twice"},
		{"nothing but letters' case is alike", "[Open, new], [open, New], [Open, New], [OPEN, new]", "pair 3 (line 2, column 35), [Open, New], is never used"},
		{"an alias has no place but counts", "[&a Open, new], [Done, closed], [*a, closed]", "[Open, closed], is never used"},
	} {
		_, err := filters.ParseTable([]byte("# mapping\npairs: [" + c.pairs + "]\n"))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0):
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
	}
}

// TestTables_WarningsSayWhereInTheFileThePairStands: what is told of a table's pair
// where the table is used leads to the line to mend; where it stands is no part of
// what a table says.
func TestTables_WarningsSayWhereInTheFileThePairStands(t *testing.T) {
	t.Parallel()
	table, err := filters.ParseTable([]byte("policy: keep\n\n# ours, theirs\npairs:\n  - [Low, low]\n  - [Hihg, high]   # most of them\n  - [High, middle]\n"))
	if err != nil {
		t.Fatal(err)
	}
	env := sampleEnv()
	env.Tables["urgency"] = table
	out := `replica.priority = lookup("urgency", issue.priority)`
	if got := outgoing(t, out, env).Warnings().Error(); !strings.Contains(got, `pair 2 (line 6, column 5) names "Hihg"; did you mean High?`) {
		t.Errorf("option: %s", got)
	}
	status, err := filters.ParseTable([]byte("pairs:\n  - [In Progress, open]\n  - - Open\n    - open\n  - [Done, closed]\n"))
	if err != nil {
		t.Fatal(err)
	}
	env.Tables["status"] = status
	back := filters.RoundTrip(t.Context(), outgoing(t, `replica.status = lookup("status", issue.status)`, env), incoming(t, `issue.status = lookup("status", replica.status)`, env), env.Schema, sampleContext())
	if want := `: in the table status, pair 2 (line 3, column 5) and pair 1 (line 2, column 5) are both open on the wire`; len(back) != 1 || !strings.HasSuffix(back[0].Message, want) {
		t.Errorf("round trip: %v\nwant %s", back, want)
	}
	raw, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	var stored filters.Table
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	if stored.Pairs[1].Line != 0 || !stored.Equal(table) {
		t.Errorf("as data the table is %s", raw)
	}
	before := outgoing(t, out, env).Version()
	env.Tables["urgency"] = stored
	if outgoing(t, out, env).Version() != before {
		t.Error("where a pair stands changes the filter's version")
	}
	stored.Pairs[0].Wire = "lower"
	if stored.Equal(table) {
		t.Error("tables with another pair are equal")
	}
}

// FuzzTable: whatever a table's file holds, each pair that is read is used one way at
// least, and stands in the file where it is said to.
func FuzzTable(f *testing.F) {
	f.Add([]byte("policy: park\npairs:\n  - [Open, new]\n  - [Done, closed]\n"))
	f.Add([]byte("pairs: [[&a Open, new], [*a, closed]]"))
	f.Add([]byte("pairs: &p\n- - a\n  - b\n---\npairs: []\n"))
	f.Add([]byte("\"pairs\": [[ä, |\n  x\n]]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := filters.ParseTable(data)
		if err != nil {
			return
		}
		lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)), "\n") + 1
		out, in := map[string]bool{}, map[string]bool{}
		for i, p := range table.Pairs {
			if out[p.Ours] && in[p.Wire] {
				t.Errorf("pair %d is never used: %v", i+1, table.Pairs)
			}
			out[p.Ours], in[p.Wire] = true, true
			if p.Line < 0 || p.Line > lines || p.Col < 0 || (p.Line == 0) != (p.Col == 0) {
				t.Errorf("pair %d is said to stand in line %d, column %d of %d lines", i+1, p.Line, p.Col, lines)
			}
		}
	})
}
