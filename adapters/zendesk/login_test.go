package zendesk_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/zendesk"
	"parley/adapters/zendesk/zendeskdouble"
)

const redirect = "http://127.0.0.1:8976/parley"

// browse signs in at the double, and returns the answer that the browser is sent on with.
func browse(t *testing.T, address string) (int, url.Values) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = io.Copy(io.Discard, res.Body); _ = res.Body.Close() }()
	at, err := res.Location()
	if err != nil {
		return res.StatusCode, nil
	}
	return res.StatusCode, at.Query()
}

func newLogin(t *testing.T, b *bench) adapters.Login {
	t.Helper()
	u, err := url.Parse(b.site.url)
	b.must(err)
	login, err := zendesk.Kind().Login(adapters.Options{URL: u, Settings: map[string]string{"client_id": "parley", "client_secret": clientSecret}})
	b.must(err)
	return login
}

func TestLogin_GivesTheFirstRefreshToken(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	opt := zendeskdouble.Options{
		Redirects: map[string][]string{"parley": {redirect}},
		Now:       func() time.Time { return time.Now().Add(time.Duration(late.Load())) },
	}
	b := newBench(t, opt, nil)
	login := newLogin(t, b)
	_, answer := browse(t, login.Address(redirect))
	refresh, err := login.Finish(t.Context(), answer)
	b.must(err)
	if refresh == "" || answer.Get("code") == "" {
		t.Errorf("got %q for %v", refresh, answer)
	}
	if _, err := login.Finish(t.Context(), answer); err == nil {
		t.Error("an answer is taken twice")
	}
	again := newLogin(t, b)
	again.Address(redirect)
	if _, err := again.Finish(t.Context(), answer); err == nil {
		t.Error("the answer of another sign-in is taken")
	}

	// A code holds for two minutes.
	slow := newLogin(t, b)
	_, answer = browse(t, slow.Address(redirect))
	late.Store(int64(3 * time.Minute))
	_, err = slow.Finish(t.Context(), answer)
	if !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("a code that ended: %v", err)
	}

	// The port counts: Zendesk knows addresses letter by letter.
	if status, _ := browse(t, newLogin(t, b).Address("http://127.0.0.1:1/parley")); status != http.StatusBadRequest {
		t.Errorf("an address that is not registered: %d", status)
	}

	b.site.Consent.Deny()
	refused := newLogin(t, b)
	_, answer = browse(t, refused.Address(redirect))
	_, err = refused.Finish(t.Context(), answer)
	if !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("a person who says no: %v", err)
	}
}
