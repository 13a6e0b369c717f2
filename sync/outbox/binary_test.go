package outbox_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/outbox"
)

func TestRow_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 17, time.UTC)
	for _, want := range []outbox.Row{{}, {
		Twin: event.TwinID{1, 2}, Ref: event.Ref{ID: "7", Created: -5}, Epoch: 3, At: at.UnixMilli(), Key: "SUP-1",
	}} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got outbox.Row
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for n := range raw {
			if new(outbox.Row).UnmarshalBinary(raw[:n]) == nil {
				t.Errorf("a row cut after %d of %d bytes is taken", n, len(raw))
			}
		}
	}
}
