package filters_test

import (
	"context"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// An empty field looked up in a map literal is not found; it is no error.
func TestRun_AnEmptyValueIsNotFoundInAMap(t *testing.T) {
	t.Parallel()
	f, err := filters.CompileOutgoing(`replica.priority = {"High": "P1"}[issue.priority] ?? "P4"`, filters.Env{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Run(context.Background(), filters.OutInput{Issue: filters.Ours{Fields: event.Fields{"priority": nil}}})
	if err != nil {
		t.Fatalf("an empty priority fails the filter: %v", err)
	}
	if got := out.Replica.Fields["priority"]; got != "P4" {
		t.Errorf("priority is %v, want P4", got)
	}
}
