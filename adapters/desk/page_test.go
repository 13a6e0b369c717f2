package desk_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"parley/adapters/desk"
)

// browser is a client that sends what browsers send.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: serve(t, openDesk(t, t.TempDir())), http: &http.Client{Jar: jar}}
}

func (b *browser) do(method, path, kind string, body io.Reader, header http.Header) (int, http.Header, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", b.base)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(raw)
}

func (b *browser) get(path string) string {
	b.t.Helper()
	status, _, page := b.do("GET", path, "", nil, nil)
	if status != http.StatusOK {
		b.t.Fatalf("GET %s: %d %s", path, status, page)
	}
	return page
}

func (b *browser) post(path string, form url.Values) (int, string) {
	b.t.Helper()
	status, _, page := b.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), nil)
	return status, page
}

func (b *browser) makeTicket(summary string) {
	b.t.Helper()
	if status, page := b.post("/tickets", url.Values{"summary": {summary}, "type": {"Incident"}}); status != http.StatusOK {
		b.t.Fatalf("create: %d %s", status, page)
	}
}

func has(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q:\n%s", w, page)
		}
	}
}

func TestPage_ShowsAndChangesTickets(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	has(t, b.get("/"), "There is no ticket yet.", "Ticket desk")
	b.makeTicket("Tunnel <b>down</b>")
	has(t, b.get("/"), "DESK-1", "Tunnel &lt;b&gt;down&lt;/b&gt;", "Open <b>1</b>")
	b.post("/tickets/DESK-1/comments", url.Values{"body": {"a **reply**"}, "visibility": {"public"}})
	b.post("/tickets/DESK-1/comments", url.Values{"body": {"an aside"}, "visibility": {"internal"}})
	b.post("/tickets/DESK-1/comments", url.Values{"body": {"no choice sent"}})
	page := b.get("/tickets/DESK-1")
	has(t, page, "<p>a <strong>reply</strong></p>", "<p>an aside</p>", "Alice Meyer")
	if got := strings.Count(page, `class="comment internal"`); got != 2 {
		t.Errorf("%d comments are internal, want 2: one chosen, one without a choice", got)
	}
	b.post("/tickets/DESK-1/status", url.Values{"status": {"Closed"}})
	has(t, b.get("/?status=Closed"), "DESK-1")
	status, page := b.post("/tickets/DESK-1/status", url.Values{"status": {"Waiting"}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("a step that the workflow refuses is answered %d", status)
	}
	has(t, page, "a ticket that is Closed cannot become Waiting")
	has(t, b.get("/?q=colour%3Dred"), "a search knows")
	has(t, b.get("/?q=nothing"), "No ticket fits.")
}

func TestPage_EditTouchesOnlyWhatThePersonChanged(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("before")
	// The form was opened when the priority was empty; somebody sets it.
	b.post("/tickets/DESK-1/edit", url.Values{"priority": {"Urgent"}, "was.priority": {""}})
	status, page := b.post("/tickets/DESK-1/edit", url.Values{
		"summary": {"after"}, "was.summary": {"before"}, "priority": {""}, "was.priority": {""},
		"labels": {"vpn, network"}, "was.labels": {""}, "fields.Region": {"Europe / Berlin"}, "was.fields.Region": {""},
	})
	if status != http.StatusOK {
		t.Fatalf("edit: %d %s", status, page)
	}
	has(t, page, "<h1>after</h1>", `<span class="priority priority-urgent">`, "Europe / Berlin", ">network</a>", ">vpn</a>")
}

func TestPage_TakesFilesAndNeverShowsThem(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("files")
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", `C:\tmp\übel.html`)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "<script>alert(1)</script>")
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _, page := b.do("POST", "/tickets/DESK-1/files", form.FormDataContentType(), &body, nil); status != http.StatusOK {
		t.Fatalf("attach: %d %s", status, page)
	}
	page := b.get("/tickets/DESK-1")
	link := regexp.MustCompile(`/tickets/DESK-1/files/\d+`).FindString(page)
	has(t, page, "übel.html", link)
	status, header, got := b.do("GET", link, "", nil, nil)
	if status != http.StatusOK || got != "<script>alert(1)</script>" {
		t.Errorf("got %d %q", status, got)
	}
	if kind := header.Get("Content-Type"); kind != "application/octet-stream" {
		t.Errorf("a file is served as %q: a browser would show it", kind)
	}
	if d := header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
		t.Errorf("a file is served with %q, want attachment", d)
	}
}

func TestPage_LoadsNothingFromElsewhereAndRunsNothingInline(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("policy")
	inline := regexp.MustCompile(`(?i)<script>|<style|\son[a-z]+=|\sstyle=|(src|href)="(https?:)?//`)
	for _, path := range []string{"/", "/new", "/tickets/DESK-1"} {
		_, header, page := b.do("GET", path, "", nil, nil)
		if bad := inline.FindString(page); bad != "" {
			t.Errorf("%s holds %q", path, bad)
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s has the policy %q, which lacks %q", path, policy, want)
			}
		}
	}
	_, _, theme := b.do("GET", "/assets/theme.css", "", nil, nil)
	has(t, theme, "--accent: #2563eb")
	if status, _, _ := b.do("GET", "/assets/layout.html", "", nil, nil); status != http.StatusNotFound {
		t.Errorf("a template is served: %d", status)
	}
}

