package badgerstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
	"parley/sync/store/storetest"
)

var errDisk = errors.New("disk says no")

// disk is what a test can do to a store's disk.
type disk struct {
	free   atomic.Uint64
	fail   atomic.Bool
	before func() // each commit
}

const plenty = 1 << 40

func options(dir string, d *disk) badgerstore.Options {
	d.free.Store(plenty)
	o := badgerstore.Options{
		Dir: dir, Key: [32]byte{1}, Ballast: -1,
		CheckEvery: time.Millisecond,
		Free:       func(string) (uint64, error) { return d.free.Load(), nil },
	}
	return o.WithCommit(func() error {
		if d.before != nil {
			d.before()
		}
		if d.fail.Load() {
			return errDisk
		}
		return nil
	})
}

func open(t testing.TB, o badgerstore.Options) *badgerstore.Store {
	t.Helper()
	s, err := badgerstore.Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestBadgerstore_KeepsThePromisesOfAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Subject {
		d := &disk{}
		o := options(t.TempDir(), d)
		s := open(t, o)
		return storetest.Subject{
			Store: s,
			Restart: func(t testing.TB) store.Store {
				// What the files hold at this moment is what a kill would leave.
				left := options(t.TempDir(), &disk{})
				if err := os.CopyFS(left.Dir, os.DirFS(o.Dir)); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				return open(t, left)
			},
			FailCommit: func() { d.fail.Store(true) },
			SetFull: func(t testing.TB, full bool) {
				d.free.Store(plenty)
				if full {
					d.free.Store(1)
				}
				storetest.Within(t, 10*time.Second, "free space noticed", func() bool { return s.Full() == full })
			},
		}
	})
}

func write(key, value string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.Put([]byte(key), []byte(value)) }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func value(t testing.TB, s store.Store, key string) string {
	t.Helper()
	var v []byte
	err := s.View(func(r store.Reader) (err error) { v, err = r.Get([]byte(key)); return err })
	if errors.Is(err, store.ErrNotFound) {
		return "-"
	}
	must(t, err)
	return string(v)
}

func wantValue(t testing.TB, s store.Store, key, want string) {
	t.Helper()
	if got := value(t, s, key); got != want {
		t.Errorf("%s = %q, want %q", key, got, want)
	}
}

// held is a store whose commits wait for let.
func held(t *testing.T) (s *badgerstore.Store, d *disk, entered, let chan struct{}) {
	t.Helper()
	d, entered, let = &disk{}, make(chan struct{}, 100), make(chan struct{})
	s = open(t, options(t.TempDir(), d))
	d.before = func() { entered <- struct{}{}; <-let }
	return s, d, entered, let
}

func TestUpdate_CallsThatWaitTogetherCostOneSync(t *testing.T) {
	t.Parallel()
	s, _, entered, let := held(t)
	before := s.Stats()
	var callers sync.WaitGroup
	callers.Go(func() { must(t, s.Update(write("x/first", "1"))) })
	<-entered
	// While the first is being synced, fifty more come and run.
	var ran atomic.Int64
	for i := range 50 {
		callers.Go(func() {
			must(t, s.Update(func(tx store.Tx) error {
				if v, err := tx.Get([]byte("x/first")); string(v) != "1" {
					t.Errorf("the group before is not seen: %q, %v", v, err)
				}
				ran.Add(1)
				return tx.Put(fmt.Appendf(nil, "x/%d", i), []byte("2"))
			}))
		})
	}
	storetest.Within(t, 10*time.Second, "fifty functions run during a commit", func() bool { return ran.Load() == 50 })
	if got := value(t, s, "x/first"); got != "-" {
		t.Errorf("a View sees %q before the commit", got)
	}
	close(let)
	callers.Wait()
	after := s.Stats()
	if got := after.Commits - before.Commits; got != 2 {
		t.Errorf("%d commits, want 2", got)
	}
	if got := after.Transactions - before.Transactions; got != 51 {
		t.Errorf("%d transactions, want 51", got)
	}
}

func TestUpdate_AnErrorWaitsForWhatItsFunctionSaw(t *testing.T) {
	t.Parallel()
	s, _, entered, let := held(t)
	var callers sync.WaitGroup
	callers.Go(func() { must(t, s.Update(write("x/number", "7"))) })
	<-entered
	known := errors.New("number is known")
	answered := make(chan struct{})
	saw := make(chan struct{})
	callers.Go(func() {
		err := s.Update(func(tx store.Tx) error {
			_, err := tx.Get([]byte("x/number"))
			must(t, err)
			close(saw)
			return known
		})
		if !errors.Is(err, known) {
			t.Errorf("error = %v", err)
		}
		close(answered)
	})
	<-saw
	// Lazy goes through the same writer: behind it, a wrong answer would be there.
	must(t, s.Lazy(write("x/other", "1")))
	select {
	case <-answered:
		t.Error("answered before the number was on disk")
	default:
	}
	close(let)
	callers.Wait()
	<-answered
}

