package azuredevopsdouble

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is a person or service principal. Without a token it can only be named.
type Account struct {
	ID, Name, Email, Token string
	// Stakeholder may read, and comment, but not create.
	Stakeholder bool
}

// Options configure a Double.
type Options struct {
	// Organization is the first part of every path.
	Organization string
	Projects     []string
	Accounts     []Account
	// TokenUses is how many requests an access token is good for; 0 is without end.
	TokenUses int
	// Conflict409 answers a test that fails with 409, as older servers do.
	Conflict409 bool
	// Cap is how many results a query may have; 0 means 20,000.
	Cap int
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// ClientSecret is that of the service principal, whose id is the first account's.
const ClientSecret = "secret-of-the-service-principal"

// Double is an organisation. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux
	now func() time.Time

	mu       sync.Mutex // guards what follows
	items    map[int64]*workItem
	lastID   int64
	mark     int64
	log      []entry // the feed of revisions
	talk     []entry // the feed of discussions
	files    map[string]*file
	lastNo   int64
	faults   []fault
	served   map[string]int
	tokens   map[string]int
	lastTick time.Time
}

type fault struct {
	status int
	header http.Header
	body   any
	match  func(*http.Request) bool
}

// entry is a row of a feed.
type entry struct {
	mark   int64
	id     int64
	row    map[string]any
	gone   bool
	newest bool // no later entry is of the same item
	at     time.Time
	in     string
}

// New returns an organisation without work items.
func New(opt Options) *Double {
	d := &Double{
		opt: opt, mux: http.NewServeMux(), now: opt.Now, items: map[int64]*workItem{}, lastID: 100,
		files: map[string]*file{}, served: map[string]int{}, tokens: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.opt.Cap == 0 {
		d.opt.Cap = 20_000
	}
	for pattern, do := range map[string]func(*call){
		"GET _apis/connectionData":                                        d.connection,
		"GET _apis/identities":                                            d.identities,
		"GET _apis/wit/workitems/{id}":                                    d.show,
		"PATCH _apis/wit/workitems/{id}":                                  d.patch,
		"POST _apis/wit/workitemsbatch":                                   d.batch,
		"POST _apis/wit/wiql":                                             d.wiql,
		"POST {project}/_apis/wit/workitems/{type}":                       d.create,
		"DELETE {project}/_apis/wit/workitems/{id}":                       d.remove,
		"GET {project}/_apis/wit/recyclebin/{id}":                         d.bin,
		"PATCH {project}/_apis/wit/recyclebin/{id}":                       d.restore,
		"GET {project}/_apis/wit/fields":                                  d.listFields,
		"GET {project}/_apis/wit/workitemtypes":                           d.listTypes,
		"GET {project}/_apis/wit/workitemtypes/{type}/fields":             d.typeFields,
		"GET {project}/_apis/wit/workitemtypes/{type}/states":             d.typeStates,
		"GET {project}/_apis/wit/reporting/workitemrevisions":             d.revisions,
		"GET {project}/_apis/wit/reporting/workItemRevisions/discussions": d.discussions,
		"GET {project}/_apis/wit/workItems/{id}/updates":                  d.listUpdates,
		"GET {project}/_apis/wit/workItems/{id}/comments":                 d.listComments,
		"POST {project}/_apis/wit/workItems/{id}/comments":                d.addComment,
		"PATCH {project}/_apis/wit/workItems/{id}/comments/{comment}":     d.editComment,
		"DELETE {project}/_apis/wit/workItems/{id}/comments/{comment}":    d.dropComment,
		"POST {project}/_apis/wit/attachments":                            d.upload,
		"GET {project}/_apis/wit/attachments/{file}":                      d.download,
	} {
		d.handle(pattern, do)
	}
	return d
}

// FailNext answers the next request that matches with a status; 0 answers as always,
// with further headers.
func (d *Double) FailNext(match func(*http.Request) bool, status int, header http.Header, body any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, fault{status: status, header: header, body: body, match: match})
}

// Served tells how often a route was asked ("POST _apis/wit/wiql").
func (d *Double) Served(route string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.served[route]
}

// call is one request with who makes it.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	me   *Account
	base string
}

