package twin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/twin"
)

func sent(value any, seq event.Seq, state twin.Confirm) twin.Sent {
	return twin.Sent{Hash: event.HashValue(value), Seq: seq, State: state}
}

func TestTwin_AnEventCarriesOnlyWhatThePeerHasNotConfirmed(t *testing.T) {
	t.Parallel()
	row := twin.Row{Sent: map[string]twin.Sent{
		"confirmed": sent("a", 1, twin.Confirmed), "changed": sent("a", 1, twin.Confirmed),
		"declined": sent("a", 1, twin.Declined), "declined and changed": sent("a", 1, twin.Declined),
		"parked": sent("a", 1, twin.Waiting), "emptied": sent("a", 1, twin.Confirmed), "open": sent("a", 2, twin.Open),
	}}
	fields := event.Fields{
		"confirmed": "a", "changed": "b", "declined": "a", "declined and changed": "b",
		"parked": "a", "emptied": nil, "open": "a", "empty at first sight": nil, "first": "a",
	}
	want := event.Fields{"changed": "b", "declined and changed": "b", "parked": "a", "emptied": nil, "first": "a"}
	if diff := cmp.Diff(want, differs(row, fields, false)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fields, differs(row, fields, true)); diff != "" {
		t.Errorf("fields of a heal (-want +got):\n%s", diff)
	}
}

func differs(row twin.Row, fields event.Fields, all bool) event.Fields {
	out, _ := row.Differs(fields, all)
	return out
}

func echo(row *twin.Row, fields event.Fields, seen event.Seq) {
	row.Echo(fields, twin.HashAll(fields), seen)
}

