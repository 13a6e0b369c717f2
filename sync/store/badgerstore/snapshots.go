package badgerstore

import "sync"

// snapshots knows which version is committed and which ones are being read, so
// that Badger keeps what a reader may still want and nothing else.
type snapshots struct {
	mu        sync.Mutex
	idle      sync.Cond // signalled when readers falls to zero
	committed uint64
	reading   map[uint64]int
	readers   int
	closed    bool
}

func newSnapshots(committed uint64) *snapshots {
	s := &snapshots{committed: committed, reading: make(map[uint64]int)}
	s.idle.L = &s.mu
	return s
}

// open returns the version to read, or false when the store is closed. Each open
// is followed by a release.
func (s *snapshots) open() (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, false
	}
	s.reading[s.committed]++
	s.readers++
	return s.committed, true
}

func (s *snapshots) release(version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[version]--; s.reading[version] == 0 {
		delete(s.reading, version)
	}
	if s.readers--; s.readers == 0 {
		s.idle.Broadcast()
	}
}

// advance makes a version the one that readers get, and returns the version
// below which nobody reads.
func (s *snapshots) advance(version uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = version
	oldest := version
	for v := range s.reading {
		oldest = min(oldest, v)
	}
	return oldest
}

// close refuses further readers and waits for those there are.
func (s *snapshots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.readers > 0 {
		s.idle.Wait()
	}
}
