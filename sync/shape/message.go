package shape

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxNumber bounds the numbers of shapes, so that one more can always be counted.
const MaxNumber = 1 << 53

// ErrMessage: bytes that are no message, or not spelled as one is.
var ErrMessage = errors.New("no message about what is sent")

// Tell is the message of who sends. Number grows with every other shape: who holds
// a higher one, or the same, keeps what it holds.
type Tell struct {
	Number uint64 `json:"number"`
	Shape  Shape  `json:"shape"`
}

// Held answers a Tell with what is on record afterwards.
type Held struct {
	Number uint64 `json:"number"`
	Digest string `json:"digest"`
}

// Encode spells a message.
func Encode(m any) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err == nil && len(raw) > MaxBytes {
		err = fmt.Errorf("message of %d bytes: %w", len(raw), ErrMessage)
	}
	return raw, err
}

// decode reads the one spelling of a message.
func decode(raw []byte, m any) error {
	if len(raw) > MaxBytes {
		return fmt.Errorf("%d bytes: %w", len(raw), ErrMessage)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if again, err := json.Marshal(m); err != nil || !bytes.Equal(again, raw) {
		return fmt.Errorf("another spelling: %w", ErrMessage)
	}
	return nil
}

// DecodeTell reads what a peer tells.
func DecodeTell(raw []byte) (Tell, error) {
	var t Tell
	if err := decode(raw, &t); err != nil {
		return Tell{}, err
	}
	if !number(t.Number) || !t.Shape.sound() {
		return Tell{}, fmt.Errorf("out of bounds: %w", ErrMessage)
	}
	return t, nil
}

// DecodeHeld reads the answer.
func DecodeHeld(raw []byte) (Held, error) {
	var h Held
	if err := decode(raw, &h); err != nil {
		return Held{}, err
	}
	if !number(h.Number) || !IsDigest(h.Digest) {
		return Held{}, fmt.Errorf("answer out of bounds: %w", ErrMessage)
	}
	return h, nil
}

func number(n uint64) bool { return n > 0 && n < MaxNumber }

// IsDigest tells whether a text may be a digest.
func IsDigest(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 16 && hex.EncodeToString(raw) == text
}

// sound tells whether a shape of a peer keeps to the bounds.
func (s Shape) sound() bool {
	if len(s.Fields) > MaxFields {
		return false
	}
	for name, f := range s.Fields {
		if !plain(name) || f.Type != "" && !plain(string(f.Type)) || len(f.Type) > 40 || len(f.Options) > MaxOptions {
			return false
		}
		for i, o := range f.Options {
			if !plain(o) || i > 0 && f.Options[i-1] >= o {
				return false
			}
		}
	}
	return true
}
