package node

import (
	"testing"
	"time"
)

// TestVerifyDue_OnceInItsInterval: a comparison is due an interval after the last one,
// or after the connection was approved, and not at once after one that failed.
func TestVerifyDue_OnceInItsInterval(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, tt := range []struct {
		name                   string
		last, approved, failed time.Time
		every                  time.Duration
		want                   bool
	}{
		{"not approved", time.Time{}, time.Time{}, time.Time{}, time.Hour, false},
		{"approved just now", time.Time{}, ago(time.Minute), time.Time{}, time.Hour, false},
		{"never compared", time.Time{}, ago(2 * time.Hour), time.Time{}, time.Hour, true},
		{"compared just now", ago(time.Minute), ago(2 * time.Hour), time.Time{}, time.Hour, false},
		{"compared long ago", ago(time.Hour), ago(2 * time.Hour), time.Time{}, time.Hour, true},
		{"failed just now", ago(time.Hour), ago(2 * time.Hour), ago(time.Minute), time.Hour, false},
		{"off", ago(time.Hour), ago(2 * time.Hour), time.Time{}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := verifyDue(tt.last, tt.approved, tt.failed, tt.every, now); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
