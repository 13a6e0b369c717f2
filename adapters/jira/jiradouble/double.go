package jiradouble

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is somebody who can sign in.
type Account struct {
	ID, Name, Email, Token string
	// Hidden keeps the e-mail address from others.
	Hidden bool
	// Unassignable: not a member of the role that issues can be assigned to.
	Unassignable bool
}

// Options say which Jira it is.
type Options struct {
	// Cloud is version 3 of the API; otherwise version 2.
	Cloud bool
	// Site is the address that answers name; nothing listens at the default.
	Site string
	// Project is the key of the project where issues are made; Service makes it one of Jira Service
	// Management.
	Project string
	Service bool
	// Also are other projects, which issues are moved to.
	Also []string
	// Lag is how long the search does not show what was written.
	Lag time.Duration
	// Zone is the time zone of all accounts.
	Zone *time.Location
	// Accounts can sign in; the first one is the adapter's.
	Accounts []Account
	// Media is the address of the host that Files answers at, in the Cloud.
	Media string
	// Levels are security levels of the project.
	Levels []string
	// Denied are permissions that nobody has.
	Denied []string
	// NoLinks switches links off.
	NoLinks bool
	// KeysDown makes later issues have lower numbers in their keys, as issues that
	// were moved here may.
	KeysDown bool
	// TokenUses is after how many requests an access token has ended. An upload is none
	// of them, and is still let in: who streams a file cannot send it once more, and has
	// to begin anew.
	TokenUses int
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// BeforeSearch is called before each search, from its request.
	BeforeSearch func()
}

// Double is a Jira. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux

	mu     sync.Mutex // guards what follows
	issues map[int64]*issue
	links  []link
	nextID int64
	count  int64
	limits []http.Header
	names  map[string][]string // made by requests, by field
	tokens map[string]int      // access tokens handed out, and the requests that each is good for
	now    func() time.Time
}

// New returns a Jira without issues.
func New(opt Options) *Double {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	if opt.Site == "" {
		opt.Site = "https://jira.invalid"
	}
	d := &Double{opt: opt, mux: http.NewServeMux(), issues: map[int64]*issue{}, tokens: map[string]int{}, names: map[string][]string{}, nextID: 10000, now: opt.Now}
	if d.now == nil {
		d.now = time.Now
	}
	d.routes()
	return d
}

// LimitNext answers the next request with 429 and these headers.
func (d *Double) LimitNext(h http.Header) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limits = append(d.limits, h)
}

// ShowLater keeps what is written to an issue from the search for longer than the
// other issues' changes: a search does not show changes in their order.
func (d *Double) ShowLater(key string, by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.issues {
		if i.key == key {
			i.late = by
		}
	}
}

func (d *Double) root() string {
	if d.opt.Cloud {
		return "/rest/api/3/"
	}
	return "/rest/api/2/"
}

// self is an address in answers.
func (d *Double) self(path string) string { return d.opt.Site + d.root() + path }

// call is one request with who makes it; nobody is nil.
type call struct {
	w  http.ResponseWriter
	r  *http.Request
	me *Account
}

func (d *Double) handle(pattern string, do func(*Double, *call)) {
	method, path, _ := strings.Cut(pattern, " ")
	at := d.root() + path
	if strings.HasPrefix(path, "/") {
		at = path
	}
	d.mux.HandleFunc(method+" "+at, func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		if !d.signIn(c) {
			c.fail(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
			return
		}
		do(d, c)
	})
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	w.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	var limit http.Header
	if len(d.limits) > 0 {
		limit, d.limits = d.limits[0], d.limits[1:]
	}
	d.mu.Unlock()
	if limit != nil {
		maps.Copy(w.Header(), limit)
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// signIn finds the account; false for a credential that is wrong.
func (d *Double) signIn(c *call) bool {
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return true
	}
	if d.bears(header, strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/")) {
		c.me = &d.opt.Accounts[0]
		return true
	}
	email, token, basic := c.r.BasicAuth()
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		if basic && a.Email == email && a.Token == token || header == "Bearer "+a.Token {
			c.me = a
			return true
		}
	}
	return false
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
}

func (c *call) fail(status int, messages ...string) {
	c.answer(status, map[string]any{"errorMessages": messages, "errors": map[string]any{}})
}

