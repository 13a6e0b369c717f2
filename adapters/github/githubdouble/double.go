package githubdouble

import (
	"cmp"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
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
	ID    int64
	Login string
	Token string
	// Role in the repository: read, triage, write or admin; none sees it only if it
	// is public, and cannot be assigned.
	Role string
	// Expires is when the token ends, if it does.
	Expires time.Time
}

// App is a GitHub App, installed for the repository. Its account is Bot, whose Token
// is the first one that the installation gets.
type App struct {
	ID, Installation string
	Slug             string
	Key              *rsa.PublicKey
	Bot              string
	// Life is how long a token holds; 0 is an hour.
	Life time.Duration
}

// Field is one of the organisation's fields.
type Field struct {
	ID      int64
	Name    string
	Kind    string
	Options []string
}

// Options say which GitHub it is.
type Options struct {
	// Owner and Name of the repository.
	Owner, Name string
	// Personal says that the owner is a person, who has no types and no fields.
	Personal bool
	Public   bool
	// NoDependencies is a server that is older than these.
	NoDependencies bool
	// Accounts can sign in.
	Accounts []Account
	// Types, Fields and Milestones that there are.
	Types      []string
	Fields     []Field
	Milestones []string
	// App may sign in by what its key signs; nil is none.
	App *App
	// Deep is how many rows can be paged through by number; 0 is all.
	Deep int
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Undated takes the time out of answers, as proxies do.
	Undated bool
	// Before is called before each request below the repository is answered.
	Before func(r *http.Request)
}

// Double is a GitHub. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux

	mu         sync.Mutex // guards what follows
	now        func() time.Time
	issues     []*issue // by number, from 1
	labels     []string
	nextID     int64
	name       string // changes when it is renamed
	archived   bool
	noIssues   bool
	queued     []answer
	tokens     map[string]time.Time // of the installation, with their ends
	milestones []string
}

// answer is one that is given in place of what was asked.
type answer struct {
	status int
	header http.Header
	body   string
}

const (
	repositoryID = 1296269
	otherID      = 7654321
)

// New returns a repository without issues.
func New(opt Options) *Double {
	d := &Double{
		opt: opt, mux: http.NewServeMux(), now: opt.Now, nextID: 4000000000, name: opt.Name, tokens: map[string]time.Time{},
		labels: []string{"bug", "documentation"}, milestones: slices.Clone(opt.Milestones),
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.routes()
	return d
}

// AnswerNext gives this answer to the next request.
func (d *Double) AnswerNext(status int, header http.Header, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queued = append(d.queued, answer{status, header, body})
}

// Rename gives the repository another name: the old one leads to it.
func (d *Double) Rename(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.name = name
}

// Archive makes the repository one that cannot be written to.
func (d *Double) Archive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.archived = true
}

// SwitchIssuesOff takes the issues away.
func (d *Double) SwitchIssuesOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noIssues = true
}

// call is one request with who makes it; nobody is nil.
type call struct {
	w  http.ResponseWriter
	r  *http.Request
	me *Account
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	w.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	if d.opt.Undated {
		w.Header()["Date"] = nil
	}
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")
	var queued *answer
	if len(d.queued) > 0 {
		queued, d.queued = &d.queued[0], d.queued[1:]
	}
	d.mu.Unlock()
	if queued != nil {
		maps.Copy(w.Header(), queued.header)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(queued.status)
		_, _ = io.WriteString(w, queued.body)
		return
	}
	// A server of one's own has the API below a path, and so does the site's.
	r = r.Clone(r.Context())
	r.URL.Path = strings.TrimPrefix(r.URL.Path, prefixOf(r))
	r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, prefixOf(r))
	// The comments of all issues stand where the number of an issue does.
	for _, path := range []*string{&r.URL.Path, &r.URL.RawPath} {
		*path = strings.Replace(*path, "/issues/comments/", "/comments/", 1)
	}
	d.mux.ServeHTTP(w, r)
}

const serverPrefix = "/api/v3"

func prefixOf(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, serverPrefix+"/") {
		return serverPrefix
	}
	return ""
}

