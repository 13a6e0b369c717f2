package flow

import (
	"context"
	"time"
)

// The pace of sweeps: a ticket every sweepIdle while the node has nothing else to
// do, and one every sweepBusy however much it has, so that a node which is never
// idle is swept too.
const (
	sweepIdle = 200 * time.Millisecond
	sweepBusy = 2 * time.Second
)

// Sweeper sweeps the connections of a Path in turn, at a pace that leaves the rest of
// the node alone. It is for one goroutine.
type Sweeper struct {
	Path *Path
	// Idle tells whether nothing else is to be done, Full whether the disk is.
	Idle, Full func() bool
	// Due tells whether a connection is to be swept.
	Due func(*Connection, Swept) bool
	// Did is told of each part of a round, with what kept it from going on.
	Did func(*Connection, Swept, error)

	last time.Time // when the last ticket was read
}

// Turn sweeps a page of each connection that is due. It reports whether there is more
// to do at once: not after the tracker did not answer.
func (s *Sweeper) Turn(ctx context.Context) bool {
	more, failed := false, false
	for _, con := range s.Path.Connections() {
		state, err := s.Path.SweepState(con)
		if err == nil {
			if out, _ := con.Paused(); out || !s.Due(con, state) {
				continue
			}
			state, err = s.Path.Sweep(ctx, con, s.pace)
		}
		if ctx.Err() != nil {
			return false
		}
		s.Did(con, state, err)
		more, failed = more || state.Ended.IsZero(), failed || err != nil
	}
	return more && !failed
}

// pace waits until the next ticket may be read.
func (s *Sweeper) pace(ctx context.Context) error {
	for {
		wait := sweepIdle
		if limited := s.Path.Limited(); !limited.IsZero() {
			// Exactly then: a moment later somebody else may have used up what the
			// tracker allows.
			wait = max(limited.Sub(s.Path.Now()), sweepIdle)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		now := s.Path.Now()
		if s.last.After(now) {
			s.last = now // the clock was set back
		}
		if (s.Idle() || now.Sub(s.last) >= sweepBusy) && s.Path.Limited().IsZero() && !s.Full() {
			s.last = now
			return nil
		}
	}
}
