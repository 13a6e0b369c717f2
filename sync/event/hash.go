package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Hash names a value: equal values have equal hashes. 16 hex characters (64
// bits): it tells "changed" from "unchanged" and guards nothing.
type Hash string

// HashValue hashes a plain value. Maps hash alike in any key order.
func HashValue(v any) Hash {
	raw, err := json.Marshal(v)
	if err != nil {
		// Only a value that is not plain data gets here: a programmer's mistake
		// that must not read as "unchanged".
		raw = fmt.Appendf(nil, "unhashable %T %v", v, v)
	}
	sum := sha256.Sum256(raw)
	return Hash(hex.EncodeToString(sum[:8]))
}
