package contract_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters/internal/contract"
)

const small = `{"openapi":"3.0.1","info":{"title":"t","version":"1"},"paths":{
"/a/{id}":{"post":{"parameters":[{"in":"path","name":"id","required":true,"schema":{"type":"string"}},
 {"in":"query","name":"n","schema":{"type":"integer"}}],
 "requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object",
 "properties":{"x":{"type":"string"},"deep":{"type":"object","properties":{"y":{"type":"integer"}}}}}}}},
 "responses":{"200":{"description":"ok"}}}}}}`

// refused is a testing.TB that takes down whether it failed.
type refused struct {
	testing.TB
	said []string
}

func (r *refused) Error(args ...any) { r.said = append(r.said, args[0].(string)) }
func (r *refused) Helper()           {}
func (r *refused) Errorf(format string, _ ...any) {
	r.said = append(r.said, format)
}

func loadSmall(t *testing.T) *contract.Spec {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.json"), []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARLEY_VENDOR_SPECS", dir)
	return contract.Once(contract.Vendor{
		File: "small.json", Base: "/rest",
		Outside: []contract.Outside{{Method: "GET", Path: "/else/*", Why: "a test"}},
	})(t)
}

//nolint:paralleltest // sets the environment
func TestCheck_TakesOnlyWhatTheSpecificationHas(t *testing.T) {
	spec := loadSmall(t)
	for _, c := range []struct {
		name, method, url, body string
		good                    bool
	}{
		{"as specified", "POST", "/rest/a/1?n=3", `{"x":"y","deep":{"y":1}}`, true},
		{"outside, declared", "GET", "/else/1", "", true},
		{"no such path", "POST", "/rest/b/1", `{}`, false},
		{"no such method", "GET", "/rest/a/1", "", false},
		{"unknown parameter", "POST", "/rest/a/1?m=3", `{}`, false},
		{"parameter of another type", "POST", "/rest/a/1?n=many", `{}`, false},
		{"unknown member", "POST", "/rest/a/1", `{"z":1}`, false},
		{"unknown member below", "POST", "/rest/a/1", `{"deep":{"z":1}}`, false},
		{"member of another type", "POST", "/rest/a/1", `{"x":1}`, false},
		{"no body", "POST", "/rest/a/1", ``, false},
	} {
		seen := &refused{TB: t}
		reached := false
		h := spec.Handler(seen, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if good := len(seen.said) == 0; good != c.good || !reached {
			t.Errorf("%s: passed %v, reached %v, said %q", c.name, good, reached, seen.said)
		}
	}
}

//nolint:paralleltest // sets the environment
func TestFinish_TellsWhatWasDeclaredForNothing(t *testing.T) {
	seen := &refused{TB: t}
	loadSmall(t).Handler(seen, http.NotFoundHandler()).Finish()
	if len(seen.said) != 1 {
		t.Errorf("got %q, want one complaint", seen.said)
	}
}
