package badgerstore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"parley/sync/store"
)

// lazyDelay is how long the writes of Lazy wait for a commit to ride on.
const lazyDelay = 100 * time.Millisecond

// errGoexit is what the store stops with when a function ends its goroutine,
// as a test does that fails inside a transaction.
var errGoexit = errors.New("a transaction's function ended the writer's goroutine")

// writer runs functions and hands groups to the committer. Everything in it
// belongs to its goroutine.
type writer struct {
	s *Store

	running *group // what gathers
	writing *group // what the committer has, or nil
	spare   *group

	// snapshot is what running is laid over; it does not change while running
	// gathers, even when writing gets committed meanwhile.
	snapshot *badger.Txn
	version  uint64
	// under is the group between snapshot and running: writing, as it was when
	// running began.
	under *group

	commits   chan *group // to the committer
	committed chan error  // from it, one for each

	lazy  *time.Timer // fires when Lazy's writes have waited long enough
	armed bool        // it is going to fire
	due   bool        // it has fired

	calls    []*call // taken from the queue and not run yet
	finished bool    // left the regular way
}

// limits keep a group within one Badger transaction: any function is taken while
// the group is below them, and then the two together fit.
type limits struct{ size, count int }

func (s *Store) limits() limits {
	most := store.MaxBytes + store.MaxWrites*entryOverhead
	return limits{
		size:  int(s.db.MaxBatchSize()) - most - 4<<10,
		count: int(s.db.MaxBatchCount()) - store.MaxWrites - 16,
	}
}

// startWriter starts the writer and the committer; Close waits for both.
func (s *Store) startWriter() {
	w := &writer{
		s: s, running: newGroup(), spare: newGroup(),
		commits: make(chan *group), committed: make(chan error, 1),
		lazy: time.NewTimer(time.Hour),
	}
	w.lazy.Stop()
	s.writer.Go(w.loop)
	s.writer.Go(func() { s.commitAll(w.commits, w.committed) })
}

func (w *writer) loop() {
	defer w.end()
	w.begin()
	bounds := w.s.limits()
	var buffer []*call
	for {
		calls, closed := w.s.queue.take(buffer)
		buffer = calls
		for w.calls = calls; len(w.calls) > 0; {
			c := w.calls[0]
			w.calls = w.calls[1:]
			w.take(c)
			if w.running.size < bounds.size && len(w.running.writes) < bounds.count {
				continue
			}
			if !w.waitForCommit() {
				return
			}
			w.handOver()
		}
		clear(buffer)
		w.handOverIfWanted(closed)
		if closed && w.writing == nil && len(calls) == 0 {
			w.finished = true
			return
		}
		if !w.wait() {
			return
		}
	}
}

// wait waits for something to do; false means that a commit failed.
func (w *writer) wait() bool {
	select {
	case <-w.s.queue.wake:
	case <-w.lazy.C:
		w.due = true
	case err := <-w.committed:
		return w.afterCommit(err)
	}
	return true
}

// take runs one call into the group that gathers.
func (w *writer) take(c *call) {
	t := &tx{reader: reader{snapshot: w.snapshot, recent: w.s.recent, running: w.running, writing: w.under, broken: w.s.broken}}
	g := w.running
	g.calls = append(g.calls, c) // before it runs: end answers it if it never returns
	w.call(t, c)
	if c.err == nil {
		c.err = t.err
	}
	if c.err != nil || c.panic != nil {
		g.rollBack()
	} else {
		g.keep()
		g.functions++
		g.puts += uint64(t.writes)
		g.bytes += uint64(t.bytes)
	}
	if c.lazy {
		g.calls = g.calls[:len(g.calls)-1]
		if !w.armed {
			w.lazy.Reset(lazyDelay)
			w.armed = true
		}
		c.done <- c.err
	}
}

// call runs the function; what it panics with goes to its caller.
func (w *writer) call(t *tx, c *call) {
	defer func() {
		t.done = true
		c.panic = recover()
	}()
	c.err = c.fn(t)
}

// handOverIfWanted starts a commit if somebody waits for one and none is under way.
func (w *writer) handOverIfWanted(closed bool) {
	if w.writing == nil && !w.running.empty() && (len(w.running.calls) > 0 || w.due || closed) {
		w.handOver()
	}
}

// handOver gives the group to the committer and begins the next one.
func (w *writer) handOver() {
	w.lazy.Stop()
	w.armed, w.due = false, false
	w.writing, w.running = w.running, w.spare
	if w.running == nil {
		w.running = newGroup()
	}
	w.spare = nil
	// The snapshot is taken before the commit begins: what is being written is
	// seen through under, and nothing is seen twice or waited for.
	w.begin()
	w.commits <- w.writing
}

// begin lays the group that gathers over what is committed and being written.
func (w *writer) begin() {
	if w.snapshot != nil {
		w.snapshot.Discard()
		w.s.snapshots.release(w.version)
		w.snapshot = nil
	}
	if w.under != nil {
		w.under.reset()
		w.spare = w.under
	}
	w.under = w.writing
	// Close refuses snapshots only after the writer has ended.
	w.version, _ = w.s.snapshots.open()
	w.snapshot = w.s.db.NewTransactionAt(w.version, false)
}

// waitForCommit waits for the commit that is under way, if one is.
func (w *writer) waitForCommit() bool {
	return w.writing == nil || w.afterCommit(<-w.committed)
}

func (w *writer) afterCommit(err error) bool {
	w.writing = nil
	return err == nil
}

// end answers everybody who still waits. After a regular end nobody does.
func (w *writer) end() {
	if w.writing != nil {
		w.waitForCommit()
	}
	close(w.commits)
	if !w.finished {
		// Unless a commit has failed, which is why it left.
		_ = w.s.stop(errGoexit)
	}
	if w.snapshot != nil {
		w.snapshot.Discard()
		w.s.snapshots.release(w.version)
	}
	left, _ := w.s.queue.take(nil)
	for _, c := range slices.Concat(w.running.calls, w.calls, left) {
		c.panic = nil
		c.done <- store.ErrStopped
	}
}

// commitAll writes groups one after the other and answers those who wait.
func (s *Store) commitAll(groups <-chan *group, committed chan<- error) {
	version := s.snapshots.committed
	for g := range groups {
		version++
		err := s.write(g, version)
		if err != nil {
			// Before anybody gets an answer: after the first ErrStopped there
			// is nothing else.
			err = s.stop(err)
		}
		for _, c := range g.calls {
			answer := c.err
			if err != nil {
				answer, c.panic = err, nil
			}
			c.done <- answer
		}
		committed <- err
	}
}

// write commits one group under a version and makes it visible.
func (s *Store) write(g *group, version uint64) error {
	if len(g.writes) > 0 {
		txn := s.db.NewTransactionAt(version, true)
		defer txn.Discard()
		entries := g.toBadger()
		for i := range entries {
			var err error
			if g.writes[i].deleted {
				err = txn.Delete(entries[i].Key)
			} else {
				err = txn.SetEntry(&entries[i])
			}
			if err != nil {
				return fmt.Errorf("fill transaction: %w", err)
			}
		}
		if err := s.commit(txn, version); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		s.recent.keep(g, version)
		s.db.SetDiscardTs(s.snapshots.advance(version))
		s.counts.commits.Add(1)
	}
	s.counts.functions.Add(g.functions)
	s.counts.puts.Add(g.puts)
	s.counts.bytes.Add(g.bytes)
	return nil
}
