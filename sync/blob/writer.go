package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Writer takes the bytes of one blob in order. It is for one goroutine.
type Writer struct {
	s      *Store
	f      *file
	digest Digest // all zero in Put, until its end
	size   int64  // of the whole; -1 in Put
	path   string // of the part

	sum      hash.Hash // of everything taken
	taken    int64
	held     []byte // the bytes behind the last piece that was written
	sealed   []byte // room for a sealed piece
	pieces   int64  // written
	reserved int64  // what this writer counts for in the quota
	closed   bool
}

// Begin makes the blob of a digest and size, or goes on with a part of it: the
// next byte wanted is Offset. It returns ErrExists when there is nothing to do,
// ErrBusy while another writer is at it and ErrQuota when it would not fit.
func (s *Store) Begin(d Digest, size int64) (*Writer, error) {
	if size < 0 || size > s.quota {
		return nil, fmt.Errorf("begin blob %s of %d bytes: %w", d, size, ErrTooLarge)
	}
	if err := s.claim(d, "written"); err != nil {
		return nil, err
	}
	w, err := s.begin(d, size)
	if err != nil {
		s.yield(d)
		return nil, fmt.Errorf("begin blob %s: %w", d, err)
	}
	return w, nil
}

func (s *Store) begin(d Digest, size int64) (_ *Writer, err error) {
	if _, ok, err := s.Has(d); err != nil || ok {
		if ok {
			err = ErrExists
		}
		return nil, err
	}
	w := s.newWriter(d, size, s.path(d)+partExt)
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := w.takeUp(f, info.Size()); err != nil {
		return nil, err
	}
	// What is left of the part is counted already, the rest is to come.
	kept := w.fileSize()
	s.free(info.Size() - kept)
	w.reserved = kept
	if err := w.want(sealedSize(size)); err != nil {
		return nil, err
	}
	return w, nil
}

func (s *Store) newWriter(d Digest, size int64, path string) *Writer {
	return &Writer{
		s: s, digest: d, size: size, path: path, sum: sha256.New(),
		held: make([]byte, 0, piece), sealed: make([]byte, 0, sealedPiece),
	}
}

// takeUp reads what is in the part and cuts off what a crash tore. A part that
// is of no use is begun again.
func (w *Writer) takeUp(f *os.File, size int64) (err error) {
	if size > 0 {
		var d Digest
		var wanted int64
		w.f, d, wanted, err = w.s.resume(f)
		switch {
		case err == nil && d == w.digest && wanted == w.size:
			if err := w.takePieces(size); err != nil {
				return err
			}
			return f.Truncate(place(w.pieces))
		case err != nil && !errors.Is(err, ErrDamaged):
			return err
		}
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	w.f, err = w.s.start(f, w.digest, w.size)
	return err
}

// takePieces takes the full pieces that can be opened.
func (w *Writer) takePieces(size int64) error {
	for place(w.pieces+1) <= size && (w.pieces+1)*piece <= w.size {
		plain, err := w.f.readPiece(w.held, w.sealed[:cap(w.sealed)], w.pieces, piece)
		if errors.Is(err, ErrDamaged) {
			return nil
		}
		if err != nil {
			return err
		}
		_, _ = w.sum.Write(plain) // a hash never fails
		w.taken += piece
		w.pieces++
	}
	return nil
}

// fileSize is what whole pieces take on disk.
func (w *Writer) fileSize() int64 { return place(w.pieces) }

// want makes the writer count for size bytes in the quota.
func (w *Writer) want(size int64) error {
	if size <= w.reserved {
		return nil
	}
	if err := w.s.reserve(size - w.reserved); err != nil {
		return err
	}
	w.reserved = size
	return nil
}

// Offset is how many bytes have been taken: where to go on.
func (w *Writer) Offset() int64 { return w.taken }

// WriteAt takes bytes that belong at off, which must be Offset. Bytes before that
// are there already, bytes behind it would leave a hole: both are ErrOffset.
func (w *Writer) WriteAt(p []byte, off int64) (int, error) {
	if off != w.taken {
		return 0, fmt.Errorf("write blob at %d, next is %d: %w", off, w.taken, ErrOffset)
	}
	return w.Write(p)
}

// Write takes the next bytes. What it has taken may get lost in a crash, down to
// the last whole piece; a later Begin knows.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.closed {
		return 0, ErrClosed
	}
	if w.size >= 0 && int64(len(p)) > w.size-w.taken {
		return 0, fmt.Errorf("write %d bytes at %d of %d: %w", len(p), w.taken, w.size, ErrTooLarge)
	}
	for len(p) > 0 {
		k := copy(w.held[len(w.held):piece], p)
		w.held = w.held[:len(w.held)+k]
		_, _ = w.sum.Write(p[:k])
		w.taken += int64(k)
		n, p = n+k, p[k:]
		if len(w.held) == piece {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// flush writes what is held, a full piece or the end.
func (w *Writer) flush() error {
	if err := w.want(place(w.pieces) + int64(len(w.held)) + overhead); err != nil {
		return err
	}
	if err := w.f.writePiece(w.sealed, w.pieces, w.held); err != nil {
		return err
	}
	w.pieces++
	w.held = w.held[:0]
	return nil
}

// Commit checks the digest and keeps the blob. If it fails with ErrDigest the
// part is gone: whoever sent these bytes will not send better ones.
func (w *Writer) Commit() error {
	if w.closed {
		return ErrClosed
	}
	if w.taken != w.size || Digest(w.sum.Sum(nil)) != w.digest {
		err := fmt.Errorf("%d of %d bytes: %w", w.taken, w.size, ErrDigest)
		if w.taken < w.size {
			// Not wrong, only not all.
			return errors.Join(err, w.Close())
		}
		return errors.Join(err, w.Discard())
	}
	if err := w.finish(); err != nil {
		return fmt.Errorf("commit blob %s: %w", w.digest, err)
	}
	return nil
}

// finish writes what is missing, makes it durable and gives it its name.
func (w *Writer) finish() error {
	var err error
	if len(w.held) > 0 || w.pieces == 0 {
		err = w.flush()
	}
	if err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		// After a failed sync nobody knows what is on the disk.
		return errors.Join(err, w.Discard())
	}
	err = errors.Join(w.f.Close(), os.Rename(w.path, w.s.path(w.digest)), syncDir(w.s.dir))
	w.end(sealedSize(w.taken))
	return err
}

// Close ends the writer and keeps the whole pieces for a later Begin. After
// Commit it does nothing, so it may be deferred.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	if err := w.f.Close(); err != nil {
		return errors.Join(err, w.Discard())
	}
	w.end(w.fileSize())
	return nil
}

