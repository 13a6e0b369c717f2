package kindtest_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters/jira"
	"parley/adapters/jira/jiradouble"
	"parley/node/admin"
	"parley/sync/event"
)

var (
	cloudSpec      = jiradouble.CloudSpec()
	datacenterSpec = jiradouble.DataCenterSpec()
)

// jiraSide is a Jira Cloud whose access tokens end in the middle of everything, and
// whose clock is behind.
func jiraSide(t *testing.T, seed uint64) side {
	t.Helper()
	var d *jiradouble.Double
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Files().ServeHTTP(w, r) }))
	t.Cleanup(media.Close)
	bot := jiradouble.Account{ID: "5b10ac8d82e05b22cc7d4ef5", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
	alice := jiradouble.Account{ID: "712020:alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	d = jiradouble.New(jiradouble.Options{
		Cloud: true, Service: true, Project: "SUP", Accounts: []jiradouble.Account{bot, alice}, Media: media.URL,
		Lag: 200 * time.Millisecond, TokenUses: 300, Now: ahead(-40 * time.Second),
	})
	site, tokens := httptest.NewServer(cloudSpec(t).Handler(t, d)), httptest.NewServer(d.Tokens())
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

// TestJira_ADeletionIsHeardOfByWebhook: no poll lists what is deleted, and no sweep
// looks for it here.
func TestJira_ADeletionIsHeardOfByWebhook(t *testing.T) {
	t.Parallel()
	const secret = "signs-webhooks"
	alice := jiradouble.Account{ID: "alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	bot := jiradouble.Account{ID: "sync.bot", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
	d := jiradouble.New(jiradouble.Options{Project: "OPS", Accounts: []jiradouble.Account{bot, alice}})
	var read atomic.Int64 // when an issue was last read
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/issue/") {
			read.Store(time.Now().UnixNano())
		}
		d.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	settings := func(a jiradouble.Account) map[string]string {
		return map[string]string{"deployment": "datacenter", "token": a.Token, "projects": "OPS", "index_lag": "300ms", "webhook_secret": secret}
	}
	right := newSite(t, "right", side{
		kind: jira.Kind(), url: server.URL, node: settings(bot), person: settings(alice), webhook: freeAddress(t),
		create:   event.Fields{event.FieldProject: "OPS", event.FieldType: "Task"},
		statuses: map[string]string{"open": "To Do"},
	}, false)
	left := newSite(t, "left", deskSide(t), true)
	left.run()
	right.run()
	join(t, left, right)
	w := &work{home: right, away: left, summary: "Ticket 00 goes away"}
	w.make()
	eventually(t, "the ticket has its twin", func() error { _, err := left.find(w); return err })
	state := func(want string) func() error {
		return func() error {
			found, err := right.running.Tickets(t.Context(), admin.TicketQuery{Connection: "peer", State: want})
			if err == nil && len(found) != 1 {
				err = fmt.Errorf("%d tickets are %s", len(found), want)
			}
			return err
		}
	}
	eventually(t, "the pair is in step", state("synced"))
	// A new ticket is looked at once more as long as a second edit may hide in its time.
	eventually(t, "nobody looks at the issue any more", func() error {
		if time.Since(time.Unix(0, read.Load())) < 5*time.Second {
			return errors.New("it was just read")
		}
		return nil
	})
	header, body := d.Delivery(w.made.ID, secret)
	request(t, http.MethodDelete, server.URL+"/rest/api/2/issue/"+w.made.ID, http.Header{"Authorization": {"Bearer " + alice.Token}}, "")
	request(t, http.MethodPost, "http://"+right.webhook+"/", header, string(body))
	eventually(t, "the deletion is known", state("gone"))
}

func request(t *testing.T, method, address string, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("%s got status %d", method, answer.StatusCode)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// datacenterSide is a Jira Data Center whose clock is set to another day.
func datacenterSide(t *testing.T, seed uint64) side {
	t.Helper()
	bot := jiradouble.Account{ID: "sync.bot", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
	alice := jiradouble.Account{ID: "alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
	site := httptest.NewServer(datacenterSpec(t).Handler(t, jiradouble.New(jiradouble.Options{
		Service: true, Project: "OPS", Accounts: []jiradouble.Account{bot, alice}, Lag: 200 * time.Millisecond, Now: ahead(26 * time.Hour),
	})))
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
