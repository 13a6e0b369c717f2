package github_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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
	"parley/adapters/github"
	"parley/adapters/github/githubdouble"
	"parley/adapters/internal/contract"
	"parley/sync/event"
)

const (
	owner      = "acme"
	repository = "support"
	hookSecret = "secret of the webhook"
)

func bot() githubdouble.Account {
	return githubdouble.Account{ID: 41, Login: "parley-sync", Token: "github_pat_bot", Role: "write", Expires: time.Now().AddDate(0, 3, 0)}
}

func alice() githubdouble.Account {
	return githubdouble.Account{ID: 42, Login: "alice-acme", Token: "github_pat_alice", Role: "write"}
}

// stranger sees public repositories only.
func stranger() githubdouble.Account {
	return githubdouble.Account{ID: 43, Login: "mallory", Token: "github_pat_mallory"}
}

var spec = githubdouble.Spec()

// site is a double that runs, with every request held to the specification.
type site struct {
	*githubdouble.Double
	url   string
	check *contract.Checker
}

func startSite(t testing.TB, opt githubdouble.Options) *site {
	t.Helper()
	opt.Owner, opt.Name = owner, repository
	opt.Accounts = append([]githubdouble.Account{bot(), alice(), stranger()}, opt.Accounts...)
	s := &site{Double: githubdouble.New(opt)}
	s.check = spec(t).Handler(t, s.Double)
	s.url = newServer(t, githubdouble.Specified(s.check, s.Double)) + "/api/v3"
	return s
}

// organisation is a repository with all that an organisation can give it.
func organisation() githubdouble.Options {
	return githubdouble.Options{
		Types: []string{"Bug", "Task"}, Milestones: []string{"1.0", "2.0"},
		Fields: []githubdouble.Field{
			{ID: 1, Name: "Remote key", Kind: "text"},
			{ID: 2, Name: "Severity", Kind: "single_select", Options: []string{"minor", "major"}},
			{ID: 3, Name: "Points", Kind: "number"},
			{ID: 4, Name: "Needed by", Kind: "date"},
			{ID: 5, Name: "Affected", Kind: "multi_select", Options: []string{"api", "db", "web"}},
		},
	}
}

func settings(change map[string]string) map[string]string {
	out := map[string]string{
		"repository": owner + "/" + repository, "token": bot().Token, "write_interval": "0s", "settle": "1s", "page_size": "20",
		"webhook_secret": hookSecret,
	}
	maps.Copy(out, change)
	return out
}