func TestUpdate_AFailedCommitFailsEveryoneBehindIt(t *testing.T) {
	t.Parallel()
	s, d, entered, let := held(t)
	d.fail.Store(true)
	var callers sync.WaitGroup
	fails := func() {
		if err := s.Update(write("x/a", "1")); !errors.Is(err, store.ErrStopped) {
			t.Errorf("Update = %v, want ErrStopped", err)
		}
		if s.Err() == nil {
			t.Error("answered before the store was stopped")
		}
	}
	callers.Go(fails)
	<-entered
	for range 20 {
		callers.Go(fails)
	}
	must(t, s.Lazy(write("x/b", "1")))
	close(let)
	callers.Wait()
	if err := s.Err(); !errors.Is(err, errDisk) {
		t.Errorf("Err = %v, want the cause", err)
	}
}

func TestUpdate_GroupsAreCutToWhatBadgerTakes(t *testing.T) {
	t.Parallel()
	s, _, entered, let := held(t)
	var callers sync.WaitGroup
	callers.Go(func() { must(t, s.Update(write("x/first", "1"))) })
	<-entered
	big := make([]byte, store.MaxValue)
	for i := range 12 {
		callers.Go(func() {
			must(t, s.Update(func(tx store.Tx) error {
				for j := range store.MaxWrites / 2 {
					must(t, tx.Put(fmt.Appendf(nil, "y/%02d/%05d", i, j), nil))
				}
				// A value that grows counts as what it has become.
				one, two := fmt.Appendf(nil, "x/%02d/1", i), fmt.Appendf(nil, "x/%02d/2", i)
				return errors.Join(tx.Put(one, nil), tx.Put(two, nil), tx.Put(one, big), tx.Put(two, big))
			}))
		})
	}
	close(let)
	callers.Wait()
	for i := range 12 {
		if got := value(t, s, fmt.Sprintf("x/%02d/2", i)); len(got) != len(big) {
			t.Errorf("%d: %d bytes", i, len(got))
		}
	}
}

func TestClose_WaitsForUpdates(t *testing.T) {
	t.Parallel()
	s, _, entered, let := held(t)
	var callers sync.WaitGroup
	callers.Go(func() { must(t, s.Update(write("x/first", "1"))) })
	<-entered
	ran := make(chan struct{})
	callers.Go(func() {
		must(t, s.Update(func(tx store.Tx) error { close(ran); return tx.Put([]byte("x/second"), nil) }))
	})
	<-ran
	callers.Go(func() { must(t, s.Close()) })
	untilStopped(t, s)
	close(let)
	callers.Wait()
}

func TestClose_WaitsForViews(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &disk{})
	var looks atomic.Int64
	o.Free = func(string) (uint64, error) { looks.Add(1); return plenty, nil }
	s := open(t, o)
	closed := make(chan error, 1)
	must(t, s.View(func(r store.Reader) error {
		go func() { closed <- s.Close() }()
		untilStopped(t, s)
		// Close ends the looks at the disk once nobody reads any more.
		after := looks.Load() + 50
		storetest.Within(t, 10*time.Second, "the store lives on under a View", func() bool { return looks.Load() >= after })
		_, err := r.Get([]byte(badgerstore.SchemaKey))
		return err
	}))
	must(t, <-closed)
}

func untilStopped(t *testing.T, s store.Store) {
	t.Helper()
	storetest.Within(t, 10*time.Second, "Close refuses calls", func() bool {
		return errors.Is(s.Lazy(func(store.Tx) error { return nil }), store.ErrStopped)
	})
}

func TestLazy_IsCommittedByItselfAfterAWhile(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir(), &disk{}))
	must(t, s.Lazy(write("x/a", "1")))
	storetest.Within(t, 10*time.Second, "Lazy committed", func() bool { return value(t, s, "x/a") == "1" })
}

func TestLazy_IsNotPutOffByFurtherOnes(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir(), &disk{}))
	must(t, s.Lazy(write("x/first", "1")))
	i := 0
	storetest.Within(t, 10*time.Second, "the first of many Lazy committed", func() bool {
		i++
		must(t, s.Lazy(write("x/more", fmt.Sprint(i))))
		return value(t, s, "x/first") == "1"
	})
}

func TestUpdate_AFunctionThatEndsItsGoroutineStopsTheStore(t *testing.T) {
	t.Parallel()
	s := open(t, options(t.TempDir(), &disk{}))
	err := s.Update(func(store.Tx) error { runtime.Goexit(); return nil })
	if !errors.Is(err, store.ErrStopped) {
		t.Errorf("Update = %v, want ErrStopped", err)
	}
	<-s.Failed()
}

