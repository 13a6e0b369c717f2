package flow

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/work"
)

// way is a direction of a connection.
type way byte

const (
	wayOut way = iota
	wayIn
)

// breakers are a connection's, one for each way. Memory only: after a restart
// as many tickets fail once more.
type breakers struct {
	mu  sync.Mutex
	of  [2]retry.Breaker
	try [2]string // the ticket that may be tried in spite of it
	// last is the row that was tried last: another one is next.
	last [2][]byte
}

// Broken is a way on which ticket after ticket failed: they wait, and one is
// tried from time to time.
type Broken struct {
	Code         event.Code
	Since, Probe time.Time
}

// Broken tells which ways are broken; zero is none.
func (c *Connection) Broken() (out, in Broken) {
	c.breakers.mu.Lock()
	defer c.breakers.mu.Unlock()
	for w, to := range []*Broken{&out, &in} {
		if open, code, since, probe := c.breakers.of[w].Open(); open {
			*to = Broken{code, since, probe}
		}
	}
	return out, in
}

// allow tells whether a ticket may be worked on. One that may not is woken when
// the breaker closes.
func (b *breakers) allow(w way, ticket string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	open, _, _, _ := b.of[w].Open()
	return !open || b.try[w] == ticket
}

// judge tells the breaker how a try ended, and the tracker's limit from an error.
func (p *Path) judge(con *Connection, w way, ticket string, err error) error {
	p.heed(err)
	code, verdict := blame(err)
	b := &con.breakers
	b.mu.Lock()
	opened, closed := false, false
	switch verdict {
	case failing:
		opened = b.of[w].Failed(ticket, code, p.Now())
	case working:
		closed = b.of[w].Succeeded(ticket)
	}
	if verdict != neutral && b.try[w] == ticket {
		b.try[w] = ""
	}
	_, _, _, probe := b.of[w].Open()
	b.mu.Unlock()
	switch {
	case opened:
		p.Observe(Observation{What: "broken", Connection: con.Name, Code: code, At: p.Now()})
		p.Wake(Task{Kind: KindProbe, Con: con.ID}, When{At: probe})
	case closed:
		p.Observe(Observation{What: "mended", Connection: con.Name, At: p.Now()})
		_, err := p.Release(con, nobodysFault)
		return errors.Join(err, p.Rouse(con))
	}
	return nil
}

type verdict byte

const (
	neutral verdict = iota
	working
	failing
)

// blame tells whether an error speaks against the way, for it, or of neither.
func blame(err error) (event.Code, verdict) {
	var hold *holdError
	var outside *outsideError
	var refused *refusedError
	var await *awaitError
	var broken storeError
	switch {
	case err == nil, errors.Is(err, errNothing), errors.Is(err, errLeft), errors.As(err, &outside), errors.As(err, &refused),
		errors.Is(err, adapters.ErrGone):
		return "", working
	case errors.As(err, &hold):
		if nobodysFault(hold.code) {
			return hold.code, failing
		}
		return "", neutral
	case errors.As(err, &await) && await.cause == nil, errors.As(err, &broken), errors.Is(err, errOvertaken), errors.Is(err, errReplaced),
		errors.Is(err, errReplan), errors.Is(err, errCreating), errors.Is(err, adapters.ErrChanged), errors.Is(err, adapters.ErrLimited):
		return "", neutral
	}
	return retry.Decide(err, 1, false, 0, time.Time{}).Code, failing
}

// nobodysFault are the codes that a ticket has which failed with all the others.
func nobodysFault(code event.Code) bool {
	switch code {
	case event.CodeNone, event.CodeDenied, event.CodeConfiguration, event.CodeFilterError, event.CodeRejected:
		return true
	}
	return false
}

// probe lets one ticket of each broken way be tried, another one than last time.
func (p *Path) probe(con *Connection) error {
	var all error
	for _, w := range []way{wayOut, wayIn} {
		b := &con.breakers
		b.mu.Lock()
		open, _, _, at := b.of[w].Open()
		after := b.last[w]
		b.mu.Unlock()
		if !open {
			continue
		}
		if p.Now().Before(at) {
			p.Wake(Task{Kind: KindProbe, Con: con.ID}, When{At: at})
			continue
		}
		all = errors.Join(all, p.probeWay(con, w, after))
	}
	return all
}