func (s *site) open(t testing.TB, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	opened, err := github.Kind().Open(adapters.Options{URL: u, Settings: settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func person(a githubdouble.Account) map[string]any {
	return event.User{ID: a.Login, Name: a.Login}.Value()
}

func (s *site) subject() adaptertest.Subject {
	return adaptertest.Subject{
		Parent: event.Fields{},
		Links:  []string{event.Blocks, event.IsBlockedBy},
		URL:    s.url,
		Open:   func(t testing.TB, u *url.URL) adapters.Tracker { return s.open(t, u, nil) },
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			return s.open(t, u, map[string]string{"token": "github_pat_unknown"})
		},
		Secrets: []string{bot().Token},
		Hand:    hand{s},
		Create:  event.Fields{event.FieldType: "Bug"},
		Fields: map[string][2]any{
			event.FieldLabels:   {[]any{"bug", "urgent"}, []any{"three"}},
			event.FieldAssignee: {person(bot()), person(alice())},
			"fields.Milestone":  {"1.0", "2.0"},
			"fields.Remote key": {"A-1", "A-2"},
			"fields.Severity":   {"major", "minor"},
			"fields.Points":     {1.5, 20.25},
			"fields.Needed by":  {"2027-01-02", "2027-12-31"},
			"fields.Affected":   {[]any{"api", "web"}, []any{"db"}},
		},
		Text:           "fields.Remote key",
		Option:         "fields.Severity",
		Statuses:       []string{"closed", "open", "closed"},
		Refused:        "Waiting",
		Query:          "state=all",
		BadQuery:       "colour=red",
		EditsComments:  true,
		PublicComments: true,
		NoFiles:        true,
		Effect:         effect,
		Deliver: func(_ testing.TB, ref event.Ref, _ string) adapters.Delivery {
			n, _ := strconv.ParseInt(ref.ID, 10, 64)
			h, body := s.Webhook("github.example", "edited", n, hookSecret)
			return adapters.Delivery{Path: "/", Header: h, Body: body, At: time.Now()}
		},
	}
}

// effect knows the request that makes a step happen. Labels, people and fields go
// before the issue's own edit, and that before the comment of the same step, whose
// marker proves all of it.
func effect(r *http.Request) bool {
	switch {
	case r.Method == http.MethodPost:
		return strings.HasSuffix(r.URL.Path, "/issues") || strings.HasSuffix(r.URL.Path, "/comments")
	case r.Method != http.MethodPatch:
		return false
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(`"title":"adding `))
}

// hand is Alice, who speaks to GitHub by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		raw = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/repos/"+owner+"/"+repository+"/"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+alice().Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		return errors.Join(err, fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, answer))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	body := map[string]any{"title": f[event.FieldSummary], "type": f[event.FieldType]}
	if s, ok := f[event.FieldDescription].(string); ok {
		body["body"] = s
	}
	var out struct{ Number int64 }
	err := h.do(ctx, http.MethodPost, "issues", body, &out)
	id := strconv.FormatInt(out.Number, 10)
	return id, "#" + id, err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.do(ctx, http.MethodPatch, "issues/"+id, map[string]any{"title": f[event.FieldSummary]}, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	if internal {
		return errors.New("GitHub has no internal comments")
	}
	return h.do(ctx, http.MethodPost, "issues/"+id+"/comments", map[string]any{"body": body}, nil)
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(context.Context, string, string, []byte) error {
	return errors.New("GitHub's API takes no files")
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(_ context.Context, id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return err
	}
	h.s.Double.Delete(n)
	return nil
}

func TestToken_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, organisation())
	subject := s.subject()
	subject.Kind = "github"
	adaptertest.Run(t, subject)
	s.report(t)
}

func (s *site) report(t *testing.T) {
	t.Helper()
	total := 0
	used := s.check.Finish()
	for name, n := range used {
		t.Logf("%6d %s", n, name)
		total += n
	}
	t.Logf("%6d requests over %d operations", total, len(used))
}

// keys makes a key for an app, as its settings page gives it.
func newKey(t testing.TB) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// installed is a repository that an app is installed for.
func installed(t testing.TB) (githubdouble.Options, map[string]string) {
	t.Helper()
	key, text := newKey(t)
	opt := organisation()
	opt.Accounts = []githubdouble.Account{{ID: 44, Login: "parley[bot]", Role: "write"}}
	opt.App = &githubdouble.App{ID: "Iv1.8a61f9b3a7aba766", Installation: "12345", Slug: "parley", Key: &key.PublicKey, Bot: "parley[bot]"}
	return opt, map[string]string{"token": text, "app_id": opt.App.ID, "installation_id": opt.App.Installation}
}

func TestApp_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	opt, change := installed(t)
	s := startSite(t, opt)
	_, other := newKey(t)
	subject := s.subject()
	subject.Open = func(t testing.TB, u *url.URL) adapters.Tracker { return s.open(t, u, change) }
	subject.OpenWrong = func(t testing.TB, u *url.URL) adapters.Tracker {
		wrong := maps.Clone(change)
		wrong["token"] = other
		return s.open(t, u, wrong)
	}
	subject.Renews = true
	subject.Secrets = []string{"ghs_parley", "eyJhbGciOiJSUzI1NiI"}
	adaptertest.Run(t, subject)
	s.report(t)
}

func newServer(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
