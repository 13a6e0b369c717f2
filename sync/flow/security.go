package flow

import (
	"sync"
	"time"
)

// refusal is why something of a peer was not taken: a closed list, so that a peer
// cannot make lines of its own.
type refusal string

const (
	refusedMessage refusal = "message" // not signed, sealed or spelled as agreed
	refusedEvent   refusal = "event"   // it says nothing that can be applied
	refusedQuota   refusal = "quota"   // more than was agreed
	refusedDeaf    refusal = "deaf"    // so much was refused that nothing is opened
	refusedFork    refusal = "fork"    // another event under a known number
	refusedGap     refusal = "gap"     // events before it are missing
	refusedRepeat  refusal = "repeat"  // all of it is known
	refusedEpoch   refusal = "epoch"   // of an epoch that no hello announced, or that ended
)

// refusalLine is how often one connection gets a line for one refusal.
const refusalLine = time.Minute

// refusals counts what is refused, so that a flood of it is a few lines of log.
type refusals struct {
	mu   sync.Mutex
	seen map[refusal]*refused
}

type refused struct {
	count int // since the last line
	next  time.Time
}

// add counts one; it gives how many the line stands for that is due now, 0 if none is.
func (r *refusals) add(why refusal, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[refusal]*refused{}
	}
	if r.seen[why] == nil {
		r.seen[why] = &refused{}
	}
	one := r.seen[why]
	one.count++
	if now.Before(one.next) {
		return 0
	}
	count := one.count
	one.count, one.next = 0, now.Add(refusalLine)
	return count
}

// turnAway writes into the security stream of the log. The first of a kind has a line at
// once, what follows within a minute is counted in the next one.
func (p *Path) turnAway(con *Connection, why refusal, err error) {
	count := con.refusals.add(why, p.Now())
	if count == 0 {
		return
	}
	p.Log.Warn().Str("stream", "security").Str("connection", con.Name).Str("refusal", string(why)).Int("count", count).Err(err).Msg("refused")
}
