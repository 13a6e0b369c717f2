package simtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// Some worlds ask A's people where both sides changed a field, instead of letting
// the newest change win.

func (w *world) asks() bool { return w.shape == pair && w.seed%4 == 1 }

func (w *world) policy(us, them string) twin.Policy {
	if w.asks() {
		return twin.Policy{Winner: "A", Ask: true, Us: us, Them: them}
	}
	return twin.Policy{Winner: twin.Newest, Us: us, Them: them}
}

// resolver decides disputes at A as a person would: each with the chance given, in
// parts of a thousand. It reports how many it decided.
func (w *world) resolver(ctx context.Context, perMille int) (int, error) {
	if !w.asks() || w.nodes[0].dead {
		return 0, nil
	}
	a := w.nodes[0]
	type open struct {
		id  event.TwinID
		row twin.Row
	}
	var all []open
	err := a.path.Troubled(a.ends[0].con, func(id event.TwinID, row twin.Row) bool {
		all = append(all, open{id, row})
		return true
	})
	if err != nil {
		return 0, err
	}
	count := 0
	for _, o := range all {
		for _, name := range slices.Sorted(maps.Keys(o.row.Disputes)) {
			if w.rng.IntN(1000) >= perMille {
				continue
			}
			count++
			err := a.protect(func() error { return w.decide(ctx, o.id, o.row, name) })
			if err != nil {
				return count, err
			}
		}
	}
	return count, nil
}

// undecided counts the twins in which a person has to decide. An edit that was
// written over is only told: it may stand there for good.
func (e *end) undecided() int {
	count := 0
	_ = e.node.path.Troubled(e.con, func(_ event.TwinID, row twin.Row) bool {
		if len(row.Disputes)+len(row.Astray) > 0 {
			count++
		}
		return true
	})
	return count
}

func (w *world) decide(ctx context.Context, id event.TwinID, row twin.Row, name string) error {
	a := w.nodes[0]
	_, conflicts, err := a.path.Conflicts(ctx, a.ends[0].con, id, row)
	if err != nil {
		return nil //nolint:nilerr // the tracker does not answer: another time
	}
	at := slices.IndexFunc(conflicts, func(c flow.Conflict) bool { return c.Field == name })
	if at < 0 {
		return nil
	}
	c := conflicts[at]
	values := []any{c.Ours}
	if c.Known {
		values = append(values, c.Theirs)
	}
	d := twin.Decision{Value: values[w.rng.IntN(len(values))], Ours: event.HashValue(c.Ours)}
	err = a.path.Resolve(a.ends[0].con, id, name, d)
	if errors.Is(err, flow.ErrNone) {
		return nil // it was settled while we read the ticket
	}
	a.seen["decided"]++
	a.tracker.find(row.Ref).decided = true
	w.trace("A decides %s of %s: %v", name, row.Key, d.Value)
	return err
}

// TestSimulation_AskOverwritesNothingUntilAPersonDecides: the worlds that ask find
// disputes, and end alike once all are decided.
func TestSimulation_AskOverwritesNothingUntilAPersonDecides(t *testing.T) {
	t.Parallel()
	decided := 0
	for seed := uint64(1); seed < 24; seed += 4 {
		w, violations := play(pair, seed, quietly)
		for _, v := range violations {
			t.Errorf("seed %d: %s", seed, v)
		}
		decided += w.nodes[0].seen["decided"]
	}
	if decided == 0 {
		t.Error("nothing was ever in dispute")
	}
}

// settleDisputes lets a person decide all that is left, until nothing is.
func (w *world) settleDisputes(ctx context.Context) error {
	for range 5 {
		count, err := w.resolver(ctx, 1000)
		if err != nil || count == 0 {
			return err
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}
