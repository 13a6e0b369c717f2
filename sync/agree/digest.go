package agree

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"

	"parley/sync/event"
)

// Kind of a fact.
type Kind string

// The kinds of fact.
const (
	Field   Kind = "field"
	Comment Kind = "comment"
	File    Kind = "file"
	// Unreadable stands for rows that cannot be read.
	Unreadable Kind = "unreadable"
)

// Fact is one thing that was said of a twin in one direction. Its hash is of the
// value on the wire; 0 is "not kept", and agrees with everything.
type Fact struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
	Hash Hash   `json:"hash,omitempty"`
}

// Hash is an event.Hash; on the wire it is 16 hexadecimal digits.
type Hash event.Hash

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	var raw [8]byte
	if len(text) != hex.EncodedLen(len(raw)) {
		return errDigest
	}
	if _, err := hex.Decode(raw[:], text); err != nil {
		return errDigest
	}
	*h = Hash(binary.BigEndian.Uint64(raw[:]))
	return nil
}

// Broken tells whether the fact is that rows cannot be read.
func (f Fact) Broken() bool { return f.Kind == Unreadable }

// Digest names facts.
type Digest [16]byte

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

var errDigest = errors.New("not a digest")

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errDigest
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return errDigest
	}
	return nil
}

// Salt keeps digests from being guessed; the asker draws one for each comparison.
type Salt = Digest

// Voice is one direction of a connection in one comparison: who speaks.
type Voice struct {
	Salt       Salt
	Connection event.ConnectionID
	// Sender is the node that says what is compared.
	Sender string
}

func (v Voice) start(what byte, twin event.TwinID) hash.Hash {
	h := sha256.New()
	h.Write([]byte("parley agree 1"))
	h.Write([]byte{what})
	h.Write(v.Salt[:])
	h.Write(v.Connection[:])
	text(h, v.Sender)
	h.Write(twin[:])
	return h
}

func text(h hash.Hash, s string) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
	h.Write([]byte(s))
}

// Seal puts facts in order and salts their hashes. What is not kept stays 0.
func (v Voice) Seal(twin event.TwinID, facts []Fact) []Fact {
	out := slices.Clone(facts)
	slices.SortFunc(out, Fact.compare)
	for i := range out {
		f := &out[i]
		if f.Hash == 0 {
			continue
		}
		h := v.start('f', twin)
		text(h, string(f.Kind))
		text(h, f.Name)
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(f.Hash)))
		f.Hash = Hash(max(1, binary.BigEndian.Uint64(h.Sum(nil))))
	}
	return out
}

func (f Fact) compare(g Fact) int {
	return cmp.Or(cmp.Compare(f.Kind, g.Kind), cmp.Compare(f.Name, g.Name))
}

// Twin is the digest of a twin's facts; the zero one if there are none.
func (v Voice) Twin(twin event.TwinID, facts []Fact) Digest {
	if len(facts) == 0 {
		return Digest{}
	}
	order := slices.Clone(facts)
	slices.SortFunc(order, Fact.compare)
	h := v.start('t', twin)
	for _, f := range order {
		text(h, string(f.Kind))
		text(h, f.Name)
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(f.Hash)))
	}
	return Digest(h.Sum(nil)[:len(Digest{})])
}

// Buckets is into how many parts the twins of a connection fall, by the first byte
// of their ids.
const Buckets = 256

// BucketOf is the bucket of a twin.
func BucketOf(id event.TwinID) int { return int(id[0]) }

// Bucket collects the digests of a bucket's twins, in the order of their ids.
type Bucket struct{ h hash.Hash }

// Add takes a twin in; one without facts is as good as none.
func (b *Bucket) Add(id event.TwinID, d Digest) {
	if d == (Digest{}) {
		return
	}
	if b.h == nil {
		b.h = sha256.New()
	}
	b.h.Write(id[:])
	b.h.Write(d[:])
}

// Digest is the bucket's; the zero one if it is empty.
func (b *Bucket) Digest() Digest {
	if b.h == nil {
		return Digest{}
	}
	return Digest(b.h.Sum(nil)[:len(Digest{})])
}
