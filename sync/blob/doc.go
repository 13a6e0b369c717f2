// Package blob keeps the bytes of attachments: files beside the store, named by
// their content and encrypted.
//
// # Promises
//
//   - A blob is its SHA-256: Commit and Put keep nothing whose bytes have another
//     digest, and Open reads nothing else.
//   - When Commit or Put returns nil the bytes are on disk, the directory entry
//     too; a crash at any moment leaves a whole blob or none.
//   - A writer made by Begin may be interrupted at any moment, by a crash too: the
//     next Begin of the same digest goes on at Offset. What a crash tore is cut off.
//   - Nothing on disk tells what a file holds without the key: contents are sealed
//     with AES-GCM in pieces of 64 KiB, under a key of the file's own, and names
//     are keyed digests. A piece that was changed, moved, cut off or put into
//     another file is ErrDamaged.
//   - Memory is bounded by one piece for each reader and writer, disk by the quota.
//
// # Layout of a file
//
//	"PBL1" | id, 16 bytes | sealed: digest, size | sealed piece | sealed piece | …
//
// The file's key is derived from the store's key and the id. Sealed is nonce,
// ciphertext, tag; with a piece goes its number. The file is name.part until it is committed, put-*.tmp as long as its digest is
// not known.
//
// Two processes must not use one directory: the lock of the store beside it
// keeps them apart. When blobs are no longer needed is not known here.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Errors of this package.
var (
	// ErrNotFound: there is no such blob.
	ErrNotFound = errors.New("blob not found")
	// ErrExists: the blob is there already.
	ErrExists = errors.New("blob exists")
	// ErrBusy: the blob is being written by somebody else.
	ErrBusy = errors.New("blob is being written")
	// ErrDigest: the bytes have another digest or size than was said.
	ErrDigest = errors.New("blob differs from its digest")
	// ErrOffset: bytes were offered for another place than the next one.
	ErrOffset = errors.New("not the next offset")
	// ErrTooLarge: more bytes than were allowed.
	ErrTooLarge = errors.New("blob too large")
	// ErrQuota: the disk space given to blobs is used up.
	ErrQuota = errors.New("blob quota used up")
	// ErrDamaged: a file is not as it was written.
	ErrDamaged = errors.New("blob is damaged")
	// ErrClosed: the writer or reader was closed.
	ErrClosed = errors.New("blob closed")
)

// Digest is the SHA-256 of a blob.
type Digest [sha256.Size]byte

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// ParseDigest reads what String wrote.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("digest of %d characters, want %d", len(s), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, fmt.Errorf("digest: %w", err)
	}
	return d, nil
}
