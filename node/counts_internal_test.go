package node

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/sync/event"
)

// TestCounts_NobodyWaitsForWhatIsKnown: where counting takes long, the first ones wait, all
// others are shown what was counted last, and it takes a hundredth of the time.
func TestCounts_NobodyWaitsForWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c counts
		var times atomic.Int32
		ask := func() (int, time.Duration) {
			began := time.Now()
			got, err := c.of(event.ConnectionID{1}, time.Now, func() (tally, error) {
				time.Sleep(3 * time.Second)
				return tally{twins: int(times.Add(1))}, nil
			})
			if err != nil {
				t.Error(err)
			}
			return got.twins, time.Since(began)
		}
		done := make(chan int, 2)
		for range 2 { // beside each other
			go func() {
				got, _ := ask()
				done <- got
			}()
		}
		if a, b := <-done, <-done; a != 1 || b != 1 {
			t.Errorf("counted %d and %d", a, b)
		}
		for i := range 302 {
			if got, took := ask(); got != 1 || took != 0 || times.Load() != 1 {
				t.Fatalf("after %d s: %d, in %v, counted %d times", i, got, took, times.Load())
			}
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Second)
		if got, took := ask(); got != 2 || took != 0 || times.Load() != 2 {
			t.Errorf("in the end: %d, in %v, counted %d times", got, took, times.Load())
		}
		c.all.Wait()
	})
}

// TestCounts_WhatIsCountedSoonIsCountedEachTime, and an error is told and not kept.
func TestCounts_WhatIsCountedSoonIsCountedEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c counts
		n, wrong := 0, error(nil)
		count := func() (tally, error) {
			time.Sleep(countSoon)
			n++
			return tally{twins: n}, wrong
		}
		for want := 1; want < 5; want++ {
			if got, err := c.of(event.ConnectionID{1}, time.Now, count); got.twins != want || err != nil {
				t.Errorf("got %d, %v; want %d", got.twins, err, want)
			}
		}
		wrong = errors.New("broken")
		if _, err := c.of(event.ConnectionID{1}, time.Now, count); !errors.Is(err, wrong) {
			t.Errorf("got %v", err)
		}
	})
}
