package retry

import (
	"time"

	"parley/sync/event"
)

// Breaker stops trying when ticket after ticket fails, and tries one from time
// to time until one succeeds. One ticket that fails for ever never trips it. The
// zero value is closed. It is not safe for use by several goroutines.
type Breaker struct {
	last   [results]result // a ring
	next   int
	open   bool
	code   event.Code
	since  time.Time
	probes int
	// Probe is when the next ticket may be tried, while it is open.
	probe time.Time
}

type result struct {
	ticket string
	failed bool
}

// A breaker opens when of the last results at least as many tickets failed, and
// four times as many as were results without a failure.
const (
	results  = 20
	tickets  = 10
	outweigh = 4
)

// firstProbe is the attempt of Curve at which probing begins: four seconds.
const firstProbe = 4

// Open tells whether it is open, since when, for what code of the last failure,
// and when the next ticket may be tried.
func (b *Breaker) Open() (open bool, code event.Code, since, probe time.Time) {
	return b.open, b.code, b.since, b.probe
}

// Failed notes that a ticket could not be worked on; it reports whether that
// opened the breaker.
func (b *Breaker) Failed(ticket string, code event.Code, now time.Time) (opened bool) {
	b.code = code
	b.note(result{ticket, true})
	if b.open || !b.tripped() {
		return false
	}
	b.open, b.since, b.probes = true, now, 0
	b.Tried(now)
	return true
}

// Succeeded notes that a ticket was worked on; it reports whether that closed
// the breaker.
func (b *Breaker) Succeeded(ticket string) (closed bool) {
	if b.open {
		*b = Breaker{}
		return true
	}
	b.note(result{ticket, false})
	return false
}

// Tried notes that a ticket is being tried in spite of it: the next one waits
// for longer.
func (b *Breaker) Tried(now time.Time) {
	b.probe = now.Add(Curve(firstProbe + b.probes))
	b.probes++
}

func (b *Breaker) note(r result) {
	b.last[b.next] = r
	b.next = (b.next + 1) % results
}

// tripped counts the tickets that failed last, each once.
func (b *Breaker) tripped() bool {
	latest := map[string]bool{}
	good := 0
	for i := range results {
		r := b.last[(b.next+i)%results] // from the oldest on
		if r.ticket == "" {
			continue
		}
		latest[r.ticket] = r.failed
		if !r.failed {
			good++
		}
	}
	failing := 0
	for _, failed := range latest {
		if failed {
			failing++
		}
	}
	return failing >= tickets && failing >= outweigh*good
}