// handle serves an address, to all who have a credential that is good or none.
func (d *Double) handle(pattern string, do func(*call)) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		header := r.Header.Get("Authorization")
		_, token, _ := strings.Cut(header, " ")
		for n := range d.opt.Accounts {
			if a := &d.opt.Accounts[n]; header != "" && a.Token == token {
				c.me = a
			}
		}
		c.me = cmp.Or(c.me, d.installed(token))
		if header != "" && c.me == nil && !strings.HasPrefix(r.URL.Path, "/app") {
			c.fail(http.StatusUnauthorized, "Bad credentials")
			return
		}
		limit := "60"
		if c.me != nil {
			limit = "5000"
			if !c.me.Expires.IsZero() {
				w.Header().Set("GitHub-Authentication-Token-Expiration", c.me.Expires.UTC().Format("2006-01-02 15:04:05 MST"))
			}
		}
		w.Header().Set("X-RateLimit-Limit", limit)
		w.Header().Set("X-RateLimit-Remaining", "50")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(d.now().Add(time.Hour).Unix(), 10))
		w.Header().Set("X-RateLimit-Resource", "core")
		do(c)
	})
}

// below serves an address below the repository, by its name and by its id, to
// those who see it. The repository's state is locked meanwhile.
func (d *Double) below(method, path string, do func(*Double, *call)) {
	serve := func(c *call) {
		if d.opt.Before != nil {
			d.opt.Before(c.r)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.opt.Public && (c.me == nil || c.me.Role == "") {
			c.fail(http.StatusNotFound, "Not Found")
			return
		}
		if c.me == nil && method != http.MethodGet {
			c.fail(http.StatusUnauthorized, "Requires authentication")
			return
		}
		do(d, c)
	}
	d.handle(method+" /repositories/{id}"+path, func(c *call) {
		if c.r.PathValue("id") != strconv.Itoa(repositoryID) {
			d.elsewhere(c)
			return
		}
		serve(c)
	})
	d.handle(method+" /repos/{owner}/{repo}"+path, func(c *call) {
		d.mu.Lock()
		name := d.name
		d.mu.Unlock()
		owner, repo := c.r.PathValue("owner"), c.r.PathValue("repo")
		switch {
		case !strings.EqualFold(owner, d.opt.Owner):
			c.fail(http.StatusNotFound, "Not Found")
		case strings.EqualFold(repo, name):
			serve(c)
		case strings.EqualFold(repo, d.opt.Name):
			_, rest, _ := strings.Cut(c.r.URL.Path, "/"+repo)
			c.moved(fmt.Sprintf("%s/repositories/%d%s", c.root(), repositoryID, rest), method)
		default:
			c.fail(http.StatusNotFound, "Not Found")
		}
	})
}

// elsewhere is another repository, which a transferred issue stands in.
func (d *Double) elsewhere(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.issues {
		if c.r.PathValue("id") == strconv.Itoa(otherID) && i.moved == c.r.PathValue("number") {
			out := d.issue(c, i)
			number, _ := strconv.Atoi(i.moved)
			out["number"], out["repository_url"] = number, c.root()+"/repos/"+d.opt.Owner+"/elsewhere"
			c.answer(http.StatusOK, out)
			return
		}
	}
	c.fail(http.StatusNotFound, "Not Found")
}

// moved sends a read on for good, and a write for this once.
func (c *call) moved(to, method string) {
	status := http.StatusMovedPermanently
	if method != http.MethodGet {
		status = http.StatusTemporaryRedirect
	}
	c.w.Header().Set("Location", to)
	c.answer(status, map[string]any{"message": http.StatusText(status), "url": to, "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"})
}

// root is the address of the API as the client knows it.
func (c *call) root() string {
	if strings.Contains(c.r.RequestURI, serverPrefix+"/") {
		return "http://" + c.r.Host + serverPrefix
	}
	return "http://" + c.r.Host
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	if v != nil {
		_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
	}
}

func (c *call) nothing() { c.w.WriteHeader(http.StatusNoContent) }

func (c *call) fail(status int, message string) {
	c.answer(status, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
}

// invalid is how GitHub says that a value is not taken.
func (c *call) invalid(resource, field, code string) {
	c.answer(http.StatusUnprocessableEntity, map[string]any{
		"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest",
		"errors": []any{map[string]any{"resource": resource, "field": field, "code": code}},
	})
}

func (c *call) body(out any) bool {
	if err := json.NewDecoder(c.r.Body).Decode(out); err != nil {
		c.fail(http.StatusBadRequest, "Problems parsing JSON")
		return false
	}
	return true
}

func (c *call) number(name string, def int) int {
	if n, err := strconv.Atoi(c.r.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return def
}

// sets tells whether somebody may set labels and the like.
func (a *Account) sets() bool {
	return a != nil && (a.Role == "triage" || a.Role == "write" || a.Role == "admin")
}

func (d *Double) second() time.Time { return d.now().UTC().Truncate(time.Second) }

func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}

func (d *Double) account(login string) *Account {
	for n := range d.opt.Accounts {
		if strings.EqualFold(d.opt.Accounts[n].Login, login) {
			return &d.opt.Accounts[n]
		}
	}
	return nil
}

func (d *Double) routes() {
	d.handle("GET /user", d.user)
	d.handle("GET /app", d.app)
	d.handle("POST /app/installations/{id}/access_tokens", d.accessToken)
	d.handle("GET /users/{login}", d.userBy)
	d.handle("GET /rate_limit", d.rateLimit)
	d.handle("GET /orgs/{org}/issue-types", d.listTypes)
	d.handle("GET /orgs/{org}/issue-fields", d.listFields)
	for path, do := range map[string]func(*Double, *call){
		"":                            (*Double).repository,
		"/assignees/{login}":          (*Double).assignable,
		"/assignees":                  (*Double).listAssignees,
		"/milestones":                 (*Double).listMilestones,
		"/labels":                     (*Double).listLabels,
		"/labels/{name}":              (*Double).label,
		"/issues":                     (*Double).listIssues,
		"/issues/{number}":            (*Double).readIssue,
		"/issues/{number}/comments":   (*Double).listComments,
		"/comments/{comment}":         (*Double).readComment,
		"/issues/{number}/events":     (*Double).listEvents,
		"/issues/{number}/labels":     (*Double).listIssueLabels,
		"/issues/{number}/sub_issues": (*Double).listChildren,
		"/issues/{number}/dependencies/blocked_by": (*Double).listBlockers,
		"/issues/{number}/dependencies/blocking":   (*Double).listBlocked,
	} {
		d.below(http.MethodGet, path, do)
	}
	d.below(http.MethodPost, "/issues", (*Double).create)
	d.below(http.MethodPatch, "/issues/{number}", (*Double).edit)
	d.below(http.MethodPost, "/issues/{number}/comments", (*Double).addComment)
	d.below(http.MethodPatch, "/comments/{comment}", (*Double).editComment)
	d.below(http.MethodDelete, "/comments/{comment}", (*Double).deleteComment)
	d.below(http.MethodPost, "/issues/{number}/labels", (*Double).addLabels)
	d.below(http.MethodDelete, "/issues/{number}/labels/{name}", (*Double).removeLabel)
	d.below(http.MethodPost, "/issues/{number}/assignees", (*Double).assign)
	d.below(http.MethodDelete, "/issues/{number}/assignees", (*Double).unassign)
	d.below(http.MethodPost, "/issues/{number}/issue-field-values", (*Double).setValues)
	d.below(http.MethodDelete, "/issues/{number}/issue-field-values/{field}", (*Double).clearValue)
	d.below(http.MethodPost, "/issues/{number}/sub_issues", (*Double).addChild)
	d.below(http.MethodDelete, "/issues/{number}/sub_issue", (*Double).removeChild)
	d.below(http.MethodPost, "/issues/{number}/dependencies/blocked_by", (*Double).addBlocker)
	d.below(http.MethodDelete, "/issues/{number}/dependencies/blocked_by/{issue}", (*Double).removeBlocker)
	d.below(http.MethodPost, "/labels", (*Double).createLabel)
	d.below(http.MethodPost, "/milestones", (*Double).createMilestone)
}
