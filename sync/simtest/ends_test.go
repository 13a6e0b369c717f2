package simtest

import (
	"context"
	"fmt"
	"testing"

	"parley/sync/event"
	"parley/sync/twin"
	"parley/sync/work"
)

// apart is A and B, whose people take tickets out of step, and into it again.
const apart shape = "apart"

// TestSimulation_PairsTakenOutOfStepAgreeAgain: when all pairs are taken up again,
// nothing is lost, and nothing is there twice.
func TestSimulation_PairsTakenOutOfStepAgreeAgain(t *testing.T) {
	t.Parallel()
	runSeeds(t, apart, 40)
}

// part takes one pair out of step now and then, or up again.
func (w *world) part(n *node) error {
	if w.shape != apart || !w.odds(15) || n.dead {
		return nil
	}
	e := n.ends[0]
	halves, err := e.halves()
	if err != nil || len(halves) == 0 {
		return err
	}
	h := halves[w.rng.IntN(len(halves))]
	if h.row.State == twin.Live {
		w.trace("%s takes %s out of step", n.name, h.row.Key)
		return n.protect(func() error { return n.path.Unsync(e.con, h.row.Ref) })
	}
	return e.takeUp(h)
}

// reunite takes up again what was taken out of step.
func (w *world) reunite(ctx context.Context) error {
	for range 6 {
		if w.shape != apart {
			return nil
		}
		moved := false
		for _, n := range w.nodes {
			e := n.ends[0]
			halves, err := e.halves()
			if err != nil {
				return err
			}
			for _, h := range halves {
				if h.row.State == twin.Live {
					continue
				}
				moved = true
				if err := e.takeUp(h); err != nil {
					return err
				}
			}
		}
		if !moved {
			return nil
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("pairs stay out of step")
}

type half struct {
	id  event.TwinID
	row twin.Row
}

func (e *end) halves() ([]half, error) {
	var out []half
	err := e.node.path.Twins(e.con, func(id event.TwinID, row twin.Row) bool {
		out = append(out, half{id, row})
		return true
	})
	return out, err
}

func (e *end) takeUp(h half) error {
	e.node.world.trace("%s takes %s into step", e.node.name, h.row.Key)
	return e.node.protect(func() error {
		return e.node.path.Touch(e.id, []event.Change{{Ref: h.row.Ref, Key: h.row.Key}}, work.Seen{Cause: event.CauseEdit, Forced: true})
	})
}
