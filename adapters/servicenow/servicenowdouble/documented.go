package servicenowdouble

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/adapters/internal/contract"
)

// sample is a request or an answer as ServiceNow's documentation shows it.
type sample struct {
	Document  string `json:"doc"`
	Operation string `json:"operation"`
	Kind      string `json:"kind"`
	Text      string `json:"text"`
}

// loadSamples reads the samples; none where there are no specifications.
func loadSamples() ([]sample, error) {
	dir, err := contract.Dir()
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "servicenow", "official-docs-samples.json"))
	if err != nil {
		return nil, err
	}
	var all []sample
	return all, json.Unmarshal(raw, &all)
}

func samples(t testing.TB) []sample {
	t.Helper()
	all, err := loadSamples()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("nothing is held to the samples of ServiceNow's documentation: %v", err)
	}
	return all
}

// tokenPath is where access tokens come from.
const tokenPath = "/oauth_token.do"

// Spec is what is published of ServiceNow's Table API, to hold requests to; tokens says
// that access tokens are asked for too.
func Spec(tokens bool) func(testing.TB) *contract.Spec {
	v := contract.Vendor{File: "servicenow/table-api.wso2-openapi.yaml", Outside: []contract.Outside{
		{Method: "POST", Path: "/api/now/attachment/file", Why: "Attachment API, in ServiceNow's own documentation (c_AttachmentAPI.md); see documented"},
		{Method: "GET", Path: "/api/now/attachment/*/file", Why: "Attachment API, in ServiceNow's own documentation (c_AttachmentAPI.md); see documented"},
	}}
	if tokens {
		v.Outside = append(v.Outside, contract.Outside{
			Method: "POST", Path: tokenPath, Why: "client credentials grant workflow, in ServiceNow's own documentation (platform security)",
		})
	}
	return contract.Once(v)
}

// documented holds requests to the operations of ServiceNow's own documentation, and
// those of the Attachment API, which the specification lacks, to the parameters and
// headers of its samples.
type documented struct {
	t    testing.TB
	next http.Handler
	all  []operation
}

type operation struct {
	name, method string
	path         *regexp.Regexp
	// query and header are those of the sample of a request.
	query, header []string
}

var (
	placeholder = regexp.MustCompile(`\\?\{[^}]*\}`)
	curlURL     = regexp.MustCompile(`curl "([^"]*)"`)
	curlHeader  = regexp.MustCompile(`--header "([^:"]*):`)
)

// Documented holds requests to the samples of ServiceNow's own documentation before
// next has them.
func Documented(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	d := &documented{t: t, next: next}
	for _, s := range samples(t) {
		if s.Kind != "request" {
			continue
		}
		o, err := operationOf(s)
		if err != nil {
			t.Fatal(err)
		}
		d.all = append(d.all, o)
	}
	return d
}

func operationOf(s sample) (operation, error) {
	_, call, _ := strings.Cut(s.Operation, " - ")
	method, path, ok := strings.Cut(call, " ")
	found := curlURL.FindStringSubmatch(s.Text)
	if !ok || found == nil {
		return operation{}, fmt.Errorf("sample of %q is no request", s.Operation)
	}
	u, err := url.Parse(found[1])
	if err != nil {
		return operation{}, err
	}
	o := operation{name: s.Operation, method: method}
	if o.path, err = regexp.Compile("^/api" + placeholder.ReplaceAllString(path, "[^/]+") + "$"); err != nil {
		return operation{}, err
	}
	for name := range u.Query() {
		o.query = append(o.query, name)
	}
	for _, m := range curlHeader.FindAllStringSubmatch(s.Text, -1) {
		o.header = append(o.header, m[1])
	}
	return o, nil
}

// ServeHTTP implements http.Handler.
func (d *documented) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(d.all) > 0 && r.URL.Path != tokenPath {
		if err := d.check(r); err != nil {
			d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}
	d.next.ServeHTTP(w, r)
}

func (d *documented) check(r *http.Request) error {
	n := slices.IndexFunc(d.all, func(o operation) bool {
		// A path that a placeholder also fits comes first where it is literal.
		return o.method == r.Method && o.path.MatchString(r.URL.Path)
	})
	if n < 0 {
		return errors.New("the documentation has no such operation")
	}
	o := d.all[n]
	if !strings.HasPrefix(r.URL.Path, "/api/now/attachment/") {
		return nil // the specification has its parameters
	}
	for name := range r.URL.Query() {
		if !slices.Contains(o.query, name) {
			return fmt.Errorf("the sample of %s has no parameter %s", o.name, name)
		}
	}
	for _, name := range o.query {
		if r.URL.Query().Get(name) == "" {
			return fmt.Errorf("the sample of %s has the parameter %s", o.name, name)
		}
	}
	for _, name := range o.header {
		if r.Header.Get(name) == "" {
			return fmt.Errorf("the sample of %s has the header %s", o.name, name)
		}
	}
	return nil
}
