package servicenow_test

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
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/internal/contract"
	"parley/adapters/servicenow"
	"parley/adapters/servicenow/servicenowdouble"
	"parley/sync/event"
)

func bot() servicenowdouble.Account {
	return servicenowdouble.Account{
		Login: "svc.parley", Name: "Sync Bot", Email: "bot@example.org", Password: "password-of-the-bot", Key: "key-of-the-bot",
		Client: "client-of-the-bot", Secret: "secret-of-the-client",
	}
}

// alice works in another zone than GMT.
func alice() servicenowdouble.Account {
	return servicenowdouble.Account{
		Login: "alice.agent", Name: "Alice Agent", Email: "alice@example.org", Password: "password-of-alice", Zone: west(),
	}
}

// west is a zone whose times of day are not those of UTC.
func west() *time.Location { return time.FixedZone("west", -7*3600-1800) }

// site is a double that runs, with every request held to what is published of the API.
type site struct {
	*servicenowdouble.Double
	url   string
	check *contract.Checker
}

var (
	spec      = servicenowdouble.Spec(false)
	tokenSpec = servicenowdouble.Spec(true)
)

const tokenPath = "/oauth_token.do"

func startSite(t testing.TB, opt servicenowdouble.Options) *site {
	t.Helper()
	return startSiteWith(t, opt, spec)
}

func startSiteWith(t testing.TB, opt servicenowdouble.Options, spec func(testing.TB) *contract.Spec) *site {
	t.Helper()
	if opt.Accounts == nil {
		opt.Accounts = []servicenowdouble.Account{bot(), alice()}
	}
	s := &site{Double: servicenowdouble.New(opt)}
	s.check = spec(t).Handler(t, servicenowdouble.Documented(t, s.Double))
	s.url = newServer(t, s.check)
	return s
}

