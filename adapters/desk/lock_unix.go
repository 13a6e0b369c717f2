//go:build unix

package desk

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile keeps a second desk off the same journal; it ends with the process.
func lockFile(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// unlockFile gives the lock up before the file is closed: a child between fork and
// exec holds the file too, and would keep the lock.
func unlockFile(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_UN)
}
