package servicenowdouble

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is somebody who can sign in.
type Account struct {
	Login, Name, Email string
	Password, Key      string
	// Client and Secret are those of an OAuth application that acts as the account.
	Client, Secret string
	// Zone is that of the account; nil is GMT.
	Zone *time.Location
	// Denied are tables that the account may not read at all.
	Denied []string
	// ReadOnly accounts may write nothing.
	ReadOnly bool
}

// Options say what the instance is like. The zero value is a plain one.
type Options struct {
	Accounts []Account
	// Now is its clock; nil is the machine's.
	Now func() time.Time
	// Strict makes a query that is not understood give no rows
	// (glide.invalid_query.returns_no_rows).
	Strict bool
	// Ignores names a column whose conditions and orders are left out of queries.
	Ignores string
	// NoScripts leaves scripts in queries unevaluated.
	NoScripts bool
	// Hides tells of rows that an account may not see.
	Hides func(login, table string, row map[string]string) bool
	// HidesEarly tells of rows that a business rule keeps out of an account's queries:
	// these are not counted either.
	HidesEarly func(login, table string, row map[string]string) bool
	// HidesColumn tells of columns that an account may not see.
	HidesColumn func(login, table, column string) bool
	// TokenUses is after how many requests an access token ends; 0 is never. An upload is
	// none of them, and is still let in: who streams a file cannot send it once more, and
	// has to begin anew.
	TokenUses int
	// Description is the length of the description; 0 is 4000.
	Description int
	// BeforeList is called before a list is read.
	BeforeList func(table string)
	// Archive gives the incidents an archive table.
	Archive bool
}

// Double is an instance. It is an http.Handler.
type Double struct {
	opt Options
	now func() time.Time
	mux *http.ServeMux

	mu      sync.Mutex // guards the fields below
	tables  map[string]*table
	limits  []http.Header
	serial  int
	numbers int
	bytes   map[string][]byte
	late    map[string]time.Duration
	tokens  map[string]*grant
}

// New makes an instance.
func New(opt Options) *Double {
	d := &Double{
		opt: opt, now: opt.Now, mux: http.NewServeMux(), tables: map[string]*table{}, numbers: 10_000,
		bytes: map[string][]byte{}, late: map[string]time.Duration{}, tokens: map[string]*grant{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.opt.Description == 0 {
		d.opt.Description = 4000
	}
	d.seed()
	d.mux.HandleFunc("GET /api/now/table/{table}", d.signed(d.list))
	d.mux.HandleFunc("POST /api/now/table/{table}", d.signed(d.create))
	d.mux.HandleFunc("GET /api/now/table/{table}/{id}", d.signed(d.read))
	d.mux.HandleFunc("PATCH /api/now/table/{table}/{id}", d.signed(d.update))
	d.mux.HandleFunc("DELETE /api/now/table/{table}/{id}", d.signed(d.remove))
	d.mux.HandleFunc("POST /api/now/attachment/file", d.signed(d.upload))
	d.mux.HandleFunc("GET /api/now/attachment/{id}/file", d.signed(d.download))
	d.mux.HandleFunc("POST /oauth_token.do", d.token)
	return d
}

// LimitNext answers the next request with 429 and these headers.
func (d *Double) LimitNext(h http.Header) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limits = append(d.limits, h)
}

// ShowLater makes the next change of a ticket visible only after a while: its transaction
// goes on for so long.
func (d *Double) ShowLater(id string, by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late[id] = by
}

// Fill adds incidents that somebody else made, and returns their sys_ids.
func (d *Double) Fill(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	t, now := d.tables["incident"], d.stamp()
	for range n {
		d.numbers++
		id := d.newID()
		t.rows[id] = &row{data: map[string]string{
			"sys_id": id, "number": fmt.Sprintf("INC%07d", d.numbers), "sys_created_on": now, "sys_updated_on": now, "sys_mod_count": "0",
			"sys_created_by": "somebody", "sys_class_name": "incident", "short_description": "one of many", "state": "1",
		}}
		t.order, out = append(t.order, id), append(out, id)
	}
	return out
}

// SetQuietly changes a column as a script without system fields does: no time, count,
// rule or audit.
func (d *Double) SetQuietly(table, id, column, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.tables[table].rows[id]; r != nil {
		r.data[column] = value
	}
}

// Archive moves a ticket to the archive.
func (d *Double) Archive(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, to := d.tables["incident"], d.tables["ar_incident"]
	to.rows[id] = from.rows[id]
	to.order = append(to.order, id)
	delete(from.rows, id)
}

// Value is a column of a row as it is in the database; "" if it is not there.
func (d *Double) Value(table, id, column string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.tables[table].rows[id]; r != nil {
		return r.data[column]
	}
	return ""
}

// Journal is what is in a ticket's journal, oldest first.
func (d *Double) Journal(id string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, r := range d.tables["sys_journal_field"].inOrder() {
		if r.data["element_id"] == id {
			out = append(out, r.data["element"]+": "+r.data["value"])
		}
	}
	return out
}

// grant is an access token: whose it is, and for how many requests more.
type grant struct {
	login string
	uses  int
	ended bool
}

// call is one request with who makes it.
type call struct {
	w  http.ResponseWriter
	r  *http.Request
	me *Account
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
		(&call{w: w}).fail(http.StatusTooManyRequests, "Rate limit exceeded", "Rate limit of 10 requests per hour for Table API exceeded")
		return
	}
	d.mux.ServeHTTP(w, r)
}

