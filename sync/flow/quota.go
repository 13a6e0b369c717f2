package flow

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
)

// Quotas bound what a peer may cost us; they are part of the agreement. Zero is
// no bound.
type Quotas struct {
	// EventsPerHour and BytesPerDay are buckets that hold as much: a peer that was
	// quiet may send all of it at once.
	EventsPerHour int
	BytesPerDay   int64
	// Unsettled is how many tickets may wait here to be written.
	Unsettled int
	// MaxAttachment is the largest file that is fetched or offered, in bytes.
	MaxAttachment int64
}

func (q Quotas) tooLarge(size int64) bool { return q.MaxAttachment > 0 && size > q.MaxAttachment }

// Refusals that a peer has before its messages are not even opened, and how
// often it gets another one.
const (
	refusalsAtOnce = 30
	refusalEvery   = 2 * time.Second
)

// busyWait is what a peer is told to wait when we cannot take anything.
const (
	busyWait  = 5 * time.Second
	longestIn = event.LongestWait
)

// meter measures what a peer costs. Memory only: a restart fills the buckets.
type meter struct {
	quotas Quotas
	// refusals is for messages that were refused, events for those of each stream.
	refusals *rate.Limiter
	events   [2]*rate.Limiter
	bytes    *rate.Limiter
	// waiting counts the twins with an inbox row.
	waiting atomic.Int64

	mu     sync.Mutex
	over   event.Code // of ours that is used up
	until  time.Time
	theirs event.Code // that the peer says
	theirU time.Time
}

func newMeter(q Quotas) *meter {
	bucket := func(n int64, per time.Duration) *rate.Limiter {
		if n <= 0 {
			return rate.NewLimiter(rate.Inf, 0)
		}
		return rate.NewLimiter(rate.Limit(float64(n)/per.Seconds()), int(n))
	}
	hourly := func() *rate.Limiter { return bucket(int64(q.EventsPerHour), time.Hour) }
	return &meter{
		quotas: q, refusals: rate.NewLimiter(rate.Every(refusalEvery), refusalsAtOnce),
		events: [2]*rate.Limiter{hourly(), hourly()}, bytes: bucket(q.BytesPerDay, 24*time.Hour),
	}
}

// deaf tells whether so much of the peer's was refused that nothing is opened.
func (m *meter) deaf(now time.Time) bool { return m.refusals.TokensAt(now) < 1 }

// refused counts a message that could not be taken; it reports whether it was
// the one after which no more are opened.
func (m *meter) refused(now time.Time) bool {
	m.refusals.AllowN(now, 1)
	return m.deaf(now)
}

// admit decides whether an envelope is taken. If not, the peer is told the code
// and after what time to ask again.
func (m *meter) admit(cut envelope.Cut, size int, now time.Time) (event.Code, time.Duration) {
	if most := int64(m.quotas.Unsettled); cut.Stream == envelope.Data && most > 0 && m.waiting.Load() >= most {
		return m.used(event.CodeUnsettled, busyWait, now)
	}
	if wait := charge(m.events[index(cut.Stream)], len(cut.Entries), now); wait > 0 {
		return m.used(event.CodeQuota, wait, now)
	}
	if wait := charge(m.bytes, size, now); wait > 0 {
		return m.used(event.CodeQuota, wait, now)
	}
	return event.CodeNone, 0
}

// file charges for the bytes of one file, or says how long to wait.
func (m *meter) file(size int64, now time.Time) time.Duration {
	wait := charge(m.bytes, int(size), now)
	if wait > 0 {
		m.used(event.CodeQuota, wait, now)
	}
	return wait
}

// charge takes n out of a bucket, or says how long to wait until they are there.
// More than a bucket ever holds takes all of it.
func charge(l *rate.Limiter, n int, now time.Time) time.Duration {
	if l.Limit() == rate.Inf {
		return 0
	}
	r := l.ReserveN(now, min(n, l.Burst()))
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return min(wait, longestIn)
}

func (m *meter) used(code event.Code, wait time.Duration, now time.Time) (event.Code, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over, m.until = code, now.Add(wait)
	return code, wait
}

// ended counts a twin whose event has ended; next is the one after it.
func (m *meter) ended(next *inbox.Row) {
	if next == nil {
		m.waiting.Add(-1)
	}
}

// told remembers what the peer said that we have used up.
func (m *meter) told(code event.Code, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.theirs, m.theirU = code, until
}

// Shortage is a bound that was reached, and until when it holds.
type Shortage struct {
	Code  event.Code
	Until time.Time
}

// Deaf is until when nothing of the peer's is opened; zero if it is.
func (c *Connection) Deaf(now time.Time) time.Time {
	if !c.meter.deaf(now) {
		return time.Time{}
	}
	missing := 1 - c.meter.refusals.TokensAt(now)
	return now.Add(time.Duration(missing * float64(refusalEvery)))
}

// Shortages are the bound that the peer has reached here, and the one that we
// have reached there; zero if there is none.
func (c *Connection) Shortages(now time.Time) (here, there Shortage) {
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.until) {
		here = Shortage{m.over, m.until}
	}
	if now.Before(m.theirU) {
		there = Shortage{m.theirs, m.theirU}
	}
	return here, there
}
