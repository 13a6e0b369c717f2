package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"parley/sync/store"
)

// The kinds of record.
const (
	recordInfo = 'i' // Contents, as far as known at the beginning
	recordFile = 'f' // fileHead
	recordData = 'd' // bytes of the file
	recordDone = 's' // the file's SHA-256
	recordRow  = 'r' // a row of the store
	recordEnd  = 'e' // Contents, and the digest of all records before
)

// maxRecord is the longest record: a row with its lengths, or a list of names.
const maxRecord = store.MaxKey + store.MaxValue + 1<<20

// FileKind is what a file in a backup is.
type FileKind string

// The kinds of file.
const (
	FileConfig     FileKind = "config"     // parley.yaml
	FileRule       FileKind = "rule"       // a filter or a table
	FileVault      FileKind = "vault"      // sealed secrets, as on disk
	FileAttachment FileKind = "attachment" // sealed, as on disk
)

// fileHead begins a file.
type fileHead struct {
	Kind FileKind `json:"kind"`
	// Name is where it belongs: beside the configuration, or in the folder of its kind.
	Name string `json:"name"`
}

// end closes a backup.
type end struct {
	Contents
	Digest []byte `json:"digest"`
}

// recorder writes records.
type recorder struct {
	to  io.Writer
	sum hash.Hash
	buf []byte
}

func (r *recorder) record(kind byte, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	r.buf = binary.AppendUvarint(append(r.buf[:0], kind), uint64(size))
	for _, p := range parts {
		r.buf = append(r.buf, p...)
	}
	_, _ = r.sum.Write(r.buf) // a hash never fails
	_, err := r.to.Write(r.buf)
	return err
}

func (r *recorder) json(kind byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.record(kind, text)
}

func (r *recorder) row(key, value []byte) error {
	return r.record(recordRow, binary.AppendUvarint(nil, uint64(len(key))), key, value)
}

func newRecorder(to io.Writer) *recorder { return &recorder{to: to, sum: sha256.New()} }

// parser reads records. What it returns is good until the next one.
type parser struct {
	from *bufio.Reader
	sum  hash.Hash
	head []byte
	buf  []byte
}

func newParser(from io.Reader) *parser {
	return &parser{from: bufio.NewReaderSize(from, piece), sum: sha256.New()}
}

// next returns the next record, and the digest of all that came before it.
func (p *parser) next() (kind byte, body, before []byte, err error) {
	if kind, err = p.from.ReadByte(); err != nil {
		return 0, nil, nil, whole(err)
	}
	size, err := binary.ReadUvarint(p.from)
	if err != nil {
		return 0, nil, nil, whole(err)
	}
	if size > maxRecord {
		return 0, nil, nil, fmt.Errorf("a record of %d bytes: %w", size, ErrDamaged)
	}
	if uint64(cap(p.buf)) < size {
		p.buf = make([]byte, size)
	}
	p.buf = p.buf[:size]
	if _, err := io.ReadFull(p.from, p.buf); err != nil {
		return 0, nil, nil, whole(err)
	}
	if kind == recordEnd {
		before = p.sum.Sum(nil)
	}
	p.head = binary.AppendUvarint(append(p.head[:0], kind), size)
	_, _ = p.sum.Write(p.head) // a hash never fails
	_, _ = p.sum.Write(p.buf)
	return kind, p.buf, before, nil
}

// whole makes damage of an end that comes too early.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends in the middle: %w", ErrDamaged)
	}
	return err
}

// ended makes sure that nothing follows.
func (p *parser) ended() error {
	if _, err := p.from.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more follows the end: %w", errors.Join(err, ErrDamaged))
	}
	return nil
}

func splitRow(body []byte) (key, value []byte, err error) {
	n, used := binary.Uvarint(body)
	if used <= 0 || n == 0 || n > uint64(len(body)-used) || n > store.MaxKey {
		return nil, nil, fmt.Errorf("a row without a key: %w", ErrDamaged)
	}
	body = body[used:]
	return body[:n], body[n:], nil
}

func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read a record: %w", errors.Join(err, ErrDamaged))
	}
	return nil
}
