package outbox_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/outbox"
)

// fill appends n events; runs[i] is the run after event i.
func fill(h outbox.Head, n int) (outbox.Head, []envelope.Run) {
	runs := []envelope.Run{h.Run}
	for i := range n {
		var stored outbox.Stored
		h, stored = h.Append(envelope.Entry{Bytes: []byte{byte(i)}})
		runs = append(runs, stored.Run)
	}
	return h, runs
}

func TestOutbox_NumbersHaveNoHolesAndTheRunIsTheChain(t *testing.T) {
	t.Parallel()
	h := outbox.New(4)
	run := envelope.Run{}
	for i := range 3 {
		entry := envelope.Entry{Salt: envelope.Salt{byte(i)}, Bytes: []byte("event")}
		next, stored := h.Append(entry)
		run = run.Next(entry.Digest())
		want := outbox.Head{Epoch: 4, Appended: event.Seq(i + 1), Run: run}
		if diff := cmp.Diff(want, next); diff != "" {
			t.Errorf("head after event %d (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(outbox.Stored{Entry: entry, Run: run}, stored); diff != "" {
			t.Errorf("event %d as stored (-want +got):\n%s", i+1, diff)
		}
		h = next
	}
	if diff := cmp.Diff(envelope.Place{Epoch: 4, Through: 3, Run: run}, h.Place()); diff != "" {
		t.Errorf("place (-want +got):\n%s", diff)
	}
}

func TestOutbox_ReceiptMovesOnlyWhatItProves(t *testing.T) {
	t.Parallel()
	h, runs := fill(outbox.New(2), 5)
	h.Through = 3
	for _, tt := range []struct {
		name    string
		receipt envelope.Receipt
		run     envelope.Run
		want    outbox.Verdict
		through event.Seq
	}{
		{"a receipt for all advances", envelope.Receipt{Epoch: 2, Through: 5, Run: runs[5]}, runs[5], outbox.Advance, 5},
		{"a receipt for a part advances so far", envelope.Receipt{Epoch: 2, Through: 4, Run: runs[4]}, runs[4], outbox.Advance, 4},
		{"a receipt given before advances nothing", envelope.Receipt{Epoch: 2, Through: 3, Run: runs[3]}, runs[3], outbox.Advance, 3},
		{"a receipt that is behind proves no loss", envelope.Receipt{Epoch: 2, Through: 1, Run: runs[1]}, runs[1], outbox.GoBack, 3},
		{"a receipt of another epoch is ignored", envelope.Receipt{Epoch: 1, Through: 5, Run: runs[5]}, runs[5], outbox.Ignore, 3},
		{"a receipt for what was never sent is ignored", envelope.Receipt{Epoch: 2, Through: 6, Run: runs[5]}, runs[5], outbox.Ignore, 3},
		{"a peer that stops stops us", envelope.Receipt{Epoch: 2, Through: 5, Run: runs[5], Stop: true}, runs[5], outbox.Stop, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next, verdict := outbox.Receipt(h, tt.receipt, tt.run)
			if verdict != tt.want || next.Through != tt.through {
				t.Errorf("got %s through %d, want %s through %d", verdict, next.Through, tt.want, tt.through)
			}
		})
	}
}

func TestOutbox_ReceiptWithAnotherRunStops(t *testing.T) {
	t.Parallel()
	h, runs := fill(outbox.New(1), 3)
	for through := event.Seq(0); through <= 3; through++ {
		run := runs[through]
		run[31] ^= 1
		next, verdict := outbox.Receipt(h, envelope.Receipt{Epoch: 1, Through: through, Run: run}, runs[through])
		if verdict != outbox.Stop || next.Through != 0 {
			t.Errorf("at %d: got %s through %d, want stop", through, verdict, next.Through)
		}
	}
}

