// Package storetest holds an implementation of store.Store to the promises of
// package store. An implementation's test calls Run; each subtest is named after
// the promise that it breaks if it fails.
//
// The promises of a store that are easy to break unseen have several tests: that an
// answer leaves only when all that its function saw is on disk, also what another
// caller wrote (Lazy...); that no reader sees half a transaction; that the first
// failed commit is the last. Model runs random calls beside a map and compares.
//
// It kills no process and cuts no power: Subject.Restart stands for that, and an
// implementation on a disk brings a test with a real kill of its own.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/store"
)

// Subject is one store under test, and what can be done to it.
type Subject struct {
	Store store.Store
	// Restart ends the store as a crash does and returns what a start finds.
	// After Close it is a plain restart.
	Restart func(testing.TB) store.Store
	// FailCommit makes the next commit fail.
	FailCommit func()
	// SetFull takes the disk's space away or gives it back; it returns when the
	// store has noticed.
	SetFull func(testing.TB, bool)
}

// Run runs the suite; open makes an empty store whose end t.Cleanup takes care of.
func Run(t *testing.T, open func(testing.TB) Subject) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"UpdateIsOnDiskWhenItReturns", updateIsOnDisk},
		{"UpdatesAreSeenByEveryLaterOne", updatesAreSeen},
		{"AnErrorLeavesNothingAndIsReturnedAsItIs", errorLeavesNothing},
		{"APanicLeavesNothingAndReachesTheCaller", panicLeavesNothing},
		{"ATransactionSeesItsOwnWrites", ownWrites},
		{"ScanIsInOrderWithinPrefixAfterKey", scanOrder},
		{"ScanSeesOwnWritesAndDeletes", scanOwnWrites},
		{"ScanShowsWhatWasThereWhenItBegan", scanWhileWriting},
		{"ScanEndsOnFalseAndOnError", scanEnds},
		{"SlicesReturnedBelongToTheCaller", slicesBelongToCaller},
		{"AnEmptyValueIsAValue", emptyValue},
		{"DeleteNeedsNoKey", deleteMissing},
		{"TooLargeIsRefusedWhole", tooLarge},
		{"TheLargestIsTaken", largest},
		{"ATransactionEndsWithItsFunction", txEnds},
		{"WhenFullOnlyFinishAndLazyGoOn", whenFull},
		{"LazyIsSeenByLaterTransactions", lazyIsSeen},
		{"LazyIsOnDiskBeforeALaterUpdateReturns", lazyOrder},
		{"LazyIsCommittedBySomebodyElsesError", lazyBehindError},
		{"LazyReturnsErrorsOfItsFunction", lazyErrors},
		{"AFailedCommitStopsTheStore", failedCommit},
		{"ViewSeesASnapshot", viewSnapshot},
		{"CloseCommitsAndMayBeCalledTwice", closeTwice},
		{"StatsCount", stats},
		{"ManyGoroutinesCountRight", manyGoroutines},
		{"ViewNeverSeesHalfATransaction", neverHalf},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
	t.Run("Model", func(t *testing.T) { t.Parallel(); model(t, open) })
}

