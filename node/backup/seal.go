package backup

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Errors of reading a backup.
var (
	// ErrNoBackup: the file is not a backup of Parley.
	ErrNoBackup = errors.New("not a backup of Parley")
	// ErrNewer: a newer version of the program made it.
	ErrNewer = errors.New("made by a newer version of Parley")
	// ErrWrongKey: it was made with another master key.
	ErrWrongKey = errors.New("made with another master key")
	// ErrDamaged: it is not as it was written, or not all of it.
	ErrDamaged = errors.New("the backup is damaged or cut off")
)

const (
	firstLine = "parley backup 1"
	keyLine   = "Encrypted. Only this node's master key opens it, and that key is NOT in this file: keep it elsewhere, safe."
	newerLine = "parley backup "

	saltSize  = 16
	checkSize = 16
	piece     = 64 << 10
	maxLine   = 4 << 10
)

// Label is what a backup tells without its key.
type Label struct {
	Node string    `json:"node"` // what its people call it
	ID   string    `json:"id"`
	Made time.Time `json:"made"`
}

// head writes the lines that everybody can read.
func (l Label) head() ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil || len(text) > maxLine {
		return nil, fmt.Errorf("label of %d bytes: %w", len(text), errors.Join(err, errTooLong))
	}
	return []byte(firstLine + "\n" + keyLine + "\n" + string(text) + "\n"), nil
}

var errTooLong = errors.New("too long")

// readHead reads the label and the bytes that the pieces are bound to.
func readHead(r *bufio.Reader) (Label, []byte, error) {
	var label Label
	var head []byte
	for i := range 3 {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) > maxLine {
			return label, nil, ErrNoBackup
		}
		head = append(head, line...)
		text := strings.TrimSuffix(string(line), "\n")
		switch {
		case i == 0 && text != firstLine && strings.HasPrefix(text, newerLine):
			return label, nil, ErrNewer
		case i == 0 && text != firstLine:
			return label, nil, ErrNoBackup
		case i == 2:
			if err := json.Unmarshal(line, &label); err != nil {
				return label, nil, ErrDamaged
			}
		}
	}
	return label, head, nil
}

// keys are made from the node's backup key, for one file.
func keys(key [32]byte, salt, head []byte) (seal cipher.AEAD, check []byte, err error) {
	check, err = hkdf.Key(sha256.New, key[:], salt, "parley backup check", checkSize)
	if err != nil {
		return nil, nil, fmt.Errorf("derive key: %w", err)
	}
	own, err := hkdf.Key(sha256.New, key[:], salt, "parley backup pieces\n"+string(head), 32)
	if err != nil {
		return nil, nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, nil, fmt.Errorf("derive key: %w", err)
	}
	seal, err = cipher.NewGCM(block)
	return seal, check, err
}

// nonce numbers a piece and tells the last one: the key is this file's alone.
func nonce(number uint64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:], number)
	if last {
		n[11] = 1
	}
	return n
}

// sealer is an io.WriteCloser that seals; Close writes the last piece and does
// not close what is below.
type sealer struct {
	to     io.Writer
	aead   cipher.AEAD
	number uint64
	plain  []byte
	sealed []byte
}

func newSealer(to io.Writer, key [32]byte, label Label) (*sealer, error) {
	head, err := label.head()
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	aead, check, err := keys(key, salt, head)
	if err != nil {
		return nil, err
	}
	if _, err := to.Write(bytes.Join([][]byte{head, salt, check}, nil)); err != nil {
		return nil, err
	}
	return &sealer{to: to, aead: aead, plain: make([]byte, 0, piece), sealed: make([]byte, 0, piece+aead.Overhead())}, nil
}

// Write implements io.Writer.
func (s *sealer) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(s.plain) == piece {
			if err := s.flush(false); err != nil {
				return 0, err
			}
		}
		k := min(len(b), piece-len(s.plain))
		s.plain, b = append(s.plain, b[:k]...), b[k:]
	}
	return n, nil
}

func (s *sealer) flush(last bool) error {
	s.sealed = s.aead.Seal(s.sealed[:0], nonce(s.number, last), s.plain, nil)
	s.number++
	s.plain = s.plain[:0]
	_, err := s.to.Write(s.sealed)
	return err
}

// Close implements io.Closer.
func (s *sealer) Close() error { return s.flush(true) }

// opener is an io.Reader of what a sealer wrote; io.EOF comes only behind the
// last piece.
type opener struct {
	from   *bufio.Reader
	aead   cipher.AEAD
	number uint64
	sealed []byte
	plain  []byte // not yet read
	ended  bool
}

func newOpener(from io.Reader, key [32]byte) (*opener, Label, error) {
	r := bufio.NewReaderSize(from, piece+64)
	label, head, err := readHead(r)
	if err != nil {
		return nil, label, err
	}
	start := make([]byte, saltSize+checkSize)
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, label, ErrDamaged
	}
	aead, check, err := keys(key, start[:saltSize], head)
	if err != nil {
		return nil, label, err
	}
	if !hmac.Equal(check, start[saltSize:]) {
		return nil, label, ErrWrongKey
	}
	return &opener{from: r, aead: aead, sealed: make([]byte, piece+aead.Overhead())}, label, nil
}

// Read implements io.Reader.
func (o *opener) Read(b []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.ended {
			return 0, io.EOF
		}
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

func (o *opener) next() error {
	n, err := io.ReadFull(o.from, o.sealed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read the backup: %w", err)
	}
	_, err = o.from.Peek(1)
	last := errors.Is(err, io.EOF)
	if err != nil && !last {
		return fmt.Errorf("read the backup: %w", err)
	}
	o.plain, err = o.aead.Open(o.sealed[:0], nonce(o.number, last), o.sealed[:n], nil)
	if err != nil {
		o.plain = nil
		return fmt.Errorf("piece %d: %w", o.number, ErrDamaged)
	}
	o.number++
	o.ended = last
	return nil
}
