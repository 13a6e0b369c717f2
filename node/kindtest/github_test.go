package kindtest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/github"
	"parley/adapters/github/githubdouble"
)

var githubSpec = githubdouble.Spec()

// githubSide is a repository of an organisation, on servers whose clocks are ahead.
func githubSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := githubdouble.Account{ID: 41, Login: "parley-sync", Token: "token-of-the-bot", Role: "write"}
	alice := githubdouble.Account{ID: 42, Login: "alice", Token: "token-of-alice", Role: "write"}
	d := githubdouble.New(githubdouble.Options{
		Owner: "acme", Name: "support", Accounts: []githubdouble.Account{bot, alice}, Now: ahead(95 * time.Second),
	})
	double := httptest.NewServer(githubdouble.Specified(githubSpec(t).Handler(t, d), d))
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