func newServer(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// open opens the adapter with changed settings.
func (s *site) open(t testing.TB, at *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	set := map[string]string{
		"user": bot().Login, "password": bot().Password, adapters.SettingHookSecret: hookSecret, "lag": "200ms", "history": "yes",
		"close_code": "Solution provided", "close_notes": "Closed by the other side", "hold_reason": "Awaiting Vendor",
	}
	maps.Copy(set, change)
	tracker, err := servicenow.Kind().Open(adapters.Options{URL: at, Settings: set, UserAgent: "parley-test"})
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// tokens changes a subject to one that signs in with access tokens.
func (s *site) tokens(subject adaptertest.Subject) adaptertest.Subject {
	good := map[string]string{"password": "", "client_id": bot().Client, "client_secret": bot().Secret}
	wrong := maps.Clone(good)
	wrong["client_secret"] = "not-it"
	subject.Kind, subject.Renews = "servicenow", true
	subject.Secrets = []string{bot().Secret}
	subject.Open = func(t testing.TB, at *url.URL) adapters.Tracker { t.Helper(); return s.open(t, at, good) }
	subject.OpenWrong = func(t testing.TB, at *url.URL) adapters.Tracker { t.Helper(); return s.open(t, at, wrong) }
	subject.Effect = func(r *http.Request) bool {
		return r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Path != tokenPath
	}
	return subject
}

func (s *site) subject() adaptertest.Subject {
	return adaptertest.Subject{
		Parent: event.Fields{},
		URL:    s.url,
		Open: func(t testing.TB, at *url.URL) adapters.Tracker {
			t.Helper()
			return s.open(t, at, nil)
		},
		OpenWrong: func(t testing.TB, at *url.URL) adapters.Tracker {
			t.Helper()
			return s.open(t, at, map[string]string{"password": "not-it"})
		},
		Secrets: []string{bot().Password, bot().Key},
		Hand:    hand{s},
		Create:  event.Fields{event.FieldProject: "incident"},
		Fields: map[string][2]any{
			"fields.Impact":            {"1 - High", "2 - Medium"},
			"fields.Urgency":           {"2 - Medium", "1 - High"},
			"fields.Category":          {"Software", "Hardware"},
			"fields.Assignment group":  {"Network", "Database"},
			event.FieldAssignee:        {s.person(bot()), s.person(alice())},
			event.FieldReporter:        {s.person(alice()), s.person(bot())},
			event.FieldDue:             {"2027-03-04", "2027-04-05"},
			"fields.Remote key":        {"A-1", "A-2"},
			"fields.Customer severity": {"Major", "Minor"},
			"fields.Cost":              {1.5, 20.25},
			"fields.Needed by":         {"2027-01-02", "2027-12-31"},
			"fields.Starts":            {"2027-01-02T03:04:00Z", "2027-06-02T13:14:00Z"},
			"fields.VIP":               {true, false},
			"fields.Details":           {"first ü", "other **text**"},
			"fields.Reviewer":          {s.person(alice()), s.person(bot())},
			"fields.Watch list":        {[]any{s.person(alice())}, nil},
			"fields.Time worked":       {float64(5400), float64(7200)},
			event.FieldResolution:      {"Solution provided", "Workaround provided"},
		},
		Text:        "fields.Remote key",
		Option:      "fields.Customer severity",
		Statuses:    []string{"In Progress", "On Hold", "In Progress", "Resolved", "Closed"},
		Refused:     "New",
		Query:       "active=true^ORactive=false",
		BadQuery:    "colour=red",
		PublicFiles: true,
		Deliver:     deliver,
		Lag:         300 * time.Millisecond,
	}
}

// person is a field's value.
func (s *site) person(a servicenowdouble.Account) map[string]any {
	return event.User{ID: s.UserID(a.Login), Name: a.Name, Email: a.Email}.Value()
}

const hookSecret = "secret-of-the-hook"

// deliver is what the business rule of docs/adapters/servicenow.md sends.
func deliver(_ testing.TB, ref event.Ref, key string) adapters.Delivery {
	return signed(fmt.Sprintf(`{"table":"incident","sys_id":%q,"number":%q,"sys_created_on":%q}`,
		ref.ID, key, time.Unix(ref.Created, 0).UTC().Format("2006-01-02 15:04:05")), time.Now())
}

func signed(body string, now time.Time) adapters.Delivery {
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = io.WriteString(mac, stamp+body)
	return adapters.Delivery{
		Path: "/", Body: []byte(body), At: now, Header: http.Header{
			"Content-Type": {"application/json"}, "X-Parley-Timestamp": {stamp},
			"X-Parley-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		},
	}
}

// hand is Alice, who speaks to ServiceNow by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/api/now/"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(alice().Login, alice().Password)
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

func (h hand) json(ctx context.Context, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return h.do(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	fields := map[string]any{"short_description": f[event.FieldSummary]}
	if s, ok := f[event.FieldDescription].(string); ok {
		fields["description"] = s
	}
	var out struct {
		Result struct {
			ID     string `json:"sys_id"`
			Number string `json:"number"`
		} `json:"result"`
	}
	err := h.json(ctx, http.MethodPost, "table/incident", fields, &out)
	return out.Result.ID, out.Result.Number, err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.set(ctx, id, map[string]any{"short_description": f[event.FieldSummary]})
}

func (h hand) set(ctx context.Context, id string, columns map[string]any) error {
	return h.json(ctx, http.MethodPatch, "table/incident/"+id, columns, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	return h.set(ctx, id, map[string]any{map[bool]string{false: "comments", true: "work_notes"}[internal]: body})
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	q := url.Values{"table_name": {"incident"}, "table_sys_id": {id}, "file_name": {name}}
	return h.do(ctx, http.MethodPost, "attachment/file?"+q.Encode(), "text/plain", bytes.NewReader(data), nil)
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(ctx context.Context, id string) error {
	return h.do(ctx, http.MethodDelete, "table/incident/"+id, "application/json", nil, nil)
}

func TestServiceNow_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSiteWith(t, servicenowdouble.Options{Description: 65_000, TokenUses: 300}, tokenSpec)
	adaptertest.Run(t, s.tokens(s.subject()))
	s.finish(t)
}

func TestPassword_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, servicenowdouble.Options{Description: 65_000})
	adaptertest.Run(t, s.subject())
	s.finish(t)
}

// finish tells how many requests there were of each operation.
func (s *site) finish(t *testing.T) {
	t.Helper()
	for name, n := range s.check.Finish() {
		t.Logf("%6d %s", n, name)
	}
}
