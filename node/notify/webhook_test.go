package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/node/notify"
	"parley/node/secret"
)

func TestWebhook_PostsSignedJSON(t *testing.T) {
	t.Parallel()
	key := secret.NewValue("hook-key")
	var body []byte
	var header http.Header
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	hook := &notify.Webhook{URL: server.URL, Secret: key, Client: server.Client(), UserAgent: "parley/test"}
	s, err := notify.Ways{Webhooks: map[string]*notify.Webhook{"ops": hook}}.Sender("webhook:ops")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"version": 1.0, "node": "acme", "at": "2026-01-31T12:00:00Z", "subject": hello.Subject(),
		"wrong": []any{map[string]any{"kind": "parked", "connection": "globex", "ticket": "Ä-1", "code": "rejected"}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	signature := header.Get(notify.SignatureHeader)
	if want := notify.Sign(key, hello.At, body); signature != want || !strings.HasPrefix(signature, "t=1769860800,v1=") {
		t.Errorf("signature: got %q, want %q", signature, want)
	}
	for _, other := range []string{
		notify.Sign(secret.NewValue("other"), hello.At, body), notify.Sign(key, hello.At.Add(time.Second), body), notify.Sign(key, hello.At, body[1:]),
	} {
		if other == signature {
			t.Error("key, time or body do not change the signature")
		}
	}
	if got := header.Get("User-Agent"); got != "parley/test" {
		t.Errorf("user agent %q", got)
	}
}

func TestWebhook_SignsAsDocumented(t *testing.T) {
	t.Parallel()
	got := notify.Sign(secret.NewValue("key"), time.Unix(1, 0), []byte("{}"))
	// printf '1.{}' | openssl dgst -sha256 -hmac key
	const want = "t=1,v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWebhook_FailsWithoutShowingTheAddress(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	elsewhere := false
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere = true })
	mux.HandleFunc("/broken/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/slow/", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
		<-r.Context().Done()
	})
	mux.HandleFunc("/endless/", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	closed := httptest.NewServer(mux)
	closed.Close()
	for name, tt := range map[string]struct{ url, want string }{
		"redirect": {server.URL + "/moved/hunter2", "307"},
		"error":    {server.URL + "/broken/hunter2", "500"},
		"too slow": {server.URL + "/slow/hunter2", "exceeded"},
		"gone":     {closed.URL + "/hunter2", "refused"},
		"no URL":   {"http://h\x00/hunter2", "cannot be used"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		hook := &notify.Webhook{URL: tt.url, Client: &http.Client{Timeout: 200 * time.Millisecond}}
		err := hook.Send(ctx, hello)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
	// An answer without end is not read to it.
	hook := &notify.Webhook{URL: server.URL + "/endless/", Client: &http.Client{Timeout: 20 * time.Second}}
	if err := hook.Send(t.Context(), hello); err != nil {
		t.Errorf("endless answer: %v", err)
	}
}
