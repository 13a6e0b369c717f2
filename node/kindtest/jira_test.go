package kindtest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/jira"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

// jiraSide is a Jira Cloud whose access tokens end in the middle of everything.
func jiraSide(t *testing.T, seed uint64) side {
	t.Helper()
	var d *jiradouble.Double
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Files().ServeHTTP(w, r) }))
	t.Cleanup(media.Close)
	bot := jiradouble.Account{ID: "5b10ac8d82e05b22cc7d4ef5", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
	alice := jiradouble.Account{ID: "712020:alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	d = jiradouble.New(jiradouble.Options{
		Cloud: true, Service: true, Project: "SUP", Accounts: []jiradouble.Account{bot, alice}, Media: media.URL,
		Lag: 200 * time.Millisecond, TokenUses: 300,
	})
	site, tokens := httptest.NewServer(d), httptest.NewServer(d.Tokens())
	t.Cleanup(site.Close)
	t.Cleanup(tokens.Close)
	return side{
		kind: jira.Kind(), url: site.URL, internal: true, seed: seed,
		node: map[string]string{
			"client_id": bot.ID, "client_secret": jiradouble.ClientSecret, "token_url": tokens.URL, "projects": "SUP", "index_lag": "300ms",
		},
		person:   map[string]string{"email": alice.Email, "token": alice.Token, "projects": "SUP", "index_lag": "300ms"},
		create:   event.Fields{event.FieldProject: "SUP", event.FieldType: "Bug"},
		statuses: map[string]string{"open": "To Do", "working": "In Progress", "done": "Done"},
	}
}

// datacenterSide is a Jira Data Center.
func datacenterSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := jiradouble.Account{ID: "sync.bot", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
	alice := jiradouble.Account{ID: "alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	site := httptest.NewServer(jiradouble.New(jiradouble.Options{
		Service: true, Project: "OPS", Accounts: []jiradouble.Account{bot, alice}, Lag: 200 * time.Millisecond,
	}))
	t.Cleanup(site.Close)
	settings := func(a jiradouble.Account) map[string]string {
		return map[string]string{"deployment": "datacenter", "token": a.Token, "projects": "OPS", "index_lag": "300ms"}
	}
	return side{
		kind: jira.Kind(), url: site.URL, internal: true, seed: seed, node: settings(bot), person: settings(alice),
		create:   event.Fields{event.FieldProject: "OPS", event.FieldType: "Task"},
		statuses: map[string]string{"open": "To Do", "working": "In Progress", "done": "Done"},
	}
}

func TestJira_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), jiraSide(t, 1))
}

func TestJira_StaysInStepWithADataCenter(t *testing.T) {
	t.Parallel()
	inStep(t, jiraSide(t, 2), datacenterSide(t, 3))
}
