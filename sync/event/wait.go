package event

import "time"

// LongestWait bounds how long anything that is tried again waits in between.
const LongestWait = time.Hour

// Due tells whether what waits until a time may be tried at now. What seems to wait for
// longer than anything does, waits only because the clock was set back meanwhile.
func Due(until, now time.Time) bool {
	return !now.Before(until) || until.Sub(now) > 2*LongestWait
}
