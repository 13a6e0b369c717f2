package badgerstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"parley/sync/store/badgerstore"
)

// Between fork and exec a child holds every file of its parent; a lock that ends
// with the last holder would outlive Close by that.
//
//nolint:paralleltest // it looks at all open files of the process
func TestClose_GivesTheStoreUpThoughAChildIsBeingStarted(t *testing.T) {
	dir := t.TempDir()
	o := options(dir, &disk{})
	s, err := badgerstore.Open(o)
	must(t, err)
	for _, fd := range openIn(t, dir) {
		child, err := unix.Dup(fd)
		must(t, err)
		t.Cleanup(func() { _ = unix.Close(child) })
	}
	if _, err := badgerstore.Open(o); !errors.Is(err, badgerstore.ErrLocked) {
		t.Fatalf("a second Open: %v", err)
	}
	must(t, s.Close())
	open(t, o)
}

// openIn are the open files of this process that lie in dir, dir itself among them.
func openIn(t *testing.T, dir string) (fds []int) {
	t.Helper()
	for fd := range 1024 {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(fd)))
		if err == nil && (name == dir || filepath.Dir(name) == dir) {
			fds = append(fds, fd)
		}
	}
	if len(fds) == 0 {
		t.Fatal("no open file of the store in /proc/self/fd")
	}
	return fds
}
