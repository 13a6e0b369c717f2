// Package memstore is a store in memory, for tests and simulations.
//
// # Promises
//
//   - It keeps every promise of package store; storetest holds it to them.
//   - It is deterministic: it starts no goroutine, reads no clock and no random
//     source. A call runs its function at once, under a lock, and one goroutine
//     that makes the same calls gets the same results.
//   - It can fail as a machine does: Crash forgets what was not durable, Restore
//     goes back to a Snapshot, FailCommit breaks a commit, SetFull fills the
//     disk, and Hooks run before and after each commit.
//   - It is as strict as the real store where that is strict: the writes of Lazy
//     are seen by later transactions at once, by View only when they are
//     committed. The real store commits them within 100 ms; here the next
//     Update or Finish does it, or Flush.
//
// It keeps nothing on a disk and groups nothing: each Update is a commit.
package memstore

import (
	"errors"
	"fmt"
	"sync"

	"parley/sync/store"
)

// ErrInjected is the cause of a commit that FailCommit made fail.
var ErrInjected = errors.New("injected fault")

// Hooks are called in the course of each commit, with the store's lock held:
// they must not call the store. Both may be nil. An error of either stops the
// store like a commit that failed.
type Hooks struct {
	// Before runs before anything of the commit is durable.
	Before func() error
	// After runs when the commit is durable and its caller has no answer yet.
	After func() error
}

// Store is a store in memory. The zero value is not ready; use New.
type Store struct {
	// disk is shared by the stores that open it one after the other.
	disk *disk

	// mu guards what follows. Functions run with it held for writing, as in the
	// real store only one transaction runs at a time.
	mu     sync.Mutex
	head   *node // what the next transaction sees, Lazy writes included
	failed chan struct{}
	err    error // why it stopped by itself
	closed bool
	stats  store.Stats
	waits  store.Stats // what head has and the disk has not
}

// disk outlives a crash.
type disk struct {
	mu      sync.Mutex
	durable *node
	full    bool
	hooks   Hooks
	failIn  int // commits until one fails; 0 is never
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return open(&disk{}) }

func open(d *disk) *Store {
	return &Store{disk: d, head: d.durable, failed: make(chan struct{})}
}

// View implements store.Store.
func (s *Store) View(fn func(store.Reader) error) error {
	s.mu.Lock()
	err := s.usable()
	root := s.disk.root()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return fn(reader{root})
}

// Update implements store.Store.
func (s *Store) Update(fn func(store.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable() == nil && s.disk.isFull() {
		return store.ErrFull
	}
	return s.finish(fn)
}

// Finish implements store.Store.
func (s *Store) Finish(fn func(store.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish(fn)
}

// Lazy implements store.Store.
func (s *Store) Lazy(fn func(store.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run(fn)
}

// Flush commits what Lazy wrote, as the real store does after a while.
func (s *Store) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	return s.commit()
}

func (s *Store) finish(fn func(store.Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	err := s.run(fn)
	// Even if fn failed: its error may say what it saw of Lazy's writes.
	if stopped := s.commit(); stopped != nil {
		return stopped
	}
	return err
}

// run runs fn and moves head to what it made. If fn fails or panics, head stays.
func (s *Store) run(fn func(store.Tx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	t := &tx{reader: reader{s.head}}
	defer func() { t.done = true }()
	if err := fn(t); err != nil {
		return err
	}
	if t.err != nil {
		return t.err
	}
	s.head = t.root
	s.waits.Transactions++
	s.waits.Puts += t.puts
	s.waits.Bytes += t.bytes
	return nil
}

// commit makes head durable. Without writes there is nothing to sync.
func (s *Store) commit() error {
	if s.waits.Puts > 0 {
		if err := s.disk.write(s.head); err != nil {
			s.err = fmt.Errorf("%w: commit: %w", store.ErrStopped, err)
			close(s.failed)
			return s.err
		}
		s.stats.Commits++
	}
	s.stats.Transactions += s.waits.Transactions
	s.stats.Puts += s.waits.Puts
	s.stats.Bytes += s.waits.Bytes
	s.waits = store.Stats{}
	return nil
}

func (s *Store) usable() error {
	if s.closed || s.err != nil {
		return store.ErrStopped
	}
	return nil
}

// Failed implements store.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err implements store.Store.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Full implements store.Store.
func (s *Store) Full() bool { return s.disk.isFull() }

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close implements store.Store. It commits what Lazy wrote.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable() != nil {
		s.closed = true
		return nil
	}
	s.closed = true
	return s.commit()
}
