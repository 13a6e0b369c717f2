package zendesk

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// way is one to sign in.
type way int

// The ways, best first.
const (
	byClient   way = iota // access tokens by an OAuth client's own credentials
	byRefresh             // access tokens by a refresh token
	byToken               // an access token as it is
	byAPIToken            // an API token, all of which end on 2027-04-30
)

// defaultScope is what access tokens are for.
const defaultScope = "read write"

// signIn sets how the requests of a client get their credential.
func signIn(to *rest.Options, opt adapters.Options) (way, error) {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	token, email, client, secret := get("token"), get("email"), get("client_id"), get("client_secret")
	switch {
	case token == "" && client == "" && secret == "":
		return 0, errors.New("setting client_secret is missing: enter it and client_id, or a token")
	case token != "" && (client != "" || secret != ""):
		return 0, errors.New("setting token stands beside client_id or client_secret: keep one way to sign in")
	case token == "" && email != "":
		return 0, errors.New("setting email goes with an API token only")
	case token != "" && email != "":
		to.Sign = func(r *http.Request) error {
			r.SetBasicAuth(email+"/token", token)
			return nil
		}
		return byAPIToken, nil
	case token != "":
		to.Sign = func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
		return byToken, nil
	case client == "":
		return 0, errors.New("setting client_id is missing")
	case secret == "":
		return 0, errors.New("setting client_secret is missing")
	}
	o := oauthClient(opt)
	how := byClient
	if o.Refresh = get(adapters.SettingRefreshToken); o.Refresh != "" {
		how, o.Name, o.Keeper = byRefresh, "zendesk-refresh-token", opt.Keeper
	}
	var err error
	if to.Token, err = o.Source(); err != nil {
		return 0, fmt.Errorf("sign in with an OAuth client: %w", err)
	}
	return how, nil
}

func oauthClient(opt adapters.Options) rest.OAuth {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	return rest.OAuth{
		URL: opt.URL.JoinPath("oauth", "tokens"), Client: get("client_id"), Secret: get("client_secret"), JSON: true,
		Scope: orDefault(get("scope"), defaultScope), UserAgent: opt.UserAgent,
	}
}

// login begins the sign-in of a person, which gives the first refresh token.
func login(opt adapters.Options) (adapters.Login, error) {
	o := oauthClient(opt)
	switch {
	case strings.TrimSpace(opt.Settings["token"]) != "":
		return nil, errors.New("setting token signs in by itself: take it out to sign in with an OAuth client")
	case o.Client == "":
		return nil, errors.New("setting client_id is missing")
	case o.Secret == "":
		return nil, errors.New("setting client_secret is missing")
	}
	o.Timeout = opt.Timeout
	return o.Login(opt.URL.JoinPath("oauth", "authorizations", "new"))
}

// probeSignIn says how long the credential will do.
func (t *Tracker) probeSignIn() adapters.Finding {
	switch t.how {
	case byAPIToken:
		return adapters.Finding{
			Level: adapters.LevelWarning,
			What:  "this is an API token: none can be made since 2026-10-27, one that is not used for 30 days is switched off, and all stop working on 2027-04-30",
			Hint:  "make an OAuth client, and set client_id and client_secret in its place",
		}
	case byToken:
		return adapters.Finding{
			Level: adapters.LevelWarning, What: "this is an access token as it is: it may end, which the API does not tell, and cannot be renewed",
			Hint: "make an OAuth client, and set client_id and client_secret in its place",
		}
	case byRefresh:
		return adapters.Finding{Level: adapters.LevelOK, What: "access tokens are renewed by a refresh token, which ends if it is not used for as long as it holds (30 days, unless it was made for longer)"}
	}
	return adapters.Finding{Level: adapters.LevelOK, What: "access tokens are got by the OAuth client's own credentials"}
}
