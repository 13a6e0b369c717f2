package zendesk_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/internal/contract"
	"parley/adapters/zendesk"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

func bot() zendeskdouble.Account {
	return zendeskdouble.Account{ID: 377922500012, Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot", Role: "admin"}
}

func alice() zendeskdouble.Account {
	return zendeskdouble.Account{ID: 377922500013, Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice", Role: "agent"}
}

func carol() zendeskdouble.Account {
	return zendeskdouble.Account{ID: 377922500014, Name: "Carol Customer", Email: "carol@customer.example", Role: "end-user"}
}

// site is a double that runs, with every request held to the specification.
type site struct {
	*zendeskdouble.Double
	url   string
	check *contract.Checker
}

var supportSpec = zendeskdouble.Spec()

func startSite(t testing.TB, opt zendeskdouble.Options) *site {
	t.Helper()
	opt.Accounts = append([]zendeskdouble.Account{bot(), alice(), carol()}, opt.Accounts...)
	var s site
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Files().ServeHTTP(w, r) }))
	t.Cleanup(media.Close)
	opt.Media, opt.Clients = media.URL, map[string]string{"parley": clientSecret}
	s.Double = zendeskdouble.New(opt)
	s.check = supportSpec(t).Handler(t, s.Double)
	mux := http.NewServeMux()
	mux.Handle("/", s.check)
	// The page where people sign in is for their browsers: no request of the adapter's.
	mux.Handle("/oauth/authorizations/", s.Double)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return &s
}

func settings(change map[string]string) map[string]string {
	out := map[string]string{"token": bot().Token, "export_every": "0s", "settle_time": "300ms", "page_size": "20", "webhook_secret": hookSecret}
	maps.Copy(out, change)
	return out
}

func open(t testing.TB, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	opened, err := zendesk.Kind().Open(adapters.Options{URL: u, Settings: settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func person(a zendeskdouble.Account) map[string]any {
	return event.User{ID: strconv.FormatInt(a.ID, 10), Name: a.Name, Email: a.Email}.Value()
}

const clientSecret = "secret-of-the-client"

// subject signs in with the credentials of an OAuth client.
func (s *site) subject() adaptertest.Subject {
	client := func(secret string) map[string]string {
		return map[string]string{"token": "", "client_id": "parley", "client_secret": secret}
	}
	return adaptertest.Subject{
		Parent: event.Fields{event.FieldType: "Problem"},
		Child:  event.Fields{event.FieldType: "Incident"},
		URL:    s.url,
		Open: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u, client(clientSecret))
		},
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u, client("wrong"))
		},
		Secrets: []string{clientSecret, "issued-token-"},
		Hand:    hand{s},
		Create:  event.Fields{event.FieldProject: "Acme", event.FieldType: "Task"},
		Fields: map[string][2]any{
			event.FieldPriority:              {"High", "Low"},
			event.FieldDue:                   {"2027-03-04", "2027-04-05"},
			event.FieldLabels:                {[]any{"one", "two"}, []any{"three"}},
			event.FieldAssignee:              {person(bot()), person(alice())},
			event.FieldReporter:              {person(carol()), person(alice())},
			event.FieldProject:               {"Acme Shop", "Acme"},
			"fields.Group":                   {"Support", "Field service"},
			"fields.Remote key":              {"A-1", "A-2"},
			"fields.Details":                 {"first ü\n\nmore", "other **text**"},
			"fields.Severity":                {"Major", "Minor"},
			"fields.Systems":                 {[]any{"API", "Web::Shop"}, []any{"Database"}},
			"fields.Escalated":               {true, false},
			"fields.Count":                   {3.0, 20.0},
			"fields.Cost":                    {1.5, 20.25},
			"fields.Needed by":               {"2027-01-02", "2027-12-31"},
			"fields.Order number":            {"AB-1234", nil},
			"fields.Severity (360011737610)": {"Low", nil},
		},
		Text:             "fields.Remote key",
		Option:           "fields.Severity",
		Statuses:         []string{"Open", "Pending", "On-hold", "Open", "Solved"},
		Refused:          "New",
		Lock:             true,
		CreatesOnce:      true,
		Renews:           true,
		DescriptionFixed: true,
		Pictures:         `/?name=%s" alt="The gauge"`,
		Lag:              2 * time.Second,
		Effect:           effect,
		Deliver: func(t testing.TB, ref event.Ref, _ string) adapters.Delivery {
			t.Helper()
			return deliver(hookSecret, `{"account_id":22129848,"detail":{"actor_id":"8447388090494","created_at":"`+
				time.Unix(ref.Created, 0).UTC().Format(time.RFC3339)+`","id":"`+ref.ID+`","status":"OPEN"},"event":{"current":"OPEN","previous":"NEW"},`+
				`"id":"2b24ef10-19d3-4740-93cf-8f98ec4776c0","subject":"zen:ticket:`+ref.ID+`","time":"2026-07-04T05:33:18Z",`+
				`"type":"zen:event-type:ticket.status_changed","zendesk_event_version":"2022-06-20"}`)
		},
	}
}

