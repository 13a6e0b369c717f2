// Package store keeps ordered keys and values durably. It is the only truth a
// node has: what is not in it did not happen.
//
// # Promises
//
//   - Update returns nil only when all writes of its function are on disk; a
//     crash at any moment leaves all of them or none.
//   - One writer commits, in the order of the calls; calls that wait at the same
//     time are committed together and cost one sync.
//   - A function whose call returned an error has written nothing.
//   - The first commit that fails stops the store for good: a failed sync leaves
//     data that can be read and is not durable. Failed is closed, every later
//     call returns ErrStopped.
//   - View sees a snapshot: all of a transaction or nothing of it, never what is
//     not yet committed.
//
// It does not know what the values mean; keys.go has the layout.
//
// The implementations are badgerstore (the only package that imports Badger)
// and memstore (for tests: it can crash, fill up and go back in time);
// storetest holds both to these promises.
package store

import (
	"errors"
	"fmt"
)

// Errors of a Store.
var (
	// ErrNotFound: there is no such key.
	ErrNotFound = errors.New("key not found")
	// ErrStopped: the store is closed, or stopped after a failed commit.
	ErrStopped = errors.New("store stopped")
	// ErrFull: the disk is nearly full, only transactions made by Finish are taken.
	ErrFull = errors.New("disk nearly full")
	// ErrTooLarge: a value over MaxValue or a transaction over the store's bound.
	ErrTooLarge = errors.New("too large for one transaction")
)

// MaxValue is the largest value in bytes.
const MaxValue = 512 << 10

// MaxKey is the longest key in bytes. The empty key is none.
const MaxKey = 1 << 10

// MaxBytes is how many bytes of keys and values one transaction may write.
const MaxBytes = 1280 << 10

// MaxWrites is how many puts and deletes one transaction may hold.
const MaxWrites = 8192

// CheckWrite tells whether a transaction that holds so many writes and bytes
// may take one more write; the error is ErrTooLarge or says what is wrong with
// the key. It is for implementations.
func CheckWrite(key, value []byte, writes, bytes int) error {
	switch {
	case len(key) == 0:
		return errors.New("empty key")
	case len(key) > MaxKey:
		return fmt.Errorf("key of %d bytes: %w", len(key), ErrTooLarge)
	case len(value) > MaxValue:
		return fmt.Errorf("value of %d bytes: %w", len(value), ErrTooLarge)
	case writes >= MaxWrites:
		return fmt.Errorf("over %d writes: %w", MaxWrites, ErrTooLarge)
	case bytes+len(key)+len(value) > MaxBytes:
		return fmt.Errorf("over %d bytes: %w", MaxBytes, ErrTooLarge)
	}
	return nil
}

// Store is an ordered, durable map. All methods may be called from several
// goroutines.
type Store interface {
	// View runs fn on a snapshot. Slices handed to fn are its own to keep.
	View(fn func(Reader) error) error
	// Update runs fn in the writer and returns when its writes are on disk. fn
	// must be quick and must not call the store, the network or a tracker; it
	// sees the writes of every earlier Update, and its own. An error of fn is
	// returned as it is and nothing of fn is written. ErrFull when the disk is
	// nearly full.
	Update(fn func(Tx) error) error
	// Finish is Update for what finishes work and frees space: it is also taken
	// when the disk is nearly full.
	Finish(fn func(Tx) error) error
	// Lazy is Finish that does not wait: its writes are on disk no later than
	// those of any Update called after it that returned nil, and are lost in a
	// crash before that. Errors of fn are returned. Later transactions see its
	// writes at once; a View sees them when they are committed, a tenth of a
	// second later at most.
	Lazy(fn func(Tx) error) error
	// Failed is closed when the store has stopped by itself; Err says why.
	Failed() <-chan struct{}
	// Err is nil as long as the store works.
	Err() error
	// Full tells whether the free-space mark has been reached.
	Full() bool
	// Stats returns counters since the store was opened.
	Stats() Stats
	// Close waits for what is under way. It may be called twice.
	Close() error
}

// Reader reads. Slices returned are the caller's to keep and change.
type Reader interface {
	// Get returns the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for the keys that start with prefix, in order, from the
	// first one that is greater than after (nil: from the first). It ends when
	// fn returns false or an error, which it returns. It shows what was there
	// when it began; fn may write.
	Scan(prefix, after []byte, fn func(key, value []byte) (bool, error)) error
	// Keys is Scan without the values.
	Keys(prefix, after []byte, fn func(key []byte) (bool, error)) error
}

// Tx reads and writes. Values put are copied or not changed afterwards by the caller.
type Tx interface {
	Reader
	// Put sets key to value.
	Put(key, value []byte) error
	// Delete removes key; it need not exist.
	Delete(key []byte) error
}

// Stats counts what a store has done.
type Stats struct {
	Transactions uint64 // functions committed
	Commits      uint64 // groups of them, one sync each
	Puts         uint64 // puts and deletes
	Bytes        uint64 // keys and values put
}
