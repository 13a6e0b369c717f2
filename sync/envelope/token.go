package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"parley/sync/event"
)

// maxToken bounds a token in bytes: the claims of MaxEvents digests fit.
const maxToken = 32 << 10

// head is what every token says: who to whom, about which connection, in which
// direction. The direction matters where both sides are one node.
type head struct {
	Issuer     string             `json:"iss"`
	Audience   string             `json:"aud"`
	Connection event.ConnectionID `json:"con"`
	From       string             `json:"from"`
}

// The sides of a connection, in From.
const (
	inviter  = "inviter"
	acceptor = "acceptor"
)

// The methods of jwt.Claims. No time stands in a token: freshness is the
// sequence's and the nonce's, and an event that waited for a week is still good.
func (h head) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (h head) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (h head) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (h head) GetIssuer() (string, error)                   { return h.Issuer, nil }
func (h head) GetSubject() (string, error)                  { return "", nil }
func (h head) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{h.Audience}, nil }

func (h *head) common() *head { return h }

// claims are what one kind of token says.
type claims interface {
	jwt.Claims
	common() *head
}

// KeyID names a signing key in tokens: the first 12 bytes of its SHA-256, base64url.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// sign makes the token for c.
func (s *Sealer) sign(kind kind, c claims) (string, error) {
	*c.common() = s.ours
	unsigned, err := unsigned(kind, s.signID, c)
	if err != nil {
		return "", fmt.Errorf("spell the claims: %w", err)
	}
	sig, err := jwt.SigningMethodEdDSA.Sign(unsigned, s.signKey)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// verify fills c from a token that the peer signed for us, on this connection,
// in this direction, as this kind. Anything else is refused.
func (s *Sealer) verify(kind kind, token string, c claims) error {
	if len(token) > maxToken {
		return refuse("a token of %d bytes", len(token))
	}
	var kid string
	parsed, err := s.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		kid, _ = t.Header["kid"].(string)
		return s.verifyKey(kid)
	})
	if errors.Is(err, ErrUnknownKey) {
		return fmt.Errorf("%w: %w %q", ErrRefused, ErrUnknownKey, cut(kid))
	}
	if err != nil {
		return refuse("%s", cut(err.Error()))
	}
	if h := *c.common(); h != s.theirs {
		return refuse("the token is for another connection or direction")
	}
	// Spelled again, the token must be the same: that refuses unknown claims and
	// headers, another kind, and the line breaks that base64 decoders skip.
	again, err := unsigned(kind, kid, c)
	if err != nil {
		return refuse("%s", cut(err.Error()))
	}
	signature, ok := strings.CutPrefix(token, again+".")
	if !ok || signature != base64.RawURLEncoding.EncodeToString(parsed.Signature) {
		return refuse("the token is of another kind or not spelled canonically")
	}
	return nil
}

func (s *Sealer) verifyKey(kid string) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, ok := s.verifyKeys[kid]
	if !ok {
		return nil, ErrUnknownKey
	}
	return key, nil
}

func unsigned(kind kind, kid string, c claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = kid
	t.Header["typ"] = kind.typ()
	return t.SigningString()
}
