package retry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/retry"
)

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestDecide_TheClassOfAnErrorDecides(t *testing.T) {
	t.Parallel()
	const settle = 10 * time.Second
	other := errors.New("connection reset")
	for _, tt := range []struct {
		name    string
		err     error
		attempt int
		write   bool
		want    retry.Decision
	}{
		{"a changed ticket is decided on anew at once", adapters.ErrChanged, 1, true, retry.Decision{Verdict: retry.Again, At: at()}},
		{"a ticket that is gone is gone", adapters.ErrGone, 3, true, retry.Decision{Verdict: retry.Gone, At: at(), Code: event.CodeGone}},
		{"refused values are for a person", adapters.ErrRejected, 1, true, retry.Decision{Verdict: retry.Park, At: at().Add(time.Hour), Code: event.CodeRejected}},
		{"a wrong credential is for a person", adapters.ErrDenied, 1, false, retry.Decision{Verdict: retry.Park, At: at().Add(time.Hour), Code: event.CodeDenied}},
		{"a wrong set-up is for a person", adapters.ErrConfiguration, 9, false, retry.Decision{Verdict: retry.Park, At: at().Add(time.Hour), Code: event.CodeConfiguration}},
		{"a write that did not happen waits", adapters.ErrTransient, 1, true, retry.Decision{Verdict: retry.Wait, At: at().Add(500 * time.Millisecond)}},
		{"a limit waits as told", &adapters.Error{Class: adapters.ErrLimited, After: time.Minute}, 1, false, retry.Decision{Verdict: retry.Wait, At: at().Add(time.Minute)}},
		{"a limit of a day is asked about every hour", &adapters.Error{Class: adapters.ErrLimited, After: 24 * time.Hour}, 1, false, retry.Decision{Verdict: retry.Wait, At: at().Add(time.Hour)}},
		{"a limit never shortens the curve", &adapters.Error{Class: adapters.ErrLimited, After: time.Millisecond}, 5, false, retry.Decision{Verdict: retry.Wait, At: at().Add(8 * time.Second)}},
		{"a read in doubt is read again", adapters.ErrDoubt, 1, false, retry.Decision{Verdict: retry.Wait, At: at().Add(500 * time.Millisecond)}},
		{"a write in doubt is looked for when it has settled", adapters.ErrDoubt, 1, true, retry.Decision{Verdict: retry.Doubt, At: at().Add(settle)}},
		{"a write in doubt for long is looked for ever more seldom", adapters.ErrDoubt, 6, true, retry.Decision{Verdict: retry.Doubt, At: at().Add(16 * time.Second)}},
		{"a write that ended in no class may have happened", other, 1, true, retry.Decision{Verdict: retry.Doubt, At: at().Add(settle)}},
		{"a read that ended in no class is read again", other, 2, false, retry.Decision{Verdict: retry.Wait, At: at().Add(time.Second)}},
		{"wrapping changes nothing", fmt.Errorf("write: %w", &adapters.Error{Class: adapters.ErrDenied}), 1, true, retry.Decision{Verdict: retry.Park, At: at().Add(time.Hour), Code: event.CodeDenied}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, retry.Decide(tt.err, tt.attempt, tt.write, settle, at())); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCurve_DoublesAndIsBounded(t *testing.T) {
	t.Parallel()
	before := time.Duration(0)
	for attempt := 1; attempt <= 10; attempt++ {
		got := retry.Curve(attempt)
		if before != 0 && got != 2*before {
			t.Errorf("wait after attempt %d: %v, want twice %v", attempt, got, before)
		}
		before = got
	}
	for _, attempt := range []int{11, 40, 1 << 40} {
		if got := retry.Curve(attempt); got != 5*time.Minute {
			t.Errorf("wait after attempt %d: %v, want 5m", attempt, got)
		}
	}
	for _, attempt := range []int{-3, 0, 1} {
		if got := retry.Curve(attempt); got != 500*time.Millisecond {
			t.Errorf("wait after attempt %d: %v, want 500ms", attempt, got)
		}
	}
}
