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
	ahead, present, later := change("1", at.Add(24*time.Hour)), change("2", at), change("3", at.Add(5*time.Second))
	ticket := event.Ticket{Ref: present.Ref, Version: present.Version, Updated: at}
	polls := [][]event.Change{{ahead}, {ahead, present}}
	if flow.Certain(polls, ticket, time.Second) {
		t.Error("a time from before the clock was set back counts")
	}
	if polls = append(polls, []event.Change{ahead, present}); flow.Certain(polls, ticket, time.Second) {
		t.Error("what is shown again counts")
	}
	if !flow.Certain(append(polls, []event.Change{present, later}), ticket, time.Second) {
		t.Error("a later change does not count")
	}
}
