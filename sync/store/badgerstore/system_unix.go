//go:build unix

package badgerstore

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes returns what the process may still write on the disk that holds dir.
func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// lockDir takes the lock file, which the system lets go when the process ends.
// Badger's own lock is not used: it comes too late to guard the repair before it,
// and stays for a moment if the process starts a child while the store is closed.
func lockDir(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%w: stop that one, or give this one a directory of its own", ErrLocked)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return lockFile{f}, nil
}

type lockFile struct{ *os.File }

// Close gives the lock up before the file: a child between fork and exec holds the
// file too, and would keep the lock.
func (l lockFile) Close() error {
	return errors.Join(unix.Flock(int(l.Fd()), unix.LOCK_UN), l.File.Close())
}

func isFull(err error) bool { return says(err, unix.ENOSPC) }