const hookSecret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

// deliver is a webhook as Zendesk sends it, signed now.
func deliver(secret, body string) adapters.Delivery {
	at := time.Now().UTC()
	stamp := at.Format(time.RFC3339)
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write([]byte(stamp + body))
	return adapters.Delivery{
		Path: "/", At: at, Body: []byte(body),
		Header: http.Header{
			"Content-Type":                          {"application/json"},
			"X-Zendesk-Webhook-Signature":           {base64.StdEncoding.EncodeToString(sum.Sum(nil))},
			"X-Zendesk-Webhook-Signature-Timestamp": {stamp},
		},
	}
}

// effect knows the request that makes a step happen: an upload and a sign-in only
// prepare.
func effect(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/uploads") && r.URL.Path != "/oauth/tokens"
}

// hand is Alice, who speaks to Zendesk by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/api/v2/"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	r.SetBasicAuth(alice().Email+"/token", alice().Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		return errors.Join(err, fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

func (h hand) json(ctx context.Context, method, path string, body map[string]any, out any) error {
	raw, err := json.Marshal(map[string]any{"ticket": body})
	if err != nil {
		return err
	}
	return h.do(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

// Create implements adaptertest.Hand. What the editor leaves where nobody typed
// anything is no empty text.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	said := map[string]any{"html_body": "<p>&#8203;</p>", "public": true}
	if s, ok := f[event.FieldDescription].(string); ok {
		said = map[string]any{"body": s, "public": true}
	}
	fields := map[string]any{"subject": f[event.FieldSummary], "comment": said}
	if f[event.FieldType] == "Task" {
		fields["type"] = "task"
	}
	var out struct{ Ticket struct{ ID int64 } }
	err := h.json(ctx, http.MethodPost, "tickets", fields, &out)
	id := strconv.FormatInt(out.Ticket.ID, 10)
	return id, id, err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.json(ctx, http.MethodPut, "tickets/"+id, map[string]any{"subject": f[event.FieldSummary]}, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	said := map[string]any{"body": body, "public": !internal}
	return h.json(ctx, http.MethodPut, "tickets/"+id, map[string]any{"comment": said}, nil)
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	var out struct{ Upload struct{ Token string } }
	if err := h.do(ctx, http.MethodPost, "uploads?filename="+url.QueryEscape(name), "text/plain", bytes.NewReader(data), &out); err != nil {
		return err
	}
	said := map[string]any{"body": "see the file", "public": true, "uploads": []string{out.Upload.Token}}
	return h.json(ctx, http.MethodPut, "tickets/"+id, map[string]any{"comment": said}, nil)
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(ctx context.Context, id string) error {
	return h.do(ctx, http.MethodDelete, "tickets/"+id, "application/json", nil, nil)
}

func TestZendesk_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, zendeskdouble.Options{ExportLag: 200 * time.Millisecond, CustomStatuses: true})
	subject := s.subject()
	subject.Kind = "zendesk"
	adaptertest.Run(t, subject)
	for name, n := range s.check.Finish() {
		t.Logf("%6d %s", n, name)
	}
}
