package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/sync/event"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// A sweep looks at every ticket that is in step, whatever its tracker says of its
// change time: some changes move none (an edited note of Redmine). It is slow, goes
// on where it stopped, and writes nothing for a ticket that is as it was: what
// differs gets a work row, and the path does the rest.

// Swept is how far a sweep of a connection has come.
type Swept struct {
	// Began and Ended are of the present round, or the last; a zero Ended is one that
	// is under way.
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Tickets were read, Found of them have to be looked at.
	Tickets int `json:"tickets"`
	Found   int `json:"found"`
	// After is the last key done.
	After []byte `json:"after,omitempty"`
	// Tries is how often the ticket behind it could not be read, Unread how many were
	// passed over for that.
	Tries  int `json:"tries,omitempty"`
	Unread int `json:"unread,omitempty"`
}

// Due tells whether a round is under way or has to begin; every 0 begins none.
func (s Swept) Due(now time.Time, every time.Duration) bool {
	if s.Began.IsZero() || !s.Ended.IsZero() {
		return every > 0 && now.Sub(s.Began) >= every
	}
	return true
}

// sweepPage is how many twins a call of Sweep takes, sweepTries how often one that
// cannot be read is tried before the sweep goes on without it: the next round comes
// by again, and one ticket must not keep it from all others.
const (
	sweepPage  = 20
	sweepTries = 3
)

// SweepState is how far the sweep of a connection has come.
func (p *Path) SweepState(con *Connection) (Swept, error) {
	var state Swept
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[Swept](r, store.SweepKey(con.ID))
		if row != nil {
			state = *row
		}
		return err
	})
	if err != nil {
		return state, fmt.Errorf("read the place of the sweep of %s: %w", con.Name, err)
	}
	return state, nil
}

// Sweep takes the next tickets of a connection; before each it calls pace, which
// says when to go on. A round that has ended is followed by another. An error leaves
// the place before the ticket that it came from, so many times.
func (p *Path) Sweep(ctx context.Context, con *Connection, pace func(context.Context) error) (Swept, error) {
	state, err := p.SweepState(con)
	if err != nil {
		return state, err
	}
	if state.Began.IsZero() || !state.Ended.IsZero() {
		state = Swept{Began: p.Now()}
	}
	keys, rows, err := p.sweepNext(con, state.After)
	if err != nil {
		return state, err
	}
	for i, key := range keys {
		if rows[i].State == twin.Live && !rows[i].Ref.IsZero() {
			if err = pace(ctx); err != nil {
				break
			}
			found, failed := p.sweepTicket(ctx, con, rows[i])
			if err = failed; err != nil {
				if state.Tries++; state.Tries >= sweepTries {
					state.After, state.Tries, state.Unread = key, 0, state.Unread+1
				}
				break
			}
			state.Tickets++
			if found {
				state.Found++
			}
		}
		state.After, state.Tries = key, 0
	}
	if err == nil && len(keys) < sweepPage {
		state.Ended, state.After = p.Now(), nil
	}
	stored := p.Store.Finish(func(tx store.Tx) error { return put(tx, store.SweepKey(con.ID), &state) })
	return state, errors.Join(err, stored)
}

func (p *Path) sweepNext(con *Connection, after []byte) (keys [][]byte, rows []twin.Row, err error) {
	err = p.Store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix('t', con.ID), after, func(key, value []byte) (bool, error) {
			var row twin.Row
			if decodeRow(value, &row) != nil {
				row = twin.Row{} // what cannot be read is named by the comparison
			}
			keys, rows = append(keys, key), append(rows, row)
			return len(keys) < sweepPage, nil
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list the twins of %s: %w", con.Name, err)
	}
	return keys, rows, nil
}

// sweepTicket reads one ticket and finds out whether the path has to look at it.
func (p *Path) sweepTicket(ctx context.Context, con *Connection, row twin.Row) (bool, error) {
	o := &outgoing{con: con, rules: con.Rules()}
	o.known = known{ref: row.Ref, work: &work.Row{Key: row.Key, Cause: event.CauseEdit, Bulk: true}}
	waits := false
	err := p.Store.View(func(r store.Reader) error {
		look, err := get[work.Row](r, store.WorkKey(con.ID, row.Ref))
		if waits = look != nil; err != nil || waits {
			return err
		}
		return p.knowTwins(r, con, con.Rules(), &o.known)
	})
	if err != nil || waits {
		return false, err
	}
	if busy := o.known.applying || o.known.row != nil && o.known.row.Unsent(); !busy {
		if err = p.read(ctx, o); err == nil {
			err = p.filter(ctx, o)
		}
		if differs, err := o.swept(err, p.Now()); err != nil || !differs {
			return false, err
		}
	}
	seen := work.Seen{Cause: event.CauseEdit, Bulk: true}
	return true, p.Touch(con.ID, []event.Change{{Ref: row.Ref, Key: row.Key}}, seen)
}

// swept tells what a look came to: whether there is anything for the path, or that
// the tracker did not answer.
func (o *outgoing) swept(err error, now time.Time) (bool, error) {
	var hold *holdError
	var outside *outsideError
	switch {
	case err == nil, errors.Is(err, errLeft), errors.As(err, &hold):
		return true, nil
	case errors.Is(err, errCreating), errors.As(err, &outside):
		return false, nil
	case errors.Is(err, errNothing):
		return o.known.row != nil && o.known.row.State == twin.Live && o.changedLocally(), nil
	}
	if retry.Decide(err, 1, false, 0, now).Verdict == retry.Gone {
		return true, nil
	}
	return false, fmt.Errorf("read ticket %s for the sweep: %w", o.known.work.Key, err)
}
