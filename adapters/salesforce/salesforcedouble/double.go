package salesforcedouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Account is a user of the org, who can sign in if there is a token.
type Account struct {
	ID, Name, Email, Login, Token string
	// SeesAll gives View All on cases.
	SeesAll bool
}

// Options say which org it is.
type Options struct {
	Accounts []Account
	// Contacts and Queues are who cases come from and who may own them besides users.
	Contacts, Queues []Account
	// Apps are External Client Apps by their consumer keys; the first account is whom they run as, unless they say so.
	Apps map[string]App
	// KeyField gives cases the field Sync_Key__c, an external id.
	KeyField bool
	// LooseKey makes that field one that several cases may have alike.
	LooseKey bool
	// Hidden are fields that no account sees, "Case.Reason".
	Hidden []string
	// Touching makes a comment change its case's time.
	Touching bool
	// AssignTo is the queue that an assignment rule gives each case to; "" is no rule.
	AssignTo string
	// Batch is how many rows a query answers at once; 0 is 2000.
	Batch int
	// TokenUses is for how many requests an access token holds; 0 is without end.
	TokenUses int
	// Calls is how many API calls the org may make; 0 is 100000.
	Calls int
	// Refuse is a validation rule: what it says of a case refuses it, naming fields.
	Refuse func(row map[string]any) (words string, fields []string)
	// Ahead is by how much the clock of the answers is ahead of that of the database.
	Ahead time.Duration
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Double is an org. It is safe for several goroutines.
type Double struct {
	opt Options
	mux *http.ServeMux
	now func() time.Time

	mu     sync.Mutex // guards what follows
	tables map[string][]row
	nextID int
	blobs  map[string][]byte
	pages  map[string]answer
	tokens map[string]*issued
	faults []fault
	calls  int
	served map[string]int
	soql   []string
}

// row is a record: texts, numbers, bools, times and nil.
type row map[string]any

type fault struct {
	status int
	body   any
	match  func(*http.Request) bool
}

// New returns an org without cases.
func New(opt Options) *Double {
	d := &Double{
		opt: opt, mux: http.NewServeMux(), now: opt.Now, tables: map[string][]row{}, blobs: map[string][]byte{},
		pages: map[string]answer{}, tokens: map[string]*issued{}, served: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.opt.Batch == 0 {
		d.opt.Batch = 2000
	}
	if d.opt.Calls == 0 {
		d.opt.Calls = 100_000
	}
	d.fill()
	const data = " /services/data/{version}/"
	for pattern, do := range map[string]func(*call){
		"GET" + data + "query/{$}":                                d.query,
		"GET" + data + "queryAll/{$}":                             d.query,
		"GET" + data + "query/{locator}":                          d.more,
		"GET" + data + "sobjects/{object}/describe":               d.describe,
		"GET" + data + "sobjects/{object}/{id}":                   d.show,
		"POST" + data + "sobjects/{object}":                       d.insert,
		"PATCH" + data + "sobjects/{object}/{id}":                 d.change,
		"PATCH" + data + "sobjects/{object}/{field}/{value}":      d.upsert,
		"DELETE" + data + "sobjects/{object}/{id}":                d.remove,
		"GET" + data + "sobjects/ContentVersion/{id}/VersionData": d.bytes,
		"POST" + data + "composite/{$}":                           d.composite,
		"GET /services/oauth2/userinfo":                           d.userinfo,
	} {
		d.mux.HandleFunc(pattern, d.signed(pattern, do))
	}
	d.mux.HandleFunc("POST /services/oauth2/token", d.token)
	return d
}

// FailNext answers the next request that matches with a status and a body.
func (d *Double) FailNext(match func(*http.Request) bool, status int, body any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, fault{status: status, body: body, match: match})
}

// Problem is a body as Salesforce refuses with.
func Problem(code, words string, fields ...string) any {
	one := map[string]any{"message": words, "errorCode": code}
	if fields != nil {
		one["fields"] = fields
	}
	return []any{one}
}

// Served tells how often requests of a method, with this text in their path, came.
func (d *Double) Served(method, part string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for name, count := range d.served {
		if strings.HasPrefix(name, method+" ") && strings.Contains(name, part) {
			n += count
		}
	}
	return n
}

// Queries are those that were asked.
func (d *Double) Queries() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.soql)
}

