package connection

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// NodeID is the opaque id of a node: a hash of its identity key.
type NodeID string

// NodeIDOf is the id of the node with this identity.
func NodeIDOf(identity ed25519.PublicKey) NodeID {
	sum := sha256.Sum256(identity)
	return NodeID(letters().EncodeToString(sum[:16]))
}

// Fingerprint is an identity as people compare it: eight groups of four letters.
func Fingerprint(identity ed25519.PublicKey) string {
	sum := sha256.Sum256(identity)
	text := letters().EncodeToString(sum[:20])
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, "-")
}

// Document is what an identity says of its operating keys.
type Document struct {
	Identity ed25519.PublicKey
	// Number grows with every document of an identity.
	Number uint64
	Sign   ed25519.PublicKey
	Seal   hpke.PublicKey
	// TLS is the key of the node's embedded server.
	TLS Pin
	// Raw is the signed document as it is sent and stored.
	Raw string
}

// Node is the id of the document's node.
func (d Document) Node() NodeID { return NodeIDOf(d.Identity) }

// Fingerprint is that of the document's identity.
func (d Document) Fingerprint() string { return Fingerprint(d.Identity) }

// Hash is what an invitation holds of the document.
func (d Document) Hash() [16]byte {
	sum := sha256.Sum256([]byte(d.Raw))
	return [16]byte(sum[:16])
}

type signedDocument struct {
	Document  documentText `json:"document"`
	Signature octets       `json:"signature"`
}

type documentText struct {
	Version  int    `json:"version"`
	Identity octets `json:"identity"`
	Number   uint64 `json:"number"`
	Sign     octets `json:"sign"`
	Seal     octets `json:"seal"`
	TLS      Pin    `json:"tls"`
}

// documentPurpose keeps the signature from meaning anything else.
const documentPurpose = "parley identity document 1\n"

// Certify has an identity say which operating keys are its own.
func Certify(identity ed25519.PrivateKey, number uint64, keys Operating) (Document, error) {
	seal, err := keys.Seal()
	if err != nil {
		return Document{}, fmt.Errorf("certify the operating keys: %w", err)
	}
	pin, err := tlsPin(keys.TLS())
	if err != nil {
		return Document{}, fmt.Errorf("certify the operating keys: %w", err)
	}
	text := documentText{
		Version: 1, Identity: octets(public(identity)), Number: number,
		Sign: octets(public(keys.Sign())), Seal: seal.PublicKey().Bytes(), TLS: pin,
	}
	said, err := write(text)
	if err != nil {
		return Document{}, fmt.Errorf("certify the operating keys: %w", err)
	}
	sig := ed25519.Sign(identity, append([]byte(documentPurpose), said...))
	raw, err := write(signedDocument{text, sig})
	if err != nil {
		return Document{}, fmt.Errorf("certify the operating keys: %w", err)
	}
	return ParseDocument(string(raw))
}

// ParseDocument reads a signed document and verifies it.
func ParseDocument(raw string) (Document, error) {
	d, err := parseDocument(raw)
	if err != nil {
		return Document{}, fmt.Errorf("read an identity document: %w", err)
	}
	return d, nil
}

func parseDocument(raw string) (Document, error) {
	var signed signedDocument
	if err := read([]byte(raw), &signed); err != nil {
		return Document{}, err
	}
	text := signed.Document
	switch {
	case text.Version != 1:
		return Document{}, fmt.Errorf("version %d is not known", text.Version)
	case len(text.Identity) != ed25519.PublicKeySize || len(text.Sign) != ed25519.PublicKeySize:
		return Document{}, errors.New("a key has the wrong size")
	}
	said, err := write(text)
	if err != nil {
		return Document{}, err
	}
	identity := ed25519.PublicKey(text.Identity)
	if !ed25519.Verify(identity, append([]byte(documentPurpose), said...), signed.Signature) {
		return Document{}, errors.New("the identity did not sign it")
	}
	seal, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(text.Seal)
	if err != nil {
		return Document{}, errors.New("the sealing key is not one of X25519")
	}
	return Document{
		Identity: identity, Number: text.Number, Sign: ed25519.PublicKey(text.Sign), Seal: seal,
		TLS: text.TLS, Raw: raw,
	}, nil
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func tlsPin(key ed25519.PrivateKey) (Pin, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return Pin{}, fmt.Errorf("encode the TLS key: %w", err)
	}
	sum := sha256.Sum256(spki)
	return Pin(sum[:16]), nil
}
