package flow

import (
	"fmt"
	"testing"
	"time"

	"parley/sync/agree"
)

// TestWitness_AFloodOfHeadsForgetsNoEarlierDay: whoever has a peer's keys for a day and
// sends heads without end has the first of each earlier day kept all the same.
func TestWitness_AFloodOfHeadsForgetsNoEarlierDay(t *testing.T) {
	t.Parallel()
	var kept []Witness
	number := 0
	give := func(day, times int) {
		for range times {
			number++
			at := time.Date(2026, 11, 1+day, 0, 0, number, 0, time.UTC)
			kept = thinned(append(kept, Witness{Head: fmt.Sprintf("%d:%064x", number, number), At: at}))
		}
	}
	for day := range 10 {
		give(day, 30)
	}
	give(10, 5000)
	if len(kept) != agree.MaxHeads {
		t.Fatalf("%d heads are kept, want %d", len(kept), agree.MaxHeads)
	}
	for day := range 11 {
		if got, want := numberOf(kept[day].Head), uint64(day*30+1); got != want {
			t.Errorf("of day %d the first that is kept is %d, want %d", day, got, want)
		}
	}
	if got := numberOf(kept[len(kept)-1].Head); got != uint64(number) {
		t.Errorf("the last that is kept is %d, want %d", got, number)
	}
}
