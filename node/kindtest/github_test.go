package kindtest_test

import (
	"net/http/httptest"
	"testing"

	"parley/adapters/github"
	"parley/adapters/github/githubdouble"
)

// githubSide is a repository of an organisation.
func githubSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := githubdouble.Account{ID: 41, Login: "parley-sync", Token: "token-of-the-bot", Role: "write"}
	alice := githubdouble.Account{ID: 42, Login: "alice", Token: "token-of-alice", Role: "write"}
	double := httptest.NewServer(githubdouble.New(githubdouble.Options{
		Owner: "acme", Name: "support", Accounts: []githubdouble.Account{bot, alice},
	}))
	t.Cleanup(double.Close)
	settings := func(a githubdouble.Account) map[string]string {
		return map[string]string{"repository": "acme/support", "token": a.Token, "write_interval": "0s", "settle": "1s", "page_size": "10"}
	}
	return side{
		kind: github.Kind(), url: double.URL + "/api/v3", noFiles: true, seed: seed, node: settings(bot), person: settings(alice),
		statuses: map[string]string{"open": "open", "done": "closed"},
	}
}

func TestGitHub_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), githubSide(t, 4))
}

func TestGitHub_StaysInStepWithAJira(t *testing.T) {
	t.Parallel()
	jira := jiraSide(t, 6)
	// Its workflow has no direct way to Done, and shows none as long as nothing is in progress.
	jira.statuses = map[string]string{"open": "To Do", "done": "In Progress"}
	inStep(t, githubSide(t, 5), jira)
}
