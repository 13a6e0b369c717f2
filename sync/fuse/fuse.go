package fuse

import (
	"sync"
	"time"
)

// Kind is what is counted.
type Kind string

// The kinds.
const (
	Creates Kind = "creates" // tickets created here for the peer
	Closes  Kind = "closes"  // tickets closed here for the peer
	Deletes Kind = "deletes" // tickets deleted here for the peer
	Ends    Kind = "ends"    // twins that end, at either side, without a person here
)

// Limits are tickets a minute; 0 is no bound.
type Limits struct{ Creates, Closes, Deletes, Ends int }

func (l Limits) of(k Kind) int {
	switch k {
	case Creates:
		return l.Creates
	case Closes:
		return l.Closes
	case Deletes:
		return l.Deletes
	}
	return l.Ends
}

// Verdict is what becomes of a ticket.
type Verdict string

// The verdicts.
const (
	Go   Verdict = "go"
	Slow Verdict = "slow" // later, by itself
	Blew Verdict = "blew" // this one blew the fuse: store that
	Shut Verdict = "shut" // the fuse is blown already
)

// window is the time that a limit is for.
const window = time.Minute

// Fuse counts for one connection. The zero Fuse is whole.
type Fuse struct {
	mu    sync.Mutex // guards the fields below
	seen  map[Kind]map[string]time.Time
	blown map[Kind]time.Time
}

// Allow asks for one ticket. at is when to ask again, for Slow.
func (f *Fuse) Allow(k Kind, ticket string, l Limits, now time.Time) (v Verdict, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, shut := f.blown[k]; shut {
		return Shut, time.Time{}
	}
	limit := l.of(k)
	if limit <= 0 {
		return Go, time.Time{}
	}
	seen := f.recent(k, now)
	if _, counted := seen[ticket]; counted {
		return Go, time.Time{}
	}
	if len(seen) < limit {
		seen[ticket] = now
		return Go, time.Time{}
	}
	if k == Creates {
		return Slow, oldest(seen).Add(window)
	}
	f.blow(k, now)
	return Blew, time.Time{}
}

// recent are the tickets of the last minute: never more than the limit.
func (f *Fuse) recent(k Kind, now time.Time) map[string]time.Time {
	seen := f.seen[k]
	for ticket, at := range seen {
		// A clock that went back must not keep a ticket for ever.
		if age := now.Sub(at); age >= window || age < 0 {
			delete(seen, ticket)
		}
	}
	if seen == nil {
		if f.seen == nil {
			f.seen = map[Kind]map[string]time.Time{}
		}
		seen = map[string]time.Time{}
		f.seen[k] = seen
	}
	return seen
}

func oldest(seen map[string]time.Time) time.Time {
	var first time.Time
	for _, at := range seen {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (f *Fuse) blow(k Kind, at time.Time) {
	if f.blown == nil {
		f.blown = map[Kind]time.Time{}
	}
	f.blown[k] = at
}

// Blown are the kinds that wait for a person, and since when.
func (f *Fuse) Blown() map[Kind]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[Kind]time.Time, len(f.blown))
	for k, at := range f.blown {
		out[k] = at
	}
	return out
}

// Restore says what was blown before a restart.
func (f *Fuse) Restore(blown map[Kind]time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, at := range blown {
		f.blow(k, at)
	}
}

// Reset makes the fuse whole: counting begins anew.
func (f *Fuse) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen, f.blown = nil, nil
}
