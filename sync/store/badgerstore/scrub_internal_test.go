package badgerstore

import (
	"testing"
	"time"
)

// TestScrub_TakesASmallShareAndIsSoon: damage of a store of ordinary size is noticed in
// minutes, whoever reads, and of the largest in hours.
func TestScrub_TakesASmallShareAndIsSoon(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                string
		took, atLeast, want time.Duration
	}{
		{"begin", 0, 6 * time.Hour, 10 * time.Minute},
		{"ordinary", 2 * time.Second, 6 * time.Hour, 10 * time.Minute},
		{"large", 10 * time.Second, 6 * time.Hour, 2000 * time.Second},
		{"largest", 5 * time.Minute, 6 * time.Hour, 6 * time.Hour},
		{"told to", time.Second, time.Minute, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := scrubAfter(tt.took, tt.atLeast); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
