package badgerstore_test

import (
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"parley/sync/store"
)

// A node may use 384 MiB by default, and its store is not all of it.
//
//nolint:paralleltest // it measures the heap of the process
func TestStore_HoldsNoMoreMemoryTheMoreWasWritten(t *testing.T) {
	const (
		rows, size = 700, 256 << 10 // 175 MiB, which is eleven memtables
		enough     = 150 << 20
	)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := open(t, options(t.TempDir(), &disk{}))
	value := make([]byte, size)
	for i := range rows {
		_, _ = rand.Read(value) // which compression makes no smaller; it never fails
		key := binary.BigEndian.AppendUint32([]byte("x/"), uint32(i*2654435761))
		must(t, s.Update(func(tx store.Tx) error { return tx.Put(key, value) }))
	}
	// Tables are still being built for a moment; what is kept is kept for longer.
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(12 * time.Second); ; <-poll.C {
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if held <= enough {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store holds %d MiB after %d MiB were written, want at most %d", held>>20, rows*size>>20, enough>>20)
		}
	}
}
