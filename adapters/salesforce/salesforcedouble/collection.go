package salesforcedouble

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/adapters/internal/contract"
)

// listed is one request of Salesforce's own collection.
type listed struct {
	name    string
	methods []string
	path    *regexp.Regexp
	query   []string
	kind    string            // media type of the body; "" is no body
	members []string          // of a JSON body; none for a record, whose members are fields
	form    map[string]string // of a form, with its values where they are fixed
}

// beyond is what the collection does not list, with the reason why it is good.
type beyond struct {
	why   string
	match func(r *http.Request, body []byte) bool
}

func outside() map[string]beyond {
	return map[string]beyond{
		"the grant client_credentials": {
			"the flow came in 2023, the collection is of 2021: Salesforce Help, OAuth 2.0 Client Credentials Flow for Server-to-Server Integration",
			func(r *http.Request, body []byte) bool {
				form, err := url.ParseQuery(string(body))
				return err == nil && r.Method == http.MethodPost && r.URL.Path == "/services/oauth2/token" &&
					form.Get("grant_type") == "client_credentials" && len(form) == 3 && form.Has("client_id") && form.Has("client_secret")
			},
		},
		"the next page of a query": {
			"the collection's Query says that nextRecordsUrl names it, in words",
			func(r *http.Request, _ []byte) bool {
				return r.Method == http.MethodGet && r.URL.RawQuery == "" && regexp.MustCompile(`^/services/data/v\d+\.0/query/01g\w{15}-\d+$`).MatchString(r.URL.Path)
			},
		},
		"a file in parts": {
			"the collection has JSON bodies only: REST API Developer Guide, Insert or Update Blob Data (entity_content, then the blob field)",
			func(r *http.Request, body []byte) bool {
				kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
				return r.Method == http.MethodPost && kind == "multipart/form-data" && regexp.MustCompile(`^/services/data/v\d+\.0/sobjects/ContentVersion$`).MatchString(r.URL.Path) &&
					bytes.Contains(body, []byte(`name="entity_content"`)) && bytes.Contains(body, []byte(`name="VersionData"`))
			},
		},
	}
}

// headers that the collection does not list, and where they are described.
func headers() map[string]string {
	return map[string]string{
		"Sforce-Auto-Assign":  "REST API Developer Guide, Assignment Rule Header",
		"If-Unmodified-Since": "REST API Developer Guide, Conditional Requests",
	}
}

var placeholder = regexp.MustCompile(`\{\{version\}\}|\{\{[^}]*\}\}|<[A-Z_]+>`)

// collection reads the requests; none, and said so, where there are none.
func collection(t testing.TB) []listed {
	t.Helper()
	dir, err := contract.Dir()
	if err == nil {
		dir = filepath.Join(dir, "salesforce", "postman-requests")
		_, err = os.Stat(dir)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("requests are not checked against Salesforce's collection: %v", err)
		return nil
	}
	var all []listed
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "index.json" || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path) //nolint:gosec // one of the specifications
		if err != nil {
			return err
		}
		one, err := readListed(raw)
		all = append(all, one)
		return err
	})
	if err != nil || len(all) < 30 {
		t.Fatalf("read the collection: %d requests, %v", len(all), err)
	}
	return all
}

