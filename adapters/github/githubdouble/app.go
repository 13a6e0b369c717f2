package githubdouble

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// installed is the app's account for a token that its installation got and that holds.
func (d *Double) installed(token string) *Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	if end, ok := d.tokens[token]; !ok || !d.now().Before(end) {
		return nil
	}
	return d.account(d.opt.App.Bot)
}

// RevokeTokens ends all tokens of the installation.
func (d *Double) RevokeTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

// signed checks what the app's key signed: RS256, begun, and for ten minutes at most.
func (d *Double) signed(c *call) bool {
	_, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	parts := strings.Split(token, ".")
	var claims struct {
		Issuer  string `json:"iss"`
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
	}
	now := d.now().Unix()
	switch {
	case d.opt.App == nil || len(parts) != 3 || !d.keySigned(parts):
		c.fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	case !decoded(parts[1], &claims) || claims.Issuer != d.opt.App.ID:
		c.fail(http.StatusUnauthorized, "'Issuer' claim ('iss') must be an Integer")
	case claims.Issued > now || claims.Expires <= now || claims.Expires-now > 600:
		c.fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	default:
		return true
	}
	return false
}

func decoded(part string, out any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, out) == nil
}

func (d *Double) keySigned(parts []string) bool {
	var head struct {
		Alg string `json:"alg"`
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	return err == nil && decoded(parts[0], &head) && head.Alg == "RS256" &&
		rsa.VerifyPKCS1v15(d.opt.App.Key, crypto.SHA256, sum[:], signature) == nil
}

func (d *Double) app(c *call) {
	if d.signed(c) {
		c.answer(http.StatusOK, map[string]any{
			"id": 37, "slug": d.opt.App.Slug, "node_id": "A_1", "name": d.opt.App.Slug, "client_id": d.opt.App.ID, "events": []any{},
			"owner": map[string]any{"login": d.opt.Owner, "id": 4}, "permissions": map[string]any{"issues": "write", "metadata": "read"},
			"external_url": "https://app.example", "html_url": "https://github.example/apps/" + d.opt.App.Slug, "description": nil,
			"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
		})
	}
}

func (d *Double) accessToken(c *call) {
	var in struct {
		Repositories []string `json:"repositories"`
	}
	if !d.signed(c) || !c.body(&in) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.r.PathValue("id") != d.opt.App.Installation:
		c.fail(http.StatusNotFound, "Not Found")
	case !slices.Equal(in.Repositories, []string{d.name}):
		c.fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	default:
		token := fmt.Sprintf("ghs_%s%d", d.opt.App.Slug, len(d.tokens)+1)
		end := d.now().Add(cmp.Or(d.opt.App.Life, time.Hour))
		d.tokens[token] = end
		c.answer(http.StatusCreated, map[string]any{
			"token": token, "expires_at": stamp(end), "permissions": map[string]any{"issues": "write", "metadata": "read"},
			"repository_selection": "selected",
		})
	}
}
