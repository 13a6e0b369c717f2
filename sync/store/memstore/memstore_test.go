package memstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/store"
	"parley/sync/store/memstore"
	"parley/sync/store/storetest"
)

func TestMemstore_KeepsThePromisesOfAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) storetest.Subject {
		s := memstore.New()
		return storetest.Subject{
			Store:      s,
			Restart:    func(testing.TB) store.Store { return s.Crash() },
			FailCommit: func() { s.FailCommit(1) },
			SetFull:    func(_ testing.TB, full bool) { s.SetFull(full) },
		}
	})
}

func write(key, value string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.Put([]byte(key), []byte(value)) }
}

func all(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := s.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(k, v []byte) (bool, error) { got[string(k)] = string(v); return true, nil })
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return got
}

func want(t *testing.T, s store.Store, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(all(t, s), want); diff != "" {
		t.Errorf("store (-got +want):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrash_DropsLazyWritesThatNoCommitTookAlong(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	must(t, s.Lazy(write("a", "1")))
	want(t, s, map[string]string{})
	must(t, s.Update(write("b", "2")))
	must(t, s.Lazy(write("c", "3")))
	again := s.Crash()
	want(t, again, map[string]string{"a": "1", "b": "2"})
	if err := s.Update(write("d", "4")); !errors.Is(err, store.ErrStopped) {
		t.Errorf("the crashed store took a write: %v", err)
	}
}

func TestFlush_CommitsLazyWrites(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	must(t, s.Lazy(write("a", "1")))
	must(t, s.Flush())
	want(t, s, map[string]string{"a": "1"})
	want(t, s.Crash(), map[string]string{"a": "1"})
}

func TestRestore_GoesBackToTheSnapshot(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	must(t, s.Update(write("a", "1")))
	backup := s.Snapshot()
	must(t, s.Update(write("a", "2")))
	must(t, s.Update(write("b", "2")))
	old := s.Restore(backup)
	want(t, old, map[string]string{"a": "1"})
	must(t, old.Update(write("c", "3")))
	want(t, old.Restore(backup), map[string]string{"a": "1"})
}

func TestFailCommit_FailsTheNth(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	s.FailCommit(3)
	must(t, s.Update(write("a", "1")))
	must(t, s.Update(write("b", "2")))
	err := s.Update(write("c", "3"))
	if !errors.Is(err, memstore.ErrInjected) || !errors.Is(err, store.ErrStopped) {
		t.Errorf("third commit: %v", err)
	}
	again := s.Crash()
	want(t, again, map[string]string{"a": "1", "b": "2"})
	must(t, again.Update(write("d", "4")))
}

func TestHooks_SeeBothSidesOfACommit(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	for name, test := range map[string]struct {
		hooks memstore.Hooks
		left  map[string]string
	}{
		"before": {memstore.Hooks{Before: func() error { return crash }}, map[string]string{}},
		"after":  {memstore.Hooks{After: func() error { return crash }}, map[string]string{"a": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			s.SetHooks(test.hooks)
			if err := s.Update(write("a", "1")); !errors.Is(err, crash) || !errors.Is(err, store.ErrStopped) {
				t.Errorf("Update: %v", err)
			}
			want(t, s.Crash(), test.left)
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts the whole process
func TestScan_OfAPageDoesNotTouchTheRest(t *testing.T) {
	s := memstore.New()
	for i := range 20 {
		must(t, s.Update(func(tx store.Tx) error {
			for j := range 5000 {
				if err := tx.Put(fmt.Appendf(nil, "x/%07d", i*5000+j), []byte("v")); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	page := func() {
		n := 0
		err := s.View(func(r store.Reader) error {
			return r.Keys([]byte("x/"), []byte("x/0050000"), func([]byte) (bool, error) { n++; return n < 10, nil })
		})
		if err != nil || n != 10 {
			t.Errorf("%d keys, %v", n, err)
		}
	}
	// Each key shown is copied; anything in the order of the 100,000 is too much.
	if got := testing.AllocsPerRun(10, page); got > 100 {
		t.Errorf("%v allocations for a page of 10", got)
	}
}
