package retry_test

import (
	"fmt"
	"testing"
	"time"

	"parley/sync/event"
	"parley/sync/retry"
)

func TestBreaker_OneFailingTicketNeverTripsIt(t *testing.T) {
	t.Parallel()
	var b retry.Breaker
	for range 1000 {
		if b.Failed("one", event.CodeRejected, at()) {
			t.Fatal("it opened")
		}
	}
}

func TestBreaker_OpensWhenTicketAfterTicketFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		good int // results without a failure for every five with one
		want int // failures until it opens; 0 is never
	}{
		{"all fail", 0, 10},
		{"a sixth succeeds", 1, 10},
		{"a third and more succeeds", 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b retry.Breaker
			got := 0
			for i := range 200 {
				if b.Failed(fmt.Sprint("bad ", i), event.CodeDenied, at()) {
					got = i + 1
					break
				}
				if i%5 == 4 {
					for j := range tt.good {
						b.Succeeded(fmt.Sprint("good ", i, j))
					}
				}
			}
			if got != tt.want {
				t.Errorf("it opened after %d failures, want %d", got, tt.want)
			}
			if open, code, since, _ := b.Open(); open != (tt.want > 0) || open && (code != event.CodeDenied || !since.Equal(at())) {
				t.Errorf("open %v for %q since %v", open, code, since)
			}
		})
	}
}

// TestBreaker_ProbesMoreSeldomAndClosesAtTheFirstSuccess: what failed before it
// closed counts no more.
func TestBreaker_ProbesMoreSeldomAndClosesAtTheFirstSuccess(t *testing.T) {
	t.Parallel()
	var b retry.Breaker
	for i := range 10 {
		b.Failed(fmt.Sprint(i), event.CodeDenied, at())
	}
	now := at()
	for _, want := range []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second} {
		_, _, _, probe := b.Open()
		if got := probe.Sub(now); got != want {
			t.Errorf("the next ticket is tried after %v, want %v", got, want)
		}
		now = probe
		b.Tried(now)
		b.Failed("probe", event.CodeDenied, now)
	}
	if !b.Succeeded("probe") {
		t.Error("a success does not close it")
	}
	if open, _, _, _ := b.Open(); open {
		t.Error("it is open after a success")
	}
	if b.Failed("next", event.CodeDenied, now) {
		t.Error("the first failure afterwards opens it again")
	}
}
