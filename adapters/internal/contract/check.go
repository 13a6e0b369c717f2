package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Checker checks requests on their way to a handler.
type Checker struct {
	t    testing.TB
	spec *Spec
	next http.Handler

	mu   sync.Mutex // guards the fields below
	used map[string]int
	told map[string]bool
}

// Handler puts the check before next. Call Finish when all requests were made.
func (s *Spec) Handler(t testing.TB, next http.Handler) *Checker {
	return &Checker{t: t, spec: s, next: next, used: map[string]int{}, told: map[string]bool{}}
}

// ServeHTTP implements http.Handler.
func (c *Checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.spec == nil {
		c.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		// Its sender broke it off: the handler sees the same.
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
		c.next.ServeHTTP(w, r)
		return
	}
	name, err := c.spec.Check(r, body)
	c.note(name, r, err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.next.ServeHTTP(w, r)
}

type broken struct{ err error }

// Read implements io.Reader.
func (b broken) Read([]byte) (int, error) { return 0, b.err }

func (c *Checker) note(name string, r *http.Request, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[name]++
	if err == nil {
		return
	}
	what := fmt.Sprintf("%s %s is not as the specification has it: %v", r.Method, r.URL, err)
	if key := name + err.Error(); !c.told[key] {
		c.told[key] = true
		c.t.Error(what)
	}
}

// Finish fails for what was declared as outside of the specification and never
// needed, and returns how often each operation was called.
func (c *Checker) Finish() map[string]int {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spec != nil {
		for _, o := range c.spec.vendor.Outside {
			if c.used[o.name()] == 0 {
				c.t.Errorf("%s is declared as outside of the specification, and no request needed it", o.name())
			}
		}
	}
	return maps.Clone(c.used)
}

func (o Outside) name() string { return o.Method + " " + o.Path }

// Check holds one request to the specification and returns which operation it
// is.
func (s *Spec) Check(r *http.Request, body []byte) (string, error) {
	for _, o := range s.vendor.Outside {
		if ok, _ := path.Match(o.Path, r.URL.Path); ok && o.Method == r.Method {
			return o.name(), nil
		}
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := s.router.FindRoute(again)
	if err != nil {
		return r.Method + " " + r.URL.Path, fmt.Errorf("no such operation: %w", err)
	}
	name := route.Method + " " + route.Path
	if err := unknownQuery(r, route); err != nil {
		return name, err
	}
	kind, param, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	upload := kind == "multipart/form-data"
	if upload {
		if err := checkUpload(route, body, param["boundary"]); err != nil {
			return name, err
		}
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			ExcludeRequestBody:                upload,
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
			AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
		},
	})
	if err != nil {
		return name, err
	}
	return name, unknownMembers(route, kind, body)
}

func unknownQuery(r *http.Request, route *routers.Route) error {
	var known []string
	for _, list := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, p := range list {
			if p.Value.In == openapi3.ParameterInQuery {
				known = append(known, p.Value.Name)
			}
		}
	}
	for name := range r.URL.Query() {
		// A member of a deepObject is written name[member].
		base, _, _ := strings.Cut(name, "[")
		if !slices.Contains(known, base) {
			return fmt.Errorf("the query parameter %q is not known", name)
		}
	}
	return nil
}

// checkUpload: the schemas of vendors describe what their servers make of an
// upload, not what is sent.
func checkUpload(route *routers.Route, body []byte, boundary string) error {
	b := route.Operation.RequestBody
	if b == nil || b.Value.Content.Get("multipart/form-data") == nil {
		return errors.New("the operation takes no upload")
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	files := 0
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the upload: %w", err)
		}
		if part.FileName() != "" {
			files++
		}
	}
	if files == 0 {
		return errors.New("the upload holds no file")
	}
	return nil
}

// unknownMembers is stricter than the specifications, which allow members that
// they do not name.
func unknownMembers(route *routers.Route, kind string, body []byte) error {
	if route.Operation.RequestBody == nil || len(body) == 0 || !strings.HasSuffix(kind, "json") {
		return nil
	}
	media := route.Operation.RequestBody.Value.Content.Get(kind)
	if media == nil || media.Schema == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	return walk(media.Schema.Value, value, "")
}

func walk(s *openapi3.Schema, v any, at string) error {
	if s == nil {
		return nil
	}
	switch v := v.(type) {
	case []any:
		if s.Items == nil {
			return nil
		}
		for i, e := range v {
			if err := walk(s.Items.Value, e, fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return walkObject(s, v, at)
	}
	return nil
}

func walkObject(s *openapi3.Schema, v map[string]any, at string) error {
	known := map[string]*openapi3.Schema{}
	properties(s, known)
	extra := s.AdditionalProperties.Schema
	if len(known) == 0 && extra == nil {
		return nil // any object
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		sub, ok := known[name]
		switch {
		case ok:
		case extra != nil:
			sub = extra.Value
		default:
			return fmt.Errorf("%s/%s is not known", at, name)
		}
		if err := walk(sub, v[name], at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func properties(s *openapi3.Schema, into map[string]*openapi3.Schema) {
	for name, p := range s.Properties {
		into[name] = p.Value
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, part := range list {
			properties(part.Value, into)
		}
	}
}
