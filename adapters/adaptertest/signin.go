package adaptertest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

func signInPromises() []promise {
	return []promise{
		{"WrongCredentialIsDenied", wrongCredential},
		{"CredentialRevokedInTheMiddleIsDenied", revoked},
		{"Status401InTheMiddleIsDenied", unauthorized},
		{"CredentialStaysAtItsOrigin", redirected},
	}
}

// denied checks that every read, the schema and a write say ErrDenied: never
// an empty list, never a ticket that is gone.
func (e *env) denied(calls map[string]call) {
	e.Helper()
	for _, name := range sortedNames(calls) {
		wantClass(e.T, name, calls[name](e.Context()), adapters.ErrDenied)
	}
	_, err := e.tracker.Write(e.Context(), event.Step{
		Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields("denied", "text"),
	}, nil)
	wantClass(e.T, "create", err, adapters.ErrDenied)
	_, err = e.tracker.Write(e.Context(), event.Step{
		Kind: event.StepComment, Ref: e.subject.target.ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "denied"},
	}, nil)
	wantClass(e.T, "comment", err, adapters.ErrDenied)
}

func wrongCredential(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	e.calls() // makes the target while the credential is good
	e.must(e.tracker.Close())
	e.tracker = s.OpenWrong(t, e.proxy.url)
	t.Cleanup(func() { _ = e.tracker.Close() })
	e.denied(e.calls())
	_, err := e.tracker.Schema(t.Context())
	wantClass(t, "Schema", err, adapters.ErrDenied)
	if p, ok := e.tracker.(adapters.Prober); ok && worst(p.Probe(t.Context())) != adapters.LevelError {
		t.Error("Probe finds nothing wrong with a wrong credential")
	}
}

// revoked takes the credential out of the requests: the tracker itself says
// what it says to nobody, which may be an empty list.
func revoked(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.calls()
	e.read(s.target.ref) // the sign-in has worked
	e.proxy.set(everything, anonymous(s.CredentialHeaders))
	e.denied(calls)
	e.proxy.heal()
	e.read(s.target.ref)
}

func unauthorized(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.calls()
	e.read(s.target.ref) // the sign-in has worked
	e.proxy.set(everything, status(http.StatusUnauthorized, nil, "text/plain", ""))
	e.denied(calls)
	e.proxy.heal()
	e.read(s.target.ref)
}

// stranger is another origin: it writes down what comes and answers what the
// tracker would have, so that only the credential and the trust are at stake.
type stranger struct {
	*httptest.Server
	secrets []string

	mu      sync.Mutex // guards the fields below
	answers map[string]*httptest.ResponseRecorder
	leaks   []string
}

func newStranger(t *testing.T, secrets []string) *stranger {
	t.Helper()
	x := &stranger{secrets: secrets, answers: map[string]*httptest.ResponseRecorder{}}
	x.Server = httptest.NewServer(x)
	t.Cleanup(x.Close)
	return x
}

// ServeHTTP implements http.Handler.
func (x *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	all := fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, secret := range x.secrets {
		if strings.Contains(all, secret) {
			x.leaks = append(x.leaks, r.Method+" "+r.URL.Path)
		}
	}
	if answer := x.answers[r.URL.RequestURI()]; answer != nil {
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
}

// redirect sends a request here, having asked the tracker for its answer. A
// write is not done.
func (x *stranger) redirect(code int) fault {
	return func(w http.ResponseWriter, r *http.Request, forward forwarder) {
		if !changesSomething(r) {
			answer := forward()
			x.mu.Lock()
			x.answers[r.URL.RequestURI()] = answer
			x.mu.Unlock()
		}
		http.Redirect(w, r, x.URL+r.URL.RequestURI(), code)
	}
}

func redirected(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.calls()
	elsewhere := newStranger(t, s.Secrets)
	for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		e.proxy.set(everything, elsewhere.redirect(code))
		for _, name := range sortedNames(calls) {
			// A file may be kept elsewhere; everything else is the tracker's own.
			if err := calls[name](t.Context()); err == nil && name != "Open" {
				t.Errorf("%s took the answer of another origin after a %d", name, code)
			}
		}
		_, err := e.tracker.Write(t.Context(), event.Step{
			Kind: event.StepComment, Ref: s.target.ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "redirected"},
		}, nil)
		if err == nil {
			t.Errorf("a write took the answer of another origin after a %d", code)
		}
	}
	elsewhere.mu.Lock()
	defer elsewhere.mu.Unlock()
	if len(elsewhere.leaks) > 0 {
		t.Errorf("the credential reached another origin with %q", elsewhere.leaks)
	}
}

func worst(findings []adapters.Finding) adapters.Level {
	level := adapters.LevelOK
	for _, f := range findings {
		if f.Level == adapters.LevelError || (f.Level == adapters.LevelWarning && level == adapters.LevelOK) {
			level = f.Level
		}
	}
	return level
}
