package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters/gitlab/gitlabdouble"
	"parley/node/secret"
)

// signIn is a node at a GitLab whose application was never granted anything.
type signIn struct {
	t      *testing.T
	gitlab *gitlabdouble.Double
	dir    string
	vault  *secret.Vault
}

const refreshName = "gitlab-refresh"

func newSignIn(t *testing.T, more string) *signIn {
	t.Helper()
	s := &signIn{t: t, dir: t.TempDir(), gitlab: gitlabdouble.New(gitlabdouble.Options{
		Path: "acme/support", ID: 7, Accounts: []gitlabdouble.Account{{ID: 4, Username: "parley", Name: "Parley", Token: "t", Level: 20}},
		Clients: map[string]string{"parley": "secret-of-the-application"}, Redirects: map[string][]string{"parley": {"http://127.0.0.1/parley"}},
	})}
	site := httptest.NewServer(s.gitlab)
	t.Cleanup(site.Close)
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := secret.CreateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	if s.vault, err = secret.Open(data, key); err != nil {
		t.Fatal(err)
	}
	if err := s.vault.Set("gitlab-client", secret.NewValue("secret-of-the-application")); err != nil {
		t.Fatal(err)
	}
	text := "node: {name: acme, dir: data}\ntracker:\n  kind: gitlab\n  url: " + site.URL + "\n  settings:\n    project: acme/support\n" +
		"    client_id: parley\n    client_secret: ${secret:gitlab-client}\n    refresh_token: ${secret:" + refreshName + "}\n" + more
	if err := os.WriteFile(filepath.Join(s.dir, "parley.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// screen is what a person sees, and takes the address of the sign-in from.
type screen struct {
	mu   sync.Mutex // guards the field below
	text bytes.Buffer
	seen chan string
	once sync.Once
}

var shown = regexp.MustCompile(`http://\S+/oauth/authorize\S+`)

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.text.Write(text)
	if at := shown.FindString(s.text.String()); at != "" && strings.Contains(s.text.String(), at+"\n") {
		s.once.Do(func() { s.seen <- at })
	}
	return n, err
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// run signs in as a person does: person gets the address, and what is to be typed.
func (s *signIn) run(person func(address string, typed io.Writer), flags ...string) (code int, out, said string) {
	s.t.Helper()
	in, typed, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _, _ = in.Close(), typed.Close() }()
	var stdout bytes.Buffer
	stderr := &screen{seen: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"--config", filepath.Join(s.dir, "parley.yaml"), "adapter", "login"}, flags...)
		ended <- execute(context.Background(), args, process{in: in, out: &stdout, err: stderr, getenv: func(string) string { return "" }})
	}()
	select {
	case address := <-stderr.seen:
		person(address, typed)
		code = <-ended
	case code = <-ended:
	case <-time.After(patience):
		s.t.Fatal("nothing is shown")
	}
	return code, stdout.String(), stderr.String()
}

// kept is the refresh token that the node has, "" for none.
func (s *signIn) kept() string {
	s.t.Helper()
	value, err := s.vault.Get(refreshName)
	if err != nil {
		return ""
	}
	return value.Reveal()
}

// page is what a browser gets.
type page struct {
	status int
	header http.Header
}

// browser asks for an address as a browser does, without going on.
func (s *signIn) browser(address, host string) page {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = host
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return page{res.StatusCode, res.Header}
}

func (s *signIn) allow(address string) string {
	s.t.Helper()
	return s.browser(address, "").header.Get("Location")
}

func TestLogin_APersonSignsInAndTheRefreshTokenIsSealed(t *testing.T) {
	t.Parallel()
	s := newSignIn(t, "")
	code, out, said := s.run(func(address string, _ io.Writer) {
		if res := s.browser(s.allow(address), ""); res.status != http.StatusOK || res.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the browser ends at %d", res.status)
		}
	})
	kept := s.kept()
	if code != exitOK || !strings.HasPrefix(kept, "refresh-token-") {
		t.Fatalf("exit code %d, kept %q: %s", code, kept, said)
	}
	if strings.Contains(out+said, kept) || strings.Contains(out+said, "secret-of") || strings.Contains(out+said, "access-token") {
		t.Errorf("a secret is shown: %s%s", out, said)
	}
	// It is what the node signs in with.
	var probed bytes.Buffer
	args := []string{"--config", filepath.Join(s.dir, "parley.yaml"), "adapter", "probe"}
	execute(t.Context(), args, process{in: os.Stdin, out: &probed, err: io.Discard, getenv: func(string) string { return "" }})
	if !strings.Contains(probed.String(), "refresh") || strings.Contains(probed.String(), "denied") {
		t.Errorf("the probe says %s", probed.String())
	}
}

