package demo

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// matcher finds, for what a node did at one desk, what a person did at the
// other.
type matcher struct {
	companies [2]*company
	say       *printer

	mu      sync.Mutex // guards the fields below
	twins   map[place]place
	done    map[place][]happening // by people, not seen to cross
	waiting []happening           // by nodes, whose cause was not seen yet
	all     []crossing
}

// place is a ticket by desk and key.
type place struct {
	side int
	key  string
}

// crossing is something that crossed.
type crossing struct {
	happening
	from place
	// took is the time from desk to desk, if timed.
	took  time.Duration
	timed bool
}

const (
	// patience is how long a cause is waited for: the other desk is looked at
	// a moment earlier or later.
	patience = 3 * time.Second
	// maxDone bounds what is kept of a ticket for things that never cross.
	maxDone = 64
)

func newMatcher(companies [2]*company, say *printer) *matcher {
	return &matcher{companies: companies, say: say, twins: map[place]place{}, done: map[place][]happening{}}
}

// remember takes in what was there already.
func (m *matcher) remember(all []happening) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range all {
		m.pair(h)
	}
}

// pair notes which tickets are twins.
func (m *matcher) pair(h happening) {
	if h.kind == madeTicket && h.own && h.remote != "" {
		ours, theirs := place{h.side, h.key}, place{1 - h.side, h.remote}
		m.twins[ours], m.twins[theirs] = theirs, ours
	}
}

// add takes in what happened.
func (m *matcher) add(all []happening) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range all {
		m.pair(h)
		switch {
		case h.own:
			m.waiting = append(m.waiting, h)
		case h.kind == madeNote:
			m.say.stays(m.companies[h.side], h)
		default:
			at := place{h.side, h.key}
			m.done[at] = append(m.done[at], h)
			if n := len(m.done[at]) - maxDone; n > 0 {
				m.done[at] = slices.Delete(m.done[at], 0, n)
			}
		}
	}
}

// settle tells of what crossed, in the order of its arrival. What has no cause
// in sight is told of without a time when patience is over.
func (m *matcher) settle(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.SortStableFunc(m.waiting, func(a, b happening) int { return a.at.Compare(b.at) })
	m.waiting = slices.DeleteFunc(m.waiting, func(h happening) bool {
		c, found := m.cause(h)
		if !found && now.Sub(h.at) < patience {
			return false
		}
		m.all = append(m.all, c)
		m.say.crossed(m.companies[c.from.side], m.companies[h.side], c)
		return true
	})
}

// cause finds what a node's doing came from, and takes it away.
func (m *matcher) cause(h happening) (crossing, bool) {
	from, ok := m.twins[place{h.side, h.key}]
	c := crossing{happening: h, from: from}
	if !ok {
		c.from = place{side: 1 - h.side}
		return c, false
	}
	done := m.done[from]
	i := h.among(done)
	if i < 0 {
		return c, false
	}
	c.took, c.timed, c.who = h.at.Sub(done[i].at), true, done[i].who
	if h.kind == madeComment || h.kind == editedComment {
		c.text = done[i].text
	}
	kept := done[:0:0]
	for j, d := range done {
		overtaken := d.kind == setField && h.kind == setField && d.name == h.name && j < i
		if j != i && !overtaken {
			kept = append(kept, d)
		}
	}
	m.done[from] = kept
	return c, true
}

// among finds the cause of h in what people did to its twin.
func (h happening) among(done []happening) int {
	find := func(fits func(happening) bool) int {
		return slices.IndexFunc(done, func(d happening) bool { return d.kind == h.kind && !d.at.After(h.at) && fits(d) })
	}
	switch h.kind {
	case setField:
		for i, d := range slices.Backward(done) {
			if d.kind == setField && d.name == h.name && d.text == h.text && !d.at.After(h.at) {
				return i
			}
		}
		return -1
	case addedFile:
		return find(func(d happening) bool { return d.digest == h.digest && d.name == h.name })
	case madeComment, editedComment:
		if i := find(func(d happening) bool { return strings.HasSuffix(h.text, d.text) }); i >= 0 {
			return i
		}
	}
	return find(func(happening) bool { return true })
}

// crossings are all so far.
func (m *matcher) crossings() []crossing {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all)
}