func TestOpen_RemovesEmptyLogs(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &disk{})
	s := open(t, o)
	must(t, s.Update(write("x/a", "1")))
	must(t, s.Close())
	for _, name := range []string{"00007.mem", "000009.vlog"} {
		must(t, os.WriteFile(filepath.Join(o.Dir, name), nil, 0o600))
	}
	wantValue(t, open(t, o), "x/a", "1")
}

func TestOpen_ATableThatAKillLeftHalfWrittenIsNoDamage(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &disk{})
	fillAndClose(t, o)
	// Badger makes a table whole before its manifest names it.
	for name, size := range map[string]int{"000777.sst": 0, "000778.sst": 1000} {
		must(t, os.WriteFile(filepath.Join(o.Dir, name), make([]byte, size), 0o600))
	}
	wantValue(t, open(t, o), "x/99", string(make([]byte, 1000)))
}

func TestOpen_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		harm func(t *testing.T, o *badgerstore.Options)
		want error
	}{
		{"locked", func(t *testing.T, o *badgerstore.Options) { open(t, *o) }, badgerstore.ErrLocked},
		{"key", func(_ *testing.T, o *badgerstore.Options) { o.Key[7] = 1 }, badgerstore.ErrWrongKey},
		{"manifest", func(t *testing.T, o *badgerstore.Options) { flip(t, o.Dir, "MANIFEST", 20) }, badgerstore.ErrDamaged},
		{"table cut off", func(t *testing.T, o *badgerstore.Options) { cut(t, o.Dir, "*.sst", 1000) }, badgerstore.ErrDamaged},
		{"table empty", func(t *testing.T, o *badgerstore.Options) { cut(t, o.Dir, "*.sst", 0) }, badgerstore.ErrDamaged},
		{"table bit", func(t *testing.T, o *badgerstore.Options) { flip(t, o.Dir, "*.sst", 777) }, badgerstore.ErrDamaged},
		{"table gone", func(t *testing.T, o *badgerstore.Options) { must(t, os.Remove(one(t, o.Dir, "*.sst"))) }, badgerstore.ErrDamaged},
		{"newer", func(t *testing.T, o *badgerstore.Options) {
			s := open(t, *o)
			must(t, s.Update(write(badgerstore.SchemaKey, "999")))
			must(t, s.Close())
		}, badgerstore.ErrNewer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir(), &disk{})
			fillAndClose(t, o)
			test.harm(t, &o)
			s, err := badgerstore.Open(o)
			if err == nil {
				t.Fatal(errors.Join(errors.New("opened"), s.Close()))
			}
			if !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
			t.Log(err)
		})
	}
}

func fillAndClose(t *testing.T, o badgerstore.Options) {
	t.Helper()
	s := open(t, o)
	for i := range 100 {
		must(t, s.Lazy(write(fmt.Sprintf("x/%d", i), string(make([]byte, 1000)))))
	}
	must(t, s.Close())
}

func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return names[0]
}

func flip(t *testing.T, dir, pattern string, at int) {
	t.Helper()
	name := one(t, dir, pattern)
	b, err := os.ReadFile(name)
	must(t, err)
	b[at] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
}

func cut(t *testing.T, dir, pattern string, size int64) {
	t.Helper()
	must(t, os.Truncate(one(t, dir, pattern), size))
}

func TestOpen_EncryptsEverything(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &disk{})
	s := open(t, o)
	const secret = "a ticket's very own text"
	must(t, s.Update(write("x/"+secret, secret)))
	look := func() {
		t.Helper()
		must(t, filepath.WalkDir(o.Dir, func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds the text in the clear", name)
			}
			return err
		}))
	}
	look()
	must(t, s.Close())
	look()
}

func TestSpace_TheBallastIsGivenUpWhenTheDiskIsNearlyOut(t *testing.T) {
	t.Parallel()
	d := &disk{}
	o := options(t.TempDir(), d)
	o.MinFree, o.Ballast = 1000, 4096
	var looks atomic.Int64
	o.Free = func(string) (uint64, error) { looks.Add(1); return d.free.Load(), nil }
	ballast := filepath.Join(o.Dir, "ballast")
	size := func() int64 {
		info, err := os.Stat(ballast)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	s := open(t, o)
	if size() != 4096 {
		t.Fatalf("ballast of %d bytes after Open", size())
	}
	look := func(free uint64, full bool, want int64) {
		t.Helper()
		d.free.Store(free)
		// The second look from here on begins when the first has ended, which saw
		// the new figure.
		after := looks.Load() + 3
		storetest.Within(t, 10*time.Second, "disk looked at", func() bool { return looks.Load() >= after })
		if s.Full() != full || size() != want {
			t.Errorf("with %d free: full %v, ballast %d; want %v, %d", free, s.Full(), size(), full, want)
		}
	}
	look(999, true, 4096)
	look(1001, true, 4096) // just over the mark is not room yet
	look(249, true, -1)
	look(999, true, -1)
	look(1125, false, -1)
	look(plenty, false, 4096)
}
