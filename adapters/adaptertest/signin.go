package adaptertest

import (
	"fmt"
	"io"
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
func (e *env) denied(calls map[string]call, ref event.Ref) {
	e.Helper()
	for _, name := range sortedNames(calls) {
		wantClass(e.T, name, calls[name](e.Context()), adapters.ErrDenied)
	}
	_, err := e.tracker.Write(e.Context(), event.Step{
		Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields("denied", "text"),
	}, nil)
	wantClass(e.T, "create", err, adapters.ErrDenied)
	_, err = e.tracker.Write(e.Context(), event.Step{
		Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "denied"},
	}, nil)
	wantClass(e.T, "comment", err, adapters.ErrDenied)
}

func wrongCredential(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	cursor := e.start()
	w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("denied"), "text")})
	step := e.attach(w.Ref, "denied.txt", []byte("bytes"))
	file := fileMarked(t, e.read(w.Ref), step.Marker)
	e.must(e.tracker.Close())
	e.tracker = s.OpenWrong(t, e.proxy.url)
	t.Cleanup(func() { _ = e.tracker.Close() })
	e.denied(e.reads(w.Ref, cursor, w.Key, file.ID), w.Ref)
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
	calls := e.target()
	ref := e.create(unique("revoked"))
	e.proxy.set(everything, anonymous(s.CredentialHeaders))
	e.denied(calls, ref)
	e.proxy.heal()
	e.read(ref)
}

func unauthorized(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.target()
	ref := e.create(unique("unauthorized"))
	e.proxy.set(everything, status(http.StatusUnauthorized, nil, "text/plain", ""))
	e.denied(calls, ref)
	e.proxy.heal()
	e.read(ref)
}

// redirected sends every request to another origin, which writes down what
// comes.
func redirected(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.target()
	ref := e.create(unique("redirected"))
	var mu sync.Mutex
	var leaks []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		all := fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body)
		mu.Lock()
		defer mu.Unlock()
		for _, secret := range s.Secrets {
			if strings.Contains(all, secret) {
				leaks = append(leaks, r.Method+" "+r.URL.Path)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		e.proxy.set(everything, func(w http.ResponseWriter, r *http.Request, _ forwarder) {
			http.Redirect(w, r, elsewhere.URL+r.URL.RequestURI(), code)
		})
		for _, name := range sortedNames(calls) {
			// A file may be kept elsewhere; everything else is the tracker's own.
			if err := calls[name](t.Context()); err == nil && name != "Open" {
				t.Errorf("%s took the answer of another origin after a %d", name, code)
			}
		}
		_, err := e.tracker.Write(t.Context(), event.Step{
			Kind: event.StepComment, Ref: ref, Marker: newMarker(), Comment: &event.CommentWrite{Body: "redirected"},
		}, nil)
		if err == nil {
			t.Errorf("a write took the answer of another origin after a %d", code)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(leaks) > 0 {
		t.Errorf("the credential reached another origin with %q", leaks)
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
