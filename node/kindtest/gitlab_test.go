package kindtest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/gitlab"
	"parley/adapters/gitlab/gitlabdouble"
)

var gitlabSpec = gitlabdouble.Spec()

// gitlabSide is a project of a GitLab whose clock is behind.
func gitlabSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := gitlabdouble.Account{ID: 41, Username: "project_7_bot", Name: "Parley", Token: "token-of-the-bot", Level: 20}
	alice := gitlabdouble.Account{ID: 42, Username: "alice", Name: "Alice Agent", Token: "token-of-alice", Level: 30}
	d := gitlabdouble.New(gitlabdouble.Options{
		Path: "acme/support", ID: 7, Accounts: []gitlabdouble.Account{bot, alice}, Now: ahead(-55 * time.Second),
	})
	double := httptest.NewServer(gitlabSpec(t).Handler(t, d))
	t.Cleanup(double.Close)
	settings := func(a gitlabdouble.Account) map[string]string {
		return map[string]string{"project": "7", "token": a.Token, "settle": "1s", "page_size": "10"}
	}
	return side{
		kind: gitlab.Kind(), url: double.URL, internal: true, seed: seed, node: settings(bot), person: settings(alice),
		statuses: map[string]string{"open": "opened", "done": "closed"},
	}
}

func TestGitLab_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), gitlabSide(t, 7))
}

func TestGitLab_StaysInStepWithAJira(t *testing.T) {
	t.Parallel()
	jira := jiraSide(t, 9)
	// Its workflow has no direct way to Done, and shows none as long as nothing is in progress.
	jira.statuses = map[string]string{"open": "To Do", "done": "In Progress"}
	inStep(t, gitlabSide(t, 8), jira)
}
