//go:build real

package realtest_test

import (
	"net"
	"sync"
	"testing"

	"parley/scripts/trackers"
)

// server is one real tracker.
type server struct {
	*trackers.Instance
	// busy is held for reading by people at work and for writing by who kills
	// the server: so a person's call is never cut, and none is made twice.
	busy sync.RWMutex
}

// newServer starts a tracker and waits until it answers.
func newServer(t *testing.T, kind, name, dir string, extra ...string) *server {
	t.Helper()
	return &server{Instance: trackers.Below(t, kind, name, dir, extra...)}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close())
	return port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
