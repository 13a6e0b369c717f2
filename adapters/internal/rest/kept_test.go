package rest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// keeper is an adapters.Keeper of a test, which can be out of order.
type keeper struct {
	mu   sync.Mutex // guards the fields below
	kept map[string]string
	err  error
}

// Kept implements adapters.Keeper.
func (k *keeper) Kept(name string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[name], nil
}

// Keep implements adapters.Keeper.
func (k *keeper) Keep(name, value string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.kept[name] = value
	}
	return k.err
}

func (k *keeper) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// rotating makes a token host that takes each refresh token once.
func rotating(t *testing.T, first string) (*authority, *keeper) {
	t.Helper()
	a, good := newAuthority(t), first
	a.answer = func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("Content-Type", "application/json")
		if r.PostForm.Get("grant_type") != "refresh_token" || r.PostForm.Get("refresh_token") != good {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		good = fmt.Sprint("refresh-", n)
		_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"Bearer","expires_in":"1800","refresh_token":%q}`, n, good)
	}
	return a, &keeper{kept: map[string]string{}}
}

func entered(token string, k *keeper) func(*rest.OAuth) {
	return func(o *rest.OAuth) { o.Refresh, o.Keeper, o.Name = token, k, "refresh" }
}

func TestRefresh_NewestTokenSurvivesARestart(t *testing.T) {
	t.Parallel()
	a, k := rotating(t, "entered")
	for range 3 {
		c := a.client(t, entered("entered", k))
		mustDo(t, read(t.Context(), c))
		a.revoke()
		mustDo(t, read(t.Context(), c))
		c.Close()
	}
	wantCounts(t, a, 6, 9, 6)
	if len(k.kept) != 1 {
		t.Errorf("got %d kept, want 1", len(k.kept))
	}
}

func TestRefresh_AnotherTokenEnteredVoidsTheOneKept(t *testing.T) {
	t.Parallel()
	a, k := rotating(t, "entered")
	mustDo(t, read(t.Context(), a.client(t, entered("entered", k))))
	b, _ := rotating(t, "entered anew")
	b.tokens = a.tokens
	a.mu.Lock()
	a.answer = b.answer
	a.mu.Unlock()
	mustDo(t, read(t.Context(), a.client(t, entered("entered anew", k))))
}

// TestRefresh_TokenIsOnDiskBeforeItsAccessTokenIsUsed: with a full disk nothing is
// asked, and no second token is drawn that would be lost as well.
func TestRefresh_TokenIsOnDiskBeforeItsAccessTokenIsUsed(t *testing.T) {
	t.Parallel()
	a, k := rotating(t, "entered")
	c := a.client(t, entered("entered", k))
	k.fail(errors.New("no space left on device"))
	for range 3 {
		wantClass(t, read(t.Context(), c), adapters.ErrTransient)
	}
	wantCounts(t, a, 1, 0, 0)
	k.fail(nil)
	mustDo(t, read(t.Context(), c))
	wantCounts(t, a, 2, 1, 1)
	mustDo(t, read(t.Context(), a.client(t, entered("entered", k))))
}

func TestRefresh_EndedTokenIsDeniedWithItsDate(t *testing.T) {
	t.Parallel()
	a, k := rotating(t, "entered")
	mustDo(t, read(t.Context(), a.client(t, entered("entered", k))))
	day := time.Now().UTC().Format(time.DateOnly)
	tests := []struct{ name, token, want string }{
		{"never taken", "another", "has ended, was used up or revoked"},
		{"taken before", "entered", "last taken on " + day},
	}
	k.kept["refresh"] = strings.Replace(k.kept["refresh"], "refresh-1", "revoked", 1)
	for _, tt := range tests {
		err := read(t.Context(), a.client(t, entered(tt.token, k)))
		wantClass(t, err, adapters.ErrDenied)
		var known *adapters.Error
		if !errors.As(err, &known) || !strings.Contains(known.Hint, tt.want) {
			t.Errorf("%s: got hint %q, want %q", tt.name, known.Hint, tt.want)
		}
	}
}

func TestJWT_IsShownAsTheStandardSays(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	mustDo(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	mustDo(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, form := range []string{text, strings.ReplaceAll(text, "\n", `\n`)} {
		parsed, err := rest.ParseKey(form)
		mustDo(t, err)
		a := newAuthority(t)
		assertion := rest.JWT{Key: parsed, KeyID: "k1", Issuer: "client", Subject: "sync@example.com", Audience: "https://login.example"}
		mustDo(t, read(t.Context(), a.client(t, func(o *rest.OAuth) { o.Assert, o.Client, o.Secret, o.Scope = assertion.Sign, "", "", "" })))
		form := a.seen[0].PostForm
		if len(form) != 2 || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("got %v", form)
		}
		var claims jwt.RegisteredClaims
		token, err := jwt.ParseWithClaims(form.Get("assertion"), &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("client"), jwt.WithSubject("sync@example.com"),
			jwt.WithAudience("https://login.example"), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
		if err != nil || token.Header["kid"] != "k1" {
			t.Errorf("got %v, kid %v", err, token.Header["kid"])
		}
		if left := time.Until(claims.ExpiresAt.Time); left < 2*time.Minute || left > 3*time.Minute {
			t.Errorf("it holds for %v, want three minutes", left)
		}
	}
	for _, wrong := range []string{"", "secret words", strings.Replace(text, "M", "-", 3)} {
		if _, err := rest.ParseKey(wrong); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v for no key", err)
		}
	}
}
