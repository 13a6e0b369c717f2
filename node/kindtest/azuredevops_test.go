package kindtest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/azuredevops"
	"parley/adapters/azuredevops/azuredevopsdouble"
	"parley/sync/event"
)

var (
	workSpec     = azuredevopsdouble.WorkSpec()
	identitySpec = azuredevopsdouble.IdentitySpec()
)

// azuredevopsSide is an Azure DevOps whose access tokens end in the middle of
// everything, and whose clock is behind.
func azuredevopsSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := azuredevopsdouble.Account{ID: "d291b0c4-a05c-4ea6-8df1-4b41d5f39eff", Name: "Sync Bot", Email: "bot@example.org"}
	alice := azuredevopsdouble.Account{ID: "8c8c7d32-6b1b-47f4-b2e9-30b477b5ab3d", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	d := azuredevopsdouble.New(azuredevopsdouble.Options{
		Organization: "fabrikam", Projects: []string{"Fabrikam"}, Accounts: []azuredevopsdouble.Account{bot, alice}, TokenUses: 300, Now: ahead(-70 * time.Second),
	})
	checked := azuredevopsdouble.Specified(workSpec(t).Handler(t, d), identitySpec(t).Handler(t, d))
	server, tokens := httptest.NewServer(checked), httptest.NewServer(d.Tokens())
	t.Cleanup(server.Close)
	t.Cleanup(tokens.Close)
	return side{
		kind: azuredevops.Kind(), url: server.URL + "/fabrikam", seed: seed,
		node: map[string]string{
			"client_id": bot.ID, "client_secret": azuredevopsdouble.ClientSecret, "token_url": tokens.URL + "/t/oauth2/v2.0/token",
			"projects": "Fabrikam", "settle_time": "300ms",
		},
		person:   map[string]string{"token": alice.Token, "projects": "Fabrikam"},
		create:   event.Fields{event.FieldProject: "Fabrikam", event.FieldType: "Task"},
		statuses: map[string]string{"open": "To Do", "working": "Doing", "done": "Done"},
	}
}

func TestAzureDevOps_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), azuredevopsSide(t, 11))
}

func TestAzureDevOps_StaysInStepWithJira(t *testing.T) {
	t.Parallel()
	inStep(t, azuredevopsSide(t, 12), jiraSide(t, 13))
}
