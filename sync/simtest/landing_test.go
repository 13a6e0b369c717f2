package simtest

import (
	"testing"
	"time"

	"parley/sync/event"
)

// TestTracker_ALateWriteIsFoundOnceItsTimeIsOver: the simulated tracker keeps its
// own promise, however the world's time passes. If it did not, a comment could
// stand twice by nobody's fault.
func TestTracker_ALateWriteIsFoundOnceItsTimeIsOver(t *testing.T) {
	t.Parallel()
	for _, steps := range []time.Duration{time.Millisecond, 100 * time.Millisecond, 700 * time.Millisecond, settleTime} {
		w, err := newWorld(pair, 6, quietly) // B's index is behind
		if err != nil {
			t.Fatal(err)
		}
		w.faults = false
		b := w.nodes[1].tracker
		if b.lag == 0 {
			t.Fatal("the index of B is not behind in this world")
		}
		ticket := b.create(event.Fields{}, "")
		b.late, b.fault = func() bool { return true }, func(string, bool) error { return nil }
		step := event.Step{Kind: event.StepComment, Ref: ticket.Ref, Marker: "late", Comment: &event.CommentWrite{Body: "late"}}
		for range 50 {
			ticket.Comments = nil
			if _, err := b.Write(t.Context(), step, nil); err != nil {
				t.Fatal(err)
			}
			for end := w.clock.at.Add(settleTime); w.clock.at.Before(end); {
				w.pass(min(steps, end.Sub(w.clock.at)))
			}
			found, err := b.Find(t.Context(), step)
			if err != nil || found.Presence != event.FoundOne {
				t.Fatalf("in steps of %v: found %v, %v after the settle time, want one", steps, found.Presence, err)
			}
		}
	}
}
