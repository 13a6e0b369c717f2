package zendeskdouble

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

	"parley/adapters/internal/consent"
)

// Account is somebody who is known, and can sign in if there is a token.
type Account struct {
	ID                 int64
	Name, Email, Token string
	// Role is admin, agent or end-user.
	Role string
	// Restriction limits an agent's view: assigned, groups, organization.
	Restriction string
}

// Options say which account it is.
type Options struct {
	Accounts []Account
	// Clients are OAuth clients of the first account, by their ids, with their secrets.
	Clients map[string]string
	// Redirects are the addresses that clients are registered with.
	Redirects map[string][]string
	// CustomStatuses gives the account statuses of its own.
	CustomStatuses bool
	// ExportLag is how much of the present the export leaves out; 0 means a minute.
	ExportLag time.Duration
	// ExportLimit is how often the export may be asked in a minute, UpdateLimit how
	// often one account may update one ticket in ten minutes; 0 is without limit.
	ExportLimit, UpdateLimit int
	// TokenUses is how many requests a token that a client got is good for; 0 is any.
	TokenUses int
	// Media is the address of the host that Files answers at; empty keeps the files here.
	Media string
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Double is a Zendesk. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux
	// Consent is where people let clients act for the first account.
	Consent *consent.Desk
	now     func() time.Time

	mu      sync.Mutex // guards what follows
	tickets map[int64]*ticket
	nextID  int64
	lastNo  int64
	keys    map[string]replay
	uploads map[string]*upload
	files   map[int64]*file
	exports []time.Time
	updates map[string][]time.Time
	faults  []fault
	served  map[string]int
	tokens  map[string]time.Time
	uses    map[string]int
	refresh string
}

// FirstRefresh is the refresh token that the authorization code flow gave; it is good
// for one use, as each that replaces it.
const FirstRefresh = "refresh-of-the-first-sign-in"

type fault struct {
	status int
	header http.Header
	body   map[string]any
	match  func(*http.Request) bool
}

// New returns a Zendesk without tickets.
func New(opt Options) *Double {
	d := &Double{
		opt: opt, mux: http.NewServeMux(), now: opt.Now, nextID: 1000, tickets: map[int64]*ticket{}, keys: map[string]replay{},
		uploads: map[string]*upload{}, files: map[int64]*file{}, updates: map[string][]time.Time{}, served: map[string]int{},
		tokens: map[string]time.Time{}, refresh: FirstRefresh, uses: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.Consent = consent.New(consent.Rules{Redirects: opt.Redirects, Life: 2 * time.Minute, Now: d.now})
	if d.opt.ExportLag == 0 {
		d.opt.ExportLag = time.Minute
	}
	d.routes()
	return d
}

// FailNext answers the next request that matches with a status.
func (d *Double) FailNext(match func(*http.Request) bool, status int, header http.Header, body map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, fault{status: status, header: header, body: body, match: match})
}

// Served tells how often a route was asked ("PUT tickets/{id}").
func (d *Double) Served(route string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.served[route]
}

func (d *Double) routes() {
	for pattern, do := range map[string]func(*Double, *call){
		"GET users/me":                   (*Double).me,
		"GET users/show_many":            (*Double).showUsers,
		"GET users/search":               (*Double).searchUsers,
		"GET account/settings":           (*Double).settings,
		"GET ticket_fields":              (*Double).listFields,
		"GET brands":                     (*Double).listBrands,
		"GET groups":                     (*Double).listGroups,
		"GET tickets":                    (*Double).listTickets,
		"POST tickets":                   (*Double).create,
		"GET tickets/{id}":               (*Double).show,
		"PUT tickets/{id}":               (*Double).update,
		"DELETE tickets/{id}":            (*Double).remove,
		"GET tickets/{id}/comments":      (*Double).listComments,
		"GET tickets/{id}/audits":        (*Double).listAudits,
		"POST tickets/{id}/merge":        (*Double).merge,
		"DELETE deleted_tickets/{id}":    (*Double).scrub,
		"GET incremental/tickets/cursor": (*Double).export,
		"POST uploads":                   (*Double).upload,
		"GET attachments/{id}":           (*Double).attachment,
	} {
		d.handle(pattern, do)
	}
	d.mux.HandleFunc("GET /attachments/token/{token}/", d.content)
	d.mux.Handle("GET /oauth/authorizations/new", d.Consent)
	d.mux.HandleFunc("POST /oauth/tokens", d.token)
}

// call is one request with who makes it.
type call struct {
	w  http.ResponseWriter
	r  *http.Request
	me *Account
}

