package gitlab_test

import (
	"testing"

	"parley/adapters"
	"parley/adapters/gitlab/gitlabdouble"
)

func TestTrap_SomebodyWhomAnIssueCannotBeAssignedToIsTold(t *testing.T) {
	t.Parallel()
	outside := gitlabdouble.Account{ID: 77, Username: "mallory", Name: "Mallory"}
	b := newBench(t, gitlabdouble.Options{Accounts: []gitlabdouble.Account{outside}}, nil)
	users, err := b.tracker.(adapters.People).FindUser(t.Context(), alice().Username)
	if err != nil || len(users) != 1 {
		t.Fatalf("Alice is %v, %v", users, err)
	}
	for id, want := range map[string]bool{users[0].ID: true, "mallory": false, "77": false, "nobody": false, "": false} {
		if got, err := b.tracker.(adapters.Assigner).Assignable(t.Context(), "", id); got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", id, got, err, want)
		}
	}
}
