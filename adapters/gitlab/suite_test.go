package gitlab_test

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
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/gitlab"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/adapters/internal/contract"
	"parley/sync/event"
)

const (
	projectPath = "acme/support"
	projectID   = 278964
	hookSecret  = "secret of the webhook"
)

func bot() gitlabdouble.Account {
	return gitlabdouble.Account{ID: 41, Username: "project_278964_bot", Name: "Parley", Token: "glpat-bot", Level: 20}
}

func alice() gitlabdouble.Account {
	return gitlabdouble.Account{ID: 42, Username: "alice", Name: "Alice Agent", Token: "glpat-alice", Level: 30}
}

var spec = gitlabdouble.Spec()

// site is a double that runs, with every request held to the specification.
type site struct {
	*gitlabdouble.Double
	url   string
	check *contract.Checker
}

func startSite(t testing.TB, opt gitlabdouble.Options) *site {
	t.Helper()
	opt.Path, opt.ID = projectPath, projectID
	opt.Accounts = append([]gitlabdouble.Account{bot(), alice()}, opt.Accounts...)
	opt.Milestones = []string{"1.0", "2.0"}
	s := &site{Double: gitlabdouble.New(opt)}
	s.check = spec(t).Handler(t, s.Double)
	s.url = newServer(t, s.check)
	return s
}

func newServer(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func settings(change map[string]string) map[string]string {
	out := map[string]string{
		"project": strconv.Itoa(projectID), "token": bot().Token, "settle": "1s", "page_size": "20", "webhook_secret": hookSecret,
	}
	maps.Copy(out, change)
	return out
}

func (s *site) open(t testing.TB, u *url.URL, change map[string]string) adapters.Tracker {
	t.Helper()
	opened, err := gitlab.Kind().Open(adapters.Options{URL: u, Settings: settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func person(a gitlabdouble.Account) map[string]any {
	return event.User{ID: a.Username, Name: a.Name}.Value()
}

func (s *site) subject() adaptertest.Subject {
	return adaptertest.Subject{
		URL:  s.url,
		Open: func(t testing.TB, u *url.URL) adapters.Tracker { return s.open(t, u, nil) },
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			return s.open(t, u, map[string]string{"token": "glpat-unknown"})
		},
		Secrets: []string{bot().Token},
		Hand:    hand{s, alice()},
		Create:  event.Fields{event.FieldType: "issue"},
		Fields: map[string][2]any{
			event.FieldLabels:     {[]any{"bug", "urgent"}, []any{"three"}},
			event.FieldAssignee:   {person(bot()), person(alice())},
			event.FieldDue:        {"2027-01-02", "2027-12-31"},
			"fields.Milestone":    {"1.0", "2.0"},
			"fields.Confidential": {true, false},
		},
		// The only text that can be emptied, and is not always tried.
		Text:          event.FieldDue,
		Option:        "fields.Milestone",
		Statuses:      []string{"closed", "opened", "closed"},
		Refused:       "Waiting",
		Query:         "issue_type=issue",
		BadQuery:      "colour=red",
		EditsComments: true,
		Parent:        event.Fields{},
		Child:         event.Fields{event.FieldType: "task"},
		Links:         []string{event.RelatesTo, event.Blocks, event.IsBlockedBy},
		Pictures:      `/%s) here, and [the same](/uploads/`,
		Effect:        effect,
		UnsignedHooks: true,
		Deliver: func(_ testing.TB, ref event.Ref, _ string) adapters.Delivery {
			n, _ := strconv.ParseInt(ref.ID, 10, 64)
			h, body := s.Webhook(n, hookSecret)
			return adapters.Delivery{Path: "/", Header: h, Body: body, At: time.Now()}
		},
	}
}

// effect knows the request that makes a step happen. An upload goes before the note
// that links to it, and an edit before the note of the same step.
func effect(r *http.Request) bool {
	switch {
	case r.Method == http.MethodPost:
		return strings.HasSuffix(r.URL.Path, "/issues") || strings.HasSuffix(r.URL.Path, "/notes")
	case r.Method != http.MethodPut:
		return false
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(`"title":"adding `))
}

// hand is a person, who speaks to GitLab by herself.
type hand struct {
	s   *site
	who gitlabdouble.Account
}

func (h hand) send(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("%s/api/v4/projects/%d/%s", h.s.url, projectID, path), body)
	if err != nil {
		return err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Private-Token", h.who.Token)
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

func (h hand) do(ctx context.Context, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return h.send(ctx, method, path, "application/json", bytes.NewReader(raw), out)
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	body := map[string]any{"title": f[event.FieldSummary]}
	if s, ok := f[event.FieldDescription].(string); ok {
		body["description"] = s
	}
	var out struct{ IID int64 }
	err := h.do(ctx, http.MethodPost, "issues", body, &out)
	id := strconv.FormatInt(out.IID, 10)
	return id, "#" + id, err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.do(ctx, http.MethodPut, "issues/"+id, map[string]any{"title": f[event.FieldSummary]}, nil)
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, internal bool) error {
	return h.do(ctx, http.MethodPost, "issues/"+id+"/notes", map[string]any{"body": body, "internal": internal}, nil)
}

// Attach implements adaptertest.Hand: as a person does, who names the link.
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
	var out struct{ URL string }
	if err := h.send(ctx, http.MethodPost, "uploads", w.FormDataContentType(), &body, &out); err != nil {
		return err
	}
	return h.Comment(ctx, id, "["+name+"]("+out.URL+")", false)
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

func TestGitLab_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, gitlabdouble.Options{})
	subject := s.subject()
	subject.Kind = "gitlab"
	adaptertest.Run(t, subject)
	total := 0
	used := s.check.Finish()
	for name, n := range used {
		t.Logf("%6d %s", n, name)
		total += n
	}
	t.Logf("%6d requests over %d operations", total, len(used))
}
