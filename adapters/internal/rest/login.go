package rest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"parley/adapters"
)

const opLogin = "exchange the answer of the sign-in"

// login is an adapters.Login.
type login struct {
	x         *oauth
	authorize *url.URL
	// state ties the answer to this sign-in, verifier its code (RFC 7636, section 4.1).
	state, verifier string

	mu       sync.Mutex // guards what follows
	redirect string
	spent    bool
}

// Login begins a sign-in at the address where the authorization server asks people,
// which must be of the same origin as the one for tokens.
func (o OAuth) Login(authorize *url.URL) (adapters.Login, error) {
	if o.Client == "" {
		return nil, errors.New("the client's id is missing")
	}
	x, err := o.under()
	if err != nil {
		return nil, err
	}
	if authorize == nil || authorize.User != nil || originOf(authorize) != originOf(o.URL) {
		return nil, errors.New("the address to sign in at is not of the origin that gives the tokens")
	}
	return &login{x: x, authorize: authorize, state: unguessable(), verifier: unguessable()}, nil
}

// unguessable is 32 random bytes as RFC 7636 advises, in 43 characters.
func unguessable() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Address implements adapters.Login.
func (l *login) Address(redirect string) string {
	l.mu.Lock()
	l.redirect = redirect
	l.mu.Unlock()
	digest := sha256.Sum256([]byte(l.verifier))
	at := *l.authorize
	query := at.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": l.x.Client, "redirect_uri": redirect, "state": l.state, "scope": l.x.Scope,
		"code_challenge": base64.RawURLEncoding.EncodeToString(digest[:]), "code_challenge_method": "S256",
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	at.RawQuery = query.Encode()
	return at.String()
}

// Ours implements adapters.Login.
func (l *login) Ours(answer url.Values) bool {
	state := answer["state"]
	return len(state) == 1 && subtle.ConstantTimeCompare([]byte(state[0]), []byte(l.state)) == 1
}

// Finish implements adapters.Login.
func (l *login) Finish(ctx context.Context, answer url.Values) (string, error) {
	refused := func(class error, why, hint string) (string, error) { return "", notSignedIn(class, why, hint) }
	if !l.Ours(answer) {
		return refused(adapters.ErrDenied, "the answer belongs to another sign-in", "begin again, and follow the address that is shown then")
	}
	l.mu.Lock()
	spent, redirect := l.spent, l.redirect
	l.spent = true
	l.mu.Unlock()
	switch code := answer["code"]; {
	case spent:
		return refused(adapters.ErrDenied, "an answer is good once", "begin again")
	case answer.Has("error"):
		return "", refusalOf(answer.Get("error"))
	case len(code) != 1 || code[0] == "":
		return refused(adapters.ErrConfiguration, "the answer holds no code", "enter the whole address that the browser ended at")
	default:
		return l.exchange(ctx, code[0], redirect)
	}
}

// refusalOf reads an error of RFC 6749, section 4.1.2.1. Its words are for developers and
// not repeated: anybody can make an address with them.
func refusalOf(code string) error {
	switch code {
	case "access_denied":
		return notSignedIn(adapters.ErrDenied, "the person or the tracker said no", "sign in as the account that Parley is to act for, and allow it")
	case "invalid_scope":
		return notSignedIn(adapters.ErrConfiguration, "the tracker does not grant this scope to the application", "allow the scope in the application's settings")
	case "temporarily_unavailable", "server_error":
		return notSignedIn(adapters.ErrTransient, "the tracker cannot answer at present", "begin again later")
	}
	return notSignedIn(adapters.ErrConfiguration, "the tracker does not take the request for a sign-in", "check the application's id and the redirect address it is registered with")
}

func notSignedIn(class error, why, hint string) error {
	return &adapters.Error{Class: class, Op: opLogin, Err: errors.New(why), Hint: hint}
}

func (l *login) exchange(ctx context.Context, code, redirect string) (string, error) {
	params := map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": l.verifier}
	if l.x.Scope != "" {
		params["scope"] = l.x.Scope
	}
	if !l.x.Basic {
		params["client_id"] = l.x.Client
		if l.x.Secret != "" {
			params["client_secret"] = l.x.Secret
		}
	}
	r, err := l.x.request(params)
	if err != nil {
		return "", &adapters.Error{Class: adapters.ErrConfiguration, Op: opLogin, Err: err}
	}
	answer, err := l.x.rest.Do(ctx, r)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusCreated {
		err := l.x.refusal(answer, params)
		if known := (*adapters.Error)(nil); errors.As(err, &known) && errors.Is(err, adapters.ErrDenied) && answer.Status == http.StatusBadRequest {
			known.Hint = "begin again: a code holds for minutes and is good once"
		}
		return "", err
	}
	out, err := readGrant(answer)
	if err != nil {
		return "", err
	}
	if out.Refresh == "" || !headerSafe(out.Refresh) {
		return "", &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opLogin, Err: errors.New("the answer holds no refresh token"),
			Hint: "let the application have expiring access tokens with refresh tokens",
		}
	}
	return out.Refresh, nil
}
