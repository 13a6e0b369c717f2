package jira_test

import (
	"errors"
	"testing"

	"parley/adapters"
	"parley/adapters/jira/jiradouble"
)

func TestTrap_SomebodyWhomAnIssueCannotBeAssignedToIsTold(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		guest := jiradouble.Account{ID: "712020:guest", Name: "Gil Guest", Email: "gil@example.org", Unassignable: true}
		b := newBench(t, jiradouble.Options{Cloud: cloud, Accounts: []jiradouble.Account{guest}}, nil)
		assigner, ok := b.tracker.(adapters.Assigner)
		if !ok {
			t.Fatal("it does not tell")
		}
		for _, where := range []string{"", project} {
			for id, want := range map[string]bool{alice().ID: true, guest.ID: false, "712020": false, "nobody": false} {
				if got, err := assigner.Assignable(t.Context(), where, id); got != want || err != nil {
					t.Errorf("%q in %q: %v, %v; want %v", id, where, got, err, want)
				}
			}
		}
		if yes, err := assigner.Assignable(t.Context(), "NOPE", alice().ID); yes || err == nil || errors.Is(err, adapters.ErrTransient) {
			t.Errorf("in a project that is not there: %v, %v", yes, err)
		}
	})
}
