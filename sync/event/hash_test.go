package event_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"testing"

	"parley/sync/event"
)

// TestHashValue_IsOfTheValueAsJSON: stored hashes stay comparable, whichever way
// a value is encoded.
func TestHashValue_IsOfTheValueAsJSON(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, true, false, "", "plain text", "a \"quoted\" <b> & \\ back", "zeile\nneu\tü \u2028", "\xff bad", "~\x7f", 1.0, 1e21, 0.1, 12,
		[]any{},
		[]any(nil),
		[]any{"a", nil, true, []any{"b", 2.5}},
		map[string]any(nil),
		map[string]any{},
		map[string]any{"z": "1", "a<": []any{"x"}, "é": nil, "m": map[string]any{"id": "1", "name": "Ana & Jo"}},
		event.Fields{"b": "1", "a": nil},
		[]string{"a"},
		map[string]string{"k": "v"},
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		if got, want := event.HashValue(v), event.Hash(binary.BigEndian.Uint64(sum[:])); got != want {
			t.Errorf("HashValue(%#v) = %x, want %x of %s", v, got, want, raw)
		}
	}
}