func (d *Double) handle(pattern string, do func(*Double, *call)) {
	method, path, _ := strings.Cut(pattern, " ")
	d.mux.HandleFunc(method+" /api/v2/"+path, func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, me: d.signedIn(r)}
		if c.me == nil && path != "users/me" {
			c.answer(http.StatusUnauthorized, map[string]any{"error": "Couldn't authenticate you"})
			return
		}
		d.mu.Lock()
		d.served[pattern]++
		d.mu.Unlock()
		do(d, c)
	})
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	w.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	n := slices.IndexFunc(d.faults, func(f fault) bool { return f.match(r) })
	var hit fault
	if n >= 0 {
		hit = d.faults[n]
		d.faults = slices.Delete(d.faults, n, n+1)
	}
	d.mu.Unlock()
	w.Header().Set("X-Rate-Limit", "700")
	w.Header().Set("X-Rate-Limit-Remaining", "699")
	if n >= 0 {
		maps.Copy(w.Header(), hit.header)
		(&call{w: w, r: r}).answer(hit.status, hit.body)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// signedIn finds the account behind a credential; nil for none and for a wrong one.
func (d *Double) signedIn(r *http.Request) *Account {
	user, token, basic := r.BasicAuth()
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	d.mu.Lock()
	until, issued := d.tokens[bearer]
	if issued {
		d.uses[bearer]++
		if d.opt.TokenUses > 0 && d.uses[bearer] > d.opt.TokenUses {
			until = time.Time{}
		}
	}
	d.mu.Unlock()
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		switch {
		case a.Token == "":
		case isBearer && bearer == a.Token, basic && user == a.Email+"/token" && token == a.Token:
			return a
		case isBearer && issued && d.now().Before(until):
			return a // the first account owns the clients
		}
	}
	return nil
}

// token gives access tokens to clients, by their own credentials or by a refresh token.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r}
	var in struct {
		Grant    string `json:"grant_type"`
		Refresh  string `json:"refresh_token"`
		Client   string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Code     string `json:"code"`
		Redirect string `json:"redirect_uri"`
		Verifier string `json:"code_verifier"`
	}
	if r.ParseForm() == nil && r.PostForm.Get("grant_type") != "" {
		in.Grant, in.Client, in.Secret, in.Refresh = r.PostForm.Get("grant_type"), r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), r.PostForm.Get("refresh_token")
	} else if json.NewDecoder(r.Body).Decode(&in) != nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "The request is missing a required parameter."})
		return
	}
	if secret, ok := d.opt.Clients[in.Client]; !ok || secret != in.Secret {
		c.answer(http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "Client authentication failed"})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.served["POST oauth/tokens"]++
	token := fmt.Sprintf("issued-token-%d", len(d.tokens)+1)
	const lifetime = 30 * time.Minute
	answer := map[string]any{"access_token": token, "token_type": "bearer", "scope": "read write", "expires_in": int(lifetime.Seconds())}
	switch {
	case in.Grant == "client_credentials":
	case in.Grant == "refresh_token" && in.Refresh == d.refresh, in.Grant == "authorization_code" && d.Consent.Redeem(in.Code, in.Client, in.Redirect, in.Verifier):
		d.refresh = "refresh-after-" + token
		answer["refresh_token"], answer["refresh_token_expires_in"] = d.refresh, 2592000
	default:
		c.answer(http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "The provided authorization grant is invalid, expired or revoked."})
		return
	}
	d.tokens[token] = d.now().Add(lifetime)
	c.answer(http.StatusOK, answer)
}

// RevokeTokens ends all tokens that clients were given.
func (d *Double) RevokeTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for token := range d.tokens {
		d.tokens[token] = time.Time{}
	}
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
}

func (c *call) notFound() {
	c.answer(http.StatusNotFound, map[string]any{"error": "RecordNotFound", "description": "Not found"})
}

// invalid is how records are refused.
func (c *call) invalid(field, words string) {
	c.answer(http.StatusUnprocessableEntity, map[string]any{
		"error": "RecordInvalid", "description": "Record validation errors",
		"details": map[string]any{field: []any{map[string]any{"description": words}}},
	})
}

// id is a number in the path; 0 if it is none.
func (c *call) id() int64 {
	n, _ := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	return n
}

// page cuts a list for cursor pagination. position tells a row's place, which the
// cursor names: a row that moves does not shift the others.
func page[T any](c *call, key string, rows []T, position func(T) string, show func(T) map[string]any) {
	q := c.r.URL.Query()
	size, err := strconv.Atoi(q.Get("page[size]"))
	if err != nil || size < 1 {
		size = 100
	}
	if after := q.Get("page[after]"); after != "" {
		n := slices.IndexFunc(rows, func(x T) bool { return position(x) > after })
		if n < 0 {
			n = len(rows)
		}
		rows = rows[n:]
	}
	more := len(rows) > size
	if more {
		rows = rows[:size]
	}
	out := []any{}
	for _, x := range rows {
		out = append(out, show(x))
	}
	meta := map[string]any{"has_more": more, "after_cursor": nil, "before_cursor": nil}
	if len(rows) > 0 {
		meta["after_cursor"] = position(rows[len(rows)-1])
		meta["before_cursor"] = position(rows[0])
	}
	c.answer(http.StatusOK, map[string]any{key: out, "meta": meta, "links": map[string]any{"next": nil, "prev": nil}})
}

func ordinal(n int64) string { return fmt.Sprintf("%020d", n) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (d *Double) account(id int64) *Account {
	for n := range d.opt.Accounts {
		if d.opt.Accounts[n].ID == id {
			return &d.opt.Accounts[n]
		}
	}
	return nil
}

// number is the next id of whatever is not a ticket.
func (d *Double) number() int64 {
	d.lastNo += 20
	return 653915434000 + d.lastNo
}