func TestLogin_WhatIsNotTheAnswerEndsNothing(t *testing.T) {
	t.Parallel()
	s := newSignIn(t, "")
	code, _, said := s.run(func(address string, _ io.Writer) {
		good := s.allow(address)
		at, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		other := func(change func(*url.URL)) string {
			u := *at
			change(&u)
			return u.String()
		}
		for what, c := range map[string]struct {
			address, host string
			want          int
		}{
			"another state": {other(func(u *url.URL) { u.RawQuery = "code=stolen&state=guessed" }), "", http.StatusBadRequest},
			"no state":      {other(func(u *url.URL) { u.RawQuery = "code=stolen" }), "", http.StatusBadRequest},
			"two states":    {other(func(u *url.URL) { u.RawQuery += "&state=x" }), "", http.StatusBadRequest},
			"another host":  {good, "attacker.example", http.StatusNotFound},
			"another path":  {other(func(u *url.URL) { u.Path = "/" }), "", http.StatusNotFound},
		} {
			if res := s.browser(c.address, c.host); res.status != c.want {
				t.Errorf("%s: status %d, want %d", what, res.status, c.want)
			}
		}
		s.browser(good, "")
	})
	if code != exitOK || s.kept() == "" {
		t.Errorf("exit code %d: %s", code, said)
	}
}

func TestLogin_WhoSaysNoOrNothingLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags  []string
		person func(*signIn, string)
		want   string
	}{
		"no answer": {[]string{"--wait", "100ms"}, func(*signIn, string) {}, "nobody signed in within 100ms"},
		"denied": {nil, func(s *signIn, address string) {
			s.gitlab.Consent.Deny()
			s.browser(s.allow(address), "")
		}, "said no"},
		"a code that was used before": {nil, func(s *signIn, address string) {
			good := s.allow(address)
			at, _ := url.Parse(good)
			s.gitlab.Consent.Redeem(at.Query().Get("code"), "", "", "")
			s.browser(good, "")
		}, "begin again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSignIn(t, "")
			code, _, said := s.run(func(address string, _ io.Writer) { c.person(s, address) }, c.flags...)
			if code == exitOK || s.kept() != "" || !strings.Contains(said, c.want) {
				t.Errorf("exit code %d, kept %q, said %q, want %q", code, s.kept(), said, c.want)
			}
		})
	}
}

func TestLogin_TheAddressIsEnteredWhereTheBrowserIsElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typed func(address string) string
		good  bool
	}{
		"as it is":      {func(at string) string { return at }, true},
		"another host":  {func(at string) string { return strings.Replace(at, "127.0.0.1", "attacker.example", 1) }, false},
		"another state": {func(at string) string { return at + "x" }, false},
		"a code alone":  {func(string) string { return "code" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSignIn(t, "")
			code, _, said := s.run(func(address string, typed io.Writer) { fmt.Fprintln(typed, c.typed(s.allow(address))) }, "--paste")
			if (code == exitOK) != c.good || (s.kept() != "") != c.good {
				t.Errorf("exit code %d, kept %q: %s", code, s.kept(), said)
			}
		})
	}
}

func TestLogin_IsRefusedWhereItHasNoPlace(t *testing.T) {
	t.Parallel()
	s := newSignIn(t, "    redirect_uri: https://parley.example/done\n")
	if code, _, said := s.run(func(string, io.Writer) {}); code == exitOK || !strings.Contains(said, "--paste") {
		t.Errorf("an address elsewhere: exit code %d: %s", code, said)
	}
	file := filepath.Join(s.dir, "parley.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, is, want string }{
		{"    refresh_token: ${secret:" + refreshName + "}\n", "", "does not say which secret"},
		{"${secret:" + refreshName + "}", "${env:REFRESH}", "does not say which secret"},
		{"${secret:" + refreshName + "}", "${secret:node.identity}", "choose another name"},
	} {
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), c.old, c.is, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, said := s.run(func(string, io.Writer) {}); code == exitOK || !strings.Contains(said, c.want) {
			t.Errorf("%q: exit code %d: %s", c.is, code, said)
		}
	}
}
