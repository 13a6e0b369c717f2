package gitlabdouble

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// issued is an access token that an application was given.
type issued struct {
	of   *Account
	ends time.Time
}

// tokenLife is how long an access token of an application holds.
const tokenLife = 2 * time.Hour

// signIn finds out who calls; false if what they show is not good.
func (d *Double) signIn(c *call) bool {
	token := c.r.Header.Get("Private-Token")
	bearer, isBearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if isBearer {
		d.mu.Lock()
		one, ok := d.issued[bearer]
		d.mu.Unlock()
		if !ok || !d.now().Before(one.ends) {
			c.answer(http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user."})
			return false
		}
		c.me = one.of
		return true
	}
	for n := range d.opt.Accounts {
		if a := &d.opt.Accounts[n]; token != "" && a.Token == token {
			c.me = a
		}
	}
	if token != "" && c.me == nil {
		c.fail(http.StatusUnauthorized, "401 Unauthorized")
		return false
	}
	return true
}

// Grant lets applications act for somebody, as that person does in the browser, and
// returns the refresh token.
func (d *Double) Grant(username string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := range d.opt.Accounts {
		if a := &d.opt.Accounts[n]; a.Username == username {
			return d.grant(a)
		}
	}
	return ""
}

func (d *Double) grant(a *Account) string {
	d.nextID += 3
	refresh := fmt.Sprint("refresh-token-", d.nextID)
	d.granted[refresh] = a
	return refresh
}

// grantToken gives an access token for a refresh token, which is good once, or for a
// code. An application without a secret is a public one.
func (d *Double) grantToken(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r}
	d.mu.Lock()
	defer d.mu.Unlock()
	secret, known := d.opt.Clients[r.PostFormValue("client_id")]
	if !known || r.PostFormValue("client_secret") != secret {
		c.answer(http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."})
		return
	}
	var of *Account
	switch r.PostFormValue("grant_type") {
	case "refresh_token":
		of = d.granted[r.PostFormValue("refresh_token")]
	case "authorization_code":
		if d.Consent.Redeem(r.PostFormValue("code"), r.PostFormValue("client_id"), r.PostFormValue("redirect_uri"), r.PostFormValue("code_verifier")) {
			of = &d.opt.Accounts[0]
		}
	}
	if of == nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."})
		return
	}
	if !d.opt.LastingGrants {
		delete(d.granted, r.PostFormValue("refresh_token"))
	}
	next := d.grant(of)
	access := strings.Replace(next, "refresh", "access", 1)
	d.issued[access] = issued{of: of, ends: d.now().Add(tokenLife)}
	c.answer(http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "refresh_token": next,
		"scope": "api", "created_at": d.now().Unix(),
	})
}

// RevokeTokens ends all access tokens that applications were given.
func (d *Double) RevokeTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.issued)
}
