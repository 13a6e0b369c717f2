package jira_test

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
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/internal/contract"
	"parley/adapters/jira"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

const project = "SUP"

func bot() jiradouble.Account {
	return jiradouble.Account{ID: "5b10ac8d82e05b22cc7d4ef5", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
}

func alice() jiradouble.Account {
	return jiradouble.Account{ID: "712020:alice", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice", Hidden: true}
}

// site is a double that runs, with every request held to the specification.
type site struct {
	*jiradouble.Double
	url   string
	cloud bool
	check *contract.Checker
}

var (
	cloudSpec      = jiradouble.CloudSpec()
	datacenterSpec = jiradouble.DataCenterSpec()
)

func startSite(t testing.TB, opt jiradouble.Options) *site {
	t.Helper()
	opt.Project, opt.Accounts = project, append([]jiradouble.Account{bot(), alice()}, opt.Accounts...)
	var s site
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Files().ServeHTTP(w, r) }))
	t.Cleanup(media.Close)
	opt.Media = media.URL
	s.Double, s.cloud = jiradouble.New(opt), opt.Cloud
	spec := datacenterSpec
	if s.cloud {
		spec = cloudSpec
	}
	s.check = spec(t).Handler(t, s.Double)
	server := httptest.NewServer(s.check)
	t.Cleanup(server.Close)
	s.url = server.URL
	return &s
}

func (s *site) settings(change map[string]string) map[string]string {
	out := map[string]string{
		"email": bot().Email, "token": bot().Token, "projects": project, "index_lag": "300ms", "page_size": "20",
		adapters.SettingHookSecret: hookSecret,
	}
	if !s.cloud {
		out["deployment"] = "datacenter"
		delete(out, "email")
	}
	maps.Copy(out, change)
	return out
}

func (s *site) open(t testing.TB, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	opened, err := jira.Kind().Open(adapters.Options{URL: u, Settings: s.settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func (s *site) subject() adaptertest.Subject {
	return adaptertest.Subject{
		URL: s.url,
		Open: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return s.open(t, u, nil)
		},
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return s.open(t, u, map[string]string{"token": "wrong"})
		},
		Secrets:  []string{bot().Token},
		Hand:     hand{s},
		Pictures: map[bool]string{true: "/%b.parley-", false: "!%b.parley-"}[s.cloud],
		Create:   event.Fields{event.FieldProject: project, event.FieldType: "Bug"},
		Fields: map[string][2]any{
			event.FieldPriority:       {"High", "Low"},
			event.FieldDue:            {"2027-03-04", "2027-04-05"},
			event.FieldEstimate:       {float64(5400), float64(7200)},
			event.FieldLabels:         {[]any{"one", "two"}, []any{"three"}},
			event.FieldComponents:     {[]any{"Backend"}, []any{"Backend", "Frontend"}},
			event.FieldFixVersions:    {[]any{"1.0"}, nil},
			event.FieldAssignee:       {s.person(bot()), s.person(alice())},
			"fields.Remote key":       {"A-1", "A-2"},
			"fields.Severity":         {"major", "minor"},
			"fields.Affected systems": {[]any{"api", "web"}, []any{"db", "web"}},
			"fields.Cost":             {1.5, 20.25},
			"fields.Needed by":        {"2027-01-02", "2027-12-31"},
			"fields.Starts":           {"2027-01-02T03:04:00Z", "2027-06-02T13:14:00Z"},
			"fields.Reviewer":         {s.person(alice()), s.person(bot())},
			"fields.Details":          {"first ü", "other **text**"},
			"fields.Area":             {map[string]any{"value": "EU", "child": "Rome"}, map[string]any{"value": "US"}},
			"fields.Tags":             {[]any{"x", "y"}, []any{"z"}},
		},
		Parent:      event.Fields{event.FieldType: map[bool]string{true: "Epic", false: "Task"}[s.cloud]},
		Child:       event.Fields{event.FieldType: map[bool]string{true: "Task", false: "Sub-task"}[s.cloud]},
		ParentFixed: !s.cloud,
		Children:    !s.cloud, // what is below an epic is no sub-task
		Links: []string{
			event.RelatesTo, event.Blocks, event.IsBlockedBy, event.Duplicates, event.IsDuplicatedBy, event.Clones, event.IsClonedBy,
			event.Causes, event.IsCausedBy, "contains", "Is contained by",
		},
		Text:          "fields.Remote key",
		Option:        "fields.Severity",
		Statuses:      []string{"In Progress", "Waiting", "In Progress", "Done"},
		Refused:       "Waiting",
		Query:         "type = Bug",
		BadQuery:      "colour = red",
		EditsComments: true,
		PublicFiles:   true,
		Lag:           300 * time.Millisecond,
		Effect:        effect,
		Deliver: func(_ testing.TB, ref event.Ref, _ string) adapters.Delivery {
			header, body := s.Delivery(ref.ID, hookSecret)
			return adapters.Delivery{Path: "/", Header: header, Body: body, At: time.Now()}
		},
	}
}

const hookSecret = "signs-webhooks"

// credentials makes a subject sign in as a service account, with access tokens that
// end in the middle of everything.
func (s *site) credentials(subject adaptertest.Subject, tokens string) adaptertest.Subject {
	change := map[string]string{"email": "", "token": "", "client_id": bot().ID, "client_secret": jiradouble.ClientSecret, "token_url": tokens}
	subject.Open = func(t testing.TB, u *url.URL) adapters.Tracker { t.Helper(); return s.open(t, u, change) }
	wrong := maps.Clone(change)
	wrong["client_secret"] = "wrong"
	subject.OpenWrong = func(t testing.TB, u *url.URL) adapters.Tracker { t.Helper(); return s.open(t, u, wrong) }
	subject.Kind, subject.Renews = "jira", true
	subject.Secrets = []string{jiradouble.ClientSecret, jiradouble.TokenPrefix}
	return subject
}

// person is a field's value; a hidden e-mail address is not in it.
func (s *site) person(a jiradouble.Account) map[string]any {
	u := event.User{ID: a.ID, Name: a.Name, Email: a.Email}
	if a.Hidden {
		u.Email = ""
	}
	return u.Value()
}

// effect knows the request that makes a step happen. Fields go before the comment
// of the same step, whose marker proves both: such an edit only prepares.
func effect(r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet, strings.Contains(r.URL.Path, "/search"), strings.HasSuffix(r.URL.Path, "/comment/list"):
		return false
	case r.Method != http.MethodPut:
		return true
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(`"summary":"adding `))
}