// Discard ends the writer and keeps nothing.
func (w *Writer) Discard() error {
	if w.closed {
		return nil
	}
	_ = w.f.Close() // it goes away
	err := os.Remove(w.path)
	if err != nil {
		err = fmt.Errorf("discard blob: %w", err)
	}
	w.end(0)
	return err
}

// end lets others have the blob, which takes so many bytes on disk.
func (w *Writer) end(size int64) {
	w.closed = true
	w.s.free(w.reserved - size)
	w.s.yield(w.digest)
}

// Put stores what r has, whose digest is not known before, and returns digest and
// size. More than most bytes are ErrTooLarge. ctx ends it between two reads.
func (s *Store) Put(ctx context.Context, r io.Reader, most int64) (Digest, int64, error) {
	f, err := os.CreateTemp(s.dir, tempPrefix+"*"+tempExt)
	if err != nil {
		return Digest{}, 0, fmt.Errorf("put blob: %w", err)
	}
	w := s.newWriter(Digest{}, -1, f.Name())
	d, err := w.put(ctx, f, r, most)
	if err != nil {
		if !w.closed {
			_ = f.Close()
			err = errors.Join(err, os.Remove(w.path))
			s.free(w.reserved)
		}
		return Digest{}, 0, fmt.Errorf("put blob: %w", err)
	}
	return d, w.taken, nil
}

func (w *Writer) put(ctx context.Context, f *os.File, r io.Reader, most int64) (d Digest, err error) {
	if err := w.want(sealedSize(0)); err != nil {
		return d, err
	}
	if w.f, err = w.s.start(f, d, 0); err != nil {
		return d, err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, &limited{ctx: ctx, r: r, left: most}, make([]byte, piece)); err != nil {
		return d, err
	}
	d = Digest(w.sum.Sum(nil))
	if err := w.s.claim(d, "written"); err != nil {
		return d, err
	}
	w.digest, w.size = d, w.taken
	if _, ok, err := w.s.Has(d); err != nil || ok {
		return d, errors.Join(err, w.Discard())
	}
	if err := w.f.writeHead(d, w.taken); err != nil {
		return d, errors.Join(err, w.Discard())
	}
	// Put may have overtaken a part of the same blob.
	part := w.s.path(d) + partExt
	if err := w.finish(); err != nil {
		return d, err
	}
	if err := w.s.remove(part); err != nil {
		return d, fmt.Errorf("remove part %s: %w", filepath.Base(part), err)
	}
	return d, nil
}

// limited reads no more than it may and not when its context has ended.
type limited struct {
	ctx  context.Context //nolint:containedctx // it lives for one call
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
