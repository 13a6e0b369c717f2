package secret

import (
	"crypto/subtle"
	"fmt"
)

// Hidden is what a Value shows instead of itself.
const Hidden = "[hidden]"

// Value is a secret text. The zero Value is the empty text.
type Value struct {
	// A function, because fmt, cmp and the like print unexported fields without
	// asking any method; of a function they print the address.
	text func() string
}

// NewValue makes a Value of text.
func NewValue(text string) Value { return Value{text: func() string { return text }} }

// Reveal returns the text. Call it where the secret is used, and keep the result nowhere.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return v.text()
}

// IsZero tells whether there is no text.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// Equal compares in a time that depends on the lengths only.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// String is Hidden.
func (v Value) String() string { return Hidden }

// GoString is Hidden.
func (v Value) GoString() string { return Hidden }

// Format implements fmt.Formatter: Hidden, whatever the verb.
func (v Value) Format(state fmt.State, _ rune) {
	_, _ = state.Write([]byte(Hidden)) // fmt keeps the error itself
}

// MarshalText implements encoding.TextMarshaler; it covers JSON, YAML and slog.
func (v Value) MarshalText() ([]byte, error) { return []byte(Hidden), nil }
