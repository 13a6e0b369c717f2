package twin_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
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
		Sent:  map[string]twin.Sent{"summary": {Hash: 0x0011223344556677, Seq: 5, State: twin.Open, Said: 0x0011223344556677}, "e": {Hash: 1, State: twin.Confirmed, Said: 2}, "": {}},
		Local: map[string]twin.Base{"status": {Hash: 0xff, Seq: 6, At: -62135596800, Weak: true}, "priority": {Final: 8, Again: 9, AgainAt: 10}},
		Out:   &twin.Unsettled{Seq: 7, Parked: event.CodeDenied, Since: 8},
		Sets: map[string]twin.Set{"labels": {
			Held: []any{"a", 1.5, nil, true, false, []any{}, map[string]any{"id": "1", "n": []any{"x"}}},
			Told: []twin.Told{{Seq: 1, Hold: []any{"b"}, First: true}, {Seq: 2, Removed: []any{"a"}}},
		}},
		Lost: []string{"x", ""}, LostLocal: []string{"y"}, Refused: event.CodeByGate, TheirNote: event.CodeGone, Items: 65,
		Connect: &event.Connect{Key: "INC-1", Prefer: event.PreferNeither, Old: true},
		End:     twin.End{Why: event.CodeLeft, After: event.Position{Epoch: 1, Seq: 2}, Missing: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		Past: []twin.Past{
			{Out: true, Pos: event.Position{Epoch: 3, Seq: 4}, At: 5, Verdict: event.Refused, Code: event.CodeByGate},
			{Pos: event.Position{Epoch: 1, Seq: 1}, At: 6, Verdict: event.Applied, Kept: true},
		},
		Wrote: 0xabcdef, Turn: 4, Astray: []string{"due"}, Disputes: map[string]twin.Dispute{
			"summary": {Since: 1, OursAt: 2, TheirsAt: 3, Decision: &twin.Decision{Value: []any{"v"}, Ours: 7}}, "due": {Since: 9},
		},
		Untold:  []string{"due"},
		Overran: map[string]twin.Overrun{"status": {Since: 1, OursAt: 2, TheirsAt: -3, Event: event.Position{Epoch: 4, Seq: 5}, Stands: 6}, "": {}},
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
	comment := twin.Entry{ID: "c", Item: twin.Item{Local: "2", Hash: 3, Wire: 4, State: twin.Declined}}
	for _, want := range []twin.Page{{}, {full}, {{}, full, comment, {}}} {
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
	raw[0] = 9
	if err := new(twin.Row).UnmarshalBinary(raw); err == nil {
		t.Error("a row of another version is taken")
	}
}

// TestRow_OfTheVersionBeforeIsRead: an older node's rows have no disputes, know
// nothing of turns, and not of what told of a set said all of it.
func TestRow_OfTheVersionBeforeIsRead(t *testing.T) {
	t.Parallel()
	want := fullRow()
	want.Disputes, want.Untold, want.Overran, want.Wrote, want.Turn, want.Astray = nil, nil, nil, 0, 0, nil
	delete(want.Local, "priority")
	set := want.Sets["labels"]
	set.Told = nil
	want.Sets = map[string]twin.Set{"labels": set}
	raw, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 3
	raw = raw[:len(raw)-8-1-1-1-1-1]
	raw = shortBase(raw, want.Local["status"], 3)
	var got twin.Row
	if err := got.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRow_WithoutOverrunsIsRead: nor was anything kept of what was said again, and of
// what the peer may not know to be disputed.
func TestRow_WithoutOverrunsIsRead(t *testing.T) {
	t.Parallel()
	for version := byte(5); version < 8; version++ {
		want := fullRow()
		want.Untold = nil
		if version < 7 {
			delete(want.Local, "priority")
		}
		if version == 5 {
			want.Overran = nil
		}
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if raw = raw[:len(raw)-1]; version < 7 {
			raw = shortBase(raw, want.Local["status"], 2)
		}
		if raw[0] = version; version == 5 {
			raw = raw[:len(raw)-1]
		}
		var got twin.Row
		if err := got.UnmarshalBinary(raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", version, diff)
		}
	}
}

// shortBase takes the last n numbers, all 0, from the only base of a row: three of
// them stand behind time and flag.
func shortBase(raw []byte, base twin.Base, n int) []byte {
	mark := append(binary.AppendUvarint(nil, uint64(base.At)), 1, 0, 0, 0)
	end := bytes.Index(raw, mark) + len(mark)
	return slices.Delete(raw, end-n, end)
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

// The first layout kept no word of what was on the wire: rows of it are read, and
// say so.
func TestRow_OfTheFirstLayoutIsRead(t *testing.T) {
	t.Parallel()
	w := event.Writer{Bytes: []byte{1}}
	w.Ref(event.Ref{ID: "12", Created: 5})
	w.Text("SUP-12")
	w.Bytes = append(w.Bytes, make([]byte, 16)...)
	w.Number(0)
	w.Text("live")
	w.Time(time.Time{})
	w.Flag(false)
	w.Bytes = append(w.Bytes, 0, 0, 1, 2)
	for i, name := range []string{"echoed", "sent"} {
		w.Text(name)
		w.Hash(7)
		w.Number(uint64(i))
		w.Byte('c')
	}
	w.Bytes = append(w.Bytes, make([]byte, 8)...)
	var got twin.Row
	if err := got.UnmarshalBinary(w.Bytes); err != nil {
		t.Fatal(err)
	}
	want := map[string]twin.Sent{
		"sent":   {Hash: 7, Seq: 1, State: twin.Confirmed, Said: 7},
		"echoed": {Hash: 7, State: twin.Confirmed, Said: twin.Unrecorded},
	}
	if diff := cmp.Diff(want, got.Sent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	w = event.Writer{Bytes: []byte{1, 2}}
	for _, file := range []bool{false, true} {
		w.Text("i")
		w.Text("1")
		w.Flag(false)
		w.Flag(file)
		w.Hash(7)
		w.Number(1)
		w.Byte('c')
		w.Text("")
	}
	var page twin.Page
	if err := page.UnmarshalBinary(w.Bytes); err != nil {
		t.Fatal(err)
	}
	if len(page) != 2 || page[0].Wire != twin.Unrecorded || page[1].Wire != 0 {
		t.Errorf("got %+v", page)
	}
	for _, version := range []byte{0, 3} {
		w.Bytes[0] = version
		if err := page.UnmarshalBinary(w.Bytes); err == nil {
			t.Errorf("a page of layout %d was read", version)
		}
	}
}

// TestState_IsReadWithoutTheRest: of any row, of any length of key.
func TestState_IsReadWithoutTheRest(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "SUP-12", strings.Repeat("K", 1000)} {
		for _, state := range []twin.State{twin.Live, twin.Ended, twin.Gone, twin.Orphan} {
			row := fullRow()
			row.Key, row.State = key, state
			raw, err := row.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := twin.StateOf(raw); got != state || err != nil {
				t.Errorf("key of %d bytes: got %q, %v; want %q", len(key), got, err, state)
			}
			for n := range len(raw) {
				if got, err := twin.StateOf(raw[:n]); err == nil && got != state {
					t.Fatalf("of %d bytes: got %q", n, got)
				}
			}
		}
	}
}