func (d *Double) handle(pattern string, do func(*call)) {
	method, path, _ := strings.Cut(pattern, " ")
	d.mux.HandleFunc(method+" /"+d.opt.Organization+"/"+path, func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, base: "http://" + r.Host + "/" + d.opt.Organization}
		var good bool
		if c.me, good = d.signedIn(r); !good {
			signInPage(w, r)
			return
		}
		if c.me == nil && !strings.HasSuffix(path, "connectionData") {
			signInPage(w, r)
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.served[pattern]++
		if p := r.PathValue("project"); p != "" && !slices.ContainsFunc(d.opt.Projects, func(x string) bool { return strings.EqualFold(x, p) }) {
			c.fail(http.StatusNotFound, "TF200016", "The following project does not exist: "+p)
			return
		}
		do(c)
	})
}

// signInPage is what a credential that is not taken gets.
func signInPage(w http.ResponseWriter, r *http.Request) {
	const page = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head><body></body></html>"
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.Method != http.MethodGet {
		w.Header().Set("Location", "/_signin?realm=dev.azure.com")
		w.WriteHeader(http.StatusFound)
	} else {
		w.WriteHeader(http.StatusNonAuthoritativeInfo)
	}
	_, _ = w.Write([]byte(page))
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	d.mu.Lock()
	n := slices.IndexFunc(d.faults, func(f fault) bool { return f.match(r) })
	var hit fault
	if n >= 0 {
		hit = d.faults[n]
		d.faults = slices.Delete(d.faults, n, n+1)
	}
	d.mu.Unlock()
	maps.Copy(w.Header(), hit.header)
	if hit.status != 0 {
		(&call{w: w, r: r}).answer(hit.status, hit.body)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// signedIn finds the account behind a credential; nil for none, not good for a wrong one.
func (d *Double) signedIn(r *http.Request) (*Account, bool) {
	if r.Header.Get("Authorization") == "" {
		return nil, true
	}
	user, password, basic := r.BasicAuth()
	if token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer {
		d.mu.Lock()
		defer d.mu.Unlock()
		left, ok := d.tokens[token]
		if !ok || left == 0 {
			return nil, false
		}
		d.tokens[token]--
		return &d.opt.Accounts[0], true
	}
	for n := range d.opt.Accounts {
		if a := &d.opt.Accounts[n]; basic && user == "" && a.Token != "" && password == a.Token {
			return a, true
		}
	}
	return nil, false
}

// Tokens is where the service principal gets access tokens.
func (d *Double) Tokens() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		if r.ParseForm() != nil || r.PostForm.Get("client_id") != d.opt.Accounts[0].ID || r.PostForm.Get("client_secret") != ClientSecret ||
			!strings.HasSuffix(r.PostForm.Get("scope"), "/.default") {
			c.answer(http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		uses := d.opt.TokenUses
		if uses == 0 {
			uses = -1
		}
		token := fmt.Sprintf("issued-token-%d", len(d.tokens)+1)
		d.tokens[token] = uses
		c.answer(http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})
	})
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8; api-version=7.1")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
}

func (c *call) list(all []any) {
	c.answer(http.StatusOK, map[string]any{"count": len(all), "value": all})
}

// fail is how Azure DevOps words an error.
func (c *call) fail(status int, code, words string) {
	c.answer(status, map[string]any{
		"$id": "1", "innerException": nil, "message": code + ": " + words, "typeKey": "WorkItemTrackingException", "errorCode": 0, "eventId": 3200,
	})
}

func (c *call) noItem() {
	c.fail(http.StatusNotFound, "TF401232", "Work item "+c.r.PathValue("id")+" does not exist, or you do not have permissions to read it.")
}

func (c *call) number(name string) int64 {
	n, _ := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	return n
}

func (c *call) query(name string, def int) int {
	n, err := strconv.Atoi(c.r.URL.Query().Get(name))
	if err != nil {
		return def
	}
	return n
}

// tick is a time that nothing else has: to the millisecond, as Azure DevOps keeps them.
func (d *Double) tick() time.Time {
	t := d.now().UTC().Truncate(time.Millisecond)
	if !t.After(d.lastTick) && d.lastTick.Sub(t) < time.Second {
		t = d.lastTick.Add(time.Millisecond)
	}
	d.lastTick = t
	return t
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// next is a number that nothing else has.
func (d *Double) next() int64 {
	d.lastNo++
	return 5000 + d.lastNo
}

func (c *call) identity(a *Account) map[string]any {
	return map[string]any{
		"displayName": a.Name, "id": a.ID, "uniqueName": a.Email, "descriptor": "aad." + a.ID,
		"url": "https://vssps.dev.azure.com/fabrikam/_apis/Identities/" + a.ID, "imageUrl": c.base + "/_api/_common/identityImage?id=" + a.ID,
	}
}
