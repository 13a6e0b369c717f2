package event_test

import (
	"testing"
	"time"

	"parley/sync/event"
)

// TestDue_NothingWaitsBecauseTheClockWasSetBack: nothing waits for longer than an hour,
// so what is to wait for longer than two was put off by a clock that was ahead.
func TestDue_NothingWaitsBecauseTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]bool{
		-time.Second: true, 0: true, time.Second: false, event.LongestWait: false, 2 * event.LongestWait: false,
		2*event.LongestWait + time.Second: true, 24 * time.Hour: true,
	} {
		if got := event.Due(now.Add(after), now); got != want {
			t.Errorf("until %v from now: due is %v, want %v", after, got, want)
		}
	}
	if !event.Due(time.Time{}, now) {
		t.Error("what waits for nothing is not due")
	}
}
