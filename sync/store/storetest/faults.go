package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/sync/store"
)

func whenFull(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1")
	s.SetFull(t, true)
	if !s.Store.Full() {
		t.Error("Full is false")
	}
	called := false
	err := s.Store.Update(func(store.Tx) error { called = true; return nil })
	wantErr(t, err, store.ErrFull)
	if called {
		t.Error("the function was called")
	}
	wantErr(t, s.Store.Finish(putting("x/b", "2")), nil)
	wantErr(t, s.Store.Lazy(putting("x/c", "3")), nil)
	s.SetFull(t, false)
	put(t, s.Store, "x/d", "4")
	again := s.Restart(t)
	for key, want := range map[string]string{"x/a": "1", "x/b": "2", "x/c": "3", "x/d": "4"} {
		wantKey(t, again, key, want)
	}
}

func lazyIsSeen(t *testing.T, s Subject) {
	wantErr(t, s.Store.Lazy(putting("x/a", "1")), nil)
	wantErr(t, s.Store.Lazy(func(tx store.Tx) error {
		if got := get(t, tx, "x/a"); got != "1" {
			t.Errorf("the next Lazy sees %q, want 1", got)
		}
		return tx.Put([]byte("x/b"), []byte("2"))
	}), nil)
	wantErr(t, s.Store.Update(func(tx store.Tx) error {
		wantScan(t, scan(t, tx, "x/", nil), "x/a=1", "x/b=2")
		return nil
	}), nil)
	wantKey(t, s.Store, "x/b", "2")
}

func lazyOrder(t *testing.T, s Subject) {
	wantErr(t, s.Store.Lazy(putting("x/a", "1", "x/b", "2")), nil)
	// Even a transaction that writes nothing: it may have seen the writes.
	wantErr(t, s.Store.Update(func(store.Tx) error { return nil }), nil)
	wantErr(t, s.Store.Lazy(putting("x/c", "3", "x/d", "4")), nil)
	again := s.Restart(t)
	wantKey(t, again, "x/a", "1")
	wantKey(t, again, "x/b", "2")
	if c, d := read(t, again, "x/c"), read(t, again, "x/d"); c+d != "34" && c+d != "--" {
		t.Errorf("half of a Lazy was left: %q, %q", c, d)
	}
}

func lazyBehindError(t *testing.T, s Subject) {
	wantErr(t, s.Store.Lazy(putting("x/a", "1")), nil)
	// The error may say what the function saw, so that must be on disk too.
	wantErr(t, s.Store.Update(func(store.Tx) error { return errOurs }), errOurs)
	wantKey(t, s.Restart(t), "x/a", "1")
}

func lazyErrors(t *testing.T, s Subject) {
	err := s.Store.Lazy(func(tx store.Tx) error {
		wantErr(t, tx.Put([]byte("x/a"), nil), nil)
		return errOurs
	})
	wantErr(t, err, errOurs)
	put(t, s.Store, "x/b", "2")
	wantKey(t, s.Store, "x/a", "-")
}

func failedCommit(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1")
	wantErr(t, s.Store.Err(), nil)
	s.FailCommit()
	wantErr(t, s.Store.Update(putting("x/b", "2")), store.ErrStopped)
	select {
	case <-s.Store.Failed():
	case <-time.After(10 * time.Second):
		t.Fatal("Failed is not closed")
	}
	wantErr(t, s.Store.Err(), store.ErrStopped)
	nothing := func(store.Tx) error { t.Error("a function was called"); return nil }
	wantErr(t, s.Store.Update(nothing), store.ErrStopped)
	wantErr(t, s.Store.Finish(nothing), store.ErrStopped)
	wantErr(t, s.Store.Lazy(nothing), store.ErrStopped)
	wantErr(t, s.Store.View(func(store.Reader) error { t.Error("View was called"); return nil }), store.ErrStopped)
	wantErr(t, s.Store.Close(), nil)
	wantKey(t, s.Restart(t), "x/a", "1")
}

func viewSnapshot(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/b", "2")
	err := s.Store.View(func(r store.Reader) error {
		wantErr(t, s.Store.Update(func(tx store.Tx) error {
			return errors.Join(putting("x/a", "8", "x/c", "9")(tx), tx.Delete([]byte("x/b")))
		}), nil)
		wantScan(t, scan(t, r, "x/", nil), "x/a=1", "x/b=2")
		if got := get(t, r, "x/a") + get(t, r, "x/b") + get(t, r, "x/c"); got != "12-" {
			t.Errorf("snapshot moved: %q", got)
		}
		return errOurs
	})
	wantErr(t, err, errOurs)
	wantErr(t, s.Store.View(func(r store.Reader) error {
		wantScan(t, scan(t, r, "x/", nil), "x/a=8", "x/c=9")
		return nil
	}), nil)
}

