package inbox_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/inbox"
)

func TestRow_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 17, time.UTC)
	for _, want := range []inbox.Row{{}, {
		Epoch: 2, Seq: 1 << 60, State: inbox.Parked, Plan: []byte{0, 1}, NextEpoch: 3, NextSeq: 4, Attempt: 5,
		Until: at.Add(time.Hour), Since: at, Code: event.CodeByGate, Reason: "é", Told: event.CodeDenied, Key: "SUP-1", Begun: true, At: at.UnixMilli(),
	}} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got inbox.Row
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for n := range len(raw) - len(want.Plan) {
			if new(inbox.Row).UnmarshalBinary(raw[:n]) == nil {
				t.Errorf("a row cut after %d of %d bytes is taken", n, len(raw))
			}
		}
	}
}

// TestRow_OfTheFirstLayoutIsRead: it did not know of plans that were begun.
func TestRow_OfTheFirstLayoutIsRead(t *testing.T) {
	t.Parallel()
	want := inbox.Row{Epoch: 1, Seq: 2, State: inbox.Ready, Key: "SUP-1", At: 3}
	raw, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 1
	raw[1]--
	var got inbox.Row
	if err := got.UnmarshalBinary(raw[:len(raw)-1]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
