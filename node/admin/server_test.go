package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/node/admin"
	"parley/node/audit"
)

// quietService answers nothing: the tests here are about what stands before it.
type quietService struct{ admin.Service }

func TestListen_SocketIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	socket, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	info, err := os.Stat(filepath.Join(dir, admin.SocketFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != os.ModeSocket|0o600 {
		t.Errorf("mode of the socket: got %v, want %v", got, os.ModeSocket|0o600)
	}
	if info, err = os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder: got %v, %v; want 0700", info.Mode(), err)
	}
}

func TestListen_SecondNodeInAFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := admin.Listen(dir)
	if !errors.Is(err, admin.ErrRunning) {
		t.Errorf("second: got %v, %v; want %v", second, err, admin.ErrRunning)
	}
	if _, err := admin.Dial(t.Context(), dir); err != nil {
		t.Errorf("the first does not answer any more: %v", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	third, err := admin.Listen(dir)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, admin.SocketFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestListen_ReplacesWhatADeadNodeLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, admin.SocketFile), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".sock", "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	socket, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Dial(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if err := socket.Close(); err != nil {
		t.Error(err)
	}
}

func TestListen_LongPathSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	socket, err := admin.Listen(dir)
	var got *admin.Error
	if !errors.As(err, &got) || got.Kind != admin.KindInvalid || got.Hint == "" {
		t.Errorf("got %v, %v; want an invalid path with a hint", socket, err)
	}
}

func TestHandler_DescribesItselfAsOpenAPI31(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	admin.NewHandler(quietService{}, "1.2.3", unguarded{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("%d: %v", w.Code, err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("got OpenAPI %q of version %q", doc.OpenAPI, doc.Info.Version)
	}
	operations := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations++
			if _, ok := op.Responses["default"].Content["application/problem+json"]; !ok {
				t.Errorf("%s %s does not say how its errors look", method, path)
			}
		}
	}
	if want := reflect.TypeFor[admin.Service]().NumMethod(); operations != want {
		t.Errorf("got %d operations, want one for each of the Service's %d methods", operations, want)
	}
}

func TestHandler_WrongRequestsAreProblems(t *testing.T) {
	t.Parallel()
	handler := admin.NewHandler(quietService{}, "test", unguarded{})
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"unknown key", http.MethodPost, "/v1/connections/invite", `{"name":"a","nom":1}`, 422, "nom"},
		{"missing key", http.MethodPost, "/v1/connections/accept", `{"name":"a"}`, 422, "code"},
		{"not JSON", http.MethodPost, "/v1/tickets/sync", `<html>`, 400, ""},
		{"too large", http.MethodPost, "/v1/tickets/sync", `{"query":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
		{"unknown state", http.MethodGet, "/v1/tickets?state=elsewhere", "", 422, "synced"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			handler.ServeHTTP(w, r)
			var got admin.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
			if w.Code != tt.status || got.Status != tt.status || got.Kind != admin.KindInvalid || !strings.Contains(got.Message, tt.says) {
				t.Errorf("got %d %+v, want %d %s saying %q", w.Code, got, tt.status, admin.KindInvalid, tt.says)
			}
			if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("got content type %q", got)
			}
		})
	}
}

// slowService answers Status when it is let.
type slowService struct {
	admin.Service
	asked, answer chan struct{}
}

func (s slowService) Status(context.Context) (admin.Status, error) {
	close(s.asked)
	<-s.answer
	return admin.Status{Node: "acme"}, nil
}

func TestServe_AMistakeCostsOneRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- admin.Serve(ctx, socket, admin.NewHandler(quietService{}, "test", unguarded{}), zerolog.New(&log))
	}()
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return admin.Dial(ctx, dir) },
		DisableKeepAlives: true,
	}}
	for range 2 { // quietService has no methods: each call is such a mistake
		response, err := client.Get("http://node/v1/status")
		if err != nil {
			t.Fatal(err)
		}
		var got admin.Problem
		if err := errors.Join(json.NewDecoder(response.Body).Decode(&got), response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusInternalServerError || got.Kind != admin.KindInternal {
			t.Errorf("got %s %+v, want an internal problem", response.Status, got)
		}
	}
	cancel()
	if err := errors.Join(<-ended, socket.Close()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "server_test.go") && !strings.Contains(log.String(), "routes.go") {
		t.Errorf("the log does not say where it was:\n%s", log.String())
	}
}

func TestServe_FinishesRequestsUnderWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	slow := slowService{asked: make(chan struct{}), answer: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- admin.Serve(ctx, socket, admin.NewHandler(slow, "test", unguarded{}), zerolog.Nop()) }()
	conn, err := admin.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: node\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-slow.asked
	cancel()
	close(slow.answer)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 15)
	if _, err := conn.Read(text); err != nil || string(text) != "HTTP/1.1 200 OK" {
		t.Errorf("got %q, %v", text, err)
	}
	if err := errors.Join(conn.Close(), <-ended, socket.Close()); err != nil {
		t.Error(err)
	}
}

// unguarded lets everybody do everything, and keeps no record.
type unguarded struct{}

func (unguarded) May(admin.Person, string, string) error { return nil }

func (unguarded) OnRecord(r audit.Record) (audit.Record, error) { return r, nil }