func (p *Path) probeWay(con *Connection, w way, after []byte) error {
	key, err := p.rowAfter(con, w, after)
	if err != nil {
		return fmt.Errorf("choose what to try on %s: %w", con.Name, err)
	}
	b := &con.breakers
	b.mu.Lock()
	b.last[w] = key
	if key == nil { // nothing waits that could tell
		b.of[w] = retry.Breaker{}
		b.mu.Unlock()
		return nil
	}
	b.of[w].Tried(p.Now())
	_, _, _, next := b.of[w].Open()
	task := rowTask(con, key)
	if b.try[w] = task.Twin.String(); w == wayOut {
		b.try[w] = task.Ref.String()
	}
	b.mu.Unlock()
	if err := p.Store.Finish(func(tx store.Tx) error { _, err := releaseRow(tx, key, nil, p.Now()); return err }); err != nil {
		return fmt.Errorf("try a ticket of %s: %w", con.Name, err)
	}
	p.Wake(task, When{})
	p.Wake(Task{Kind: KindProbe, Con: con.ID}, When{At: next})
	return nil
}

// rowAfter is the next row of a way behind a key, from the first one again at
// the end; nil if there is none.
func (p *Path) rowAfter(con *Connection, w way, after []byte) (found []byte, err error) {
	prefix := store.Prefix('w', con.ID)
	if w == wayIn {
		prefix = store.Prefix('i', con.ID)
	}
	take := func(key []byte) (bool, error) {
		found = bytes.Clone(key)
		return false, nil
	}
	err = p.Store.View(func(r store.Reader) error {
		if err := r.Keys(prefix, after, take); err != nil || found != nil || after == nil {
			return err
		}
		return r.Keys(prefix, nil, take)
	})
	return found, err
}

// Release lets what is held, waits or is parked go on at once, where want takes
// its code; it returns how much that was.
func (p *Path) Release(con *Connection, want func(event.Code) bool) (int, error) {
	count := 0
	for _, kind := range []byte("wi") {
		after := []byte(nil)
		for more := true; more; {
			var page [][]byte
			err := p.Store.View(func(r store.Reader) error {
				page = nil
				return r.Keys(store.Prefix(kind, con.ID), after, func(key []byte) (bool, error) {
					page = append(page, bytes.Clone(key))
					return len(page) < releasePage, nil
				})
			})
			var released []Task
			if err == nil && len(page) > 0 {
				released, err = p.releaseRows(con, page, want)
				after = page[len(page)-1]
			}
			if err != nil {
				return count, fmt.Errorf("let what waits on %s go on: %w", con.Name, err)
			}
			for _, t := range released {
				p.Wake(t, When{})
			}
			count += len(released)
			more = len(page) == releasePage
		}
	}
	return count, nil
}

const releasePage = 200

func (p *Path) releaseRows(con *Connection, page [][]byte, want func(event.Code) bool) (released []Task, err error) {
	err = p.Store.Finish(func(tx store.Tx) error {
		for _, key := range page {
			done, err := releaseRow(tx, key, want, p.Now())
			if err != nil {
				return err
			}
			if done {
				released = append(released, rowTask(con, key))
			}
		}
		return nil
	})
	return released, err
}

// releaseRow lets one row go on; it reports whether it was waiting.
func releaseRow(tx store.Tx, key []byte, want func(event.Code) bool, now time.Time) (bool, error) {
	if key[0] == 'w' {
		row, err := get[work.Row](tx, key)
		if err != nil || row == nil || row.State != work.Held || want != nil && !want(row.Code) {
			return false, err
		}
		return true, put(tx, key, work.Next(row, work.Release{}, now))
	}
	row, err := get[inbox.Row](tx, key)
	if err != nil || row == nil || row.State != inbox.Parked && row.State != inbox.Waiting || want != nil && !want(row.Code) {
		return false, err
	}
	return true, put(tx, key, inbox.Next(row, inbox.Retry{}, now))
}

// heed remembers how long the tracker wants to be left alone.
func (p *Path) heed(err error) {
	var detail *adapters.Error
	if errors.Is(err, adapters.ErrLimited) && errors.As(err, &detail) && detail.After > 0 {
		until := p.Now().Add(min(detail.After, longestIn)).UnixNano()
		for was := p.limited.Load(); until > was && !p.limited.CompareAndSwap(was, until); was = p.limited.Load() {
		}
	}
}

// Limited is until when the tracker wants to be left alone; zero if it does not.
func (p *Path) Limited() time.Time {
	until := time.Unix(0, p.limited.Load())
	if !p.Now().Before(until) {
		return time.Time{}
	}
	return until
}

// put off puts a task off as long as the tracker wants to be left alone: all
// share one budget.
func (p *Path) putOff(t Task, bulk bool) bool {
	until := p.Limited()
	if until.IsZero() {
		return false
	}
	p.Wake(t, When{At: until, Bulk: bulk})
	return true
}
