package salesforce

import (
	"errors"
	"fmt"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// way is one to sign in.
type way int

// The ways.
const (
	bySecret way = iota // access tokens by the app's own credentials, for the user it runs as
	byKey               // access tokens by a JWT that the app's certificate vouches for
)

// signIn sets how the requests of a client get their credential. Tokens are asked for
// at the org's own address: no other host gives them for these flows.
func signIn(to *rest.Options, opt adapters.Options) (way, error) {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	id, secret, key, user := get("client_id"), get("client_secret"), get("private_key"), get("username")
	o := rest.OAuth{URL: opt.URL.JoinPath("services", "oauth2", "token"), UserAgent: opt.UserAgent}
	how := bySecret
	switch {
	case id == "":
		return 0, errors.New("setting client_id is missing")
	case secret == "" && key == "":
		return 0, errors.New("setting client_secret is missing: enter it, or private_key and username")
	case secret != "" && key != "":
		return 0, errors.New("setting private_key stands beside client_secret: keep one way to sign in")
	case key != "" && user == "":
		return 0, errors.New("setting username is missing: a JWT says whom to act as")
	case key == "" && user != "":
		return 0, errors.New("setting username goes with private_key only: with a secret the app says whom it runs as")
	case key != "":
		parsed, err := rest.ParseKey(key)
		if err != nil {
			return 0, fmt.Errorf("setting private_key: %w", err)
		}
		how = byKey
		o.Assert = rest.JWT{Key: parsed, Issuer: id, Subject: user, Audience: orDefault(get("audience"), defaultAudience)}.Sign
	default:
		o.Client, o.Secret = id, secret
	}
	var err error
	if to.Token, err = o.Source(); err != nil {
		return 0, fmt.Errorf("sign in with the app: %w", err)
	}
	return how, nil
}

func (t *Tracker) probeSignIn() adapters.Finding {
	what := "access tokens are got by the app's own credentials; the consumer secret holds until it is rotated"
	if t.how == byKey {
		what = "access tokens are got by a JWT; the certificate that the app knows ends on a day which the API does not tell"
	}
	return adapters.Finding{Level: adapters.LevelOK, What: what}
}
