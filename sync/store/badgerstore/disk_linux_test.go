package badgerstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
	"parley/sync/store/storetest"
)

// realDisk makes a disk of so many bytes. Only root may; a build server must.
func realDisk(t *testing.T, size int) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true" {
		t.Log("not tested: no disk can be mounted here, that needs root")
		return "", false
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir, true
}

func onDisk(dir string) badgerstore.Options {
	return badgerstore.Options{
		Dir: filepath.Join(dir, "store"), Key: [32]byte{1}, CheckEvery: time.Millisecond,
		MinFree: 24 << 20, Ballast: 8 << 20,
	}
}

// TestDisk_FullTakesNothingInFinishesAndGoesOn: a real disk fills up.
func TestDisk_FullTakesNothingInFinishesAndGoesOn(t *testing.T) {
	t.Parallel()
	dir, ok := realDisk(t, 96<<20)
	if !ok {
		return
	}
	o := onDisk(dir)
	s, err := badgerstore.Open(o)
	must(t, err)
	must(t, s.Update(write("x/before", "1")))
	filler := filepath.Join(dir, "filler")
	fill := func(free uint64) {
		var at syscall.Statfs_t
		must(t, syscall.Statfs(dir, &at))
		have := at.Bavail * uint64(at.Bsize)
		f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		must(t, err)
		_, err = f.Write(make([]byte, have-min(have, free)))
		must(t, errors.Join(err, f.Close()))
	}
	fill(20 << 20)
	storetest.Within(t, 10*time.Second, "the full disk is noticed", s.Full)
	if err := s.Update(write("x/refused", "1")); !errors.Is(err, store.ErrFull) {
		t.Errorf("Update = %v, want ErrFull", err)
	}
	must(t, s.Finish(write("x/finished", "1")))
	// Nearly out: the ballast makes room to finish in.
	fill(1 << 20)
	storetest.Within(t, 10*time.Second, "the ballast is given up", func() bool {
		_, err := os.Stat(filepath.Join(o.Dir, "ballast"))
		return errors.Is(err, os.ErrNotExist)
	})
	for i := range 200 {
		must(t, s.Finish(write(fmt.Sprintf("x/late/%d", i), string(make([]byte, 10_000)))))
	}
	must(t, os.Remove(filler))
	storetest.Within(t, 10*time.Second, "the room is noticed", func() bool { return !s.Full() })
	must(t, s.Update(write("x/after", "1")))
	must(t, s.Close())
	s, err = badgerstore.Open(o)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	for _, key := range []string{"x/before", "x/finished", "x/after"} {
		wantValue(t, s, key, "1")
	}
	wantValue(t, s, "x/refused", "-")
	wantValue(t, s, "x/late/199", string(make([]byte, 10_000)))
}

// TestDisk_ReadOnlyIsSaidAndLosesNothing: also what a kill left in the log.
func TestDisk_ReadOnlyIsSaidAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir, ok := realDisk(t, 96<<20)
	if !ok {
		return
	}
	killed := onDisk(t.TempDir())
	killed.Ballast, killed.MinFree = -1, -1
	s, err := badgerstore.Open(killed)
	must(t, err)
	must(t, s.Update(write("x/acknowledged", "1")))
	o := onDisk(dir)
	must(t, os.MkdirAll(o.Dir, 0o700))
	copyStore(t, o.Dir, killed.Dir)
	must(t, s.Close())

	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = badgerstore.Open(o)
	if !errors.Is(err, syscall.EROFS) || errors.Is(err, badgerstore.ErrDamaged) {
		t.Errorf("Open = %v, want that the disk is read-only", err)
	}
	t.Log(err)
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	s, err = badgerstore.Open(o)
	must(t, err)
	wantValue(t, s, "x/acknowledged", "1")
	must(t, s.Close())
}
