package badgerstore

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/rs/zerolog"

	"parley/sync/store"
)

// Store is a store in a directory. Use Open.
type Store struct {
	db     *badger.DB
	dir    string
	lock   io.Closer // of the directory
	log    zerolog.Logger
	commit func(*badger.Txn, uint64) error // (*badger.Txn).CommitAt, or what a test puts before it

	snapshots *snapshots
	recent    *recent
	space     *space
	queue     queue
	calls     sync.Pool      // of *call: their channels would be most of the garbage
	writer    sync.WaitGroup // the writer and its committer

	scrubbing sync.WaitGroup
	ending    chan struct{} // closed by Close

	failed chan struct{}
	cause  atomic.Pointer[error] // why it stopped by itself

	counts struct{ functions, commits, puts, bytes atomic.Uint64 }

	closing  sync.Once
	closeErr error
}

var _ store.Store = (*Store)(nil)

// queue is the calls that wait for the writer.
type queue struct {
	mu     sync.Mutex
	calls  []*call
	closed bool
	// wake has room for one: a full channel means that the writer will look.
	wake chan struct{}
}

// call is one function on its way through the writer.
type call struct {
	fn    func(store.Tx) error
	lazy  bool
	err   error // what fn returned
	panic any   // what fn panicked with
	// done takes one answer: the call may be used again after it was read.
	done chan error
}

// View implements store.Store.
func (s *Store) View(fn func(store.Reader) error) error {
	if s.Err() != nil {
		return store.ErrStopped
	}
	version, ok := s.snapshots.open()
	if !ok {
		return store.ErrStopped
	}
	defer s.snapshots.release(version)
	snapshot := s.db.NewTransactionAt(version, false)
	defer snapshot.Discard()
	return fn(&reader{snapshot: snapshot, recent: s.recent, broken: s.broken})
}

// Update implements store.Store.
func (s *Store) Update(fn func(store.Tx) error) error {
	if s.space.full.Load() {
		if s.stopped() {
			return store.ErrStopped
		}
		return store.ErrFull
	}
	return s.run(fn, false)
}

// Finish implements store.Store.
func (s *Store) Finish(fn func(store.Tx) error) error { return s.run(fn, false) }

// Lazy implements store.Store.
func (s *Store) Lazy(fn func(store.Tx) error) error { return s.run(fn, true) }

func (s *Store) run(fn func(store.Tx) error, lazy bool) error {
	c := s.calls.Get().(*call)
	c.fn, c.lazy = fn, lazy
	if !s.queue.add(c) {
		return store.ErrStopped
	}
	err := <-c.done
	mistake := c.panic
	c.fn, c.err, c.panic = nil, nil, nil
	s.calls.Put(c)
	if mistake != nil {
		// It goes on where the function came from.
		panic(mistake)
	}
	return err
}

func (q *queue) add(c *call) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.calls = append(q.calls, c)
	q.mu.Unlock()
	q.signal()
	return true
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns the calls that wait, in order, and keeps spare for the next ones.
func (q *queue) take(spare []*call) (calls []*call, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	calls, q.calls = q.calls, spare[:0]
	return calls, q.closed
}

// close refuses further calls.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (s *Store) stopped() bool {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.queue.closed
}

// stop ends the store after a failure and returns what every waiting call gets.
// Only the first failure counts.
func (s *Store) stop(err error) error {
	err = fmt.Errorf("%w: %w", store.ErrStopped, err)
	if !s.cause.CompareAndSwap(nil, &err) {
		return s.Err()
	}
	s.queue.close()
	close(s.failed)
	s.log.Error().Err(err).Msg("store stopped")
	return err
}

// broken stops the store because a row cannot be read any more: who goes on without
// it decides wrongly. The next start takes over what is whole.
func (s *Store) broken(err error) error {
	return s.stop(fmt.Errorf("%w: %w; start again to take over what is whole", ErrDamaged, err))
}

// Failed implements store.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err implements store.Store.
func (s *Store) Err() error {
	if err := s.cause.Load(); err != nil {
		return *err
	}
	return nil
}

// Full implements store.Store.
func (s *Store) Full() bool { return s.space.full.Load() }

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	return store.Stats{
		Transactions: s.counts.functions.Load(),
		Commits:      s.counts.commits.Load(),
		Puts:         s.counts.puts.Load(),
		Bytes:        s.counts.bytes.Load(),
	}
}

// Close implements store.Store. What waits is committed first.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.queue.close()
		s.writer.Wait()
		s.snapshots.close()
		s.space.close()
		close(s.ending)
		s.scrubbing.Wait()
		err := s.db.Close()
		if err == nil {
			err = setRunning(s.dir, false)
		}
		if err != nil {
			err = fmt.Errorf("close store: %w", err)
		}
		s.closeErr = errors.Join(err, s.lock.Close())
	})
	return s.closeErr
}
