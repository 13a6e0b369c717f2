package connection

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// letters is base32 in lower case without padding, as event ids have it.
func letters() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// octets are bytes spelled in base64url.
type octets []byte

// MarshalText implements encoding.TextMarshaler.
func (o octets) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, o), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *octets) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return errors.New("not bytes in base64url")
	}
	*o = raw
	return nil
}

// write spells v; read takes that spelling and no other.
func write(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

func read(raw []byte, v any) error {
	if len(raw) > maxText {
		return fmt.Errorf("%d bytes, at most %d", len(raw), maxText)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errors.New("it is not well formed")
	}
	again, err := write(v)
	if err != nil || !bytes.Equal(raw, again) {
		return errors.New("it is not spelled canonically")
	}
	return nil
}

// maxText bounds a document or a pairing message in bytes.
const maxText = 32 << 10

// derive makes size bytes for one use out of a secret.
func derive(secret []byte, use string, size int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "parley "+use, size)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", use, err)
	}
	return key, nil
}
