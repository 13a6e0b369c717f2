package kindtest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/servicenow"
	"parley/adapters/servicenow/servicenowdouble"
)

var servicenowSpec = servicenowdouble.Spec(true)

// servicenowSide is a ServiceNow whose clock is behind, where text has no format, and closing needs a code and
// notes.
func servicenowSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := servicenowdouble.Account{Login: "svc.parley", Name: "Sync Bot", Email: "bot@example.org", Client: "client-of-the-bot", Secret: "secret-of-the-bot"}
	alice := servicenowdouble.Account{Login: "alice", Name: "Alice Agent", Email: "alice@example.org", Password: "password-of-alice"}
	d := servicenowdouble.New(servicenowdouble.Options{
		Accounts: []servicenowdouble.Account{bot, alice}, TokenUses: 300, Now: ahead(-2 * time.Minute),
	})
	site := httptest.NewServer(servicenowSpec(t).Handler(t, servicenowdouble.Documented(t, d)))
	t.Cleanup(site.Close)
	settings := func(a servicenowdouble.Account, more map[string]string) map[string]string {
		out := map[string]string{
			"user": a.Login, "lag": "300ms", "close_code": "Solution provided", "close_notes": "Closed over there", "history": "yes",
		}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	return side{
		kind: servicenow.Kind(), url: site.URL, internal: true, seed: seed,
		node:     settings(bot, map[string]string{"client_id": bot.Client, "client_secret": bot.Secret}),
		person:   settings(alice, map[string]string{"password": alice.Password}),
		statuses: map[string]string{"open": "New", "working": "In Progress", "done": "Resolved"},
		rich:     "Please look at the printer in room 12.\n\nIt smokes, beeps & burns (lp0 on fire): see https://example.org/smoke?now=1 for more.",
	}
}

func TestServiceNow_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), servicenowSide(t, 11))
}

func TestServiceNow_StaysInStepWithAJira(t *testing.T) {
	t.Parallel()
	inStep(t, servicenowSide(t, 12), jiraSide(t, 13))
}
