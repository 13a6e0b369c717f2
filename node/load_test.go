package node_test

import (
	"errors"
	"fmt"
	"testing"

	"parley/node/admin"
)

// loading is a node with tickets from before its connection, and a load that hands
// over one of them and then waits for a day.
func loading(t *testing.T, dry bool) (a, b *site) {
	t.Helper()
	a, b = newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	for i := range 3 {
		a.create(fmt.Sprint("old ", i))
	}
	a.run()
	b.run()
	join(t, a, b)
	a.working()
	_, err := a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{Rate: 1.0 / 86400, DryRun: dry})
	must(t, err)
	return a, b
}

// working waits until the one connection works.
func (s *site) working() {
	s.t.Helper()
	s.state("working")
}

func TestLoad_AnAbortedLoadHandsNothingMoreOver(t *testing.T) {
	t.Parallel()
	a, b := loading(t, false)
	eventually(t, "one ticket is loaded", func() error {
		l, err := a.node.Load(t.Context(), "peer")
		if err != nil || l.State != "running" || l.Done != 1 || l.Total != 3 {
			return fmt.Errorf("%+v %w", l, err)
		}
		return nil
	})
	var refused *admin.Error
	if _, err := a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{}); !errors.As(err, &refused) || refused.Kind != admin.KindConflict {
		t.Errorf("a second load beside it: %v, want a conflict", err)
	}
	if _, err := b.node.AbortLoad(t.Context(), "peer"); !errors.As(err, &refused) || refused.Kind != admin.KindNotFound {
		t.Errorf("aborting none: %v, want not found", err)
	}
	_, err := a.node.AbortLoad(t.Context(), "peer")
	must(t, err)
	eventually(t, "the load has ended", func() error {
		if l, err := a.node.Load(t.Context(), "peer"); err != nil || l.State != "aborted" {
			return fmt.Errorf("%+v %w", l, err)
		}
		return nil
	})
	quiet(t, a, b)
	tickets, err := b.node.Tickets(t.Context(), admin.TicketQuery{})
	must(t, err)
	if len(tickets) != 1 {
		t.Errorf("%d tickets have arrived, want the one of before the abort", len(tickets))
	}
	// The same load again goes on with the rest.
	_, err = a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{Rate: 1000})
	must(t, err)
	inStep(t, a, b, "old 0", "old 1", "old 2")
}

func TestLoad_EndsWithItsNode(t *testing.T) {
	t.Parallel()
	a, _ := loading(t, true)
	eventually(t, "the load is under way", func() error {
		if l, err := a.node.Load(t.Context(), "peer"); err != nil || l.State != "running" {
			return fmt.Errorf("%+v %w", l, err)
		}
		return nil
	})
	a.stop()
	l, err := a.node.Load(t.Context(), "peer")
	must(t, err)
	if l.State != "aborted" {
		t.Errorf("the node has ended and its load is %s", l.State)
	}
}

// A rate is a number from outside: one that no clock can keep must not become a
// tick of no length.
func TestLoad_ARateThatNoClockKeepsIsRefused(t *testing.T) {
	t.Parallel()
	a, _ := joined(t, "")
	a.working()
	for _, rate := range []float64{1e-12, 1e-300, 1e10, 1e300, -1} {
		var refused *admin.Error
		if _, err := a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{Rate: rate, DryRun: true}); !errors.As(err, &refused) || refused.Kind != admin.KindInvalid {
			t.Errorf("rate %g: %v, want it refused as invalid", rate, err)
		}
	}
}
