package kindtest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/zendesk"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

var supportSpec = zendeskdouble.Spec()

// zendeskSide is a Zendesk with statuses of its own, whose clock is ahead, and whose
// access tokens end in the middle of everything.
func zendeskSide(t *testing.T, seed uint64) side {
	t.Helper()
	var d *zendeskdouble.Double
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Files().ServeHTTP(w, r) }))
	t.Cleanup(media.Close)
	bot := zendeskdouble.Account{ID: 377922500012, Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot", Role: "admin"}
	alice := zendeskdouble.Account{ID: 377922500013, Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice", Role: "agent"}
	const secret = "secret-of-the-client"
	d = zendeskdouble.New(zendeskdouble.Options{
		Accounts: []zendeskdouble.Account{bot, alice}, Clients: map[string]string{"parley": secret}, Media: media.URL,
		CustomStatuses: true, ExportLag: 200 * time.Millisecond, TokenUses: 300, Now: ahead(80 * time.Second),
	})
	server := httptest.NewServer(supportSpec(t).Handler(t, d))
	t.Cleanup(server.Close)
	return side{
		kind: zendesk.Kind(), url: server.URL, internal: true, seed: seed,
		node:   map[string]string{"client_id": "parley", "client_secret": secret, "export_every": "1s", "settle_time": "300ms"},
		person: map[string]string{"email": alice.Email, "token": alice.Token},
		// What nobody has worked on yet is New, which the table does not have.
		create:   event.Fields{event.FieldProject: "Acme", event.FieldType: "Incident", event.FieldStatus: "Open"},
		statuses: map[string]string{"open": "Open", "working": "Waiting for parts", "done": "Solved"},
	}
}

func TestZendesk_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), zendeskSide(t, 4))
}

func TestZendesk_StaysInStepWithJira(t *testing.T) {
	t.Parallel()
	inStep(t, zendeskSide(t, 5), jiraSide(t, 6))
}
