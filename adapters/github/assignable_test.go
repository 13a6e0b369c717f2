package github_test

import (
	"testing"

	"parley/adapters"
	"parley/adapters/github/githubdouble"
)

func TestTrap_SomebodyWhomAnIssueCannotBeAssignedToIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, githubdouble.Options{}, nil)
	for id, want := range map[string]bool{alice().Login: true, stranger().Login: false, "nobody": false, "no login": false, "../x": false} {
		if got, err := b.tracker.(adapters.Assigner).Assignable(t.Context(), "", id); got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", id, got, err, want)
		}
	}
}
