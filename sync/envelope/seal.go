package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
)

// The sizes of a sealed body before its ciphertext.
const (
	encapsulated = 32 // X25519
	nonceAndTag  = 12 + 16
)

// sessionUses is how often one encapsulated key is used: the price of a key
// agreement is shared, and random nonces stay far from repeating.
const sessionUses = 4096

// sessionsKept is how many of the peer's sessions are remembered: one is in
// use, others are of envelopes sent again.
const sessionsKept = 4

// exportLabel is the context of the key that a session exports.
const exportLabel = "parley body 1"

// SealingKeyID names a sealing key in tokens, as KeyID names a signing key.
func SealingKeyID(key hpke.PublicKey) string {
	sum := sha256.Sum256(key.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// session is one key agreement: the AEAD whose key HPKE exported.
type session struct {
	enc  []byte
	aead cipher.AEAD
}

func newSession(enc []byte, export func(string, int) ([]byte, error)) (*session, error) {
	key, err := export(exportLabel, 32)
	if err != nil {
		return nil, fmt.Errorf("export the session's key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the session's cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the session's cipher: %w", err)
	}
	return &session{enc: enc, aead: aead}, nil
}

// sender seals bodies to one key.
type sender struct {
	to   hpke.PublicKey
	id   string
	info []byte

	mu      sync.Mutex // guards current and uses
	current *session
	uses    int
}

// seal makes the frame of a token and a body, which is sealed as
// enc ‖ nonce ‖ ciphertext with the token as additional data. fill appends the
// plain body, of so many bytes: it is sealed where it stands.
func (s *sender) seal(kind kind, token string, size int, fill func([]byte) []byte) ([]byte, error) {
	session, err := s.take()
	if err != nil {
		return nil, err
	}
	wire, err := frame(kind, token, encapsulated+nonceAndTag+size)
	if err != nil {
		return nil, err
	}
	about := wire[frontSize:]
	wire = append(wire, session.enc...)
	plain := fill(wire)[len(wire):]
	return session.aead.Seal(wire, nil, plain, about), nil
}

func (s *sender) take() (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.uses == sessionUses {
		enc, context, err := hpke.NewSender(s.to, hpke.HKDFSHA256(), hpke.AES256GCM(), s.info)
		if err != nil {
			return nil, fmt.Errorf("agree on a key: %w", err)
		}
		if s.current, err = newSession(enc, context.Export); err != nil {
			return nil, err
		}
		s.uses = 0
	}
	s.uses++
	return s.current, nil
}

// recipient opens what was sealed to one of its keys.
type recipient struct {
	keys map[string]hpke.PrivateKey
	info []byte

	mu   sync.Mutex // guards kept and next
	kept [sessionsKept]keptSession
	next int
}

type keptSession struct {
	id string
	*session
}

func (r *recipient) open(id string, sealed, about []byte) ([]byte, error) {
	if len(sealed) < encapsulated+nonceAndTag {
		return nil, refuse("a sealed body of %d bytes", len(sealed))
	}
	enc, ciphertext := sealed[:encapsulated], sealed[encapsulated:]
	session, err := r.session(id, enc)
	if err != nil {
		return nil, err
	}
	plain, err := session.aead.Open(nil, nil, ciphertext, about)
	if err != nil {
		return nil, refuse("the sealed body does not open")
	}
	return plain, nil
}

func (r *recipient) session(id string, enc []byte) (*session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		if k.session != nil && k.id == id && string(k.enc) == string(enc) {
			return k.session, nil
		}
	}
	key, ok := r.keys[id]
	if !ok {
		return nil, fmt.Errorf("%w: sealed to %w %q", ErrRefused, ErrUnknownKey, cut(id))
	}
	context, err := hpke.NewRecipient(enc, key, hpke.HKDFSHA256(), hpke.AES256GCM(), r.info)
	if err != nil {
		return nil, refuse("the encapsulated key does not open")
	}
	session, err := newSession(append([]byte(nil), enc...), context.Export)
	if err != nil {
		return nil, err
	}
	r.kept[r.next] = keptSession{id: id, session: session}
	r.next = (r.next + 1) % sessionsKept
	return session, nil
}
