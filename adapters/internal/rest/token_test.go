package rest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// authority is a token host, and the tracker that takes its tokens.
type authority struct {
	tokens, api string // addresses

	mu      sync.Mutex // guards the fields below
	issued  int
	life    int
	good    string // the token that the tracker takes; "*" takes any
	answer  func(w http.ResponseWriter, r *http.Request, n int)
	handle  http.HandlerFunc // what the tracker does with a good token
	seen    []*http.Request  // token requests, forms parsed
	calls   int              // requests to the tracker, refused ones too
	effects int              // requests to the tracker that were let in
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{life: 3600}
	a.tokens = serve(t, a.serveTokens).URL + "/oauth/token"
	a.api = serve(t, a.serveAPI).URL
	return a
}

func (a *authority) serveTokens(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.mu.Lock()
	a.seen = append(a.seen, r)
	a.issued++
	n, answer := a.issued, a.answer
	if a.good != "*" {
		a.good = fmt.Sprintf("access-%d", n)
	}
	life := a.life
	a.mu.Unlock()
	if answer != nil {
		answer(w, r, n)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"bearer","expires_in":%d}`, n, life)
}

func (a *authority) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.calls++
	ok := r.Header.Get("Authorization") == "Bearer "+a.good || a.good == "*"
	if ok {
		a.effects++
	}
	handle := a.handle
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case !ok:
		w.WriteHeader(http.StatusUnauthorized)
	case handle != nil:
		handle(w, r)
	default:
		_, _ = fmt.Fprintf(w, `{"length":%d}`, len(body))
	}
}

// revoke makes the tracker refuse what was issued so far.
func (a *authority) revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.good = "revoked"
}

func (a *authority) counts() (issued, calls, effects int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.issued, a.calls, a.effects
}

func wantCounts(t *testing.T, a *authority, issued, calls, effects int) {
	t.Helper()
	if i, c, e := a.counts(); i != issued || c != calls || e != effects {
		t.Errorf("got %d tokens, %d requests, %d let in, want %d, %d, %d", i, c, e, issued, calls, effects)
	}
}

const clientSecret = "cl1ent s3cret&"

func (a *authority) client(t *testing.T, change ...func(*rest.OAuth)) *rest.Client {
	t.Helper()
	u, err := url.Parse(a.tokens)
	if err != nil {
		t.Fatal(err)
	}
	o := rest.OAuth{URL: u, Client: "parley", Secret: clientSecret, Scope: "read write", UserAgent: "parley-test"}
	for _, c := range change {
		c(&o)
	}
	source, err := o.Source()
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, a.api, func(opt *rest.Options) { opt.Sign, opt.Token = nil, source })
}

func read(ctx context.Context, c *rest.Client) error {
	_, err := c.Do(ctx, rest.Request{Op: "read ticket 1", Path: "ticket/1"})
	return err
}

func write(ctx context.Context, c *rest.Client) error {
	_, err := c.Do(ctx, rest.Request{Op: "write ticket 1", Method: http.MethodPut, Path: "ticket/1", JSON: map[string]string{"a": "b"}, Write: true})
	return err
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOAuth_ClientCredentialsAreSentAsTheStandardSays(t *testing.T) {
	t.Parallel()
	for _, basic := range []bool{false, true} {
		t.Run(fmt.Sprint("basic ", basic), func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			c := a.client(t, func(o *rest.OAuth) { o.Basic, o.Extra = basic, map[string]string{"audience": "api"} })
			mustDo(t, read(t.Context(), c))
			mustDo(t, write(t.Context(), c))
			wantCounts(t, a, 1, 2, 2)
			r := a.seen[0]
			want := url.Values{"grant_type": {"client_credentials"}, "scope": {"read write"}, "audience": {"api"}}
			user, password, given := r.BasicAuth()
			if basic {
				// RFC 6749, section 2.3.1: form-encoded first.
				if user != "parley" || password != "cl1ent+s3cret%26" {
					t.Errorf("got basic sign-in %q %q", user, password)
				}
			} else {
				want.Set("client_id", "parley")
				want.Set("client_secret", clientSecret)
			}
			if given != basic || r.PostForm.Encode() != want.Encode() || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("got form %v (basic: %v), want %v", r.PostForm, given, want)
			}
		})
	}
}

func TestToken_IsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		source := func(context.Context) (rest.Token, error) {
			n++
			return rest.Token{Value: fmt.Sprint("access-", n), Expires: time.Now().Add(30 * time.Minute)}, nil
		}
		c := newClient(t, "http://tracker.invalid", func(opt *rest.Options) {
			opt.Token, opt.Transport = source, roundTrip(func(*http.Request) (*http.Response, error) { return okAnswer(), nil })
		})
		defer c.Close()
		mustDo(t, read(t.Context(), c))
		time.Sleep(28 * time.Minute)
		mustDo(t, read(t.Context(), c))
		if n != 1 {
			t.Errorf("got %d tokens two minutes before the end, want 1", n)
		}
		time.Sleep(70 * time.Second)
		mustDo(t, read(t.Context(), c))
		if n != 2 {
			t.Errorf("got %d tokens less than a minute before the end, want 2", n)
		}
	})
}

func TestToken_HoldsOnWhileItsEarlyRenewalDoesNotWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		source := func(context.Context) (rest.Token, error) {
			if n++; n > 1 {
				return rest.Token{}, &adapters.Error{Class: adapters.ErrTransient, Op: "get an access token"}
			}
			return rest.Token{Value: "access-1", Expires: time.Now().Add(30 * time.Minute)}, nil
		}
		c := newClient(t, "http://tracker.invalid", func(opt *rest.Options) {
			opt.Token, opt.Transport = source, roundTrip(func(*http.Request) (*http.Response, error) { return okAnswer(), nil })
		})
		defer c.Close()
		mustDo(t, read(t.Context(), c))
		time.Sleep(29*time.Minute + 30*time.Second)
		for range 5 {
			mustDo(t, read(t.Context(), c))
		}
		if n != 2 {
			t.Errorf("the token host was asked %d times at once, want 2", n)
		}
		time.Sleep(31 * time.Second)
		wantClass(t, read(t.Context(), c), adapters.ErrTransient)
	})
}

func TestToken_OneRenewalServesAllWhoWait(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := a.client(t)
	mustDo(t, read(t.Context(), c))
	a.revoke()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := read(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	issued, _, effects := a.counts()
	if issued != 2 || effects != 21 {
		t.Errorf("got %d tokens and %d requests let in, want 2 and 21", issued, effects)
	}
}

func TestToken_401InTheMiddleRenewsAndSendsOnceMore(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := a.client(t)
	mustDo(t, read(t.Context(), c))
	a.revoke()
	mustDo(t, write(t.Context(), c))
	wantCounts(t, a, 2, 3, 2)
}

func TestToken_401TwiceIsDenied(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := a.client(t)
	mustDo(t, read(t.Context(), c))
	a.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		a.revoke() // whatever it hands out, the tracker does not take it
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"bearer"}`, n)
	}
	a.revoke()
	wantClass(t, write(t.Context(), c), adapters.ErrDenied)
	wantCounts(t, a, 2, 3, 1)
	// A token that was never let in is not renewed for a refusal.
	wantClass(t, read(t.Context(), c), adapters.ErrDenied)
	wantCounts(t, a, 2, 4, 1)
	wantClass(t, read(t.Context(), c), adapters.ErrDenied)
	wantCounts(t, a, 3, 5, 1)
}

func TestToken_WriteInDoubtIsNotSentAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := a.client(t)
	mustDo(t, read(t.Context(), c))
	a.mu.Lock()
	a.handle = func(w http.ResponseWriter, _ *http.Request) {
		a.revoke() // a 401 to whoever asks again
		w.WriteHeader(http.StatusBadGateway)
	}
	a.mu.Unlock()
	wantClass(t, write(t.Context(), c), adapters.ErrDoubt)
	wantCounts(t, a, 1, 2, 2)
}

func TestToken_StreamedBodyIsNotSentTwice(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	c := a.client(t)
	mustDo(t, read(t.Context(), c))
	a.revoke()
	upload := func() error {
		text := strings.NewReader("the bytes of a file")
		_, err := c.Do(t.Context(), rest.Request{
			Op: "upload", Method: http.MethodPost, Path: "files", Write: true,
			Body: &rest.Body{Reader: text, Type: "text/plain", Size: text.Size()},
		})
		return err
	}
	wantClass(t, upload(), adapters.ErrTransient)
	wantCounts(t, a, 2, 2, 1)
	mustDo(t, upload())
	wantCounts(t, a, 2, 3, 2)
}

func TestToken_RenewalOutlivesWhoBeganIt(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	a.answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
		close(asked)
		<-goOn
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"access-1","token_type":"Bearer"}`)
	}
	c := a.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	wantClass(t, read(ctx, c), adapters.ErrTransient)
	close(goOn)
	mustDo(t, read(t.Context(), c))
	wantCounts(t, a, 1, 1, 1)
}

func TestToken_WhatItsHostSaysIsNotTheTrackersWord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		class  error
		hint   string
	}{
		{"not found", http.StatusNotFound, `{}`, adapters.ErrConfiguration, "address for tokens"},
		{"gone", http.StatusGone, `{}`, adapters.ErrConfiguration, "address for tokens"},
		{"refused values", http.StatusUnprocessableEntity, `{}`, adapters.ErrConfiguration, "address for tokens"},
		{"moved", http.StatusTemporaryRedirect, ``, adapters.ErrConfiguration, ""},
		{"unknown client", http.StatusUnauthorized, `{"error":"invalid_client"}`, adapters.ErrDenied, "secret may have ended"},
		{"unknown client, as 400", http.StatusBadRequest, `{"error":"invalid_client"}`, adapters.ErrDenied, "secret may have ended"},
		{"no words", http.StatusUnauthorized, ``, adapters.ErrDenied, "secret may have ended"},
		{"grant", http.StatusBadRequest, `{"error":"invalid_grant"}`, adapters.ErrDenied, "client"},
		{"scope", http.StatusBadRequest, `{"error":"invalid_scope"}`, adapters.ErrConfiguration, "scope"},
		{"limit", http.StatusTooManyRequests, `{}`, adapters.ErrLimited, ""},
		{"down", http.StatusBadGateway, `{}`, adapters.ErrTransient, ""},
		{"page", http.StatusOK, `<html>`, adapters.ErrConfiguration, "address for tokens"},
		{"no token", http.StatusOK, `{"token_type":"bearer"}`, adapters.ErrConfiguration, "address for tokens"},
		{"other type", http.StatusOK, `{"access_token":"x","token_type":"mac"}`, adapters.ErrConfiguration, "address for tokens"},
		{"header in it", http.StatusOK, `{"access_token":"x\r\nX-Evil: 1","token_type":"bearer"}`, adapters.ErrConfiguration, "address for tokens"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			a.answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
			err := write(t.Context(), a.client(t))
			wantClass(t, err, tt.class)
			var known *adapters.Error
			if !errors.As(err, &known) || !strings.Contains(known.Hint, tt.hint) || !strings.Contains(err.Error(), "access token") {
				t.Errorf("got %v with hint %q, want one that speaks of the token and %q", err, known.Hint, tt.hint)
			}
			if rest.HasStatus(err, tt.status) {
				t.Error("the token host's status is taken for the tracker's")
			}
			wantCounts(t, a, 1, 0, 0)
		})
	}
}

func TestOAuth_AddressMustBeSafe(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://tokens.example/token", "ftp://tokens.example", "https://user:pw@tokens.example/", "https:///token", "http://127.0.0.1.example/"} {
		u, err := url.Parse(address)
		mustDo(t, err)
		if _, err := (rest.OAuth{URL: u, Client: "c", Secret: "s"}).Source(); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	u := &url.URL{Scheme: "https", Host: "tokens.example"}
	for name, o := range map[string]rest.OAuth{
		"no client": {URL: u, Secret: "s"}, "no secret": {URL: u, Client: "c"}, "no keeper": {URL: u, Client: "c", Refresh: "r"},
	} {
		if _, err := o.Source(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestOAuth_SecretsStayWhereTheyBelong: the client's at the token host, the token at
// the tracker, neither in trace or errors, also where the host repeats them.
func TestOAuth_SecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var leaks []string
	a.handle = func(w http.ResponseWriter, r *http.Request) {
		if text := fmt.Sprint(r.URL, r.Header); strings.Contains(text, "s3cret") {
			leaks = append(leaks, text)
		}
		_, _ = io.WriteString(w, `{}`)
	}
	var trace bytes.Buffer
	ctx := zerolog.New(&trace).Level(zerolog.DebugLevel).WithContext(t.Context())
	c := a.client(t)
	mustDo(t, read(ctx, c))
	a.revoke()
	a.answer = func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"unknown %s"}`, r.PostForm.Get("client_secret"))
	}
	err := read(ctx, c)
	wantClass(t, err, adapters.ErrDenied)
	if !strings.Contains(trace.String(), "tracker request") {
		t.Fatal("nothing was traced")
	}
	for _, word := range []string{"s3cret", "access-1"} {
		if strings.Contains(trace.String(), word) || strings.Contains(fmt.Sprintf("%+v", err), word) {
			t.Errorf("%q stands in %s or %v", word, trace.String(), err)
		}
	}
	if len(leaks) > 0 || a.seen[0].Header.Get("Authorization") != "" {
		t.Errorf("a secret went to the other host: %q", leaks)
	}
}

func okAnswer() *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
}
