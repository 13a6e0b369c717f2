//go:build unix

package admin

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListen_CloseFreesTheFolderThoughAChildIsBeingStarted: between fork and exec a
// child holds every file of its parent, the lock too.
func TestListen_CloseFreesTheFolderThoughAChildIsBeingStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(first.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(child) })
	if _, err := Listen(dir); !errors.Is(err, ErrRunning) {
		t.Fatalf("a second node in the folder: %v, want ErrRunning", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(dir)
	if err != nil {
		t.Fatalf("the folder of a node that ended: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}
