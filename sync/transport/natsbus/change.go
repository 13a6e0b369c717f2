package natsbus

import (
	"maps"
	"sync"
)

// changes gathers what is to change in the accounts. A change makes the server read all
// of them again, and throws out whoever is signing in just then: what is asked for
// while another change waits goes with it.
type changes struct {
	turn chan struct{} // held by the one who carries changes out

	mu      sync.Mutex // guards waiting
	waiting []change
}

type change struct {
	edit func(map[string]account) error
	done chan error
}

func newChanges() changes { return changes{turn: make(chan struct{}, 1)} }

func (c *changes) add(one change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, one)
}

func (c *changes) take() []change {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.waiting
	c.waiting = nil
	return all
}

// change edits the accounts. An edit that fails leaves them as they were.
func (s *Server) change(edit func(map[string]account) error) error {
	mine := change{edit, make(chan error, 1)}
	s.changes.add(mine)
	select {
	case err := <-mine.done:
		return err
	case s.changes.turn <- struct{}{}:
	}
	defer func() { <-s.changes.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	// Taken with the lock held: who came while we waited for it goes too.
	if all := s.changes.take(); !s.together(all) {
		for _, one := range all {
			s.together([]change{one})
		}
	}
	return <-mine.done
}

// together carries changes out at once, and tells those who asked. If the server takes
// one of several badly it does nothing and reports false. s.mu is held.
func (s *Server) together(all []change) bool {
	next := s.accounts
	failed := make([]error, len(all))
	for i, one := range all {
		edited := maps.Clone(next)
		if failed[i] = one.edit(edited); failed[i] == nil {
			next = edited
		}
	}
	err := s.reload(next)
	if err != nil && len(all) > 1 {
		return false
	}
	for i, one := range all {
		if failed[i] == nil {
			failed[i] = err
		}
		one.done <- failed[i]
	}
	return true
}
