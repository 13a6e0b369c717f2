package gitlab

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// loginScope is what an application is granted.
const loginScope = "api"

// signIn sets how requests get their credential, and tells whether it renews itself: an
// access token that a person or a bot has, or what an application was granted.
func signIn(to *rest.Options, opt adapters.Options) (renews bool, err error) {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	token, client, refresh := get("token"), get("client_id"), get("refresh_token")
	switch {
	case token == "" && client == "" && refresh == "":
		return false, errors.New("setting token is missing: enter it, or client_id and refresh_token of an application")
	case token != "" && (client != "" || refresh != ""):
		return false, errors.New("setting token stands beside client_id or refresh_token: keep one way to sign in")
	case token != "":
		to.Sign = func(r *http.Request) error {
			r.Header.Set("Private-Token", token)
			return nil
		}
		return false, nil
	case client == "":
		return false, errors.New("setting client_id is missing")
	case refresh == "":
		return false, errors.New("setting refresh_token is missing")
	}
	o := application(opt)
	o.Refresh, o.Name, o.Keeper = refresh, "gitlab-refresh-token", opt.Keeper
	if to := get(adapters.SettingRedirect); to != "" {
		o.Extra = map[string]string{"redirect_uri": to}
	}
	if to.Token, err = o.Source(); err != nil {
		return false, fmt.Errorf("sign in as an application: %w", err)
	}
	return true, nil
}

// application is the OAuth application that signs in.
func application(opt adapters.Options) rest.OAuth {
	return rest.OAuth{
		URL: opt.URL.JoinPath("oauth", "token"), Client: strings.TrimSpace(opt.Settings["client_id"]),
		Secret: strings.TrimSpace(opt.Settings["client_secret"]), UserAgent: opt.UserAgent,
	}
}

// login begins the sign-in of a person, which gives the first refresh token.
func login(opt adapters.Options) (adapters.Login, error) {
	o := application(opt)
	switch {
	case strings.TrimSpace(opt.Settings["token"]) != "":
		return nil, errors.New("setting token signs in by itself: take it out to sign in as an application")
	case o.Client == "":
		return nil, errors.New("setting client_id is missing")
	}
	o.Scope, o.Timeout = loginScope, opt.Timeout
	return o.Login(opt.URL.JoinPath("oauth", "authorize"))
}
