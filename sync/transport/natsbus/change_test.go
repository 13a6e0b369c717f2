package natsbus_test

import (
	"errors"
	"sync"
	"testing"

	"parley/sync/event"
	"parley/sync/transport/natsbus"
)

// TestServer_ChangesAtOnceSucceedEachForItself: a peer that cannot be let in keeps
// nobody out who asks at the same moment.
func TestServer_ChangesAtOnceSucceedEachForItself(t *testing.T) {
	t.Parallel()
	const many = 24
	s, twice := newServer(t), newUser(t)
	users := make([]user, many)
	results := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		users[i] = newUser(t)
		if i%8 == 0 {
			users[i] = twice
		}
		all.Go(func() { results[i] = s.Add(event.ConnectionID{byte(i + 1)}, true, users[i].half()) })
	}
	all.Wait()
	second := 0
	for i, err := range results {
		if i%8 == 0 && err != nil {
			second++
			continue
		}
		if err != nil {
			t.Errorf("connection %d: %v", i, err)
			continue
		}
		link, err := natsbus.Dial(options(s, users[i]), event.ConnectionID{byte(i + 1)}, false)
		closing(t, link, err)
		await(t, "the peer is let in", link.Connected)
	}
	if second != many/8-1 {
		t.Errorf("%d of %d that share a key were refused, want all but one: %v", second, many/8, errors.Join(results...))
	}
}
