package connection

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Pin names a TLS key: the first 16 bytes of SHA-256 over its public key info.
type Pin [16]byte

// MarshalText implements encoding.TextMarshaler.
func (p Pin) MarshalText() ([]byte, error) { return octets(p[:]).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Pin) UnmarshalText(text []byte) error {
	var raw octets
	if err := raw.UnmarshalText(text); err != nil {
		return err
	}
	if len(raw) != len(p) {
		return errors.New("not the pin of a TLS key")
	}
	*p = Pin(raw)
	return nil
}

// Errors about a code. Each ends with what to do.
var (
	// ErrMistyped: the code is not one, or a character of it is wrong.
	ErrMistyped = errors.New("the code is mistyped: check it, or copy it whole")
	// ErrExpired: the code's time is over.
	ErrExpired = errors.New("the code has expired: ask for another one")
	// ErrUsed: the code was used by somebody else, withdrawn or never given.
	ErrUsed = errors.New("the code was used already or withdrawn: ask for another one")
)

// Route is how the two ends meet.
type Route struct {
	// Addresses where the inviter listens: host:port for NATS over TLS, or
	// wss://host:port. For an existing NATS, its URL.
	Addresses []string `json:"addresses"`
	// Pin is the listener's TLS key; zero at an existing NATS.
	Pin Pin `json:"pin,omitzero"`
	// External is set at an existing NATS; Prefix starts the subjects there.
	External bool   `json:"external,omitempty"`
	Prefix   string `json:"prefix,omitempty"`
}

// Invitation is what a code says.
type Invitation struct {
	Route    Route
	Document [16]byte // hash of the inviter's document
	Expires  time.Time
	secret   [16]byte
}

// Limits of a code.
const (
	codeVersion  = 1
	maxAddresses = 4
	maxAddress   = 255
	checkSize    = 4
)

// NewInvitation draws the secret of an invitation by the node of document.
func NewInvitation(random io.Reader, route Route, document Document, expires time.Time) (Invitation, error) {
	i := Invitation{Route: route, Document: document.Hash(), Expires: expires.UTC().Truncate(time.Second)}
	if !route.External {
		i.Route.Pin = document.TLS
	}
	if err := i.check(); err != nil {
		return Invitation{}, fmt.Errorf("invite: %w", err)
	}
	if _, err := io.ReadFull(random, i.secret[:]); err != nil {
		return Invitation{}, fmt.Errorf("invite: draw a secret: %w", err)
	}
	return i, nil
}

func (i Invitation) check() error {
	if n := len(i.Route.Addresses); n == 0 || n > maxAddresses {
		return fmt.Errorf("%d addresses, 1 to %d fit", n, maxAddresses)
	}
	for _, a := range append([]string{i.Route.Prefix}, i.Route.Addresses...) {
		if len(a) > maxAddress {
			return errors.New("an address is too long")
		}
		for _, r := range []byte(a) {
			if r <= ' ' || r > '~' {
				return errors.New("an address has a character that does not belong there")
			}
		}
	}
	if i.Expires.Unix() <= 0 || i.Expires.Unix() >= 1<<32 {
		return errors.New("it must expire")
	}
	return nil
}

// String hides the secret.
func (i Invitation) String() string { return "invitation until " + i.Expires.Format(time.RFC3339) }

// GoString hides the secret.
func (i Invitation) GoString() string { return i.String() }

// Code is the invitation as people hand it over. It is a secret until it is used.
func (i Invitation) Code() string {
	raw := []byte{codeVersion, byte(len(i.Route.Addresses))}
	if i.Route.External {
		raw[1] |= 0x80
		raw = appendText(raw, i.Route.Prefix)
	} else {
		raw = append(raw, i.Route.Pin[:]...)
	}
	raw = binary.BigEndian.AppendUint32(raw, uint32(i.Expires.Unix()))
	raw = append(raw, i.Document[:]...)
	raw = append(raw, i.secret[:]...)
	for _, a := range i.Route.Addresses {
		raw = appendText(raw, a)
	}
	sum := sha256.Sum256(raw)
	return letters().EncodeToString(append(raw, sum[:checkSize]...))
}

func appendText(raw []byte, text string) []byte {
	return append(append(raw, byte(len(text))), text...)
}

// ParseCode reads a code; case, spaces, line breaks and hyphens do not matter.
// Its time is not looked at.
func ParseCode(code string) (Invitation, error) {
	if len(code) > 8<<10 {
		return Invitation{}, ErrMistyped
	}
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	raw, err := letters().DecodeString(code)
	if err != nil || len(raw) < checkSize+2 {
		return Invitation{}, ErrMistyped
	}
	raw, check := raw[:len(raw)-checkSize], raw[len(raw)-checkSize:]
	sum := sha256.Sum256(raw)
	if subtle.ConstantTimeCompare(check, sum[:checkSize]) != 1 {
		return Invitation{}, ErrMistyped
	}
	if raw[0] != codeVersion {
		return Invitation{}, fmt.Errorf("the code is of version %d: this node is too old for it", raw[0])
	}
	i, err := parseCode(raw)
	// Bits after the last byte are not under the checksum.
	if err != nil || i.Code() != code {
		return Invitation{}, ErrMistyped
	}
	return i, nil
}

func parseCode(raw []byte) (i Invitation, err error) {
	r := reader{rest: raw[2:]}
	if raw[1]&0x80 != 0 {
		i.Route.External = true
		i.Route.Prefix = r.text()
	} else {
		copy(i.Route.Pin[:], r.take(16))
	}
	i.Expires = time.Unix(int64(binary.BigEndian.Uint32(r.take(4))), 0).UTC()
	copy(i.Document[:], r.take(16))
	copy(i.secret[:], r.take(16))
	for range int(raw[1] & 0x7f) {
		i.Route.Addresses = append(i.Route.Addresses, r.text())
	}
	if r.short || len(r.rest) != 0 {
		return Invitation{}, errors.New("cut short")
	}
	return i, i.check()
}

// reader takes from the front; once short it gives zeros.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.short = true
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) text() string { return string(r.take(int(r.take(1)[0]))) }

// Closed is the error of an acceptor that the inviter's server does not let
// in: it knows nothing of this code, or not any more.
func (i Invitation) Closed(now time.Time) error {
	if now.Before(i.Expires) {
		return ErrUsed
	}
	return ErrExpired
}

// Pairing is the public id of the pairing: both ends derive it.
func (i Invitation) Pairing() (string, error) {
	id, err := derive(i.secret[:], "pairing id", 16)
	if err != nil {
		return "", err
	}
	return letters().EncodeToString(id), nil
}

// SignIn is the key that lets the acceptor send pairing messages, and nothing else.
func (i Invitation) SignIn() (ed25519.PrivateKey, error) {
	seed, err := derive(i.secret[:], "pairing sign-in", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
