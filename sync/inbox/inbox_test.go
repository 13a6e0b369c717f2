package inbox_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
)

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// stream is what a peer sent: entries, and the run after each number.
type stream struct {
	entries []envelope.Entry
	runs    []envelope.Run
}

func streamOf(n int) stream {
	s := stream{runs: []envelope.Run{{}}}
	for i := range n {
		e := envelope.Entry{Bytes: []byte{byte(i), byte(i >> 8)}}
		s.entries, s.runs = append(s.entries, e), append(s.runs, s.runs[i].Next(e.Digest()))
	}
	return s
}

func (s stream) cut(first, last int) envelope.Cut {
	return envelope.Cut{Epoch: 1, First: event.Seq(first), Before: s.runs[first-1], Entries: s.entries[first-1 : last]}
}

func (s stream) head(through int) inbox.Head {
	return inbox.Head{Epoch: 1, Through: event.Seq(through), Run: s.runs[through]}
}

func (s stream) runAt(seq event.Seq) (envelope.Run, error) { return s.runs[seq], nil }

func TestInbox_TakesWhatFollowsAndNothingTwice(t *testing.T) {
	t.Parallel()
	s := streamOf(9)
	forged := streamOf(9)
	forged.entries[3].Bytes = []byte("another")
	forged.runs[4] = forged.runs[3].Next(forged.entries[3].Digest())
	older := s.cut(4, 9)
	older.Epoch = 0
	newer := s.cut(1, 2)
	newer.Epoch = 2
	grafted := s.cut(6, 9)
	grafted.Before[0] ^= 1
	for _, tt := range []struct {
		name string
		cut  envelope.Cut
		want inbox.Verdict
		skip int
	}{
		{"the next ones", s.cut(6, 9), inbox.Take, 0},
		{"some known, some not", s.cut(3, 8), inbox.Take, 3},
		{"from the beginning, further than known", s.cut(1, 6), inbox.Take, 5},
		{"all known, the last one too", s.cut(2, 5), inbox.Repeat, 4},
		{"all known, long ago", s.cut(1, 2), inbox.Repeat, 2},
		{"something before it is missing", s.cut(7, 9), inbox.Gap, 0},
		{"another event under a known number", forged.cut(4, 4), inbox.Stop, 0},
		{"another event under a known number, and more", envelope.Cut{Epoch: 1, First: 4, Before: forged.runs[3], Entries: forged.entries[3:]}, inbox.Stop, 0},
		{"another past before the next one", grafted, inbox.Stop, 0},
		{"an epoch that has ended", older, inbox.Old, 0},
		{"an epoch that no hello announced", newer, inbox.Old, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			verdict, skip, err := inbox.Accept(s.head(5), tt.cut, s.runAt)
			if err != nil {
				t.Fatal(err)
			}
			if verdict != tt.want || skip != tt.skip {
				t.Errorf("got %s from %d on, want %s from %d on", verdict, skip, tt.want, tt.skip)
			}
		})
	}
}

func TestInbox_CutsInAnyOrderGiveEveryEventOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const n = 12
		s, h := streamOf(n), inbox.Head{Epoch: 1}
		for range rapid.IntRange(1, 30).Draw(t, "cuts") {
			first := rapid.IntRange(1, n).Draw(t, "first")
			cut := s.cut(first, rapid.IntRange(first, n).Draw(t, "last"))
			verdict, skip, err := inbox.Accept(h, cut, s.runAt)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case verdict == inbox.Stop, verdict == inbox.Old:
				t.Fatalf("an honest cut from %d on is %s", first, verdict)
			case verdict == inbox.Take:
				if got, want := first+skip, int(h.Through)+1; got != want {
					t.Fatalf("takes from %d on, want %d", got, want)
				}
				h = s.head(int(cut.Last()))
			case verdict == inbox.Gap && event.Seq(first) <= h.Through+1, verdict == inbox.Repeat && cut.Last() > h.Through:
				t.Fatalf("%d to %d at %d is %s", first, cut.Last(), h.Through, verdict)
			}
		}
	})
}

