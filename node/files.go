package node

import (
	"context"
	"errors"
	"io"

	"parley/sync/blob"
	"parley/sync/flow"
)

// files is the blob store as the path wants it.
type files struct{ *blob.Store }

var _ flow.Blobs = files{}

// Has tells whether the whole of a file is here.
func (f files) Has(digest string) bool {
	d, err := blob.ParseDigest(digest)
	if err != nil {
		return false
	}
	_, ok, err := f.Store.Has(d)
	return ok && err == nil
}

// Put keeps what r gives.
func (f files) Put(ctx context.Context, r io.Reader, limit int64) (string, int64, error) {
	d, size, err := f.Store.Put(ctx, r, limit)
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return "", 0, err
	}
	return d.String(), size, nil
}

// Piece reads a part of a file.
func (f files) Piece(digest string, offset int64, n int) (_ []byte, err error) {
	d, err := blob.ParseDigest(digest)
	if err != nil {
		return nil, err
	}
	r, err := f.Store.Open(d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	piece := make([]byte, n)
	got, err := r.ReadAt(piece, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return piece[:got], err
}

// Begin goes on with a file.
func (f files) Begin(digest string, size int64) (flow.BlobWriter, error) {
	d, err := blob.ParseDigest(digest)
	if err != nil {
		return nil, err
	}
	return f.Store.Begin(d, size)
}

// Open reads a whole file.
func (f files) Open(digest string) (io.ReadCloser, error) {
	d, err := blob.ParseDigest(digest)
	if err != nil {
		return nil, err
	}
	return f.Store.Open(d)
}