func put(t testing.TB, s store.Store, pairs ...string) {
	t.Helper()
	if err := s.Update(putting(pairs...)); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func putting(pairs ...string) func(store.Tx) error {
	return func(tx store.Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.Put([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	}
}

// read returns what a key holds, "-" if it is not there.
func read(t testing.TB, s store.Store, key string) string {
	t.Helper()
	var got string
	if err := s.View(func(r store.Reader) error { got = get(t, r, key); return nil }); err != nil {
		t.Fatalf("View: %v", err)
	}
	return got
}

func get(t testing.TB, r store.Reader, key string) string {
	t.Helper()
	v, err := r.Get([]byte(key))
	if errors.Is(err, store.ErrNotFound) {
		return "-"
	}
	if err != nil {
		t.Errorf("Get(%q): %v", key, err)
	}
	return string(v)
}

// scan returns "key=value" of what Scan shows, and fails if Keys shows other keys.
func scan(t testing.TB, r store.Reader, prefix string, after []byte) []string {
	t.Helper()
	var got, keys, only []string
	err := r.Scan([]byte(prefix), after, func(k, v []byte) (bool, error) {
		got, keys = append(got, fmt.Sprintf("%s=%s", k, v)), append(keys, string(k))
		return true, nil
	})
	if err != nil {
		t.Errorf("Scan(%q, %q): %v", prefix, after, err)
	}
	err = r.Keys([]byte(prefix), after, func(k []byte) (bool, error) {
		only = append(only, string(k))
		return true, nil
	})
	if err != nil {
		t.Errorf("Keys(%q, %q): %v", prefix, after, err)
	}
	if diff := cmp.Diff(only, keys); diff != "" {
		t.Errorf("Keys and Scan differ (-Keys +Scan):\n%s", diff)
	}
	return got
}

func wantScan(t testing.TB, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("scan (-got +want):\n%s", diff)
	}
}

func wantKey(t testing.TB, s store.Store, key, want string) {
	t.Helper()
	if got := read(t, s, key); got != want {
		t.Errorf("%q = %q, want %q", key, got, want)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error = %v, want %v", got, want)
	}
}

// Within waits until ok, for things that a store does in its own time.
func Within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

var errOurs = errors.New("ours")

func updateIsOnDisk(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/b", "2")
	put(t, s.Store, "x/a", "3")
	wantKey(t, s.Store, "x/a", "3")
	again := s.Restart(t)
	wantKey(t, again, "x/a", "3")
	wantKey(t, again, "x/b", "2")
	put(t, again, "x/a", "4")
	wantKey(t, again, "x/a", "4")
}

func updatesAreSeen(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1")
	err := s.Store.Update(func(tx store.Tx) error {
		if got := get(t, tx, "x/a"); got != "1" {
			t.Errorf("got %q, want 1", got)
		}
		return tx.Delete([]byte("x/a"))
	})
	wantErr(t, err, nil)
	wantKey(t, s.Store, "x/a", "-")
}

func errorLeavesNothing(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/b", "2")
	err := s.Store.Update(func(tx store.Tx) error {
		err := errors.Join(putting("x/a", "9", "x/a", "8", "x/c", "9", "x/c", "8")(tx), tx.Delete([]byte("x/b")))
		wantErr(t, err, nil)
		scan(t, tx, "x/", nil)
		return errOurs
	})
	if err != errOurs { //nolint:errorlint // as it is
		t.Errorf("error = %v, want the function's own", err)
	}
	put(t, s.Store, "x/d", "4")
	err = s.Store.Update(func(tx store.Tx) error {
		wantScan(t, scan(t, tx, "x/", nil), "x/a=1", "x/b=2", "x/d=4")
		return nil
	})
	wantErr(t, err, nil)
	wantKey(t, s.Restart(t), "x/c", "-")
}

func panicLeavesNothing(t *testing.T, s Subject) {
	func() {
		defer func() {
			if p := recover(); p != "oops" {
				t.Errorf("recovered %v, want oops", p)
			}
		}()
		err := s.Store.Update(func(tx store.Tx) error {
			wantErr(t, tx.Put([]byte("x/a"), []byte("1")), nil)
			panic("oops")
		})
		t.Errorf("Update returned %v", err)
	}()
	wantKey(t, s.Store, "x/a", "-")
	put(t, s.Store, "x/b", "2")
	wantKey(t, s.Store, "x/a", "-")
}

func ownWrites(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1")
	err := s.Store.Update(func(tx store.Tx) error {
		wantErr(t, putting("x/a", "2", "x/b", "3")(tx), nil)
		if got := get(t, tx, "x/a") + get(t, tx, "x/b"); got != "23" {
			t.Errorf("after put: %q", got)
		}
		wantErr(t, tx.Delete([]byte("x/a")), nil)
		if got := get(t, tx, "x/a"); got != "-" {
			t.Errorf("after delete: %q", got)
		}
		return tx.Put([]byte("x/a"), []byte("4"))
	})
	wantErr(t, err, nil)
	wantKey(t, s.Store, "x/a", "4")
}

func scanOrder(t *testing.T, s Subject) {
	put(t, s.Store, "x/b", "2", "x/a", "1", "x", "0", "x/a\x00", "1.5", "y/", "9", "w/z", "8", "x/\xff", "3")
	err := s.Store.View(func(r store.Reader) error {
		all := []string{"x/a=1", "x/a\x00=1.5", "x/b=2", "x/\xff=3"}
		wantScan(t, scan(t, r, "x/", nil), all...)
		wantScan(t, scan(t, r, "x/", []byte("x/a")), all[1:]...)
		wantScan(t, scan(t, r, "x/", []byte("x/aa")), all[2:]...)
		wantScan(t, scan(t, r, "x/", []byte("x/\xff")))
		wantScan(t, scan(t, r, "x/", []byte("y")))
		wantScan(t, scan(t, r, "x/", []byte("a")), all...)
		wantScan(t, scan(t, r, "x/", []byte{}), all...)
		wantScan(t, scan(t, r, "x/a", nil), all[:2]...)
		wantScan(t, scan(t, r, "q", nil))
		return nil
	})
	wantErr(t, err, nil)
}

func scanOwnWrites(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/c", "3", "x/e", "5")
	wantErr(t, s.Store.Lazy(putting("x/c", "3.5", "x/f", "6")), nil)
	err := s.Store.Update(func(tx store.Tx) error {
		wantErr(t, putting("x/b", "2", "x/e", "5.5", "y/a", "7")(tx), nil)
		wantErr(t, tx.Delete([]byte("x/a")), nil)
		wantScan(t, scan(t, tx, "x/", nil), "x/b=2", "x/c=3.5", "x/e=5.5", "x/f=6")
		wantScan(t, scan(t, tx, "x/", []byte("x/b")), "x/c=3.5", "x/e=5.5", "x/f=6")
		wantErr(t, tx.Delete([]byte("x/f")), nil)
		wantErr(t, tx.Put([]byte("x/a"), []byte("1.5")), nil)
		wantScan(t, scan(t, tx, "x/", nil), "x/a=1.5", "x/b=2", "x/c=3.5", "x/e=5.5")
		return nil
	})
	wantErr(t, err, nil)
	err = s.Store.View(func(r store.Reader) error {
		wantScan(t, scan(t, r, "x/", nil), "x/a=1.5", "x/b=2", "x/c=3.5", "x/e=5.5")
		return nil
	})
	wantErr(t, err, nil)
}

func scanWhileWriting(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/b", "2", "x/c", "3")
	err := s.Store.Update(func(tx store.Tx) error {
		wantErr(t, tx.Put([]byte("x/d"), []byte("4")), nil)
		var got []string
		err := tx.Scan([]byte("x/"), nil, func(k, v []byte) (bool, error) {
			got = append(got, fmt.Sprintf("%s=%s", k, v))
			return true, errors.Join(tx.Delete(k), tx.Put([]byte("x/c"), []byte("9")), tx.Put([]byte("x/z"), []byte("9")))
		})
		wantScan(t, got, "x/a=1", "x/b=2", "x/c=3", "x/d=4")
		return err
	})
	wantErr(t, err, nil)
	err = s.Store.View(func(r store.Reader) error {
		wantScan(t, scan(t, r, "x/", nil), "x/c=9", "x/z=9")
		return nil
	})
	wantErr(t, err, nil)
}

func scanEnds(t *testing.T, s Subject) {
	put(t, s.Store, "x/a", "1", "x/b", "2", "x/c", "3")
	check := func(r store.Reader) error {
		for _, stop := range []error{nil, errOurs} {
			n, keys := 0, 0
			err := r.Scan([]byte("x/"), nil, func(_, _ []byte) (bool, error) { n++; return n < 2, stop })
			wantErr(t, err, stop)
			err = r.Keys([]byte("x/"), nil, func([]byte) (bool, error) { keys++; return keys < 2, stop })
			wantErr(t, err, stop)
			want := 2
			if stop != nil {
				want = 1
			}
			if n != want || keys != want {
				t.Errorf("called %d and %d times, want %d", n, keys, want)
			}
		}
		return nil
	}
	wantErr(t, s.Store.View(check), nil)
	wantErr(t, s.Store.Update(func(tx store.Tx) error {
		return errors.Join(putting("x/a", "9", "x/b", "9")(tx), check(tx))
	}), nil)
}

func slicesBelongToCaller(t *testing.T, s Subject) {
	spoil := func(r store.Reader) error {
		v, err := r.Get([]byte("x/a"))
		wantErr(t, err, nil)
		copy(v, "####")
		err = r.Scan([]byte("x/"), nil, func(k, v []byte) (bool, error) {
			copy(k, "####")
			copy(v, "####")
			_, _ = append(k, '!'), append(v, '!')
			return true, nil
		})
		wantErr(t, err, nil)
		wantScan(t, scan(t, r, "x/", nil), "x/a=1111", "x/b=2222")
		return nil
	}
	err := s.Store.Update(func(tx store.Tx) error {
		key := []byte("x/a")
		wantErr(t, tx.Put(key, []byte("1111")), nil)
		copy(key, "x/b")
		wantErr(t, tx.Put(key, []byte("2222")), nil)
		copy(key, "####")
		return spoil(tx)
	})
	wantErr(t, err, nil)
	wantErr(t, s.Store.Update(func(tx store.Tx) error { return spoil(tx) }), nil)
	wantErr(t, s.Store.View(spoil), nil)
}

func emptyValue(t *testing.T, s Subject) {
	check := func(r store.Reader) error {
		for _, key := range []string{"x/nil", "x/empty"} {
			v, err := r.Get([]byte(key))
			if err != nil || v == nil || len(v) != 0 {
				t.Errorf("Get(%s) = %v, %v; want an empty value", key, v, err)
			}
		}
		wantScan(t, scan(t, r, "x/", nil), "x/empty=", "x/nil=")
		return nil
	}
	err := s.Store.Update(func(tx store.Tx) error {
		wantErr(t, errors.Join(tx.Put([]byte("x/nil"), nil), tx.Put([]byte("x/empty"), []byte{})), nil)
		return check(tx)
	})
	wantErr(t, err, nil)
	wantErr(t, s.Store.View(check), nil)
	wantErr(t, s.Store.Close(), nil)
	wantErr(t, s.Restart(t).View(check), nil)
}

func deleteMissing(t *testing.T, s Subject) {
	wantErr(t, s.Store.Update(func(tx store.Tx) error { return tx.Delete([]byte("x/a")) }), nil)
	wantKey(t, s.Store, "x/a", "-")
}

func tooLarge(t *testing.T, s Subject) {
	big := make([]byte, store.MaxValue)
	for _, test := range []struct {
		name string
		fn   func(store.Tx) error
	}{
		{"value", func(tx store.Tx) error { return tx.Put([]byte("x/v"), append(big, 0)) }},
		{"key", func(tx store.Tx) error { return tx.Put(bytes.Repeat([]byte("k"), store.MaxKey+1), nil) }},
		{"bytes", func(tx store.Tx) error {
			return errors.Join(tx.Put([]byte("x/1"), big), tx.Put([]byte("x/2"), big), tx.Put([]byte("x/3"), big))
		}},
		{"writes", func(tx store.Tx) error {
			for range store.MaxWrites + 1 {
				if err := tx.Delete([]byte("x/d")); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		wantErr(t, s.Store.Update(test.fn), store.ErrTooLarge)
		// Overlooking the error does not make a half transaction of it.
		wantErr(t, s.Store.Update(func(tx store.Tx) error {
			wantErr(t, tx.Put([]byte("x/before"), nil), nil)
			wantErr(t, test.fn(tx), store.ErrTooLarge)
			return nil
		}), store.ErrTooLarge)
	}
	if err := s.Store.Update(putting("", "1")); err == nil {
		t.Error("the empty key was taken")
	}
	wantErr(t, s.Store.View(func(r store.Reader) error { wantScan(t, scan(t, r, "x/", nil)); return nil }), nil)
}

func largest(t *testing.T, s Subject) {
	big := bytes.Repeat([]byte("v"), store.MaxValue)
	key := bytes.Repeat([]byte("k"), store.MaxKey)
	for range 3 {
		wantErr(t, s.Store.Update(func(tx store.Tx) error {
			return errors.Join(tx.Put(key, big), tx.Put([]byte("x/2"), big))
		}), nil)
		wantErr(t, s.Store.Update(func(tx store.Tx) error {
			for i := range store.MaxWrites {
				if err := tx.Put(fmt.Appendf(nil, "y/%06d", i), nil); err != nil {
					return err
				}
			}
			return nil
		}), nil)
	}
	again := s.Restart(t)
	if got := read(t, again, string(key)); got != string(big) {
		t.Errorf("got %d bytes, want %d", len(got), len(big))
	}
	wantKey(t, again, fmt.Sprintf("y/%06d", store.MaxWrites-1), "")
}

func txEnds(t *testing.T, s Subject) {
	var kept store.Tx
	wantErr(t, s.Store.Update(func(tx store.Tx) error { kept = tx; return nil }), nil)
	if err := kept.Put([]byte("x/a"), nil); err == nil {
		t.Error("Put was taken after the function had returned")
	}
	put(t, s.Store, "x/b", "2")
	wantKey(t, s.Store, "x/a", "-")
}
