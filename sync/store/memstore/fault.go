package memstore

// Snapshot is the durable state of a store at one moment: its backup.
type Snapshot struct{ root *node }

// Crash ends s as a power cut does and returns the store that a restart finds:
// all that was durable, and nothing that Lazy wrote and no later commit took
// along. Every later call of s returns store.ErrStopped.
func (s *Store) Crash() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return open(s.disk)
}

// Snapshot returns what is durable.
func (s *Store) Snapshot() Snapshot { return Snapshot{s.disk.root()} }

// Restore ends s and returns the store that was restored from the backup.
func (s *Store) Restore(backup Snapshot) *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.disk.mu.Lock()
	s.disk.durable = backup.root
	s.disk.mu.Unlock()
	return open(s.disk)
}

// FailCommit makes the n-th commit from here fail before anything of it is
// durable; 1 is the next one, 0 takes the order back.
func (s *Store) FailCommit(n int) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.failIn = n
}

// SetFull fills the disk up to the free-space mark, or makes room again.
func (s *Store) SetFull(full bool) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.full = full
}

// SetHooks replaces the hooks. Like the other faults they belong to the disk
// and stay over Crash and Restore.
func (s *Store) SetHooks(h Hooks) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.hooks = h
}

func (d *disk) root() *node {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.durable
}

func (d *disk) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

// write is one commit.
func (d *disk) write(root *node) error {
	d.mu.Lock()
	hooks := d.hooks
	fail := d.failIn == 1
	if d.failIn > 0 {
		d.failIn--
	}
	d.mu.Unlock()

	if hooks.Before != nil {
		if err := hooks.Before(); err != nil {
			return err
		}
	}
	if fail {
		return ErrInjected
	}
	d.mu.Lock()
	d.durable = root
	d.mu.Unlock()
	if hooks.After != nil {
		return hooks.After()
	}
	return nil
}