func TestTwin_AnOutcomeSettlesWhatItsEventSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		outcome event.Outcome
		field   twin.Confirm
		out     *twin.Unsettled
		refused event.Code
		lost    []string
	}{
		{event.Outcome{Seq: 5, Verdict: event.Applied, Lost: []string{"x"}, Code: event.CodeWorkflow}, twin.Confirmed, nil, "", []string{"of another", twin.Loss("x", event.CodeWorkflow)}},
		{event.Outcome{Seq: 5, Verdict: event.Refused, Code: event.CodeByGate}, twin.Declined, nil, event.CodeByGate, []string{"of another", "of it"}},
		{
			event.Outcome{Seq: 5, Verdict: event.Parked, Code: event.CodeRejected},
			twin.Waiting,
			&twin.Unsettled{Seq: 5, Parked: event.CodeRejected, Since: 9}, "",
			[]string{"of another", "of it"},
		},
	} {
		t.Run(string(tt.outcome.Verdict), func(t *testing.T) {
			t.Parallel()
			row := twin.Row{
				Sent: map[string]twin.Sent{"of it": sent("a", 5, twin.Open), "of another": sent("a", 4, twin.Waiting)},
				Out:  &twin.Unsettled{Seq: 5, Since: 9}, Refused: event.CodeDenied, Lost: []string{"of another", "of it"},
			}
			if !row.Settle(tt.outcome) {
				t.Error("the outcome of the present event counts as another's")
			}
			want := twin.Row{
				Sent: map[string]twin.Sent{"of it": sent("a", 5, tt.field), "of another": sent("a", 4, twin.Waiting)},
				Out:  tt.out, Refused: tt.refused, Lost: tt.lost,
			}
			if diff := cmp.Diff(want, row); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTwin_ALateOutcomeLeavesThePresentEventAlone(t *testing.T) {
	t.Parallel()
	row := twin.Row{
		Sent: map[string]twin.Sent{"old": sent("a", 4, twin.Waiting), "new": sent("a", 5, twin.Open)},
		Out:  &twin.Unsettled{Seq: 5},
	}
	if row.Settle(event.Outcome{Seq: 4, Verdict: event.Applied}) {
		t.Error("a late outcome counts as the present event's")
	}
	want := twin.Row{
		Sent: map[string]twin.Sent{"old": sent("a", 4, twin.Confirmed), "new": sent("a", 5, twin.Open)},
		Out:  &twin.Unsettled{Seq: 5},
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestTwin_AParkedEventDoesNotHoldUpANewerOne(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	if row.Unsent() {
		t.Error("a twin without an event has one without outcome")
	}
	row.Append(1, nil, false, base())
	if !row.Unsent() {
		t.Error("an event without outcome does not hold up the next")
	}
	row.Settle(event.Outcome{Seq: 1, Verdict: event.Parked, Code: event.CodeDenied})
	if row.Unsent() {
		t.Error("a parked event holds up the next")
	}
}

func TestTwin_AnEchoIsNotSentBack(t *testing.T) {
	t.Parallel()
	row := twin.Row{Sent: map[string]twin.Sent{"f": sent("old", 1, twin.Confirmed)}}
	echo(&row, event.Fields{"f": "theirs"}, 0)
	if d := differs(row, event.Fields{"f": "theirs"}, false); d != nil {
		t.Errorf("sent back: %v", d)
	}
}

func TestTwin_WhatAnEventSaysOfASetWaitsForItsOutcome(t *testing.T) {
	t.Parallel()
	row := twin.Row{Sent: map[string]twin.Sent{"labels": sent([]any{"ours"}, 3, twin.Open)}}
	merged := []any{"ours", "theirs"}
	echo(&row, event.Fields{"labels": merged}, 2)
	if diff := cmp.Diff(sent(merged, 3, twin.Open), row.Sent["labels"]); diff != "" {
		t.Errorf("made without knowing ours (-want +got):\n%s", diff)
	}
	row.Settle(event.Outcome{Seq: 3, Verdict: event.Parked})
	if differs(row, event.Fields{"labels": merged}, false) == nil {
		t.Error("what the peer parked is not sent again")
	}
	echo(&row, event.Fields{"labels": merged}, 3)
	if diff := cmp.Diff(sent(merged, 0, twin.Confirmed), row.Sent["labels"]); diff != "" {
		t.Errorf("made knowing ours (-want +got):\n%s", diff)
	}
}

func TestTwin_AnEndedEpochIsForgottenOnce(t *testing.T) {
	t.Parallel()
	row := func() twin.Row {
		return twin.Row{
			Epoch: 1, Out: &twin.Unsettled{Seq: 7},
			Sent: map[string]twin.Sent{
				"open": sent("a", 7, twin.Open), "waiting": sent("a", 6, twin.Waiting),
				"confirmed": sent("a", 5, twin.Confirmed), "declined": sent("a", 5, twin.Declined),
			},
			Local: map[string]twin.Base{"status": {Hash: 7, Seq: 7, At: 9}, "summary": {Hash: 7, Seq: 5, At: 9}},
			Sets:  map[string]twin.Set{"labels": {Held: []any{"a"}, Told: []twin.Told{{Seq: 7, Hold: []any{"b"}, Removed: []any{"a"}}}}},
		}
	}
	got := row()
	got.Void(1)
	if diff := cmp.Diff(row(), got); diff != "" {
		t.Errorf("the present epoch was voided (-want +got):\n%s", diff)
	}
	got.Void(2)
	want := twin.Row{
		Epoch: 2,
		Sent:  map[string]twin.Sent{"confirmed": sent("a", 0, twin.Confirmed), "declined": sent("a", 0, twin.Declined)},
		// What the event without outcome said, the peer may not know: it counts as
		// a change of ours.
		Local: map[string]twin.Base{"status": {At: 9}, "summary": {Hash: 7, At: 9}},
		Sets:  map[string]twin.Set{"labels": {Held: []any{"a"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestTwin_ABaseKeepsTheTimeOfTheChangeNotOfTheLook(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	row.Carry(event.Fields{"status": "Open"}, event.Fields{"status": nil}, twin.Carried{Seq: 3, Cause: event.CauseEdit, Exact: false}, base())
	row.Carry(event.Fields{"status": "Open"}, event.Fields{"status": nil}, twin.Carried{Seq: 4, Cause: event.CauseEdit, Exact: false}, base().Add(time.Hour))
	want := map[string]twin.Base{"status": {Hash: event.HashValue("Open"), Seq: 3, At: base().Unix()}}
	if diff := cmp.Diff(want, row.Local); diff != "" {
		t.Errorf("base (-want +got):\n%s", diff)
	}
}

// TestTwin_AValueSaidAgainIsSaidWithThatEvent: a change of the peer's that was
// made without knowing the event is in conflict with it, though the value is the
// one that was agreed on before.
func TestTwin_AValueSaidAgainIsSaidWithThatEvent(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	fields := event.Fields{"status": "Open"}
	row.SetLocal(fields, base())
	row.Carry(fields, fields, twin.Carried{Seq: 5, Cause: event.CauseEdit, Exact: true}, base().Add(time.Hour))
	want := twin.Base{Hash: event.HashValue("Open"), Seq: 5, At: base().Add(time.Hour).Unix()}
	if got := row.Local["status"]; got != want {
		t.Errorf("the base is %+v, want %+v", got, want)
	}
}

// TestTwin_AHealSaysItsFieldsAnew: two heals that cross are weighed by both sides,
// also where one says what it had agreed on before. An edit that said the same
// stays an edit to who does not know it.
func TestTwin_AHealSaysItsFieldsAnew(t *testing.T) {
	t.Parallel()
	fields, heal := event.Fields{"status": "Open"}, twin.Carried{Seq: 5, Cause: event.CauseHeal, Exact: true}
	row := twin.Row{}
	row.SetLocal(fields, base())
	row.Carry(fields, fields, heal, base())
	if got := row.Local["status"]; got.Seq != 5 || !got.Weak {
		t.Errorf("the base is %+v, want said with event 5, and weak", got)
	}
	row.Carry(fields, fields, twin.Carried{Seq: 6, Cause: event.CauseHeal, Exact: true}, base().Add(time.Hour))
	if got := row.Local["status"]; got.Seq != 6 || !got.Weak || got.At != base().Add(time.Hour).Unix() {
		t.Errorf("the base is %+v, want said with the later heal, at its time", got)
	}
	row = twin.Row{}
	row.Carry(fields, fields, twin.Carried{Seq: 4, Cause: event.CauseEdit, Exact: true}, base())
	row.Carry(fields, fields, heal, base())
	if got := row.Local["status"]; got.Seq != 4 || got.Weak || got.Again != 5 {
		t.Errorf("the base is %+v, want that of the edit, said again with event 5", got)
	}
}

// TestTwin_AChangeIsNotOlderThanWhatLeftOfItBefore: both sides weigh it by the time
// that it names, whatever became of the clock.
func TestTwin_AChangeIsNotOlderThanWhatLeftOfItBefore(t *testing.T) {
	t.Parallel()
	row := twin.Row{}
	status := event.Fields{"status": "Open"}
	row.Carry(status, status, twin.Carried{Seq: 3, Cause: event.CauseEdit, Exact: true}, base())
	back := base().Add(-24 * time.Hour)
	if got := row.Later(status, back); !got.Equal(base()) {
		t.Errorf("the same field after the clock was set back: %v, want %v", got, base())
	}
	if got := row.Later(event.Fields{"summary": ""}, back); !got.Equal(back) {
		t.Errorf("another field: %v, want %v", got, back)
	}
	if ahead := base().Add(time.Second / 2); !row.Later(status, ahead).Equal(ahead) {
		t.Errorf("later in the same second: %v, want %v", row.Later(status, ahead), ahead)
	}
	row.Agree(twin.HashAll(event.Fields{"status": "Done"}), 3)
	if got := row.Later(status, back); !got.Equal(back) {
		t.Errorf("after the peer changed it: %v, want %v", got, back)
	}
}
