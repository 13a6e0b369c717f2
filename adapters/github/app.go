package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// app signs in as an installation of a GitHub App: a JWT that the app's key signs is
// exchanged for a token of an hour, for this repository alone.
type app struct {
	rest         *rest.Client
	installation string
	repo         string
}

// jwtLife is well below the ten minutes that GitHub takes.
const jwtLife = 5 * time.Minute

func newApp(opt adapters.Options, id string, key *rsa.PrivateKey, set *settings) (*app, error) {
	sign := rest.JWT{Key: key, Issuer: id, Life: jwtLife}
	c, err := rest.New(rest.Options{
		Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout,
		Sign: func(r *http.Request) error {
			token, err := sign.Sign(time.Now())
			if err != nil {
				return fmt.Errorf("sign in as the app: %w", err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return &app{rest: c, installation: set.installation, repo: set.repo}, nil
}

func headers() http.Header { return http.Header{versionHeader: {version}, "Accept": {accept}} }

// token is a rest.Source.
func (a *app) token(ctx context.Context) (rest.Token, error) {
	const op = "get a token for the installation"
	var out struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	_, err := a.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "app/installations/{id}/access_tokens", Args: []string{a.installation}, Header: headers(),
		JSON: map[string]any{"repositories": []string{a.repo}}, Out: &out, Expect: []int{http.StatusCreated},
	})
	switch {
	case errors.Is(err, adapters.ErrGone), errors.Is(err, adapters.ErrRejected):
		return rest.Token{}, notInstalled(op, err)
	case err != nil:
		return rest.Token{}, limited(err)
	case out.Token == "":
		return rest.Token{}, incomplete(op, adapters.ErrConfiguration)
	}
	return rest.Token{Value: out.Token, Expires: out.Expires}, nil
}

// notInstalled is a refusal of GitHub's own: what else answers 404 is not GitHub.
func notInstalled(op string, err error) error {
	out := &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("the app is not installed for this repository"),
		Hint: "check installation_id, and that the app was given this repository",
	}
	var known *adapters.Error
	if errors.As(err, &known) {
		if out.Detail = known.Detail; out.Detail == "" {
			return hidden(op, err)
		}
	}
	return out
}

// login is the name of the app's own account, by which it writes.
func (a *app) login(ctx context.Context) (string, error) {
	const op = "check the sign-in"
	var out struct {
		Slug string `json:"slug"`
	}
	_, err := a.rest.Do(ctx, rest.Request{Op: op, Path: "app", Header: headers(), Out: &out, Expect: []int{http.StatusOK}})
	switch {
	case errors.Is(err, adapters.ErrGone):
		return "", hidden(op, err)
	case err != nil:
		return "", limited(err)
	case out.Slug == "":
		return "", incomplete(op, adapters.ErrConfiguration)
	}
	return out.Slug + "[bot]", nil
}
