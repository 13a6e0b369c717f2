package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	magic = "PBL1"
	// piece is how much is sealed together: what is read and written at once,
	// and what a torn write costs.
	piece = 64 << 10
	// overhead of sealing: nonce and tag.
	overhead    = 12 + 16
	sealedPiece = piece + overhead

	idSize   = 16
	headSize = int64(len(magic) + idSize + sha256.Size + 8 + overhead)
)

// sealedSize is the size of the file of a blob of size bytes. Even the empty
// blob has a piece.
func sealedSize(size int64) int64 {
	pieces := max(1, (size+piece-1)/piece)
	return headSize + size + pieces*overhead
}

// plainSize is the size of the blob in a whole file of size bytes.
func plainSize(size int64) (int64, error) {
	body := size - headSize
	pieces := (body + sealedPiece - 1) / sealedPiece
	plain := body - pieces*overhead
	if body < overhead || plain < 0 || sealedSize(plain) != size {
		return 0, fmt.Errorf("%w: no blob has a file of %d bytes", ErrDamaged, size)
	}
	return plain, nil
}

// file is an open file and the key that is its own.
type file struct {
	*os.File
	id   [idSize]byte
	aead cipher.AEAD
}

// keyed makes the key of a file from its id.
func (s *Store) keyed(f *os.File, id [idSize]byte) (*file, error) {
	key, err := hkdf.Key(sha256.New, s.key[:], id[:], "parley blob file", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	// Nonces are random and not the piece's number: a piece that a crash tore is
	// written again, perhaps with other bytes.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return &file{File: f, id: id, aead: aead}, nil
}

// start makes the key of an empty file and writes its head.
func (s *Store) start(f *os.File, digest Digest, size int64) (*file, error) {
	var id [idSize]byte
	_, _ = rand.Read(id[:]) // never fails
	out, err := s.keyed(f, id)
	if err != nil {
		return nil, err
	}
	return out, out.writeHead(digest, size)
}

// resume reads the head of a file that is not empty.
func (s *Store) resume(f *os.File) (out *file, digest Digest, size int64, err error) {
	head := make([]byte, headSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: no head", ErrDamaged)
		}
		return nil, digest, 0, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, digest, 0, fmt.Errorf("%w: not a blob", ErrDamaged)
	}
	id := [idSize]byte(head[len(magic):])
	if out, err = s.keyed(f, id); err != nil {
		return nil, digest, 0, err
	}
	plain, err := out.aead.Open(nil, nil, head[len(magic)+idSize:], []byte("head"))
	if err != nil {
		return nil, digest, 0, fmt.Errorf("%w: head", ErrDamaged)
	}
	return out, Digest(plain), int64(binary.BigEndian.Uint64(plain[sha256.Size:])), nil
}

func (f *file) writeHead(digest Digest, size int64) error {
	plain := binary.BigEndian.AppendUint64(digest[:], uint64(size))
	head := append([]byte(magic), f.id[:]...)
	head = f.aead.Seal(head, nil, plain, []byte("head"))
	if _, err := f.WriteAt(head, 0); err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	return nil
}

func place(number int64) int64 { return headSize + number*sealedPiece }

// label goes with a piece, so that it is good in one place only. That none is
// missing at the end is known from the size in the head.
func label(number int64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(number))
}

// writePiece seals plain into buf and writes it to its place.
func (f *file) writePiece(buf []byte, number int64, plain []byte) error {
	if _, err := f.WriteAt(f.aead.Seal(buf[:0], nil, plain, label(number)), place(number)); err != nil {
		return fmt.Errorf("write piece %d: %w", number, err)
	}
	return nil
}

// readPiece reads a piece of size bytes with buf and opens it into dst.
func (f *file) readPiece(dst, buf []byte, number int64, size int) ([]byte, error) {
	buf = buf[:size+overhead]
	if _, err := f.ReadAt(buf, place(number)); err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrDamaged
		}
		return nil, fmt.Errorf("read piece %d: %w", number, err)
	}
	plain, err := f.aead.Open(dst[:0], nil, buf, label(number))
	if err != nil {
		return nil, fmt.Errorf("piece %d: %w", number, ErrDamaged)
	}
	return plain, nil
}
