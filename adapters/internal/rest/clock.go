package rest

import (
	"net/http"
	"strings"
	"time"
)

// clock is what is known of the tracker's clock.
type clock struct {
	// skew is what the last answer told.
	skew  time.Duration
	known bool
	// settled is what the first answer told, and what two told alike once twice is set.
	settled time.Duration
	twice   bool
}

// byTracker tells whether an answer is surely the tracker's: errors and pages may come
// from what stands before it, whose clock is another.
func byTracker(res *http.Response) bool {
	return res.StatusCode < http.StatusBadRequest && !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html")
}

func (c *Client) noteClock(h http.Header, sent, received time.Time) {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	// Date is cut to seconds: on average it is half a second old.
	middle := sent.Add(received.Sub(sent) / 2)
	skew := t.Add(500 * time.Millisecond).Sub(middle)
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &c.clock
	switch {
	case !k.known:
		k.settled = skew
	case alike(skew, k.settled) || alike(skew, k.skew):
		k.settled, k.twice = skew, true
	}
	k.skew, k.known = skew, true
}

// alike tells whether two estimates are of the same clock.
func alike(a, b time.Duration) bool { return (a - b).Abs() <= estimate }

// Settled is how far the tracker's clock is ahead of ours, for what cannot be looked at
// again at once: one answer may have a wrong Date, from a cache or another machine, so
// that a jump counts when two in a row say the same. It is false while one answer alone
// has told it, or the last one tells another; a tracker that tells nothing leaves
// nothing to wait for.
func (c *Client) Settled() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.clock
	return k.settled, !k.known || k.twice && alike(k.skew, k.settled)
}

// Skew is how far the tracker's clock is ahead of ours, by the Date of its
// last good answer, good to about a second; false if none had one.
func (c *Client) Skew() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock.skew, c.clock.known
}

// SetBack is a place in the tracker's time from which on nothing is left out, where
// its clock was ahead of ours by skew when at was such a place: earlier by as much as
// the clock went back since, at most by mostBack from its present time. If our own
// clock went ahead instead, something is looked at again.
func (c *Client) SetBack(at time.Time, skew time.Duration) time.Time {
	present, known := c.Skew()
	back := skew - present
	if !known || back <= estimate {
		return at
	}
	from := at.Add(-back)
	if most := c.Now().Add(-mostBack); from.Before(most) {
		from = most
	}
	if from.After(at) {
		return at
	}
	return from
}

const (
	// estimate is what two estimates of the clock may differ by.
	estimate = 3 * time.Second
	// mostBack is more than a clock is set by when its time zone was wrong.
	mostBack = 26 * time.Hour
)

// Now is the tracker's time as far as known.
func (c *Client) Now() time.Time {
	skew, _ := c.Skew()
	return time.Now().Add(skew).UTC()
}
