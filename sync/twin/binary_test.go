package twin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/twin"
)

func fullRow() twin.Row {
	return twin.Row{
		Ref: event.Ref{ID: "12", Created: -5}, Key: "SUP-12", Origin: event.OriginID{1, 2, 3}, Hops: 3, State: twin.Live,
		Since: time.Date(2026, 3, 1, 12, 0, 0, 17, time.UTC), Theirs: true, Seen: event.Position{Epoch: 2, Seq: 9}, Epoch: 4,
		Sent:  map[string]twin.Sent{"summary": {Hash: 0x0011223344556677, Seq: 5, State: twin.Open}, "": {}},
		Local: map[string]twin.Base{"status": {Hash: 0xff, Seq: 6, At: -62135596800, Weak: true}},
		Out:   &twin.Unsettled{Seq: 7, Parked: event.CodeDenied, Since: 8},
		Sets: map[string]twin.Set{"labels": {
			Held: []any{"a", 1.5, nil, true, false, []any{}, map[string]any{"id": "1", "n": []any{"x"}}},
			Told: []twin.Told{{Seq: 1, Hold: []any{"b"}}, {Seq: 2, Removed: []any{"a"}}},
		}},
		Lost: []string{"x", ""}, LostLocal: []string{"y"}, Refused: event.CodeByGate, TheirNote: event.CodeGone, Items: 65,
	}
}

func TestRow_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	for _, want := range []twin.Row{{}, fullRow()} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got twin.Row
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestPage_ComesBackFromItsBytes(t *testing.T) {
	t.Parallel()
	full := twin.Entry{ID: "i", Item: twin.Item{
		Local: "1", Theirs: true, File: true, Hash: 1<<64 - 1, Seq: 1 << 40, State: twin.Waiting, Name: "é.txt",
	}}
	for _, want := range []twin.Page{{}, {full}, {{}, full, {}}} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got twin.Page
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestRow_CutOrForeignBytesAreAnError: nothing that is not a whole row of this
// version is taken for one.
func TestRow_CutOrForeignBytesAreAnError(t *testing.T) {
	t.Parallel()
	row := fullRow()
	raw, err := row.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if err := new(twin.Row).UnmarshalBinary(raw[:n]); err == nil {
			t.Errorf("a row cut after %d of %d bytes is taken", n, len(raw))
		}
	}
	if err := new(twin.Row).UnmarshalBinary(append(raw, 0)); err == nil {
		t.Error("a row with something behind it is taken")
	}
	raw[0] = 2
	if err := new(twin.Row).UnmarshalBinary(raw); err == nil {
		t.Error("a row of another version is taken")
	}
}

func FuzzRow_AnyBytesAreARowOrAnError(f *testing.F) {
	row := fullRow()
	raw, err := row.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var row twin.Row
		if row.UnmarshalBinary(raw) != nil {
			return
		}
		if _, err := row.MarshalBinary(); err != nil {
			t.Errorf("a row that was read cannot be written: %v", err)
		}
	})
}