func TestInbox_AnUnreadableRunIsAnErrorNotAVerdict(t *testing.T) {
	t.Parallel()
	s := streamOf(5)
	broken := errors.New("broken")
	_, _, err := inbox.Accept(s.head(5), s.cut(1, 2), func(event.Seq) (envelope.Run, error) { return envelope.Run{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the store's error", err)
	}
}

func applying() *inbox.Row {
	return inbox.Next(inbox.Next(nil, inbox.Arrive{Epoch: 1, Seq: 4}, at()), inbox.Planned{Plan: []byte("p")}, at())
}

func park(row *inbox.Row) *inbox.Row {
	return inbox.Next(row, inbox.Park{Code: event.CodeRejected, Reason: "no", Next: at().Add(time.Hour)}, at())
}

func TestInbox_NewerEventTakesThePlaceOfAParkedOne(t *testing.T) {
	t.Parallel()
	row := park(inbox.Next(nil, inbox.Arrive{Epoch: 1, Seq: 4}, at()))
	row.Key, row.Told = "S-1", event.CodeRejected
	later := at().Add(time.Minute)
	got := inbox.Next(row, inbox.Arrive{Epoch: 1, Seq: 6}, later)
	want := &inbox.Row{Epoch: 1, Seq: 6, State: inbox.Ready, Key: "S-1", At: later.UnixMilli()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestInbox_NewerEventWaitsForAPlanThatWasBegun(t *testing.T) {
	t.Parallel()
	row := inbox.Next(applying(), inbox.Arrive{Epoch: 1, Seq: 6}, at())
	if row.Seq != 4 || row.NextSeq != 6 || row.State != inbox.Applying {
		t.Errorf("got event %d, next %d, %s; want 4, next 6, applying", row.Seq, row.NextSeq, row.State)
	}
	row = inbox.Next(row, inbox.Arrive{Epoch: 2, Seq: 1}, at())
	later := at().Add(time.Minute)
	want := &inbox.Row{Epoch: 2, Seq: 1, State: inbox.Ready, At: later.UnixMilli()}
	if diff := cmp.Diff(want, inbox.Next(row, inbox.Done{}, later)); diff != "" {
		t.Errorf("row after the plan (-want +got):\n%s", diff)
	}
}

// TestInbox_EventsOfOneEpochAreAppliedInOrder: an edit and a heal behind it that says the
// same are not the same to the merge: the sender weighs both.
func TestInbox_EventsOfOneEpochAreAppliedInOrder(t *testing.T) {
	t.Parallel()
	row := inbox.Next(inbox.Next(nil, inbox.Arrive{Epoch: 1, Seq: 4}, at()), inbox.Arrive{Epoch: 1, Seq: 6}, at())
	if row.Seq != 4 || row.NextSeq != 6 || row.State != inbox.Ready {
		t.Errorf("got event %d, next %d, %s; want 4, next 6, ready", row.Seq, row.NextSeq, row.State)
	}
	want := &inbox.Row{Epoch: 1, Seq: 6, State: inbox.Ready, At: at().UnixMilli()}
	for _, ended := range []inbox.Input{inbox.Done{}, inbox.Park{Code: event.CodeRejected, Next: at().Add(time.Hour)}} {
		if diff := cmp.Diff(want, inbox.Next(row, ended, at())); diff != "" {
			t.Errorf("row after %T (-want +got):\n%s", ended, diff)
		}
	}
	// What an epoch voids is not applied.
	want.Epoch, want.Seq = 2, 1
	if diff := cmp.Diff(want, inbox.Next(row, inbox.Arrive{Epoch: 2, Seq: 1}, at())); diff != "" {
		t.Errorf("row after a new epoch (-want +got):\n%s", diff)
	}
}

// TestInbox_WhatADroppedPlanWroteHoldsOursUntilTheEventIsDone: whatever comes next.
func TestInbox_WhatADroppedPlanWroteHoldsOursUntilTheEventIsDone(t *testing.T) {
	t.Parallel()
	row := inbox.Next(applying(), inbox.Replan{Begun: true}, at())
	for _, input := range []inbox.Input{inbox.Wait{}, inbox.Arrive{Epoch: 2, Seq: 1}, inbox.Planned{Plan: []byte("p")}} {
		if row = inbox.Next(row, input, at()); !row.Holds() {
			t.Errorf("after %T ours may leave", input)
		}
	}
	row = inbox.Next(row, inbox.Arrive{Epoch: 2, Seq: 2}, at())
	if row = inbox.Next(row, inbox.Done{}, at()); row.Holds() {
		t.Error("after the event is done ours still may not leave")
	}
	row = inbox.Next(applying(), inbox.Replan{Begun: true}, at())
	if !park(row).Holds() {
		t.Error("what is not on record may leave")
	}
	row = inbox.Next(inbox.Next(row, inbox.Planned{Plan: []byte("p")}, at()), inbox.Replan{Begun: true, Known: true}, at())
	if row.Holds() || park(row).Holds() {
		t.Error("what is on record holds up ours")
	}
}

func TestInbox_NewerEventBringsUpAParkedPlan(t *testing.T) {
	t.Parallel()
	row := inbox.Next(park(applying()), inbox.Arrive{Epoch: 1, Seq: 6}, at())
	if row.State != inbox.Applying || row.NextSeq != 6 || !row.Due(at()) {
		t.Errorf("got %s, next %d, due %v; want the plan to be gone on with", row.State, row.NextSeq, row.Due(at()))
	}
}

func TestInbox_RowsWaitAndComeBackToWhereTheyWere(t *testing.T) {
	t.Parallel()
	for _, row := range []*inbox.Row{inbox.Next(nil, inbox.Arrive{Epoch: 1, Seq: 4}, at()), applying()} {
		for _, wait := range []inbox.Input{
			inbox.Wait{Until: at().Add(time.Hour), Reason: "later"},
			inbox.Park{Code: event.CodeDenied, Next: at().Add(time.Hour)},
		} {
			waits := inbox.Next(row, wait, at())
			if waits.Due(at().Add(time.Hour-1)) || !waits.Due(at().Add(time.Hour)) {
				t.Errorf("%s after %T is not due exactly at its time", row.State, wait)
			}
			if waits.Attempt != 1 || !waits.Since.Equal(at()) {
				t.Errorf("%s after %T: attempt %d since %v", row.State, wait, waits.Attempt, waits.Since)
			}
			again := inbox.Next(inbox.Next(waits, wait, at().Add(time.Hour)), inbox.Retry{}, at())
			if again.State != row.State || again.Seq != row.Seq || !again.Due(at()) {
				t.Errorf("%s after %T and a retry: %s", row.State, wait, again.State)
			}
			if again.Attempt != 2 || !again.Since.Equal(at()) {
				t.Errorf("%s after two of %T: attempt %d since %v", row.State, wait, again.Attempt, again.Since)
			}
		}
	}
}

func TestInbox_ADroppedPlanIsDecidedAnew(t *testing.T) {
	t.Parallel()
	row := inbox.Next(applying(), inbox.Replan{}, at())
	if row.Planned() || row.State != inbox.Ready {
		t.Errorf("got planned %v, %s; want ready without a plan", row.Planned(), row.State)
	}
}

func TestInbox_TheLastEventLeavesNoRow(t *testing.T) {
	t.Parallel()
	if row := inbox.Next(applying(), inbox.Done{}, at()); row != nil {
		t.Errorf("a row is left: %+v", row)
	}
	for _, input := range []inbox.Input{inbox.Planned{Plan: []byte("p")}, inbox.Wait{}, inbox.Park{}, inbox.Retry{}, inbox.Replan{}, inbox.Done{}} {
		if row := inbox.Next(nil, input, at()); row != nil {
			t.Errorf("%T made a row of nothing: %+v", input, row)
		}
	}
}

func TestInbox_HeadsComeBackAsTheyWereStored(t *testing.T) {
	t.Parallel()
	h := inbox.Head{Epoch: 1 << 60, Through: 77, Run: envelope.Run{1, 2, 31: 3}}
	raw, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var got inbox.Head
	if err := got.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(envelope.Place{Epoch: h.Epoch, Through: 77, Run: h.Run}, h.Place()); diff != "" {
		t.Errorf("place (-want +got):\n%s", diff)
	}
	for _, b := range [][]byte{nil, raw[:len(raw)-1], append(raw, 0), append([]byte{9}, raw[1:]...)} {
		if err := got.UnmarshalBinary(b); err == nil {
			t.Errorf("a head of %d bytes was read", len(b))
		}
	}
}
