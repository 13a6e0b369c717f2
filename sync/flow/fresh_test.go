package flow_test

import (
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/flow"
)

// TestPoll_AClockThatWasSetBackMakesNoLookCertain: a second edit may hide behind the
// version of the same second until that second is over. Times from before the clock
// was set back do not tell that it is.
func TestPoll_AClockThatWasSetBackMakesNoLookCertain(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	change := func(id string, at time.Time) event.Change {
		return event.Change{Ref: event.Ref{ID: id}, Version: at.Format(time.RFC3339), Updated: at}
	}
	ahead, dayAhead := change("1", at.Add(10*time.Minute)), change("4", at.Add(24*time.Hour))
	present, later := change("2", at), change("3", at.Add(5*time.Second))
	for _, tt := range []struct {
		name  string
		polls [][]event.Change
		want  bool
	}{
		{"a later change", [][]event.Change{{}, {present}, {present, later}}, true},
		{"one from before the clock was set back", [][]event.Change{{ahead}, {ahead, present}}, false},
		{"the same shown again", [][]event.Change{{ahead}, {present}, {ahead, present}}, false},
		{"one from far ahead, which nobody remembers", [][]event.Change{{}, {dayAhead, present}}, false},
		{"a later change beside it", [][]event.Change{{ahead}, {ahead, present}, {ahead, present, later}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ticket := event.Ticket{Ref: present.Ref, Version: present.Version, Updated: at}
			if got := flow.Certain(tt.polls, ticket, time.Second); got != tt.want {
				t.Errorf("certain: %v, want %v", got, tt.want)
			}
		})
	}
}