func TestOutbox_HelloTellsWhoLostWhat(t *testing.T) {
	t.Parallel()
	h, runs := fill(outbox.New(2), 5)
	h.Through = 3
	untold := h
	untold.Through = 0
	other := runs[4]
	other[0] ^= 1
	for _, tt := range []struct {
		name  string
		head  outbox.Head
		place envelope.Place
		run   envelope.Run
		want  outbox.Verdict
	}{
		{"a peer that has more than its receipt said", h, envelope.Place{Epoch: 2, Through: 5, Run: runs[5]}, runs[5], outbox.Advance},
		{"a peer that is where its receipt said", h, envelope.Place{Epoch: 2, Through: 3, Run: runs[3]}, runs[3], outbox.Advance},
		{"a peer that lost what it gave a receipt for", h, envelope.Place{Epoch: 2, Through: 2, Run: runs[2]}, runs[2], outbox.NewEpoch},
		{"a peer that has what we lost", h, envelope.Place{Epoch: 2, Through: 6, Run: runs[5]}, envelope.Run{}, outbox.NewEpoch},
		{"a peer with other events under our numbers", h, envelope.Place{Epoch: 2, Through: 4, Run: other}, runs[4], outbox.NewEpoch},
		{"a peer that knows a later epoch of ours", h, envelope.Place{Epoch: 3}, envelope.Run{}, outbox.NewEpoch},
		{"a peer that forgot this epoch", h, envelope.Place{Epoch: 1, Through: 9, Run: runs[1]}, envelope.Run{}, outbox.NewEpoch},
		{"a peer that has not heard of this epoch", untold, envelope.Place{Epoch: 1, Through: 9, Run: runs[1]}, envelope.Run{}, outbox.GoBack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next, verdict := outbox.Next(tt.head, tt.place, tt.run)
			if verdict != tt.want {
				t.Errorf("verdict: got %s, want %s", verdict, tt.want)
			}
			through := tt.head.Through
			if tt.want == outbox.Advance {
				through = tt.place.Through
			}
			if next.Through != through {
				t.Errorf("through: got %d, want %d", next.Through, through)
			}
		})
	}
}

func TestOutbox_RowsComeBackAsTheyWereStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 0, 64)
		h := outbox.Head{
			Epoch: rapid.Uint64().Draw(t, "epoch"), Appended: event.Seq(rapid.Uint64().Draw(t, "appended")),
			Through: event.Seq(rapid.Uint64().Draw(t, "through")),
		}
		copy(h.Run[:], bytes.Draw(t, "run"))
		stored := outbox.Stored{Entry: envelope.Entry{Bytes: bytes.Draw(t, "bytes")}, Run: h.Run}
		copy(stored.Entry.Salt[:], bytes.Draw(t, "salt"))
		var head outbox.Head
		var again outbox.Stored
		for _, row := range []struct {
			from interface{ MarshalBinary() ([]byte, error) }
			to   interface{ UnmarshalBinary([]byte) error }
		}{{h, &head}, {stored, &again}} {
			raw, err := row.from.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := row.to.UnmarshalBinary(raw); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(h, head); diff != "" {
			t.Fatalf("head (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(stored, again); diff != "" {
			t.Fatalf("event (-want +got):\n%s", diff)
		}
	})
}

func TestOutbox_DamagedRowsAreErrors(t *testing.T) {
	t.Parallel()
	raw, err := outbox.New(1).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte{2}, raw[1:]...)
	for _, b := range [][]byte{nil, {}, raw[:len(raw)-1], append(raw, 0), other} {
		if err := new(outbox.Head).UnmarshalBinary(b); err == nil {
			t.Errorf("a head of %d bytes was read", len(b))
		}
	}
	for _, b := range [][]byte{nil, {1}, make([]byte, 48), make([]byte, 49)} {
		if err := new(outbox.Stored).UnmarshalBinary(b); err == nil {
			t.Errorf("an event of %d bytes was read", len(b))
		}
	}
}
