package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestCopy_OfANodeBesideItStandsBackAndAllAreTold: a running node's folder is
// copied and started, in front of the same tracker. Three whole nodes, over NATS.
func TestCopy_OfANodeBesideItStandsBackAndAllAreTold(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.create("before")
	inStep(t, a, b, "before")
	quiet(t, a, b)

	// The copy is made as people make them: of the files, while nothing runs.
	b.stop()
	c := &site{t: t, dir: t.TempDir(), desk: b.desk, web: b.web, people: b.people}
	must(t, os.CopyFS(filepath.Join(c.dir, "data"), os.DirFS(filepath.Join(b.dir, "data"))))
	must(t, os.Chmod(filepath.Join(c.dir, "data"), 0o700))
	for _, name := range []string{"master.key", "secrets.vault"} {
		must(t, os.Chmod(filepath.Join(c.dir, "data", name), 0o600))
	}
	for _, name := range []string{"parley.yaml", "out.parley", "in.parley"} {
		raw, err := os.ReadFile(filepath.Join(b.dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(c.dir, name), raw, 0o600))
	}
	b.run()
	b.state("working")
	c.run()
	c.state("fenced")
	b.holdup("copied")
	a.holdup("peer copied")

	a.create("since")
	a.comment("before", "from Acme")
	b.comment("before", "from Globex")
	inStep(t, a, b, "before", "since")
	quiet(t, a, b)
	inStep(t, a, b, "before", "since")
	status, err := c.node.Status(t.Context())
	must(t, err)
	if got := status.Connections[0]; got.Twins != 1 || got.Applying > 0 {
		t.Errorf("the copy did something: %+v", got)
	}
	if _, err := b.node.Claim(t.Context()); err == nil {
		t.Error("the node that works was claimed")
	}

	// Killed and started again, each stays what it is.
	b.stop()
	b.run()
	b.state("working")
	c.stop()
	c.run()
	c.state("fenced")

	// A person decides for the copy: then the node stands back.
	count, err := c.node.Claim(t.Context())
	must(t, err)
	if count != 1 {
		t.Errorf("%d connections were claimed", count)
	}
	c.state("working")
	b.state("fenced")
	a.create("claimed")
	inStep(t, a, c, "before", "since", "claimed")
	quiet(t, a, c)
	inStep(t, a, c, "before", "since", "claimed")
}

func (s *site) state(want string) {
	s.t.Helper()
	eventually(s.t, "the connection is "+want, func() error {
		all, err := s.node.Connections(s.t.Context())
		if err == nil && (len(all) != 1 || all[0].State != want) {
			err = fmt.Errorf("%s: %+v", s.dir, all)
		}
		return err
	})
}

// holdup waits until status shows one.
func (s *site) holdup(want string) {
	s.t.Helper()
	eventually(s.t, "status shows that it is "+want, func() error {
		all, err := s.node.Connections(s.t.Context())
		if err != nil {
			return err
		}
		for _, h := range all[0].Holdups {
			if h.What == want {
				return nil
			}
		}
		return fmt.Errorf("%+v", all)
	})
}
