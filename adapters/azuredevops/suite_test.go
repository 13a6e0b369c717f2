package azuredevops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/azuredevops"
	"parley/adapters/azuredevops/azuredevopsdouble"
	"parley/adapters/internal/contract"
	"parley/sync/event"
)

const (
	project    = "Fabrikam-Fiber"
	other      = "Fabrikam Scrum"
	hookSecret = "user-of-hooks:password-of-hooks"
)

func bot() azuredevopsdouble.Account {
	return azuredevopsdouble.Account{ID: "d291b0c4-a05c-4ea6-8df1-4b41d5f39eff", Name: "Sync Bot", Email: "bot@example.org", Token: "token-of-the-bot"}
}

func alice() azuredevopsdouble.Account {
	return azuredevopsdouble.Account{ID: "8c8c7d32-6b1b-47f4-b2e9-30b477b5ab3d", Name: "Alice Agent", Email: "alice@example.org", Token: "token-of-alice"}
}

// site is a double that runs, with every request held to the specifications.
type site struct {
	*azuredevopsdouble.Double
	url    string
	checks []*contract.Checker
	// before, if set, is called as each request comes.
	before func(*http.Request)
}

var (
	witSpec      = azuredevopsdouble.WorkSpec()
	identitySpec = azuredevopsdouble.IdentitySpec()
)

func startSite(t testing.TB, opt azuredevopsdouble.Options) *site {
	t.Helper()
	opt.Organization = "fabrikam"
	opt.Projects = append(opt.Projects, project, other)
	opt.Accounts = append([]azuredevopsdouble.Account{bot(), alice()}, opt.Accounts...)
	s := &site{Double: azuredevopsdouble.New(opt)}
	work, people := witSpec(t).Handler(t, s.Double), identitySpec(t).Handler(t, s.Double)
	s.checks = []*contract.Checker{work, people}
	specified := azuredevopsdouble.Specified(work, people)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.before != nil {
			s.before(r)
		}
		specified.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/fabrikam"
	return s
}

func settings(change map[string]string) map[string]string {
	out := map[string]string{"token": bot().Token, "projects": project, "settle_time": "300ms", "page_size": "50", "webhook_secret": hookSecret}
	maps.Copy(out, change)
	return out
}

func open(t testing.TB, at string, change map[string]string) adapters.Tracker {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := azuredevops.Kind().Open(adapters.Options{URL: u, Settings: settings(change), UserAgent: "Parley test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

func person(a azuredevopsdouble.Account) map[string]any {
	return event.User{ID: a.ID, Name: a.Name, Email: a.Email}.Value()
}

// subject is signed in with what change says, badly with what wrong says.
func (s *site) subject(change, wrong map[string]string, kind string) adaptertest.Subject {
	return adaptertest.Subject{
		URL:      s.url,
		Pictures: `?fileName=%s" alt="The gauge"`,
		Parent:   event.Fields{},
		Children: true,
		Links:    []string{event.RelatesTo, event.Duplicates, event.IsDuplicatedBy, event.Precedes, event.Follows},
		Open: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u.String(), change)
		},
		OpenWrong: func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return open(t, u.String(), wrong)
		},
		Secrets: []string{bot().Token, azuredevopsdouble.ClientSecret, "issued-token-"},
		Hand:    hand{s: s},
		Create:  event.Fields{event.FieldProject: project, event.FieldType: kind},
		Fields: map[string][2]any{
			event.FieldPriority:          {"1", "3"},
			event.FieldDue:               {"2027-03-04", "2027-04-05"},
			event.FieldLabels:            {[]any{"one", "two"}, []any{"three"}},
			event.FieldAssignee:          {person(bot()), person(alice())},
			event.FieldEstimate:          {7200.0, 5400.0},
			event.FieldSpent:             {1800.0, 3600.0},
			"fields.Severity":            {"2 - High", "4 - Low"},
			"fields.Remaining Work":      {1.5, 20.0},
			"fields.Start Date":          {"2027-01-02T03:04:05Z", "2027-02-03T00:00:00Z"},
			"fields.Acceptance Criteria": {"first **ü**\n\nmore", "- one\n- two"},
			"fields.Remote key":          {"A-1", "A-2"},
			"fields.Escalated":           {true, false},
			"fields.Approver":            {person(alice()), person(bot())},
			"fields.Seats":               {3.0, 20.0},
			"fields.Mood":                {"sunny", "none of these"},
			"fields.Notes":               {"some notes", "other _notes_"},
			"fields.Area Path":           {project + `\Web`, project},
		},
		Text: "fields.Remote key", Option: "fields.Severity",
		Statuses: []string{"Doing", "Done", "Doing", "Done"}, Refused: "To Do",
		Query: "[System.WorkItemType] = '" + kind + "'", BadQuery: "[No.Such.Field] = 'x'",
		Lock: true, EditsComments: true, PublicFiles: true, PublicComments: true, UnsignedHooks: true,
		Effect: effect,
		Deliver: func(t testing.TB, ref event.Ref, _ string) adapters.Delivery {
			t.Helper()
			return deliver(`{"subscriptionId":"4f6e6328-0251-4814-a009-c01dfa368e3f","notificationId":3,"id":"27646e0e-b520-4d2b-9411-bba7524947cd",` +
				`"eventType":"workitem.updated","publisherId":"tfs","resource":{"id":2,"workItemId":` + ref.ID + `,"rev":2,` +
				`"fields":{"System.Rev":{"oldValue":"1","newValue":"2"}},"revision":{"id":` + ref.ID + `,"rev":2,"fields":{"System.CreatedDate":"` +
				time.Unix(ref.Created, 0).UTC().Format(time.RFC3339) + `","System.ChangedDate":"2027-01-01T00:00:00Z"}}}}`)
		},
	}
}

