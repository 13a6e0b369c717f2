package filters_test

import (
	"slices"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// TestVia_NamesTheWayToAStatus, which a later line takes back.
func TestVia_NamesTheWayToAStatus(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]struct {
		status any
		via    []string
		err    string
	}{
		`issue.status = via("Done", "Open", "Waiting")`:                           {"Done", []string{"Open", "Waiting"}, ""},
		"issue.status = via(\"Done\", \"Open\")\nissue.status = \"Open\"":         {"Open", nil, ""},
		"issue.status = via(\"Done\", \"Open\")\nissue.status = keep":             {nil, nil, ""},
		`issue.status = via(replica.status ?? keep, "Waiting")`:                   {nil, nil, ""},
		`issue.status = via(nil, "Open") ?? "Done"`:                               {"Done", nil, ""},
		`issue.status = via("Done")`:                                              {err: "wants the statuses to go through"},
		`issue.status = via("Done", "Open", "Open")`:                              {err: `through "Open" twice`},
		`issue.status = via("Done", "Open", "Done")`:                              {err: `through "Done" twice`},
		`issue.status = via("Done", "1", "2", "3", "4", "5", "6", "7", "8", "9")`: {err: "8 statuses at most"},
		`issue.status = via("Done", 1)`:                                           {err: "a status, not a number"},
		`issue.status = via(["Done"], "Open")`:                                    {err: "a status, not a list"},
		`issue.summary = via("Done", "Open")`:                                     {err: "via is for issue.status"},
		`issue.labels += via("Done", "Open")`:                                     {err: "a list of texts"},
	} {
		f, err := filters.CompileIncoming(src, filters.Env{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := f.Run(t.Context(), filters.InInput{Replica: filters.Replica{Fields: event.Fields{}}})
		if want.err != "" {
			if err == nil || !strings.Contains(err.Error(), want.err) {
				t.Errorf("%s: %v, want %q", src, err, want.err)
			}
			continue
		}
		if err != nil || got.Fields["status"] != want.status || !slices.Equal(got.Via, want.via) {
			t.Errorf("%s: %v via %q, %v; want %v via %q", src, got.Fields["status"], got.Via, err, want.status, want.via)
		}
	}
}
