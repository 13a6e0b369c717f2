package salesforce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/salesforce"
	"parley/adapters/salesforce/salesforcedouble"
	"parley/sync/event"
)

func bot() salesforcedouble.Account {
	return salesforcedouble.Account{
		ID: salesforcedouble.Long("005000000000001"), Name: "Sync Bot", Email: "bot@example.org", Login: "bot@acme.example", Token: "token-of-the-bot", SeesAll: true,
	}
}

func alice() salesforcedouble.Account {
	return salesforcedouble.Account{
		ID: salesforcedouble.Long("005000000000002"), Name: "Alice Agent", Email: "alice@example.org", Login: "alice@acme.example", Token: "token-of-alice",
	}
}

func carol() salesforcedouble.Account {
	return salesforcedouble.Account{ID: salesforcedouble.Long("003000000000001"), Name: "Carol O'Customer", Email: "carol@customer.example"}
}

func dave() salesforcedouble.Account {
	return salesforcedouble.Account{ID: salesforcedouble.Long("003000000000002"), Name: "Dave Customer", Email: "dave@customer.example"}
}

func queue() salesforcedouble.Account {
	return salesforcedouble.Account{ID: salesforcedouble.Long("00G000000000001"), Name: "Second level"}
}

const (
	consumerKey    = "3MVG9consumer"
	consumerSecret = "secret-of-the-app"
	hookSecret     = "hF3kQ9-secret-path"
)

// site is a double that runs, with every request held to the collection.
type site struct {
	*salesforcedouble.Double
	url   string
	check *salesforcedouble.Checker
}

func startSite(t testing.TB, opt salesforcedouble.Options) *site {
	t.Helper()
	opt.Accounts = append([]salesforcedouble.Account{bot(), alice()}, opt.Accounts...)
	opt.Contacts = []salesforcedouble.Account{carol(), dave()}
	opt.Queues = []salesforcedouble.Account{queue()}
	if opt.Apps == nil {
		opt.Apps = map[string]salesforcedouble.App{consumerKey: {Secret: consumerSecret}}
	}
	s := site{Double: salesforcedouble.New(opt)}
	s.check = salesforcedouble.NewChecker(t, s.Double)
	server := httptest.NewServer(s.check)
	t.Cleanup(server.Close)
	s.url = server.URL
	return &s
}

func settings(change map[string]string) map[string]string {
	out := map[string]string{
		"client_id": consumerKey, "client_secret": consumerSecret, "settle_time": "300ms", "overlap": "10s", "webhook_secret": hookSecret,
	}
	maps.Copy(out, change)
	return out
}

func open(t testing.TB, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	opened, err := salesforce.Kind().Open(adapters.Options{URL: u, Settings: settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func value(a salesforcedouble.Account) map[string]any {
	return event.User{ID: a.ID, Name: a.Name, Email: a.Email}.Value()
}

func (s *site) subject() adaptertest.Subject {
	return adaptertest.Subject{
		Parent: event.Fields{},
		URL:    s.url,
		Open: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u, nil)
		},
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u, map[string]string{"client_secret": "wrong"})
		},
		Secrets: []string{consumerSecret, "issued.token"},
		Hand:    hand{s},
		Create:  event.Fields{event.FieldProject: "Support", event.FieldType: "Other"},
		Fields: map[string][2]any{
			event.FieldPriority:      {"High", "Low"},
			event.FieldAssignee:      {value(alice()), value(queue())},
			event.FieldReporter:      {value(carol()), value(dave())},
			event.FieldProject:       {"Field service", "Support"},
			"fields.Case Origin":     {"Phone", "Email"},
			"fields.Escalated":       {true, false},
			"fields.Remote key":      {"A-1", "A-2"},
			"fields.Details":         {"first ü\n\nmore", "other **text**"},
			"fields.Report":          {"with **bold** words", "- one\n- two"},
			"fields.Severity":        {"Major", "Minor"},
			"fields.Systems":         {[]any{"API", "Web Shop"}, []any{"Database"}},
			"fields.Count":           {3.0, 20.0},
			"fields.Cost":            {1.5, 20.25},
			"fields.Needed by":       {"2027-01-02", "2027-12-31"},
			"fields.Call at":         {"2027-01-02T03:04:05Z", "2027-12-31T23:00:00Z"},
			"fields.Billable":        {true, false},
			"fields.Level (Tier__c)": {"gold", nil},
		},
		Text:           "fields.Remote key",
		Option:         "fields.Severity",
		Statuses:       []string{"Working", "On Hold", "Escalated", "Closed"},
		Refused:        "Solved",
		BadQuery:       "Status = = 'New'",
		Lock:           true,
		CreatesOnce:    true,
		Renews:         true,
		UnsignedHooks:  true,
		LongestComment: 3900,
		Lag:            time.Second,
		Effect:         effect,
		Patience:       5 * time.Second,
		Deliver: func(t testing.TB, ref event.Ref, _ string) adapters.Delivery {
			t.Helper()
			return delivery("/parley/"+hookSecret, `{"id":"`+ref.ID+`"}`)
		},
	}
}