func deliver(body string) adapters.Delivery {
	d := adapters.Delivery{Path: "/", At: time.Now(), Body: []byte(body), Header: http.Header{"Content-Type": {"application/json"}}}
	user, password, _ := strings.Cut(hookSecret, ":")
	r := http.Request{Header: d.Header}
	r.SetBasicAuth(user, password)
	return d
}

// effect knows the request that makes a step happen: queries, checks and uploads do not.
func effect(r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet, strings.HasSuffix(r.URL.Path, "/wiql"), strings.HasSuffix(r.URL.Path, "/workitemsbatch"),
		strings.HasSuffix(r.URL.Path, "/attachments"), r.URL.Query().Get("validateOnly") == "true":
		return false
	}
	return true
}

// hand is Alice, who speaks to Azure DevOps by herself.
type hand struct{ s *site }

func (h hand) do(ctx context.Context, method, path, kind string, body []byte, out any) error {
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	preview := "7.1"
	if strings.Contains(path, "/comments") {
		preview = "7.1-preview.4"
	}
	r, err := http.NewRequestWithContext(ctx, method, h.s.url+"/"+path+sign+"api-version="+preview, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.SetBasicAuth("", alice().Token)
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

type op = map[string]any

func (h hand) patch(ctx context.Context, method, path string, out any, ops ...op) error {
	raw, err := json.Marshal(ops)
	if err != nil {
		return err
	}
	return h.do(ctx, method, path, "application/json-patch+json", raw, out)
}

func html(s string) string {
	return "<div>" + strings.ReplaceAll(strings.ReplaceAll(s, "\r\n\r\n", "</div><div>"), "\r\n", "<br>") + "</div>"
}

// Create implements adaptertest.Hand.
func (h hand) Create(ctx context.Context, f event.Fields) (string, string, error) {
	kind, _ := f[event.FieldType].(string)
	ops := []op{{"op": "add", "path": "/fields/System.Title", "value": f[event.FieldSummary]}}
	if s, ok := f[event.FieldDescription].(string); ok {
		ref := "System.Description"
		if kind == "Bug" {
			ref = "Microsoft.VSTS.TCM.ReproSteps"
		}
		ops = append(ops, op{"op": "add", "path": "/fields/" + ref, "value": html(s)})
	}
	var out struct{ ID int64 }
	err := h.patch(ctx, http.MethodPost, url.PathEscape(project)+"/_apis/wit/workitems/$"+kind, &out, ops...)
	return fmt.Sprint(out.ID), fmt.Sprint(out.ID), err
}

// Edit implements adaptertest.Hand.
func (h hand) Edit(ctx context.Context, id string, f event.Fields) error {
	if len(f) != 1 || f[event.FieldSummary] == nil {
		return fmt.Errorf("the hand edits summaries only, not %v", f)
	}
	return h.set(ctx, id, "System.Title", f[event.FieldSummary])
}

func (h hand) set(ctx context.Context, id, ref string, v any) error {
	return h.patch(ctx, http.MethodPatch, "_apis/wit/workitems/"+id, nil, op{"op": "add", "path": "/fields/" + ref, "value": v})
}

// Comment implements adaptertest.Hand.
func (h hand) Comment(ctx context.Context, id, body string, _ bool) error {
	raw, err := json.Marshal(map[string]any{"text": html(body)})
	if err != nil {
		return err
	}
	return h.do(ctx, http.MethodPost, url.PathEscape(project)+"/_apis/wit/workItems/"+id+"/comments", "application/json", raw, nil)
}

// Attach implements adaptertest.Hand.
func (h hand) Attach(ctx context.Context, id, name string, data []byte) error {
	var out struct{ URL string }
	path := url.PathEscape(project) + "/_apis/wit/attachments?fileName=" + url.QueryEscape(name)
	if err := h.do(ctx, http.MethodPost, path, "application/octet-stream", data, &out); err != nil {
		return err
	}
	return h.patch(ctx, http.MethodPatch, "_apis/wit/workitems/"+id, nil,
		op{"op": "add", "path": "/relations/-", "value": map[string]any{"rel": "AttachedFile", "url": out.URL, "attributes": map[string]any{"comment": "see the file"}}})
}

// Delete implements adaptertest.Hand.
func (h hand) Delete(ctx context.Context, id string) error {
	return h.do(ctx, http.MethodDelete, url.PathEscape(project)+"/_apis/wit/workitems/"+id, "", nil, nil)
}

func (s *site) finish(t *testing.T) {
	t.Helper()
	for _, check := range s.checks {
		for name, n := range check.Finish() {
			t.Logf("%6d %s", n, name)
		}
	}
}

func TestToken_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, azuredevopsdouble.Options{})
	adaptertest.Run(t, s.subject(nil, map[string]string{"token": "wrong"}, "Task"))
	s.finish(t)
}

func TestEntra_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	s := startSite(t, azuredevopsdouble.Options{Conflict409: true, TokenUses: 500})
	tokens := httptest.NewServer(s.Tokens())
	t.Cleanup(tokens.Close)
	sign := func(secret string) map[string]string {
		return map[string]string{
			"token": "", "client_id": bot().ID, "client_secret": secret, "tenant": "9c1a6f0e", "token_url": tokens.URL + "/9c1a6f0e/oauth2/v2.0/token",
			"marker_field": "Custom.ParleyMarker",
		}
	}
	subject := s.subject(sign(azuredevopsdouble.ClientSecret), sign("wrong"), "Bug")
	subject.Renews = true
	subject.Kind = "azuredevops"
	adaptertest.Run(t, subject)
	s.finish(t)
}
