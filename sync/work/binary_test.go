package work_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/work"
)

func TestRow_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 17, time.UTC)
	for _, want := range []work.Row{{}, {
		Gen: 1 << 60, State: work.Held, Key: "SUP-1", Cause: event.CauseHeal, Forced: true, Bulk: true, Attempt: 3,
		Reason: "é", Code: event.CodeByGate, Since: at, Next: at.Add(time.Hour), Parked: true, Healed: "item", Stands: true,
	}} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got work.Row
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for n := range raw {
			if new(work.Row).UnmarshalBinary(raw[:n]) == nil {
				t.Errorf("a row cut after %d of %d bytes is taken", n, len(raw))
			}
		}
	}
}
