package envelope

import (
	"bytes"
	"errors"
	"fmt"

	"parley/sync/event"
)

// Limits of one message. MaxMessage leaves room above the 128 KiB at which a
// change is cut.
const (
	MaxMessage = 256 << 10 // bytes
	MaxDepth   = 16        // arrays and objects within each other
	MaxNodes   = 20_000    // values and keys
)

// ErrMessage is wrapped by every error of Encode and Decode: the message says
// nothing that can be applied, and trying again does not help.
var ErrMessage = errors.New("not a message")

// Encode writes m in its canonical spelling: JSON without spaces, members in
// the order of the types, the keys of free objects in byte order.
func Encode(m event.Message) ([]byte, error) {
	if err := check(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	s, err := spell(m)
	defer s.release()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := bound(s.b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return bytes.Clone(s.b), nil
}

// Decode reads what Encode wrote and nothing else: any other spelling of the
// same meaning, an unknown or repeated key, an invalid character is an error.
func Decode(raw []byte) (event.Message, error) {
	if err := bound(raw); err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	m, err := parse(raw)
	if err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := check(m); err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	// One comparison refuses unknown keys, repeated keys, another order, spaces,
	// needless escapes, invalid UTF-8 and numbers that lose precision alike.
	again, err := spell(m)
	defer again.release()
	if err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if !bytes.Equal(raw, again.b) {
		return event.Message{}, fmt.Errorf("%w: not spelled canonically", ErrMessage)
	}
	return m, nil
}

// bound counts before anything is built, so that a hostile message costs no
// more memory than its size.
func bound(raw []byte) error {
	if len(raw) > MaxMessage {
		return fmt.Errorf("%d bytes, at most %d", len(raw), MaxMessage)
	}
	depth, nodes := 0, 1
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			depth++
			nodes++
		case '}', ']':
			depth--
		case ',', ':':
			nodes++
		}
		if depth > MaxDepth {
			return fmt.Errorf("nested deeper than %d", MaxDepth)
		}
	}
	if nodes > MaxNodes {
		return fmt.Errorf("%d values, at most %d", nodes, MaxNodes)
	}
	return nil
}

// stringEnd finds the quote that ends the string that begins at i.
func stringEnd(raw []byte, i int) int {
	for start := i + 1; ; start = i + 1 {
		n := bytes.IndexByte(raw[start:], '"')
		if n < 0 {
			return len(raw)
		}
		i = start + n
		escapes := 0
		for escapes < n && raw[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
