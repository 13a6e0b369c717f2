package connection

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
)

// Operating holds the private halves of the keys that a running node works
// with. It prints as nothing.
type Operating struct{ seeds operatingSeeds }

type operatingSeeds struct {
	Version   int    `json:"version"`
	Sign      octets `json:"sign"`
	Seal      octets `json:"seal"`
	Transport octets `json:"transport"`
	TLS       octets `json:"tls"`
}

const seedSize = 32

// NewIdentity draws an identity key.
func NewIdentity(random io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("draw an identity key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// NewOperating draws operating keys.
func NewOperating(random io.Reader) (Operating, error) {
	all := make([]byte, 4*seedSize)
	if _, err := io.ReadFull(random, all); err != nil {
		return Operating{}, fmt.Errorf("draw operating keys: %w", err)
	}
	return Operating{operatingSeeds{
		Version: 1, Sign: all[:32], Seal: all[32:64], Transport: all[64:96], TLS: all[96:],
	}}, nil
}

// ParseOperating reads what Secret wrote.
func ParseOperating(raw []byte) (Operating, error) {
	var o Operating
	if err := read(raw, &o.seeds); err != nil {
		return Operating{}, fmt.Errorf("read the operating keys: %w", err)
	}
	s := o.seeds
	if s.Version != 1 {
		return Operating{}, fmt.Errorf("read the operating keys: version %d", s.Version)
	}
	for _, seed := range []octets{s.Sign, s.Seal, s.Transport, s.TLS} {
		if len(seed) != seedSize {
			return Operating{}, errors.New("read the operating keys: one is cut short")
		}
	}
	return o, nil
}

// Secret is the keys as bytes, to be stored sealed.
func (o Operating) Secret() ([]byte, error) { return write(o.seeds) }

// String hides the keys.
func (o Operating) String() string { return "operating keys" }

// GoString hides the keys.
func (o Operating) GoString() string { return o.String() }

// Sign is the key that signs events, receipts, agreements.
func (o Operating) Sign() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(o.seeds.Sign) }

// TLS is the key of the embedded server.
func (o Operating) TLS() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(o.seeds.TLS) }

// Seal is the key that peers seal to.
func (o Operating) Seal() (hpke.PrivateKey, error) {
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(o.seeds.Seal)
	if err != nil {
		return nil, fmt.Errorf("make the sealing key: %w", err)
	}
	return key, nil
}

// nonce is what we add to the words of a pairing: another node cannot know it before we
// reveal it, and it is the same when the pairing is tried again.
func (o Operating) nonce(pairing string) ([]byte, error) {
	return derive(o.seeds.Transport, "nonce "+pairing, nonceSize)
}

// Transport is the key that signs us in at the peer's server. Each pairing has
// its own: servers tell connections apart by it, and nobody else can.
func (o Operating) Transport(pairing string) (ed25519.PrivateKey, error) {
	seed, err := derive(o.seeds.Transport, "transport "+pairing, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
