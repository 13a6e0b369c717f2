package envelope

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// strict refuses trailing bits, so that bytes have one spelling.
var strict = base64.RawURLEncoding.Strict()

func unmarshal32(to *[32]byte, text []byte) error {
	var room [48]byte
	raw, err := strict.AppendDecode(room[:0], text)
	if err != nil || len(raw) != len(to) {
		return errors.New("not 32 bytes in base64url")
	}
	copy(to[:], raw)
	return nil
}

// MarshalText implements encoding.TextMarshaler: base64url.
func (d Digest) MarshalText() ([]byte, error) {
	return strict.AppendEncode(nil, d[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error { return unmarshal32((*[32]byte)(d), text) }

// MarshalText implements encoding.TextMarshaler: base64url.
func (r Run) MarshalText() ([]byte, error) {
	return strict.AppendEncode(nil, r[:]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Run) UnmarshalText(text []byte) error { return unmarshal32((*[32]byte)(r), text) }

// digests is spelled as one string: all digests one after the other.
type digests []Digest

// MarshalText implements encoding.TextMarshaler.
func (ds digests) MarshalText() ([]byte, error) {
	all := make([]byte, 0, len(ds)*len(Digest{}))
	for _, d := range ds {
		all = append(all, d[:]...)
	}
	return strict.AppendEncode(nil, all), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (ds *digests) UnmarshalText(text []byte) error {
	const size = len(Digest{})
	raw, err := strict.AppendDecode(nil, text)
	if err != nil || len(raw)%size != 0 {
		return errors.New("not digests in base64url")
	}
	n := len(raw) / size
	if n > MaxEvents {
		return fmt.Errorf("%d digests, at most %d", n, MaxEvents)
	}
	*ds = make(digests, n)
	for i := range *ds {
		(*ds)[i] = Digest(raw[i*size:])
	}
	return nil
}

// octets are bytes spelled in base64url.
type octets []byte

// MarshalText implements encoding.TextMarshaler.
func (o octets) MarshalText() ([]byte, error) { return strict.AppendEncode(nil, o), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *octets) UnmarshalText(text []byte) error {
	raw, err := strict.AppendDecode(nil, text)
	if err != nil {
		return errors.New("not bytes in base64url")
	}
	*o = raw
	return nil
}
