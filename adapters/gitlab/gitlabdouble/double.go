package gitlabdouble

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/adapters/internal/consent"
)

// Account is somebody who can sign in.
type Account struct {
	ID             int64
	Username, Name string
	Token          string
	// Level of access to the project: 10 guest, 15 planner, 20 reporter, 30 developer,
	// 50 owner; 0 is none.
	Level int
	// Scopes of the token, and the day it ends; none are the scope api, "" is in a year.
	Scopes []string
	Ends   string
}

// Options say which GitLab it is.
type Options struct {
	// Path and ID of the project.
	Path   string
	ID     int64
	Public bool
	// Free is a GitLab whose licence has no blocked issues.
	Free       bool
	Accounts   []Account
	Milestones []string
	// Clients are OAuth applications, with their secrets.
	Clients map[string]string
	// Redirects are the addresses that applications are registered with.
	Redirects map[string][]string
	// LastingGrants are refresh tokens that are good more than once, as GitLab's are not.
	LastingGrants bool
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Before is called before each request below the project is answered.
	Before func(r *http.Request)
}

// Double is a GitLab. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux
	// Consent is where people let applications act for the first account.
	Consent *consent.Desk

	mu      sync.Mutex // guards what follows
	now     func() time.Time
	issues  []*issue // by iid
	uploads map[string]file
	nextID  int64
	off     bool
	queued  []answer
	granted map[string]*Account // by refresh token
	issued  map[string]issued   // by access token
}

type file struct {
	name string
	data []byte
}

// answer is one that is given in place of what was asked.
type answer struct {
	status int
	header http.Header
	body   string
}

// New returns a project without issues.
func New(opt Options) *Double {
	d := &Double{opt: opt, mux: http.NewServeMux(), now: opt.Now, nextID: 7000, uploads: map[string]file{}, granted: map[string]*Account{}, issued: map[string]issued{}}
	if d.now == nil {
		d.now = time.Now
	}
	d.Consent = consent.New(consent.Rules{Redirects: opt.Redirects, AnyPort: true, Life: 10 * time.Minute, Now: d.now})
	d.routes()
	return d
}

// AnswerNext gives this answer to the next request.
func (d *Double) AnswerNext(status int, header http.Header, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queued = append(d.queued, answer{status, header, body})
}

// SwitchIssuesOff takes the issues away.
func (d *Double) SwitchIssuesOff() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
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
	var queued *answer
	if len(d.queued) > 0 {
		queued, d.queued = &d.queued[0], d.queued[1:]
	}
	d.mu.Unlock()
	if queued != nil {
		maps.Copy(w.Header(), queued.header)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(queued.status)
		_, _ = io.WriteString(w, queued.body)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// handle serves an address, to all who have a credential that is good or none.
func (d *Double) handle(pattern string, do func(*call)) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		if !d.signIn(c) {
			return
		}
		w.Header().Set("RateLimit-Limit", "2000")
		w.Header().Set("RateLimit-Remaining", "1990")
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(d.now().Unix()+60, 10))
		do(c)
	})
}

// below serves an address below the project to those who see it. The project's state is
// locked meanwhile.
func (d *Double) below(method, path string, do func(*Double, *call)) {
	d.handle(method+" /api/v4/projects/{id}"+path, func(c *call) {
		if d.opt.Before != nil {
			d.opt.Before(c.r)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		id := c.r.PathValue("id")
		known := id == d.opt.Path || id == strconv.FormatInt(d.opt.ID, 10)
		switch {
		case !known || !d.opt.Public && (c.me == nil || c.me.Level == 0):
			c.fail(http.StatusNotFound, "404 Project Not Found")
		case c.me == nil && method != http.MethodGet:
			c.fail(http.StatusUnauthorized, "401 Unauthorized")
		case d.off && strings.HasPrefix(path, "/issues"):
			c.fail(http.StatusForbidden, "403 Forbidden")
		default:
			do(d, c)
		}
	})
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
}

func (c *call) fail(status int, message string) {
	c.answer(status, map[string]any{"message": message})
}

// invalid is how GitLab says that a value is not taken.
func (c *call) invalid(field, message string) {
	c.answer(http.StatusBadRequest, map[string]any{"message": map[string]any{field: []string{message}}})
}

func (c *call) body(out any) bool {
	if err := json.NewDecoder(c.r.Body).Decode(out); err != nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "The provided request body is not valid JSON"})
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

// level is what somebody may in the project.
func (c *call) level() int {
	if c.me == nil {
		return 0
	}
	return c.me.Level
}

const planner = 15

func (d *Double) moment() time.Time { return d.now().UTC().Truncate(time.Millisecond) }

func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// page answers one page, with the headers that name the next.
func (d *Double) page(c *call, rows []any) {
	size, page := min(c.number("per_page", 20), 100), c.number("page", 1)
	from := min((page-1)*size, len(rows))
	to := min(from+size, len(rows))
	c.w.Header().Set("X-Page", strconv.Itoa(page))
	c.w.Header().Set("X-Per-Page", strconv.Itoa(size))
	c.w.Header().Set("X-Total", strconv.Itoa(len(rows)))
	c.w.Header().Set("X-Total-Pages", strconv.Itoa(max(1, (len(rows)+size-1)/size)))
	if to < len(rows) {
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(page+1))
		c.w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
		c.w.Header().Set("Link", "<http://"+c.r.Host+c.r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	c.answer(http.StatusOK, slices.Clip(rows[from:to]))
}

func (d *Double) routes() {
	d.mux.Handle("GET /oauth/authorize", d.Consent)
	d.mux.HandleFunc("POST /oauth/token", d.grantToken)
	d.handle("POST /api/graphql", d.graphql)
	d.handle("GET /api/v4/user", d.user)
	d.handle("GET /api/v4/personal_access_tokens/self", d.token)
	for path, do := range map[string]func(*Double, *call){
		"":                          (*Double).project,
		"/users":                    (*Double).listUsers,
		"/milestones":               (*Double).listMilestones,
		"/issues":                   (*Double).listIssues,
		"/issues/{iid}":             (*Double).readIssue,
		"/issues/{iid}/links":       (*Double).listLinks,
		"/issues/{iid}/notes":       (*Double).listNotes,
		"/issues/{iid}/notes/{id2}": (*Double).readNote,
		"/uploads/{secret}/{file}":  (*Double).download,
	} {
		d.below(http.MethodGet, path, do)
	}
	d.below(http.MethodPost, "/issues", (*Double).create)
	d.below(http.MethodPut, "/issues/{iid}", (*Double).edit)
	d.below(http.MethodDelete, "/issues/{iid}", (*Double).remove)
	d.below(http.MethodPost, "/issues/{iid}/links", (*Double).link)
	d.below(http.MethodDelete, "/issues/{iid}/links/{link}", (*Double).unlink)
	d.below(http.MethodPost, "/issues/{iid}/move", (*Double).moveAway)
	d.below(http.MethodPost, "/issues/{iid}/add_spent_time", (*Double).spend)
	d.below(http.MethodPost, "/issues/{iid}/notes", (*Double).addNote)
	d.below(http.MethodPut, "/issues/{iid}/notes/{id2}", (*Double).editNote)
	d.below(http.MethodPost, "/uploads", (*Double).upload)
}
