//go:build unix

package desk

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestJournal_CloseGivesTheLockUpThoughAChildIsBeingStarted: between fork and exec
// a child holds every file of its parent, and a lock that ends only with the last
// holder would outlive Close by that.
func TestJournal_CloseGivesTheLockUpThoughAChildIsBeingStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nothing := func(*entry) error { return nil }
	j, err := openJournal(dir, nothing)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(j.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(child) })
	if _, err := openJournal(dir, nothing); err == nil {
		t.Fatal("a second desk has opened the journal")
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openJournal(dir, nothing)
	if err != nil {
		t.Fatalf("open again: %v", err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}