func readListed(raw []byte) (listed, error) {
	var in struct {
		Name, URL, Method, Description, Headers string
		Query                                   []struct{ Key string } `json:"queryParams"`
		Data                                    []struct{ Key, Value string }
		Mode                                    string `json:"dataMode"`
		Body                                    string `json:"rawModeData"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return listed{}, fmt.Errorf("read a request: %w", err)
	}
	address, _, _ := strings.Cut(in.URL, "?")
	address = address[strings.Index(address, "/services/"):]
	pattern := "^"
	for last := 0; ; {
		at := placeholder.FindStringIndex(address[last:])
		if at == nil {
			pattern += regexp.QuoteMeta(address[last:]) + "$"
			break
		}
		pattern += regexp.QuoteMeta(address[last : last+at[0]])
		pattern += stands(address[last+at[0] : last+at[1]])
		last += at[1]
	}
	out := listed{name: in.Name, methods: []string{in.Method}, path: regexp.MustCompile(pattern)}
	for _, q := range in.Query {
		out.query = append(out.query, q.Key)
	}
	// Where a request stands for several methods, its description ends with them.
	words := strings.Split(strings.TrimSpace(in.Description), "\n")
	if last := words[len(words)-1]; regexp.MustCompile(`^[A-Z]+(, [A-Z]+)+$`).MatchString(last) {
		out.methods = strings.Split(last, ", ")
	}
	switch in.Mode {
	case "raw":
		out.kind = "application/json"
		for _, m := range regexp.MustCompile(`"(\w+)"\s*:`).FindAllStringSubmatch(in.Body, -1) {
			if m[1] != "Name" {
				out.members = append(out.members, m[1])
			}
		}
	case "urlencoded":
		out.kind, out.form = "application/x-www-form-urlencoded", map[string]string{}
		for _, d := range in.Data {
			out.form[d.Key] = d.Value
		}
	}
	return out, nil
}

// stands is what may stand for a placeholder.
func stands(placeholder string) string {
	switch placeholder {
	case "{{version}}":
		return `\d+\.0`
	case "<RECORD_ID>":
		return `[a-zA-Z0-9]{18}`
	case "<SOBJECT_API_NAME>", "<FIELD_NAME>", "<BLOB_FIELD>", "<RELATIONSHIP_FIELD_NAME>":
		return `[A-Za-z]\w*`
	}
	return `[^/]+`
}

// Checker holds each request to the collection on its way to the double.
type Checker struct {
	t    testing.TB
	all  []listed
	next http.Handler

	mu   sync.Mutex // guards the fields below
	used map[string]int
	told map[string]bool
}

// NewChecker holds requests to Salesforce's own collection before next has them.
func NewChecker(t testing.TB, next http.Handler) *Checker {
	t.Helper()
	return &Checker{t: t, all: collection(t), next: next, used: map[string]int{}, told: map[string]bool{}}
}

// Listed tells whether there is a collection to hold requests to.
func (c *Checker) Listed() bool { return c.all != nil }

// ServeHTTP implements http.Handler.
func (c *Checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), cutOff{err}))
		c.next.ServeHTTP(w, r)
		return
	}
	if c.Listed() {
		c.note(r, body)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.next.ServeHTTP(w, r)
}

type cutOff struct{ err error }

// Read implements io.Reader.
func (c cutOff) Read([]byte) (int, error) { return 0, c.err }

func (c *Checker) note(r *http.Request, body []byte) {
	name, err := c.Check(r, body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[name]++
	if err != nil && !c.told[name+err.Error()] {
		c.told[name+err.Error()] = true
		c.t.Errorf("%s %s is not as the collection has it: %v", r.Method, r.URL, err)
	}
}

// Check finds the request in the collection.
func (c *Checker) Check(r *http.Request, body []byte) (string, error) {
	for name := range r.Header {
		if _, ok := headers()[name]; !ok && !slices.Contains([]string{
			"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Connection", "Content-Type", "User-Agent", "X-Forwarded-For",
		}, name) {
			return r.URL.Path, fmt.Errorf("the header %s is not known", name)
		}
	}
	for name, o := range outside() {
		if o.match(r, body) {
			return name, nil
		}
	}
	err := errors.New("no such request")
	for i := range c.all {
		x := &c.all[i]
		if !slices.Contains(x.methods, r.Method) || !x.path.MatchString(r.URL.Path) {
			continue
		}
		if err = x.fits(r, body); err != nil {
			continue
		}
		if x.members != nil && slices.Contains(x.members, "compositeRequest") {
			err = c.parts(r, body)
		}
		return r.Method + " " + x.name, err
	}
	return r.Method + " " + r.URL.Path, err
}

func (x *listed) fits(r *http.Request, body []byte) error {
	for name := range r.URL.Query() {
		if !slices.Contains(x.query, name) {
			return fmt.Errorf("the query parameter %s is not known", name)
		}
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodDelete:
		if len(body) > 0 {
			return errors.New("there is a body")
		}
		return nil
	case x.form != nil:
		return x.fitsForm(kind, body)
	case kind != "application/json":
		return fmt.Errorf("the body is %s", kind)
	}
	return x.fitsJSON(body)
}

func (x *listed) fitsForm(kind string, body []byte) error {
	form, err := url.ParseQuery(string(body))
	if err != nil || kind != x.kind || len(form) != len(x.form) {
		return errors.New("the form is another one")
	}
	for name, fixed := range x.form {
		if !form.Has(name) || strings.Contains(fixed, "grant") && form.Get(name) != fixed {
			return fmt.Errorf("the parameter %s is another one", name)
		}
	}
	return nil
}

// fitsJSON: a record's members are API names of fields, with values of one piece.
func (x *listed) fitsJSON(body []byte) error {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return fmt.Errorf("the body is no JSON object: %w", err)
	}
	for name, v := range in {
		switch v.(type) {
		case []any, map[string]any:
			if !slices.Contains(x.members, name) {
				return fmt.Errorf("the member %s is of several pieces", name)
			}
		}
		if len(x.members) > 0 && !slices.Contains(x.members, name) || !regexp.MustCompile(`^[A-Za-z]\w*$`).MatchString(name) {
			return fmt.Errorf("the member %s is not known", name)
		}
	}
	return nil
}

// parts holds each request within a composite one to the collection too.
func (c *Checker) parts(r *http.Request, body []byte) error {
	var in struct {
		Parts []struct {
			Method      string            `json:"method"`
			URL         string            `json:"url"`
			ReferenceID string            `json:"referenceId"`
			HTTPHeaders map[string]string `json:"httpHeaders"`
			Body        json.RawMessage   `json:"body"`
		} `json:"compositeRequest"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil || len(in.Parts) == 0 {
		return fmt.Errorf("the parts cannot be read: %w", err)
	}
	for _, p := range in.Parts {
		inner, err := http.NewRequestWithContext(r.Context(), p.Method, p.URL, nil)
		if err != nil || p.ReferenceID == "" {
			return fmt.Errorf("a part lacks something: %w", err)
		}
		for name, v := range p.HTTPHeaders {
			inner.Header.Set(name, v)
		}
		inner.Header.Set("Content-Type", "application/json")
		if _, err := c.Check(inner, p.Body); err != nil {
			return fmt.Errorf("the part %s: %w", p.URL, err)
		}
	}
	return nil
}

// Finish tells how often each request was made, and fails for what was declared as
// outside and never needed.
func (c *Checker) Finish() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		return
	}
	total := 0
	for _, n := range c.used {
		total += n
	}
	c.t.Logf("%d requests were held to the collection: %v", total, c.used)
	for name := range outside() {
		if c.used[name] == 0 && name != "the next page of a query" {
			c.t.Errorf("%q is declared as outside of the collection, and no request needed it", name)
		}
	}
}
