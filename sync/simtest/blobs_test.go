package simtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"parley/sync/flow"
	"parley/sync/store"
)

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

// blobs keeps files in memory; a crash loses pieces that are not a whole file.
type blobs struct {
	whole map[string][]byte
	part  map[string][]byte
}

func newBlobs() *blobs { return &blobs{map[string][]byte{}, map[string][]byte{}} }

func (b *blobs) crash()            { b.part = map[string][]byte{} }
func (b *blobs) Has(d string) bool { _, ok := b.whole[d]; return ok }

func (b *blobs) Put(_ context.Context, r io.Reader, _ int64) (string, int64, error) {
	content, err := io.ReadAll(r)
	sum := sha256.Sum256(content)
	d := hex.EncodeToString(sum[:])
	b.whole[d] = content
	return d, int64(len(content)), err
}

func (b *blobs) Piece(d string, offset int64, n int) ([]byte, error) {
	content, ok := b.whole[d]
	if !ok || offset > int64(len(content)) {
		return nil, store.ErrNotFound
	}
	n = min(n, 7) // many pieces
	return content[offset:min(int(offset)+n, len(content))], nil
}

// Begin goes on where the last writer stopped.
func (b *blobs) Begin(d string, size int64) (flow.BlobWriter, error) {
	return &writer{b, d, size}, nil
}

type writer struct {
	b    *blobs
	d    string
	size int64
}

func (w *writer) Offset() int64 { return int64(len(w.b.part[w.d])) }
func (w *writer) Close() error  { return nil }

func (w *writer) Write(piece []byte) (int, error) {
	w.b.part[w.d] = append(w.b.part[w.d], piece...)
	return len(piece), nil
}

func (w *writer) Commit() error {
	content := w.b.part[w.d]
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != w.d || int64(len(content)) != w.size {
		return errors.New("digest or size differs")
	}
	w.b.whole[w.d] = content
	delete(w.b.part, w.d)
	return nil
}

func (b *blobs) Open(d string) (io.ReadCloser, error) {
	content, ok := b.whole[d]
	if !ok {
		return nil, store.ErrNotFound
	}
	return io.NopCloser(newReader(content)), nil
}
