package node_test

import (
	"strings"
	"testing"

	"parley/filters/filtertest"
	"parley/node/admin"
)

// TestRecord_ATestOfARealTicketHasNothingPersonal: what leaves the node to become a
// test is masked already, and names what the filter needs.
func TestRecord_ATestOfARealTicketHasNothingPersonal(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	made := a.create("call alice@acme.example, password: hunter22, at db01.intern.acme.corp")
	r, err := a.node.Record(t.Context(), admin.RecordRequest{Key: made.Key})
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filtertest.Parse([]byte(r.Cases))
	if err != nil || len(cases) != 1 || !cases[0].First || cases[0].Issue.Key != made.Key {
		t.Fatalf("got %+v, %v", cases, err)
	}
	for _, raw := range []string{"alice@acme", "hunter22", "intern.acme"} {
		if strings.Contains(r.Cases, raw) {
			t.Errorf("%q is in %s", raw, r.Cases)
		}
	}
	if summary := cases[0].Issue.Fields["summary"]; summary != "call mail2@example.com, [secret], at host2.example" {
		t.Errorf("got summary %q", summary)
	}
	if len(r.Schema.Fields) == 0 {
		t.Error("the schema is missing")
	}
}
