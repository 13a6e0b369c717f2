package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Vendor is a specification and what is known to be wrong with it.
type Vendor struct {
	// File is its path below the directory of the specifications.
	File string
	// Swagger says that it is of Swagger 2; a byte order mark before it is skipped.
	Swagger bool
	// Base is the path that its own paths are relative to ("/rest").
	Base string
	// Errata are what the specification says wrongly.
	Errata []Erratum
	// Outside are requests that it does not describe.
	Outside []Outside
}

// Erratum corrects a specification.
type Erratum struct {
	// Where is the place, Why the evidence that it is wrong.
	Where, Why string
	Fix        func(*openapi3.T) error
}

// Outside is a request that a specification does not have.
type Outside struct {
	Method string
	// Path is a pattern as of path.Match.
	Path string
	// Why says where the request is described.
	Why string
}

// Spec is a loaded specification; nil where there is none.
type Spec struct {
	vendor Vendor
	router routers.Router
}

// Once returns a function that loads the specification when it is first called:
// the larger ones take a second. It returns nil, and says so, where there is none;
// with CI=true that fails.
func Once(v Vendor) func(testing.TB) *Spec {
	load := sync.OnceValues(func() (*Spec, error) { return open(v) })
	return func(t testing.TB) *Spec {
		t.Helper()
		s, err := load()
		switch {
		case errors.Is(err, errNone) && os.Getenv("CI") != "true":
			t.Logf("requests are not checked against %s: %v", v.File, err)
		case err != nil:
			t.Fatal(err)
		}
		return s
	}
}

var errNone = errors.New("PARLEY_VENDOR_SPECS is not set, and there is no ../shared/vendor-specs")

func open(v Vendor) (*Spec, error) {
	dir, err := Dir()
	if err != nil {
		return nil, err
	}
	doc, err := load(filepath.Join(dir, v.File), v.Swagger)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", v.File, err)
	}
	for _, e := range v.Errata {
		if err := e.Fix(doc); err != nil {
			return nil, fmt.Errorf("correct %s in %s: %w", e.Where, v.File, err)
		}
	}
	doc.Servers = openapi3.Servers{{URL: v.Base + "/"}}
	// doc.Validate is left out: most vendors' documents do not pass it, and
	// nothing that it finds wrong is a request of ours.
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route %s: %w", v.File, err)
	}
	return &Spec{vendor: v, router: router}, nil
}

// load reads a document, or converts one of Swagger 2.
func load(file string, swagger bool) (*openapi3.T, error) {
	if !swagger {
		return openapi3.NewLoader().LoadFromFile(file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), &old); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&old)
}

// Dir is where the specifications are.
func Dir() (string, error) {
	if dir := os.Getenv("PARLEY_VENDOR_SPECS"); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("look for the specifications: %w", err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			specs := filepath.Join(filepath.Dir(dir), "shared", "vendor-specs")
			if _, err := os.Stat(filepath.Join(specs, "SHA256SUMS")); err == nil {
				return specs, nil
			}
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", errNone
}