func closeTwice(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1")
	wantErr(t, s.Store.Lazy(putting("x/b", "2")), nil)
	wantErr(t, s.Store.Close(), nil)
	wantErr(t, s.Store.Close(), nil)
	wantErr(t, s.Store.Err(), nil)
	wantErr(t, s.Store.Update(putting("x/c", "3")), store.ErrStopped)
	wantErr(t, s.Store.Finish(putting("x/c", "3")), store.ErrStopped)
	wantErr(t, s.Store.Lazy(putting("x/c", "3")), store.ErrStopped)
	wantErr(t, s.Store.View(func(store.Reader) error { return nil }), store.ErrStopped)
	select {
	case <-s.Store.Failed():
		t.Error("Failed is closed: it did not stop by itself")
	default:
	}
	again := s.Restart(t)
	wantKey(t, again, "x/b", "2")
	wantKey(t, again, "x/c", "-")
}

func stats(t *testing.T, s Subject) {
	before := s.Store.Stats()
	put(t, s.Store, "x/a", "1", "x/b", "22")
	wantErr(t, s.Store.Update(func(store.Tx) error { return errOurs }), errOurs)
	wantErr(t, s.Store.Update(func(tx store.Tx) error { return tx.Delete([]byte("x/a")) }), nil)
	after := s.Store.Stats()
	got := store.Stats{
		Transactions: after.Transactions - before.Transactions, Commits: after.Commits - before.Commits,
		Puts: after.Puts - before.Puts, Bytes: after.Bytes - before.Bytes,
	}
	if want := (store.Stats{Transactions: 2, Commits: 2, Puts: 3, Bytes: 12}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}

// together runs fn in n goroutines and waits for them.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// manyGoroutines counts up one number from many goroutines: each transaction has
// to see the one before it, in whatever group they are.
func manyGoroutines(t *testing.T, s Subject) {
	const goroutines, each = 16, 25
	together(goroutines, func(g int) {
		for i := range each {
			call := s.Store.Update
			if i%5 == 4 {
				call = s.Store.Lazy
			}
			err := call(func(tx store.Tx) error {
				n, _ := strconv.Atoi(get(t, tx, "x/n")) // "-" counts as 0
				own := fmt.Sprintf("x/g/%02d/%02d", g, i)
				if i%7 == 3 {
					wantErr(t, putting("x/n", "wrong", own, "wrong")(tx), nil)
					return errOurs
				}
				return putting("x/n", strconv.Itoa(n+1), own, strconv.Itoa(n+1))(tx)
			})
			if want := i%7 == 3; errors.Is(err, errOurs) != want || !want && err != nil {
				t.Errorf("call %d of %d: %v", i, g, err)
			}
		}
	})
	wantErr(t, s.Store.Update(func(store.Tx) error { return nil }), nil)
	const kept = goroutines * (each - 4)
	wantKey(t, s.Store, "x/n", strconv.Itoa(kept))
	again := s.Restart(t)
	wantKey(t, again, "x/n", strconv.Itoa(kept))
	seen := map[string]bool{}
	wantErr(t, again.View(func(r store.Reader) error {
		return r.Scan([]byte("x/g/"), nil, func(_, v []byte) (bool, error) { seen[string(v)] = true; return true, nil })
	}), nil)
	if len(seen) != kept {
		t.Errorf("%d different numbers, want %d", len(seen), kept)
	}
}

func neverHalf(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "0", "x/b", "0")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				wantErr(t, s.Store.View(func(r store.Reader) error {
					a, b := get(t, r, "x/a"), get(t, r, "x/b")
					n, err := strconv.Atoi(a)
					if a != b || err != nil || n < last {
						t.Errorf("saw %q and %q after %d", a, b, last)
					}
					last = n
					return nil
				}), nil)
			}
		})
	}
	together(4, func(int) {
		for range 25 {
			wantErr(t, s.Store.Update(func(tx store.Tx) error {
				n, err := strconv.Atoi(get(t, tx, "x/a"))
				next := strconv.Itoa(n + 1)
				return errors.Join(err, putting("x/a", next, "x/b", next)(tx))
			}), nil)
		}
	})
	close(stop)
	readers.Wait()
	wantKey(t, s.Store, "x/b", "100")
}
