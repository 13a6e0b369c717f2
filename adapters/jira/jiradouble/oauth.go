package jiradouble

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// ClientSecret is the secret of the first account's OAuth 2.0 credential, whose client
// id is the account's own id. TokenPrefix begins the access tokens.
const (
	ClientSecret = "client-secret-of-the-bot"
	TokenPrefix  = "access-token-of-the-bot-"
)

// Tokens is the host that hands out access tokens (in a Data Center a path of the site).
// Each is taken for Options.TokenUses requests.
func (d *Double) Tokens() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "Unauthorized"})
		}
		switch {
		case r.Method != http.MethodPost || r.ParseForm() != nil || r.URL.RawQuery != "":
			refuse(http.StatusBadRequest, "invalid_request")
			return
		case r.PostForm.Get("grant_type") != "client_credentials":
			refuse(http.StatusForbidden, "unsupported_grant_type")
			return
		case r.PostForm.Get("client_id") != d.opt.Accounts[0].ID || r.PostForm.Get("client_secret") != ClientSecret:
			refuse(http.StatusUnauthorized, "access_denied")
			return
		case !d.opt.Cloud && r.PostForm.Get("scope") == "":
			refuse(http.StatusBadRequest, "invalid_scope")
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		token := TokenPrefix + strconv.Itoa(len(d.tokens)+1)
		d.tokens[token] = d.opt.TokenUses
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "read:jira-work",
		})
	})
}

// Issued is how many access tokens were handed out.
func (d *Double) Issued() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.tokens)
}

// bears tells whether a header holds an access token that still counts, and uses it.
func (d *Double) bears(header string, upload bool) bool {
	token, _ := strings.CutPrefix(header, "Bearer ")
	d.mu.Lock()
	defer d.mu.Unlock()
	left, known := d.tokens[token]
	if !known || upload {
		return known
	}
	if left == 0 {
		return false
	}
	d.tokens[token]--
	return true
}