// hand is Alice, who speaks to Jira by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	version := "2"
	if h.s.cloud {
		version = "3"
	}
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/rest/api/"+version+"/"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Atlassian-Token", "no-check")
	r.SetBasicAuth(alice().Email, alice().Token)
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

// text is what Jira's editor makes of what a person types.
func (h hand) text(s string) any {
	if !h.s.cloud {
		return s
	}
	content := []any{}
	for part := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n") {
		inline := []any{}
		for n, line := range strings.Split(part, "\n") {
			if n > 0 {
				inline = append(inline, map[string]any{"type": "hardBreak"})
			}
			if line != "" {
				inline = append(inline, map[string]any{"type": "text", "text": line})
			}
		}
		content = append(content, map[string]any{"type": "paragraph", "content": inline})
	}
	return map[string]any{"type": "doc", "version": 1, "content": content}
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	fields := map[string]any{
		"project": map[string]any{"key": f[event.FieldProject]}, "issuetype": map[string]any{"name": f[event.FieldType]},
		"summary": f[event.FieldSummary],
	}
	if s, ok := f[event.FieldDescription].(string); ok {
		fields["description"] = h.text(s)
	}
	var out struct{ ID, Key string }
	err := h.json(ctx, http.MethodPost, "issue", map[string]any{"fields": fields}, &out)
	return out.ID, out.Key, err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.json(ctx, http.MethodPut, "issue/"+id, map[string]any{"fields": map[string]any{"summary": f[event.FieldSummary]}}, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	said := map[string]any{"body": h.text(body)}
	if internal {
		said["properties"] = []any{map[string]any{"key": "sd.public.comment", "value": map[string]any{"internal": true}}}
	}
	return h.json(ctx, http.MethodPost, "issue/"+id+"/comment", said, nil)
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return h.do(ctx, http.MethodPost, "issue/"+id+"/attachments", w.FormDataContentType(), &body, nil)
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(ctx context.Context, id string) error {
	return h.do(ctx, http.MethodDelete, "issue/"+id, "application/json", nil, nil)
}

// west is a zone whose times of day are not those of UTC.
func west() *time.Location { return time.FixedZone("west", -7*3600-1800) }

func TestCloud_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, jiradouble.Options{Cloud: true, Service: true, Lag: 200 * time.Millisecond, Zone: west(), TokenUses: 100})
	adaptertest.Run(t, s.credentials(s.subject(), newServer(t, s.Tokens())+"/oauth/token"))
	if n := s.Issued(); n < 10 {
		t.Errorf("%d access tokens were needed, want many: they end in the middle", n)
	}
	for name, n := range s.check.Finish() {
		t.Logf("%6d %s", n, name)
	}
}

func TestDataCenter_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, jiradouble.Options{Service: true, Lag: 200 * time.Millisecond, Zone: west(), TokenUses: 100})
	adaptertest.Run(t, s.subject())
	// A service account's access tokens come from the site itself.
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	account := s.open(t, at, map[string]string{"token": "", "client_id": bot().ID, "client_secret": jiradouble.ClientSecret})
	defer account.Close()
	if _, err := account.Schema(t.Context()); err != nil {
		t.Errorf("with a service account: %v", err)
	}
	s.check.Finish()
}

func newServer(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
