// Package retry decides, from the class of an error and the number of
// attempts, whether to wait and how long, to park for a person, or to look
// whether the write happened. It is pure: nothing else in Parley decides this.
package retry

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"parley/adapters"
	"parley/sync/event"
)

// Verdict is what to do about an error.
type Verdict string

// The verdicts.
const (
	Wait  Verdict = "wait"  // try the same again at At
	Doubt Verdict = "doubt" // find out at At whether it happened
	Park  Verdict = "park"  // a person must look; At is the next try by itself
	Again Verdict = "again" // what was decided on has changed: decide anew at once
	Gone  Verdict = "gone"  // the ticket is not there any more
)

// Decision is a verdict with its time and code.
type Decision struct {
	Verdict Verdict
	At      time.Time
	Code    event.Code
}

// Bounds of the waiting times.
const (
	first  = 500 * time.Millisecond
	most   = 5 * time.Minute
	parked = event.LongestWait
)

// Decide says what to do after attempt (from 1) of a read or write ended with
// err. settle is the tracker's SettleTime.
func Decide(err error, attempt int, write bool, settle time.Duration, now time.Time) Decision {
	var detail *adapters.Error
	after := Curve(attempt)
	if errors.As(err, &detail) && detail.After > 0 {
		// However long the tracker wants to be left alone, it is asked once an hour.
		after = max(after, min(detail.After, event.LongestWait))
	}
	park := func(code event.Code) Decision { return Decision{Park, now.Add(parked), code} }
	switch {
	case errors.Is(err, adapters.ErrChanged):
		return Decision{Verdict: Again, At: now}
	case errors.Is(err, adapters.ErrGone):
		return Decision{Verdict: Gone, At: now, Code: event.CodeGone}
	case errors.Is(err, adapters.ErrRejected):
		return park(event.CodeRejected)
	case errors.Is(err, adapters.ErrDenied):
		return park(event.CodeDenied)
	case errors.Is(err, adapters.ErrConfiguration):
		return park(event.CodeConfiguration)
	case errors.Is(err, adapters.ErrLimited), errors.Is(err, adapters.ErrTransient):
		return Decision{Verdict: Wait, At: now.Add(after)}
	case write:
		// What is not known not to have happened may have happened.
		return Decision{Verdict: Doubt, At: now.Add(max(settle, after))}
	default:
		return Decision{Verdict: Wait, At: now.Add(after)}
	}
}

// Curve is the wait after the given attempt (from 1): half a second, doubling,
// at most five minutes. It has no jitter: lanes and peers start apart anyway,
// and a schedule that can be told beforehand can be shown to people.
func Curve(attempt int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0), backoff.WithMaxInterval(most),
		backoff.WithMaxElapsedTime(0),
	)
	wait := b.NextBackOff()
	for i := 1; i < min(attempt, 32); i++ {
		wait = b.NextBackOff()
	}
	return wait
}
