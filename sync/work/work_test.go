package work_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/work"
)

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func held(row work.Row) *work.Row {
	return work.Next(&row, work.Hold{Reason: "no", Code: event.CodeDenied, Next: at().Add(time.Hour), Parked: true}, at())
}

// standing is a row that waits for what is too young.
func standing(gen uint64) *work.Row {
	return &work.Row{
		Gen: gen, State: work.Held, Key: "S-1", Cause: event.CauseEdit, Reason: "too young",
		Since: at(), Next: at().Add(time.Minute), Stands: true,
	}
}

func TestWork_ARowIsALevelNotAQueue(t *testing.T) {
	t.Parallel()
	dirty := work.Row{Gen: 3, State: work.Dirty, Key: "S-1", Cause: event.CauseEdit}
	more := dirty
	more.Gen = 4
	heal, filtered := dirty, more
	heal.Cause, heal.Bulk, heal.Healed = event.CauseHeal, true, "item"
	filtered.Cause = event.CauseFilter
	young := work.Young{Until: at().Add(time.Minute), Reason: "too young"}
	for _, tt := range []struct {
		name  string
		row   *work.Row
		input work.Input
		want  *work.Row
	}{
		{"a change makes a row", nil, work.Seen{Key: "S-1", Cause: event.CauseEdit}, &work.Row{Gen: 1, State: work.Dirty, Key: "S-1", Cause: event.CauseEdit}},
		{"a further change counts on", &dirty, work.Seen{Cause: event.CauseEdit}, &more},
		{"what was sent as read ends the row", &dirty, work.Sent{Gen: 3}, nil},
		{"a change after the reading keeps it", &more, work.Sent{Gen: 3}, &more},
		{"a rest keeps it", &dirty, work.Sent{Gen: 3, More: true}, &dirty},
		{"nothing to send ends the row", &dirty, work.Nothing{Gen: 3}, nil},
		{"a change after the reading keeps it although nothing was found", &more, work.Nothing{Gen: 3}, &more},
		{"what is too young keeps it", &heal, work.Sent{Gen: 3, Young: young}, standing(3)},
		{"what is too young keeps it although nothing was found", &heal, work.Nothing{Gen: 3, Young: young}, standing(3)},
		{"a change after the reading says more than what is too young", &more, work.Nothing{Gen: 3, Young: young}, &more},
		{"what waited is no part of a later cause", standing(3), work.Seen{Cause: event.CauseFilter}, &filtered},
		{"what waited ends like any other", standing(3), work.Sent{Gen: 3}, nil},
		{"none stays none when something was sent", nil, work.Sent{Gen: 3}, nil},
		{"none stays none when nothing was found", nil, work.Nothing{}, nil},
		{"none cannot be held", nil, work.Hold{Reason: "no"}, nil},
		{"none cannot be released", nil, work.Release{}, nil},
		{"a released row is as it was", held(dirty), work.Release{}, &dirty},
		{"a change brings a held row up", held(dirty), work.Seen{Cause: event.CauseEdit}, &more},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, work.Next(tt.row, tt.input, at())); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWork_AHeldRowWaitsAndRemembersSinceWhen(t *testing.T) {
	t.Parallel()
	row := work.Next(nil, work.Seen{Cause: event.CauseEdit}, at())
	row = work.Next(row, work.Hold{Reason: "first", Next: at().Add(time.Minute)}, at())
	row = work.Next(row, work.Hold{Reason: "second", Next: at().Add(time.Hour)}, at().Add(time.Minute))
	want := &work.Row{
		Gen: 1, State: work.Held, Cause: event.CauseEdit, Attempt: 2, Reason: "second",
		Since: at(), Next: at().Add(time.Hour),
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if row.Due(at().Add(time.Hour - 1)) {
		t.Error("a held row is due before its time")
	}
	if !row.Due(at().Add(-24 * time.Hour)) {
		t.Error("it waits for a day more because the clock was set back")
	}
	if !row.Due(at().Add(time.Hour)) {
		t.Error("a held row is not due at its time")
	}
}

func TestWork_TheStrongerCauseStays(t *testing.T) {
	t.Parallel()
	// Weakest first: a heal carries everything and must not be forgotten.
	order := []event.Cause{event.CauseFilter, event.CauseEdit, event.CauseResolve, event.CauseHeal}
	for i, a := range order {
		for j, b := range order {
			row := work.Next(nil, work.Seen{Cause: a}, at())
			row = work.Next(row, work.Seen{Cause: b}, at())
			if want := order[max(i, j)]; row.Cause != want {
				t.Errorf("%s and then %s: got %s, want %s", a, b, row.Cause, want)
			}
		}
	}
}

func TestWork_UrgentAndForcedStay(t *testing.T) {
	t.Parallel()
	row := work.Next(nil, work.Seen{Key: "S-1", Cause: event.CauseEdit, Bulk: true}, at())
	row = work.Next(row, work.Seen{Cause: event.CauseEdit, Forced: true}, at())
	row = work.Next(row, work.Seen{Cause: event.CauseEdit, Bulk: true}, at())
	want := &work.Row{Gen: 3, State: work.Dirty, Key: "S-1", Cause: event.CauseEdit, Forced: true}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

// TestWork_SaysTellsWhatARowAsksFor: only what adds nothing may go unwritten.
func TestWork_SaysTellsWhatARowAsksFor(t *testing.T) {
	t.Parallel()
	edit := work.Seen{Key: "SUP-1", Cause: event.CauseEdit}
	dirty := *work.Next(nil, edit, time.Time{})
	forced, heal, renamed := edit, edit, edit
	forced.Forced, heal.Cause, renamed.Key = true, event.CauseHeal, "OPS-1"
	bulk := *work.Next(nil, work.Seen{Key: "SUP-1", Cause: event.CauseEdit, Bulk: true}, time.Time{})
	healing := *work.Next(nil, heal, time.Time{})
	held := *work.Next(&dirty, work.Hold{Reason: "later"}, time.Unix(1, 0))
	for _, tt := range []struct {
		name string
		row  work.Row
		in   work.Seen
		want bool
	}{
		{"the same again", dirty, edit, true},
		{"an edit under a heal", healing, edit, true},
		{"a heal on top of an edit", dirty, heal, false},
		{"by a person's hand", dirty, forced, false},
		{"under another key", dirty, renamed, false},
		{"at once, what was bulk", bulk, edit, false},
		{"of a row that is held", held, edit, false},
	} {
		if got := tt.row.Says(tt.in); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
