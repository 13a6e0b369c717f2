// Package plain is the wire without its cryptography, for tests that ask what
// nodes say and not who may read it: nothing is signed, sealed or checked.
package plain

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"parley/sync/envelope"
)

// Codec implements envelope.Codec. Tokens are all alike.
type Codec struct{}

var _ envelope.Codec = Codec{}

func pack(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("pack %T: %w", v, err)
	}
	return b.Bytes(), nil
}

func unpack[T any](wire []byte) (T, error) {
	var v T
	if err := gob.NewDecoder(bytes.NewReader(wire)).Decode(&v); err != nil {
		return v, fmt.Errorf("unpack %T: %w", v, err)
	}
	return v, nil
}

// Seal implements envelope.Codec.
func (Codec) Seal(c envelope.Cut) (wire []byte, token string, err error) {
	wire, err = pack(c)
	return wire, "token", err
}

// Open implements envelope.Codec.
func (Codec) Open(wire []byte) (c envelope.Cut, token string, err error) {
	c, err = unpack[envelope.Cut](wire)
	return c, "token", err
}

// SealReceipt implements envelope.Codec.
func (Codec) SealReceipt(r envelope.Receipt) ([]byte, error) { return pack(r) }

// OpenReceipt implements envelope.Codec.
func (Codec) OpenReceipt(wire []byte) (envelope.Receipt, error) {
	return unpack[envelope.Receipt](wire)
}

// SealHello implements envelope.Codec.
func (Codec) SealHello(h envelope.Hello) ([]byte, error) { return pack(h) }

// OpenHello implements envelope.Codec.
func (Codec) OpenHello(wire []byte) (envelope.Hello, error) { return unpack[envelope.Hello](wire) }

// SealBlob implements envelope.Codec.
func (Codec) SealBlob(_ string, body []byte) ([]byte, error) { return body, nil }

// OpenBlob implements envelope.Codec.
func (Codec) OpenBlob(_ string, wire []byte) ([]byte, error) { return wire, nil }
