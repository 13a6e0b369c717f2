package kindtest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"parley/adapters/salesforce"
	"parley/adapters/salesforce/salesforcedouble"
	"parley/sync/event"
)

// plainText is text that a field without formatting keeps as it is.
const plainText = "Please look at the printer in room 12: it smokes, and it beeps.\n\nIt is on fire, see https://example.org/smoke for more."

// salesforceSide is an org of Salesforce whose access tokens end in the middle of
// everything, whose clock is ahead, and which shows neither comments nor files by a case's own time.
func salesforceSide(t *testing.T, seed uint64, keyField bool) side {
	t.Helper()
	bot := salesforcedouble.Account{ID: salesforcedouble.Long("005000000000001"), Name: "Sync Bot", Email: "bot@example.org", Login: "bot@acme.example", SeesAll: true}
	alice := salesforcedouble.Account{ID: salesforcedouble.Long("005000000000002"), Name: "Alice Agent", Email: "alice@example.org", Login: "alice@acme.example"}
	double := httptest.NewServer(salesforcedouble.NewChecker(t, salesforcedouble.New(salesforcedouble.Options{
		Accounts: []salesforcedouble.Account{bot, alice}, KeyField: keyField, TokenUses: 300, Now: ahead(50 * time.Second),
		Queues: []salesforcedouble.Account{{ID: salesforcedouble.Long("00G000000000001"), Name: "Second level"}}, AssignTo: salesforcedouble.Long("00G000000000001"),
		Apps: map[string]salesforcedouble.App{"parley": {Secret: "secret-of-the-app"}, "people": {Secret: "secret-of-people", RunsAs: alice.ID}},
	})))
	t.Cleanup(double.Close)
	return side{
		kind: salesforce.Kind(), url: double.URL, internal: true, seed: seed, rich: plainText,
		node:     map[string]string{"client_id": "parley", "client_secret": "secret-of-the-app", "settle_time": "300ms", "overlap": "10s"},
		person:   map[string]string{"client_id": "people", "client_secret": "secret-of-people", "overlap": "10s"},
		create:   event.Fields{event.FieldProject: "Support", event.FieldType: "Other"},
		statuses: map[string]string{"open": "New", "working": "Working", "done": "Closed"},
	}
}

func TestSalesforce_StaysInStepWithADesk(t *testing.T) {
	t.Parallel()
	inStep(t, deskSide(t), salesforceSide(t, 7, true))
}

func TestSalesforce_StaysInStepWithAZendesk(t *testing.T) {
	t.Parallel()
	inStep(t, salesforceSide(t, 8, false), zendeskSide(t, 9))
}