func TestGuard_RefusesOtherPagesAndRebound(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("guarded")
	form := func() io.Reader { return strings.NewReader("status=Closed") }
	const kind = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, method, path string
		header             http.Header
		want               int
	}{
		{"a name pointed at us", "GET", "/", http.Header{"Host": {"desk.attacker.example"}}, http.StatusMisdirectedRequest},
		{"the API under such a name", "GET", "/api/v1/schema", http.Header{"Host": {"attacker.example:80"}}, http.StatusMisdirectedRequest},
		{"localhost", "GET", "/", http.Header{"Host": {"localhost:99"}}, http.StatusOK},
		{"IPv6", "GET", "/", http.Header{"Host": {"[::1]:99"}}, http.StatusOK},
		{"another origin", "POST", "/tickets/DESK-1/status", http.Header{"Origin": {"https://attacker.example"}}, http.StatusForbidden},
		{"another port", "POST", "/tickets/DESK-1/status", http.Header{"Origin": {"http://127.0.0.1:1"}}, http.StatusForbidden},
		{"a cross-site form", "POST", "/tickets/DESK-1/status", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		{"the API without a token", "GET", "/api/v1/tickets", nil, http.StatusUnauthorized},
		{"the API with a wrong token", "GET", "/api/v1/tickets", http.Header{"Authorization": {"Bearer x"}}, http.StatusUnauthorized},
		{"the API with an empty token", "GET", "/api/v1/tickets", http.Header{"Authorization": {"Bearer "}}, http.StatusUnauthorized},
	} {
		body, contentType := io.Reader(nil), ""
		if tt.method == "POST" {
			body, contentType = form(), kind
		}
		if got, _, _ := b.do(tt.method, tt.path, contentType, body, tt.header); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	has(t, b.get("/?status=Open"), "DESK-1")
}

func TestPage_PersonIsChosenAndNobodyElse(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.post("/person", url.Values{"person": {"bob"}, "back": {"/new"}})
	b.makeTicket("by bob")
	has(t, b.get("/tickets/DESK-1"), "reported by Bob Tanaka")
	// The integration's account signs in by token only.
	b.post("/person", url.Values{"person": {"parley"}})
	b.makeTicket("by the first")
	has(t, b.get("/tickets/DESK-2"), "reported by Alice Meyer")
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, back := range []string{"https://attacker.example/", "//attacker.example", `/\attacker.example`} {
		_, header, _ := b.do("POST", "/person", "application/x-www-form-urlencoded",
			strings.NewReader(url.Values{"person": {"bob"}, "back": {back}}.Encode()), nil)
		if got := header.Get("Location"); got != "/" {
			t.Errorf("back %q leads to %q", back, got)
		}
	}
}

func TestAPI_RefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("api")
	header := http.Header{"Authorization": {"Bearer " + token}}
	for _, tt := range []struct {
		name, method, path, body string
		want                     int
		code                     string
	}{
		{"unknown key", "POST", "/api/v1/tickets", `{"fields":{"summary":"x"},"color":1}`, 422, "invalid"},
		{"unknown field", "POST", "/api/v1/tickets", `{"fields":{"summary":"x","colour":"red"}}`, 422, "invalid"},
		{"no summary", "POST", "/api/v1/tickets", `{"fields":{}}`, 422, "invalid"},
		{"no JSON", "POST", "/api/v1/tickets", `{"fields":`, 422, "invalid"},
		{"unknown address", "GET", "/api/v1/nothing", "", 404, "no-route"},
		{"unknown ticket", "GET", "/api/v1/tickets/99", "", 404, "gone"},
		{"cursor of another desk", "GET", "/api/v1/changes?desk=00000000&after=0", "", 400, "cursor"},
		{"its own parent", "PATCH", "/api/v1/tickets/1", `{"fields":{"parent":{"id":"1"}}}`, 422, "invalid"},
		{"somebody else's comment", "PATCH", "/api/v1/tickets/1/comments/2", `{"body":"mine"}`, 403, "forbidden"},
	} {
		if tt.code == "forbidden" {
			b.post("/tickets/DESK-1/comments", url.Values{"body": {"alice's"}, "visibility": {"public"}})
		}
		status, _, raw := b.do(tt.method, tt.path, "application/json", strings.NewReader(tt.body), header)
		var got struct{ Code string }
		if err := json.Unmarshal([]byte(raw), &got); err != nil || status != tt.want || got.Code != tt.code {
			t.Errorf("%s: got %d %q, want %d with the code %q", tt.name, status, raw, tt.want, tt.code)
		}
	}
}

func TestOptions_AreChecked(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]desk.Options{
		"no token":     {},
		"accent":       {Token: token, Accent: "red; } body { display: none"},
		"project":      {Token: token, Projects: []string{"desk 1"}},
		"nobody":       {Token: token, Tokens: map[string]string{"some-token": "nobody"}},
		"unknown type": {Token: token, Fields: []desk.CustomField{{Name: "x", Type: "shape"}}},
	} {
		if s, err := desk.Open(t.TempDir(), o); err == nil {
			_ = s.Close()
			t.Errorf("%s: the desk opened", name)
		}
	}
}

func TestPage_LinksAreMadeAndTakenAway(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.makeTicket("one")
	b.makeTicket("two")
	b.makeTicket("three")
	edit := func(was, is string) (int, string) {
		return b.post("/tickets/DESK-1/edit", url.Values{"links": {is}, "was.links": {was}})
	}
	_, page := edit("", "blocks desk-2, relates to DESK-3")
	has(t, page, "blocks DESK-2, relates to DESK-3")
	has(t, b.get("/tickets/DESK-2"), "is blocked by DESK-1")
	// The form was opened before the second was made.
	_, page = edit("blocks DESK-2", "")
	has(t, page, "<dd>relates to DESK-3</dd>")
	for text, problem := range map[string]string{
		"blocks DESK-9": "there is no ticket DESK-9", "eats DESK-2": "is not one of", "blocks DESK-1": "no link to itself",
	} {
		status, page := edit("", text)
		if status != http.StatusUnprocessableEntity {
			t.Errorf("%q is answered %d", text, status)
		}
		has(t, page, problem)
	}
}
