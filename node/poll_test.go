package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestNode_KeepsChangesForAConnectionThatCannotWorkYet: the poll goes on while a
// connection waits for its filters, and passes nothing over.
func TestNode_KeepsChangesForAConnectionThatCannotWorkYet(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:"+freePort(t)), newSite(t, "globex", "")
	a.run()
	b.run()
	join(t, a, b)
	b.stop()
	filter := filepath.Join(b.dir, "out.parley")
	must(t, os.WriteFile(filter, []byte("replica.summary = nonsense("), 0o600))
	b.create("Made while the filter was broken")
	b.run()
	eventually(t, "the poll has passed the ticket", func() error {
		s, err := b.node.Status(t.Context())
		if err == nil && s.Tracker.LastPoll.IsZero() {
			err = errors.New("not polled yet")
		}
		return err
	})
	if c, err := b.node.Connections(t.Context()); err != nil || c[0].State == "working" {
		t.Fatalf("with a broken filter the connection is %+v, %v", c, err)
	}
	must(t, os.WriteFile(filter, []byte(outgoing), 0o600))
	eventually(t, "it arrives with the mended filter", func() error {
		_, err := a.find("Made while the filter was broken")
		return err
	})
}