// RevokeTokens ends all tokens that apps were given.
func (d *Double) RevokeTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

// call is one request with who makes it, its body and its answer.
type call struct {
	r      *http.Request
	object string
	me     *Account
	body   []byte
	out    answer
}

// answer is a status and a body; raw stands for one that is no JSON.
type answer struct {
	status int
	body   any
	raw    []byte
	header map[string]string
}

func (c *call) answer(status int, body any) { c.out = answer{status: status, body: body} }

func (c *call) refuse(status int, code, words string, fields ...string) {
	c.answer(status, Problem(code, words, fields...))
}

// ServeHTTP implements http.Handler.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", d.now().Add(d.opt.Ahead).UTC().Format(http.TimeFormat))
	d.mu.Lock()
	d.served[r.Method+" "+r.URL.Path]++
	n := slices.IndexFunc(d.faults, func(f fault) bool { return f.match(r) })
	var hit fault
	if n >= 0 {
		hit = d.faults[n]
		d.faults = slices.Delete(d.faults, n, n+1)
	}
	d.mu.Unlock()
	if n >= 0 {
		write(w, answer{status: hit.status, body: hit.body})
		return
	}
	d.mux.ServeHTTP(w, r)
}

// signed reads the body, finds who asks, and does one call at a time.
func (d *Double) signed(pattern string, do func(*call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut on its way
		}
		c := &call{r: r, object: r.PathValue("object"), body: body}
		d.mu.Lock()
		defer d.mu.Unlock()
		c.me = d.signedIn(r)
		switch version := r.PathValue("version"); {
		case c.me == nil && strings.HasSuffix(pattern, "userinfo"):
			http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
			return
		case c.me == nil:
			c.refuse(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		case version != "" && !supported(version):
			c.refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		default:
			d.calls++
			do(c)
			w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", d.calls, d.opt.Calls))
		}
		write(w, c.out)
	}
}

func supported(version string) bool {
	major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	return err == nil && version[0] == 'v' && minor == "0" && n >= 31 && n <= 68
}

func write(w http.ResponseWriter, out answer) {
	for name, v := range out.header {
		w.Header().Set(name, v)
	}
	if out.raw != nil {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(out.status)
		_, _ = w.Write(out.raw)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(out.status)
	if out.body != nil {
		_ = json.NewEncoder(w).Encode(out.body) //nolint:errchkjson // plain data
	}
}

func (d *Double) account(id string) *Account {
	for n := range d.opt.Accounts {
		if d.opt.Accounts[n].ID == id {
			return &d.opt.Accounts[n]
		}
	}
	return nil
}

func (d *Double) userinfo(c *call) {
	c.answer(http.StatusOK, map[string]any{
		"sub": "https://login.salesforce.com/id/00D000000000062EAA/" + c.me.ID, "user_id": c.me.ID, "organization_id": "00D000000000062EAA",
		"preferred_username": c.me.Login, "nickname": "n", "name": c.me.Name, "email": c.me.Email, "email_verified": true,
		"zoneinfo": "America/Los_Angeles", "user_type": "STANDARD", "active": true, "language": "en_US", "locale": "en_US", "utcOffset": -28800000,
	})
}

// id makes one of eighteen characters: the last three spell the case of the others.
func (d *Double) id(prefix string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	d.nextID++
	var tail [12]byte
	for n, i := d.nextID, len(tail)-1; i >= 0; i-- {
		tail[i] = digits[n%len(digits)]
		n /= len(digits)
	}
	return Long(prefix + string(tail[:]))
}

// Long is an id of fifteen characters with the three that make it safe without case.
func Long(short string) string {
	out := []byte(short)
	for i := range 3 {
		bits := 0
		for j, c := range []byte(short)[i*5 : i*5+5] {
			if c >= 'A' && c <= 'Z' {
				bits |= 1 << j
			}
		}
		out = append(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return string(out)
}

func (d *Double) find(object, id string) row {
	for _, r := range d.tables[object] {
		if r["Id"] == id {
			return r
		}
	}
	return nil
}

func decode(body []byte) (map[string]any, bool) {
	var in map[string]any
	ok := json.NewDecoder(bytes.NewReader(body)).Decode(&in) == nil && in != nil
	return in, ok
}