func delivery(path, body string) adapters.Delivery {
	return adapters.Delivery{Path: path, At: time.Now(), Body: []byte(body), Header: http.Header{"Content-Type": {"application/json"}}}
}

// effect knows the request that makes a step happen: a file that nothing links to and a
// sign-in only prepare.
func effect(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/ContentVersion") && !strings.HasSuffix(r.URL.Path, "/token")
}

// hand is Alice, who speaks to Salesforce by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/services/data/v66.0/"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+alice().Token)
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
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return h.do(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	fields := map[string]any{"Subject": f[event.FieldSummary]}
	if s, ok := f[event.FieldDescription].(string); ok {
		fields["Description"] = s
	}
	var out struct{ ID string }
	if err := h.json(ctx, http.MethodPost, "sobjects/Case", fields, &out); err != nil {
		return "", "", err
	}
	number, _ := h.s.Value(out.ID, "CaseNumber").(string)
	return out.ID, number, nil
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.json(ctx, http.MethodPatch, "sobjects/Case/"+id, map[string]any{"Subject": f[event.FieldSummary]}, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	said := map[string]any{"ParentId": id, "CommentBody": body, "IsPublished": !internal}
	return h.json(ctx, http.MethodPost, "sobjects/CaseComment", said, nil)
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	about, err := json.Marshal(map[string]any{"Title": name, "PathOnClient": name})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}})
	if err == nil {
		_, err = part.Write(about)
	}
	if err != nil {
		return err
	}
	if part, err = w.CreateFormFile("VersionData", "file"); err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	var version struct{ ID string }
	if err := h.do(ctx, http.MethodPost, "sobjects/ContentVersion", w.FormDataContentType(), &body, &version); err != nil {
		return err
	}
	var row struct {
		Document string `json:"ContentDocumentId"`
	}
	if err := h.do(ctx, http.MethodGet, "sobjects/ContentVersion/"+version.ID, "", http.NoBody, &row); err != nil {
		return err
	}
	link := map[string]any{"ContentDocumentId": row.Document, "LinkedEntityId": id, "ShareType": "V", "Visibility": "AllUsers"}
	return h.json(ctx, http.MethodPost, "sobjects/ContentDocumentLink", link, nil)
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(ctx context.Context, id string) error {
	return h.do(ctx, http.MethodDelete, "sobjects/Case/"+id, "application/json", http.NoBody, nil)
}

func TestSalesforce_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true})
	subject := s.subject()
	subject.Kind = "salesforce"
	adaptertest.Run(t, subject)
	s.check.Finish()
}

func TestSalesforce_KeepsThePromisesWithoutTheKeyField(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{Touching: true})
	subject := s.subject()
	subject.CreatesOnce = false
	adaptertest.Run(t, subject)
	s.check.Finish()
}
