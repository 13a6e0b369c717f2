package rest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

func TestLogin_APersonIsSentToTheOriginThatGivesTheTokensOnly(t *testing.T) {
	t.Parallel()
	tokens := &url.URL{Scheme: "https", Host: "tracker.example", Path: "/token"}
	for address, good := range map[string]bool{
		"https://tracker.example/authorize": true, "https://attacker.example/authorize": false, "http://tracker.example/authorize": false,
		"https://tracker.example:444/authorize": false, "https://user@tracker.example/authorize": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (rest.OAuth{URL: tokens, Client: "parley"}).Login(u); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := (rest.OAuth{URL: &url.URL{Scheme: "http", Host: "tracker.example"}, Client: "parley"}).Login(&url.URL{Scheme: "http", Host: "tracker.example"}); err == nil {
		t.Error("a sign-in without TLS is begun")
	}
}

// TestLogin_AnAnswerOfTheTokenEndpointIsJudged: the code goes to no other place, and
// nothing that was sent is told.
func TestLogin_AnAnswerOfTheTokenEndpointIsJudged(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the code went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		class  error
	}{
		"good":             {200, nil, `{"access_token":"a","refresh_token":"r","token_type":"bearer"}`, nil},
		"no refresh token": {200, nil, `{"access_token":"a"}`, adapters.ErrConfiguration},
		"not a token":      {200, nil, `{"access_token":"a","refresh_token":"r\nx: y"}`, adapters.ErrConfiguration},
		"a page":           {200, map[string]string{"Content-Type": "text/html"}, `<html>`, adapters.ErrConfiguration},
		"used up":          {400, nil, `{"error":"invalid_grant","error_description":"code-of-the-person is used up"}`, adapters.ErrDenied},
		"wrong secret":     {401, nil, `{"error":"invalid_client"}`, adapters.ErrDenied},
		"sent on":          {307, map[string]string{"Location": elsewhere.URL}, ``, adapters.ErrConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent url.Values
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				sent = r.PostForm
				w.Header().Set("Content-Type", "application/json")
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(site.Close)
			base, err := url.Parse(site.URL)
			if err != nil {
				t.Fatal(err)
			}
			login, err := rest.OAuth{URL: base.JoinPath("token"), Client: "parley", Secret: "secret"}.Login(base.JoinPath("authorize"))
			if err != nil {
				t.Fatal(err)
			}
			at, err := url.Parse(login.Address("http://127.0.0.1:1/"))
			if err != nil {
				t.Fatal(err)
			}
			refresh, err := login.Finish(t.Context(), url.Values{"state": at.Query()["state"], "code": {"code-of-the-person"}})
			if c.class == nil && (err != nil || refresh != "r") || c.class != nil && !errors.Is(err, c.class) {
				t.Errorf("got %q, %v", refresh, err)
			}
			if err != nil && strings.Contains(err.Error(), "code-of-the-person") {
				t.Errorf("the code is told: %v", err)
			}
			if sent.Get("code") != "code-of-the-person" || sent.Get("redirect_uri") != "http://127.0.0.1:1/" || len(sent.Get("code_verifier")) != 43 || strings.Contains(at.String(), sent.Get("code_verifier")) {
				t.Errorf("sent was %v for %s", sent, at)
			}
		})
	}
}
