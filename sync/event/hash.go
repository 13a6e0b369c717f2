package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Hash names a value: equal values have equal hashes; 0 is none. 64 bits: it
// tells "changed" from "unchanged" and guards nothing.
type Hash uint64

// HashValue hashes a plain value. Maps hash alike in any key order.
func HashValue(v any) Hash {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	raw, err := appendValue((*buffer)[:0], v)
	if err != nil {
		// Only a value that is not plain data gets here: a programmer's mistake
		// that must not read as "unchanged".
		raw = fmt.Appendf(nil, "unhashable %T %v", v, v)
	}
	if cap(raw) <= maxBuffer {
		*buffer = raw
	}
	sum := sha256.Sum256(raw)
	return Hash(max(1, binary.BigEndian.Uint64(sum[:])))
}

// buffers are for values as JSON while they are hashed.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxBuffer = 16 << 10

// appendValue is json.Marshal, without its cost for what most values are: text
// that needs no escapes, alone or in lists and maps.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		if plainText(v) {
			b = append(slices.Grow(b, len(v)+2), '"')
			b = append(b, v...)
			return append(b, '"'), nil
		}
	case []any:
		if v != nil {
			return appendList(b, v)
		}
	case map[string]any:
		if v != nil {
			return appendMap(b, v)
		}
	}
	raw, err := json.Marshal(v)
	return append(b, raw...), err
}

func appendList(b []byte, list []any) ([]byte, error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, m map[string]any) ([]byte, error) {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, name); err != nil {
			return b, err
		}
		if b, err = appendValue(append(b, ':'), m[name]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// plainText tells whether JSON writes the text as it stands.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
