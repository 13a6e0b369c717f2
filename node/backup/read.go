package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"strconv"

	"parley/sync/store/badgerstore"
)

// taker gets what is in a backup, in its order. Nothing counts until the reading
// has ended well.
type taker interface {
	row(key, value []byte) error
	// file begins a file, whose bytes come by data; done ends it.
	file(fileHead) error
	data([]byte) error
	done() error
}

// Verify reads a whole backup and checks every piece, digest, count and row. It
// writes nothing. progress, which may be nil, is told how many bytes of rows and
// files were read.
func Verify(ctx context.Context, from io.Reader, key [32]byte, progress func(int64)) (Contents, error) {
	return read(ctx, from, key, nothing{}, progress)
}

// nothing takes what is to be looked at only.
type nothing struct{}

func (nothing) row(_, _ []byte) error { return nil }
func (nothing) file(fileHead) error   { return nil }
func (nothing) data([]byte) error     { return nil }
func (nothing) done() error           { return nil }

// reading is a backup being read.
type reading struct {
	ctx      context.Context
	to       taker
	progress func(int64)
	records  *parser
	contents Contents // counted on the way

	began bool
	last  []byte // key
	open  *fileHead
	sum   hash.Hash // of the open file
	size  int64
}

func read(ctx context.Context, from io.Reader, key [32]byte, to taker, progress func(int64)) (Contents, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	opened, label, err := newOpener(from, key)
	if err != nil {
		return Contents{Label: label}, err
	}
	r := &reading{
		ctx: ctx, to: to, progress: progress, records: newParser(opened),
		contents: Contents{Label: label, Connections: []string{}, Files: []string{}},
	}
	for {
		kind, body, before, err := r.records.next()
		if err != nil {
			return r.contents, err
		}
		if kind == recordEnd {
			return r.contents, errors.Join(r.end(body, before), r.records.ended())
		}
		if err := r.take(kind, body); err != nil {
			return r.contents, err
		}
		r.progress(r.contents.Bytes)
		if err := ctx.Err(); err != nil {
			return r.contents, err
		}
	}
}

func (r *reading) take(kind byte, body []byte) error {
	if (kind == recordInfo) == r.began || (r.open != nil) != (kind == recordData || kind == recordDone) {
		return fmt.Errorf("a record %q that does not belong there: %w", kind, ErrDamaged)
	}
	switch kind {
	case recordInfo:
		r.began = true
		return r.info(body)
	case recordRow:
		return r.row(body)
	case recordFile:
		return r.file(body)
	case recordData:
		_, _ = r.sum.Write(body) // a hash never fails
		r.size += int64(len(body))
		r.contents.Bytes += int64(len(body))
		return r.to.data(body)
	case recordDone:
		return r.done(body)
	}
	return fmt.Errorf("a record of kind %q: %w", kind, ErrNewer)
}

func (r *reading) info(body []byte) error {
	var said Contents
	if err := decode(body, &said); err != nil {
		return err
	}
	if !said.Made.Equal(r.contents.Made) || said.ID != r.contents.ID || said.Node != r.contents.Node {
		return fmt.Errorf("its label is another backup's: %w", ErrDamaged)
	}
	r.contents.Program = said.Program
	return nil
}

func (r *reading) row(body []byte) error {
	key, value, err := splitRow(body)
	if err != nil {
		return err
	}
	if bytes.Compare(key, r.last) <= 0 {
		return fmt.Errorf("its rows are not in order: %w", ErrDamaged)
	}
	r.last = append(r.last[:0], key...)
	if err := checkRow(key, value); err != nil {
		return fmt.Errorf("a row %q cannot be read: %w", key[:1], errors.Join(err, ErrDamaged))
	}
	r.contents.note(key, value)
	r.contents.Bytes += int64(len(key) + len(value))
	return r.to.row(key, value)
}

// checkRow checks what can be told of a row here: that the layout is one that
// this program knows.
func checkRow(key, value []byte) error {
	if string(key) != badgerstore.SchemaKey {
		return nil
	}
	schema, err := strconv.Atoi(string(value))
	if err == nil && schema > badgerstore.Schema {
		err = fmt.Errorf("its schema is %d and this program knows %d: %w", schema, badgerstore.Schema, ErrNewer)
	}
	return err
}

func (r *reading) file(body []byte) error {
	var head fileHead
	if err := decode(body, &head); err != nil {
		return err
	}
	// Who has the key made it; a name that leads elsewhere is a mistake all the same.
	if !filepath.IsLocal(filepath.FromSlash(head.Name)) {
		return fmt.Errorf("a file named %q: %w", head.Name, ErrDamaged)
	}
	switch head.Kind {
	case FileAttachment:
		if !isAttachment(head.Name) {
			return fmt.Errorf("an attachment named %q: %w", head.Name, ErrDamaged)
		}
	case FileConfig, FileRule:
		r.contents.Files = append(r.contents.Files, head.Name)
	case FileVault:
	default:
		return fmt.Errorf("a file of kind %q: %w", head.Kind, ErrNewer)
	}
	r.open, r.sum, r.size = &head, sha256.New(), 0
	return r.to.file(head)
}

func (r *reading) done(body []byte) error {
	head := *r.open
	r.open = nil
	if !bytes.Equal(body, r.sum.Sum(nil)) {
		return fmt.Errorf("file %s has another digest: %w", head.Name, ErrDamaged)
	}
	if head.Kind == FileAttachment {
		r.contents.Attachments++
		r.contents.AttachmentBytes += r.size
	}
	return r.to.done()
}

// end compares what was counted with what was written.
func (r *reading) end(body, before []byte) error {
	var said end
	if err := decode(body, &said); err != nil {
		return err
	}
	if r.open != nil || !r.began || !bytes.Equal(said.Digest, before) {
		return fmt.Errorf("its digest is another: %w", ErrDamaged)
	}
	a, errA := json.Marshal(said.Contents)
	b, errB := json.Marshal(r.contents)
	if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
		return fmt.Errorf("it holds other things than it says at its end: %w", errors.Join(err, ErrDamaged))
	}
	// A store always has its schema: a backup without one is of no store.
	if r.contents.Schema == "" {
		return fmt.Errorf("it has no store: %w", ErrDamaged)
	}
	return nil
}

// ReadLabel reads what a backup tells without its key.
func ReadLabel(from io.Reader) (Label, error) {
	_, label, err := newOpener(from, [32]byte{})
	if errors.Is(err, ErrWrongKey) {
		err = nil
	}
	return label, err
}
