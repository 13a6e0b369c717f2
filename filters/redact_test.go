package filters_test

import (
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// TestRedact_LeavesNothingOfWhatTwoDetectorsFind: the order of the names does not
// matter, and what one detector finds within another's is not all that is taken out.
func TestRedact_LeavesNothingOfWhatTwoDetectorsFind(t *testing.T) {
	t.Parallel()
	for _, names := range []string{`"phone", "card", "iban"`, `"iban", "card", "phone"`, `"host", "email"`, `"email", "host"`} {
		out, err := filters.CompileOutgoing("replica.summary = redact(issue.summary, "+names+")", filters.Env{})
		if err != nil {
			t.Fatal(err)
		}
		text, want := "pay DE89 3704 0044 0532 0130 00, please", "pay [iban], please"
		if names[1] == 'h' || names[1] == 'e' {
			text, want = "mail ann@mail.corp.internal, please", "mail [email], please"
		}
		got, err := out.Run(t.Context(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"summary": text}}})
		if err != nil || got.Replica.Fields["summary"] != want {
			t.Errorf("%s: got %q, %v; want %q", names, got.Replica.Fields["summary"], err, want)
		}
	}
}

// TestMask_LeavesNothingOfWhatTwoDetectorsFind: the gate's masks are no other.
func TestMask_LeavesNothingOfWhatTwoDetectorsFind(t *testing.T) {
	t.Parallel()
	gate := filters.Egress{Detect: map[string]filters.Action{"phone": filters.ActionMask, "iban": filters.ActionMask}}
	got := gate.Mask(filters.Replica{Fields: event.Fields{"summary": "pay DE89 3704 0044 0532 0130 00, please"}})
	if want := "pay [iban], please"; got.Fields["summary"] != want {
		t.Errorf("got %q, want %q", got.Fields["summary"], want)
	}
}
