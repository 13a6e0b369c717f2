package badgerstore_test

import (
	"errors"
	"os"
	"testing"

	"go.uber.org/goleak"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir, os.Getenv(childWriters)))
	}
	os.Exit(m.Run())
}

// Not parallel, and not for the whole package: Badger itself leaves goroutines
// behind when it cannot open damaged files.
//
//nolint:paralleltest // it looks at all goroutines of the process
func TestClose_LeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, end := range []func(*badgerstore.Store, *disk){
		func(*badgerstore.Store, *disk) {},
		func(s *badgerstore.Store, _ *disk) { must(t, s.Lazy(write("x/lazy", "1"))) },
		func(s *badgerstore.Store, d *disk) {
			d.fail.Store(true)
			if err := s.Update(write("x/b", "2")); !errors.Is(err, store.ErrStopped) {
				t.Errorf("Update = %v, want ErrStopped", err)
			}
		},
	} {
		d := &disk{}
		o := options(t.TempDir(), d)
		s, err := badgerstore.Open(o)
		must(t, err)
		must(t, s.Update(write("x/a", "1")))
		if _, err := badgerstore.Open(o); !errors.Is(err, badgerstore.ErrLocked) {
			t.Errorf("second Open: %v", err)
		}
		end(s, d)
		must(t, s.Close())
	}
}
