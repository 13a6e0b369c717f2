package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// Reader reads one blob from the start or from anywhere. ReadAt may be called
// from several goroutines; Read and Seek share a place and may not.
type Reader struct {
	*io.SectionReader
	pieces *pieces
}

var (
	_ io.ReadSeekCloser = (*Reader)(nil)
	_ io.ReaderAt       = (*Reader)(nil)
)

// Open opens a blob for reading, or returns ErrNotFound. Every byte is checked
// when it is read; a blob that was changed on disk is ErrDamaged.
func (s *Store) Open(d Digest) (*Reader, error) {
	f, err := os.Open(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %s: %w", d, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	p, err := s.openPieces(f, d)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob %s: %w", d, err), f.Close())
	}
	return &Reader{SectionReader: io.NewSectionReader(p, 0, p.size), pieces: p}, nil
}

// Close ends reading. It may be called twice.
func (r *Reader) Close() error { return r.pieces.close() }

// pieces reads a whole file piece by piece.
type pieces struct {
	size int64

	// mu guards what follows.
	mu     sync.Mutex
	f      *file
	number int64  // of the piece that is in plain, -1 at first
	plain  []byte // one piece
	sealed []byte // room for reading it
	closed bool
}

func (s *Store) openPieces(f *os.File, d Digest) (*pieces, error) {
	in, digest, size, err := s.resume(f)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if digest != d || sealedSize(size) != info.Size() {
		return nil, fmt.Errorf("%w: another blob's file", ErrDamaged)
	}
	room := min(size, piece)
	return &pieces{
		size: size, f: in, number: -1,
		plain: make([]byte, 0, room), sealed: make([]byte, room+overhead),
	}, nil
}

// ReadAt reads len(b) bytes from off on, fewer only at the end.
func (p *pieces) ReadAt(b []byte, off int64) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, ErrClosed
	}
	for len(b) > 0 {
		if off >= p.size {
			return n, io.EOF
		}
		if err := p.load(off / piece); err != nil {
			return n, fmt.Errorf("read blob: %w", err)
		}
		k := copy(b, p.plain[off%piece:])
		b, n, off = b[k:], n+k, off+int64(k)
	}
	return n, nil
}

func (p *pieces) load(number int64) error {
	if number == p.number {
		return nil
	}
	left := p.size - number*piece
	p.number = -1
	plain, err := p.f.readPiece(p.plain, p.sealed, number, int(min(left, piece)))
	if err != nil {
		return err
	}
	p.plain, p.number = plain, number
	return nil
}

func (p *pieces) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return p.f.Close()
}