func (d *Double) signed(do func(*call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r}
		login, password, _ := r.BasicAuth()
		key := r.Header.Get("x-sn-apikey")
		for n := range d.opt.Accounts {
			a := &d.opt.Accounts[n]
			if login == a.Login && a.Password != "" && password == a.Password || key != "" && key == a.Key || d.admits(r, a) {
				c.me = a
			}
		}
		if c.me == nil {
			c.fail(http.StatusUnauthorized, "User Not Authenticated", "Required to provide Auth information")
			return
		}
		do(c)
	}
}

func (c *call) answer(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v) //nolint:errchkjson // plain data
}

func (c *call) fail(status int, message, detail string) {
	var more any = detail
	if detail == "" {
		more = nil
	}
	c.answer(status, map[string]any{"error": map[string]any{"message": message, "detail": more}, "status": "failure"})
}

func (c *call) number(name string, def int) int {
	if n, err := strconv.Atoi(c.r.URL.Query().Get(name)); err == nil && n >= 0 {
		return n
	}
	return def
}

func (c *call) yes(name string) bool { return c.r.URL.Query().Get(name) == "true" }

func (a *Account) zone() *time.Location {
	if a == nil || a.Zone == nil {
		return time.UTC
	}
	return a.Zone
}

// newID makes a sys_id; their order is not that of their making. mu is held.
func (d *Double) newID() string {
	d.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "sys_id %d", d.serial))
	return hex.EncodeToString(sum[:16])
}

func (d *Double) stamp() string { return d.now().UTC().Format(layout) }

const layout = "2006-01-02 15:04:05"

// UserID is the sys_id of an account.
func (d *Double) UserID(login string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.userID(login)
}

// token gives an access token to an application, as the client credentials grant has it.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r}
	for _, a := range d.opt.Accounts {
		if r.PostFormValue("grant_type") != "client_credentials" || a.Client == "" || r.PostFormValue("client_id") != a.Client ||
			r.PostFormValue("client_secret") != a.Secret {
			continue
		}
		d.mu.Lock()
		token := d.newID()
		d.tokens[token] = &grant{login: a.Login, uses: d.opt.TokenUses}
		d.mu.Unlock()
		c.answer(http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 1799, "scope": "useraccount"})
		return
	}
	c.answer(http.StatusUnauthorized, map[string]any{"error": "access_denied", "error_description": "access_denied"})
}

// admits tells whether a request bears an access token of an account.
func (d *Double) admits(r *http.Request, a *Account) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g := d.tokens[token]
	if g == nil || g.login != a.Login {
		return false
	}
	if strings.HasSuffix(r.URL.Path, "/attachment/file") {
		return true
	}
	if g.uses--; g.uses == 0 {
		g.ended = true
		return true
	}
	return !g.ended
}

// RevokeTokens ends all access tokens.
func (d *Double) RevokeTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}
