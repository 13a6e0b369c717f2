package blob

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	partExt    = ".part"
	tempPrefix = "put-"
	tempExt    = ".tmp"
)

// Options say where blobs are. All are needed.
type Options struct {
	// Dir is a directory of the blobs' own; it is made if it is not there.
	Dir string
	// Key is the secret that names and keys are derived from: the store's.
	Key [32]byte
	// Quota is how many bytes the files may take, parts of them included.
	Quota int64
}

// Store keeps blobs in a directory. Its methods may be called from several
// goroutines.
type Store struct {
	dir   string
	key   [32]byte
	names [32]byte
	quota int64

	// mu guards what follows.
	mu   sync.Mutex
	used int64             // bytes on disk, and bytes promised to writers
	busy map[Digest]string // digests that a writer has, and their use
}

// Open opens the directory, removes what nobody can go on with and counts the rest.
func Open(o Options) (*Store, error) {
	if o.Key == ([32]byte{}) || o.Quota <= 0 || o.Dir == "" {
		return nil, errors.New("open blobs: directory, key and quota are needed")
	}
	s := &Store{dir: o.Dir, quota: o.Quota, busy: make(map[Digest]string)}
	for info, dst := range map[string]*[32]byte{"parley blob files": &s.key, "parley blob names": &s.names} {
		key, err := hkdf.Key(sha256.New, o.Key[:], nil, info, len(dst))
		if err != nil {
			return nil, fmt.Errorf("open blobs: %w", err)
		}
		copy(dst[:], key)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if err := s.count(); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return s, nil
}

func (s *Store) count() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && strings.HasSuffix(e.Name(), tempExt) {
			// Its digest was never known, so nobody will ask for the rest.
			if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
				return err
			}
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.used += info.Size()
	}
	return nil
}

// path returns the file of a blob: its name does not tell the digest.
func (s *Store) path(d Digest) string {
	mac := hmac.New(sha256.New, s.names[:])
	_, _ = mac.Write(d[:]) // a hash never fails
	return filepath.Join(s.dir, hex.EncodeToString(mac.Sum(nil)))
}

// Used returns how many bytes count for the quota.
func (s *Store) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Has tells whether the blob is there whole, and its size.
func (s *Store) Has(d Digest) (size int64, ok bool, err error) {
	info, err := os.Stat(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look for blob: %w", err)
	}
	if size, err = plainSize(info.Size()); err != nil {
		return 0, false, fmt.Errorf("look for blob %s: %w", d, err)
	}
	return size, true, nil
}

// Delete removes a blob and what there is of a part of it. It need not exist.
// Who has it open can go on reading where the system allows that.
func (s *Store) Delete(d Digest) error {
	if err := s.claim(d, "deleted"); err != nil {
		return err
	}
	defer s.yield(d)
	for _, name := range []string{s.path(d), s.path(d) + partExt} {
		if err := s.remove(name); err != nil {
			return fmt.Errorf("delete blob %s: %w", d, err)
		}
	}
	return syncDir(s.dir)
}

// remove removes a file that nobody writes and takes it out of the count.
func (s *Store) remove(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	s.free(info.Size())
	return nil
}

// claim keeps others from writing or deleting the blob until yield.
func (s *Store) claim(d Digest, use string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.busy[d]; ok {
		return fmt.Errorf("blob %s is being %s: %w", d, now, ErrBusy)
	}
	s.busy[d] = use
	return nil
}

func (s *Store) yield(d Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, d)
}

// reserve counts bytes before they are written.
func (s *Store) reserve(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.quota-s.used {
		return fmt.Errorf("%d of %d bytes used, %d more wanted: %w", s.used, s.quota, n, ErrQuota)
	}
	s.used += n
	return nil
}

func (s *Store) free(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
}
