package badgerstore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

func openBench(b *testing.B) *badgerstore.Store {
	b.Helper()
	s := open(b, badgerstore.Options{Dir: b.TempDir(), Key: [32]byte{1}, Ballast: -1})
	b.ReportAllocs()
	return s
}

// concurrently runs fn b.N times in all, in so many goroutines.
func concurrently(b *testing.B, goroutines int, fn func(i int64) error) {
	b.Helper()
	b.ResetTimer()
	var next atomic.Int64
	done := make(chan error, goroutines)
	for range goroutines {
		go func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := fn(i); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range goroutines {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// random2K does not compress, as sealed bytes do not.
func random2K() []byte {
	v := make([]byte, 2<<10)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(v)
	return v
}

func key(kind byte, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind, '/'}, uint64(n))
}

// BenchmarkUpdate is the durable enqueue: one put of 2 KiB for each call.
func BenchmarkUpdate(b *testing.B) {
	for _, goroutines := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			s := openBench(b)
			value := random2K()
			concurrently(b, goroutines, func(i int64) error {
				return s.Update(func(tx store.Tx) error { return tx.Put(key('x', i), value) })
			})
		})
	}
}

// BenchmarkEvent is what one event costs a node: three transactions, two of them
// awaited, that put and delete as those of the design do.
func BenchmarkEvent(b *testing.B) {
	for _, goroutines := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			s := openBench(b)
			value, row := random2K(), random2K()[:200]
			concurrently(b, goroutines, func(i int64) error { return event(s, i, value, row) })
			stats := s.Stats()
			b.ReportMetric(float64(stats.Commits)/float64(b.N), "syncs/op")
			b.ReportMetric(float64(stats.Puts)/float64(b.N), "puts/op")
		})
	}
}

func event(s store.Store, i int64, value, row []byte) error {
	twin := key('t', i%2000)
	appended := s.Update(func(tx store.Tx) error { // T2: event, outbox row, twin, head
		old, err := tx.Get(twin)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if _, err := tx.Get([]byte("h/o")); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return errors.Join(tx.Put(key('e', i), value), tx.Put(key('q', i), row),
			tx.Put(twin, append(old[:0], row...)), tx.Put([]byte("h/o"), row[:40]))
	})
	receipt := s.Lazy(func(tx store.Tx) error { return tx.Put([]byte("h/r"), row[:40]) }) // T3
	settled := s.Update(func(tx store.Tx) error {                                         // T8: outbox row, twin
		if _, err := tx.Get(key('q', i)); err != nil {
			return err
		}
		if _, err := tx.Get(twin); err != nil {
			return err
		}
		return errors.Join(tx.Delete(key('q', i)), tx.Put(twin, row))
	})
	return errors.Join(appended, receipt, settled)
}

// BenchmarkScan is a short scan inside a transaction, as of a twin's items.
func BenchmarkScan(b *testing.B) {
	s := openBench(b)
	for i := range int64(200) {
		must(b, s.Update(func(tx store.Tx) error {
			for j := range int64(100) {
				if err := tx.Put(key('x', i*100+j), random2K()[:300]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	concurrently(b, 16, func(i int64) error {
		return s.Update(func(tx store.Tx) error {
			if err := tx.Put(key('y', i), nil); err != nil {
				return err
			}
			return tx.Scan(key('x', i%20000)[:9], nil, func(_, _ []byte) (bool, error) { return true, nil })
		})
	})
}

// BenchmarkView is one Get of 2 KiB while writers keep the store busy.
func BenchmarkView(b *testing.B) {
	s := openBench(b)
	value := random2K()
	must(b, s.Update(func(tx store.Tx) error { return tx.Put(key('x', 1), value) }))
	stop := make(chan struct{})
	busy := make(chan error)
	go func() {
		for i := int64(0); ; i++ {
			select {
			case <-stop:
				busy <- nil
				return
			default:
			}
			if err := s.Update(func(tx store.Tx) error { return tx.Put(key('y', i), value) }); err != nil {
				busy <- err
				return
			}
		}
	}()
	concurrently(b, 4, func(int64) error {
		return s.View(func(r store.Reader) error { _, err := r.Get(key('x', 1)); return err })
	})
	close(stop)
	must(b, <-busy)
}

// BenchmarkOpen is a start with 200,000 keys of 1 KiB, all tables verified.
func BenchmarkOpen(b *testing.B) {
	o := badgerstore.Options{Dir: b.TempDir(), Key: [32]byte{1}, Ballast: -1}
	s := open(b, o)
	for i := range int64(400) {
		must(b, s.Update(func(tx store.Tx) error {
			for j := range int64(500) {
				if err := tx.Put(key('x', i*500+j), random2K()[:1024]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	must(b, s.Close())
	b.ResetTimer()
	for range b.N {
		s, err := badgerstore.Open(o)
		must(b, err)
		b.StopTimer()
		must(b, s.Close())
		b.StartTimer()
	}
}

// BenchmarkNaive is Badger alone, a transaction for each write: what the
// grouping is measured against.
func BenchmarkNaive(b *testing.B) {
	for _, goroutines := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			o := badger.DefaultOptions(filepath.Join(b.TempDir(), "db")).WithSyncWrites(true).WithLogger(nil).
				WithEncryptionKey(make([]byte, 32)).WithIndexCacheSize(32 << 20)
			must(b, os.MkdirAll(o.Dir, 0o700))
			db, err := badger.Open(o)
			must(b, err)
			value := random2K()
			concurrently(b, goroutines, func(i int64) error {
				return db.Update(func(txn *badger.Txn) error { return txn.Set(key('x', i), value) })
			})
			must(b, db.Close())
		})
	}
}

// BenchmarkSync is what the disk takes to make 4 KiB durable: the floor of one commit.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	must(b, err)
	defer f.Close()
	page := make([]byte, 4<<10)
	for range b.N {
		_, err := f.WriteAt(page, 0)
		must(b, err)
		must(b, f.Sync())
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Microsecond), "us/sync")
}
