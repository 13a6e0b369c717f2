// Package consent is the part of a tracker's double where a person lets an application
// act for an account: the authorization endpoint of RFC 6749, section 4.1, with the
// challenge of RFC 7636.
//
// # Promises
//
//   - A code is good once, for its time, for one application, one redirect address and
//     the one who can prove the challenge.
//   - An address that is not registered is never sent to.
//
// It shows no page: whoever comes has said yes, or no, already. Tokens are the double's.
package consent

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Rules are what the tracker does in its own way.
type Rules struct {
	// Redirects are the addresses that each application is registered with.
	Redirects map[string][]string
	// AnyPort takes an address of 127.0.0.1 with another port as the same (RFC 8252,
	// section 7.3).
	AnyPort bool
	// Life is how long a code holds.
	Life time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Desk gives codes. It is safe for several goroutines.
type Desk struct {
	rules Rules

	mu     sync.Mutex // guards what follows
	denies bool
	codes  map[string]given
}

type given struct {
	client, redirect, challenge string
	ends                        time.Time
}

// New returns a Desk that says yes.
func New(r Rules) *Desk { return &Desk{rules: r, codes: map[string]given{}} }

// Deny makes the person say no from here on.
func (d *Desk) Deny() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.denies = true
}

// ServeHTTP answers the authorization request of a browser.
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, redirect := q.Get("client_id"), q.Get("redirect_uri")
	if !slices.ContainsFunc(d.rules.Redirects[client], func(known string) bool { return d.same(known, redirect) }) {
		http.Error(w, "The redirect URI included is not valid.", http.StatusBadRequest)
		return
	}
	to, err := url.Parse(redirect)
	if err != nil {
		http.Error(w, "The redirect URI included is not valid.", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": q["state"]}
	d.mu.Lock()
	switch {
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("scope") == "":
		answer.Set("error", "invalid_request")
	case d.denies:
		answer.Set("error", "access_denied")
		answer.Set("error_description", "The resource owner or authorization server denied the request.")
	default:
		code := rand.Text()
		d.codes[code] = given{client: client, redirect: redirect, challenge: q.Get("code_challenge"), ends: d.rules.Now().Add(d.rules.Life)}
		answer.Set("code", code)
	}
	d.mu.Unlock()
	query := to.Query()
	maps.Copy(query, answer)
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

func (d *Desk) same(known, asked string) bool {
	a, errA := url.Parse(known)
	b, errB := url.Parse(asked)
	if errA != nil || errB != nil {
		return false
	}
	if d.rules.AnyPort && a.Hostname() == "127.0.0.1" && b.Hostname() == "127.0.0.1" {
		a.Host, b.Host = a.Hostname(), b.Hostname()
	}
	return *a == *b
}

// Redeem tells whether a token request shows a code that is good, and uses it up.
func (d *Desk) Redeem(code, client, redirect, verifier string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, ok := d.codes[code]
	delete(d.codes, code)
	digest := sha256.Sum256([]byte(verifier))
	return ok && g.client == client && g.redirect == redirect && d.rules.Now().Before(g.ends) &&
		len(verifier) >= 43 && base64.RawURLEncoding.EncodeToString(digest[:]) == g.challenge
}
