package jira

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Where access tokens come from, unless token_url says otherwise.
const (
	cloudTokens = "https://auth.atlassian.com/oauth/token" //nolint:gosec // an address
	dcTokens    = "rest/oauth2/latest/token"
	dcScope     = "WRITE"
)

// signIn is how requests get their credential: a token that is entered, or access
// tokens by the client credentials of a service account.
func signIn(opt adapters.Options, cloud bool) (func(*http.Request) error, rest.Source, error) {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	token, email, client, secret := get("token"), get("email"), get("client_id"), get("client_secret")
	switch {
	case token == "" && client == "" && secret == "":
		return nil, nil, errors.New("setting token is missing: enter it, or client_id and client_secret")
	case token != "" && (client != "" || secret != ""):
		return nil, nil, errors.New("setting token stands beside client_id or client_secret: keep one way to sign in")
	case token != "":
		return signer(email, token), nil, nil
	case client == "":
		return nil, nil, errors.New("setting client_id is missing")
	case secret == "":
		return nil, nil, errors.New("setting client_secret is missing")
	}
	at, err := tokenURL(opt.URL, get("token_url"), cloud)
	if err != nil {
		return nil, nil, err
	}
	o := rest.OAuth{URL: at, Client: client, Secret: secret, Scope: get("scope"), UserAgent: opt.UserAgent}
	if !cloud && o.Scope == "" {
		o.Scope = dcScope
	}
	source, err := o.Source()
	if err != nil {
		return nil, nil, fmt.Errorf("setting token_url: %w", err)
	}
	return nil, source, nil
}

func tokenURL(base *url.URL, entered string, cloud bool) (*url.URL, error) {
	switch {
	case entered != "":
		u, err := url.Parse(entered)
		if err != nil {
			return nil, fmt.Errorf("setting token_url: %q is not an address", entered)
		}
		return u, nil
	case cloud:
		return url.Parse(cloudTokens)
	}
	return base.JoinPath(dcTokens), nil
}

// signer sends a token as it wants it: with an e-mail address it is the password.
func signer(email, token string) func(*http.Request) error {
	return func(r *http.Request) error {
		if email == "" {
			r.Header.Set("Authorization", "Bearer "+token)
		} else {
			r.SetBasicAuth(email, token)
		}
		return nil
	}
}
