package rest

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWT describes an assertion signed with RS256: for OAuth.Assert (RFC 7523), or to
// sign in by itself.
type JWT struct {
	Key *rsa.PrivateKey
	// KeyID is the header's kid; "" leaves it out.
	KeyID string
	// Issuer, Subject and Audience are left out if empty.
	Issuer, Subject, Audience string
	// Life is for how long it holds; 0 is three minutes. It begins a minute ago,
	// since the other side's clock may be behind.
	Life time.Duration
}

const (
	defaultJWTLife = 3 * time.Minute
	jwtBackdate    = time.Minute
	minRSABits     = 2048
)

// Sign makes the assertion.
func (j JWT) Sign(now time.Time) (string, error) {
	claims := jwt.MapClaims{"iat": now.Add(-jwtBackdate).Unix(), "exp": now.Add(cmp.Or(j.Life, defaultJWTLife)).Unix()}
	for name, value := range map[string]string{"iss": j.Issuer, "sub": j.Subject, "aud": j.Audience} {
		if value != "" {
			claims[name] = value
		}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	if j.KeyID != "" {
		token.Header["kid"] = j.KeyID
	}
	text, err := token.SignedString(j.Key)
	if err != nil {
		return "", errors.New("the key does not sign")
	}
	return text, nil
}

// ParseKey reads a PEM-encoded RSA key (PKCS #1 or #8), also where its lines were
// joined by \n, as one-line settings have it. Its errors show nothing of the text.
func ParseKey(text string) (*rsa.PrivateKey, error) {
	text = strings.ReplaceAll(strings.TrimSpace(text), `\n`, "\n")
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(text))
	switch {
	case err != nil:
		return nil, errors.New("it is not an RSA key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")
	case key.N.BitLen() < minRSABits:
		return nil, fmt.Errorf("the key has %d bits, want %d at least", key.N.BitLen(), minRSABits)
	}
	return key, nil
}