func (c *call) failField(field, message string) {
	c.answer(http.StatusBadRequest, map[string]any{"errorMessages": []string{}, "errors": map[string]any{field: message}})
}

func (c *call) body(out any) bool {
	if err := json.NewDecoder(c.r.Body).Decode(out); err != nil {
		c.fail(http.StatusBadRequest, "Can not deserialize the request body.")
		return false
	}
	return true
}

// must refuses nobody.
func (c *call) must() bool {
	if c.me == nil {
		c.fail(http.StatusUnauthorized, "You are not authenticated. Authentication required to perform this operation.")
	}
	return c.me != nil
}

func (c *call) number(name string, def int) int {
	if n, err := strconv.Atoi(c.r.URL.Query().Get(name)); err == nil {
		return n
	}
	return def
}

func (d *Double) time(at time.Time) string {
	return at.In(d.opt.Zone).Format("2006-01-02T15:04:05.000-0700")
}

func (d *Double) user(a *Account) map[string]any {
	if a == nil {
		return nil
	}
	u := map[string]any{"displayName": a.Name, "active": true, "timeZone": d.opt.Zone.String()}
	if !a.Hidden {
		u["emailAddress"] = a.Email
	}
	if d.opt.Cloud {
		u["accountId"], u["accountType"] = a.ID, "atlassian"
	} else {
		u["name"], u["key"] = a.ID, "JIRAUSER-"+a.ID
	}
	return u
}

func (d *Double) accountBy(id string) *Account {
	n := slices.IndexFunc(d.opt.Accounts, func(a Account) bool { return a.ID == id })
	if n < 0 {
		return nil
	}
	return &d.opt.Accounts[n]
}

func (d *Double) routes() {
	d.handle("GET myself", (*Double).myself)
	d.handle("GET serverInfo", (*Double).serverInfo)
	d.handle("GET field", (*Double).listFields)
	d.handle("GET user", (*Double).userBy)
	d.handle("GET user/search", (*Double).searchUsers)
	d.handle("GET user/assignable/search", (*Double).searchAssignable)
	d.handle("GET mypermissions", (*Double).permissions)
	d.handle("GET project/{key}", (*Double).project)
	d.handle("POST version", (*Double).makeVersion)
	d.handle("POST component", (*Double).makeComponent)
	d.handle("GET project/{key}/statuses", (*Double).statuses)
	d.handle("GET project/{key}/securitylevel", (*Double).levels)
	d.handle("GET issue/createmeta/{key}/issuetypes", (*Double).types)
	d.handle("GET issue/createmeta/{key}/issuetypes/{id}", (*Double).screen)
	d.handle("POST issue", (*Double).create)
	d.handle("GET issue/{id}", (*Double).read)
	d.handle("PUT issue/{id}", (*Double).edit)
	d.handle("DELETE issue/{id}", (*Double).remove)
	d.handle("GET issue/{id}/transitions", (*Double).listTransitions)
	d.handle("POST issue/{id}/transitions", (*Double).transit)
	d.handle("GET issue/{id}/comment", (*Double).listComments)
	d.handle("POST issue/{id}/comment", (*Double).addComment)
	d.handle("GET issue/{id}/{rest...}", (*Double).readComment)
	d.handle("PUT issue/{id}/comment/{comment}", (*Double).editComment)
	d.handle("GET comment/{comment}/properties/{key}", (*Double).commentProperty)
	d.handle("POST issue/{id}/attachments", (*Double).attach)
	d.handle("GET issueLinkType", (*Double).listLinkTypes)
	d.handle("POST issueLink", (*Double).link)
	d.handle("DELETE issueLink/{link}", (*Double).unlink)
	d.handle("GET attachment/meta", (*Double).attachmentMeta)
	d.handle("GET attachment/{file}", (*Double).attachment)
	if d.opt.Cloud {
		d.handle("POST search/jql", (*Double).searchCloud)
		d.handle("POST comment/list", (*Double).commentsByID)
		d.handle("GET issue/{id}/changelog", (*Double).changelog)
		d.handle("GET attachment/content/{file}", (*Double).content)
		return
	}
	d.mux.Handle("/rest/oauth2/latest/token", d.Tokens())
	d.handle("POST search", (*Double).searchDC)
	d.handle("GET search", (*Double).searchDC)
	d.handle("GET /secure/attachment/{file}/{name}", (*Double).content)
}
