//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/work"
)

// grow does what only growth.go asks a node for.
func (n *node) grow(ctx context.Context, c command, a *answer) (err error) {
	switch c.Do {
	case doWindow:
		err = n.driver.window(ctx, c.First, c.Last, c.Most)
	case doAway:
		err = n.away(ctx, c.First, c.Last)
	case doSeen: // every answer has it
	case doLeft:
		a.Left, err = n.left()
	case doSums:
		a.Sum, err = n.shelf.sum()
	case doIdle:
		if !rest(ctx, c.Every) {
			err = ctx.Err()
		}
	default:
		err = fmt.Errorf("command %q", c.Do)
	}
	return err
}

func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// window hands in events with at most so many under way, whatever their tickets.
func (d *driver) window(ctx context.Context, first, last, most int) error {
	stuck := time.NewTimer(patience)
	defer stuck.Stop()
	next, open := first, 0
	for next <= last || open > 0 {
		for ; next <= last && open < most; next, open = next+1, open+1 {
			d.add(next)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case k := <-d.settled:
			if err := d.end(k); err != nil {
				return err
			}
			open--
			stuck.Reset(patience)
		case <-stuck.C:
			return fmt.Errorf("%d events have not settled", open)
		}
	}
	return nil
}

// unread is how many changes people may be ahead of the poll.
const unread = 2000

// away hands in events whose outcome nobody waits for, as fast as the node takes
// them, and returns when it has looked at all of them.
func (n *node) away(ctx context.Context, first, last int) error {
	for i := first; i <= last; i++ {
		n.driver.hand(i)
		for n.shelf.unread() > unread {
			if !rest(ctx, time.Millisecond) {
				return ctx.Err()
			}
		}
	}
	for n.shelf.unread() > 0 || !n.runner.Idle() {
		if !rest(ctx, 5*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// left counts tickets to be looked at and events without an outcome.
func (n *node) left() (int, error) {
	left := n.shelf.unread()
	var err error
	for _, con := range n.path.Connections() {
		err = errors.Join(err,
			n.path.Works(con, func(event.Ref, work.Row) bool { left++; return true }),
			n.path.Outboxes(con, func(event.Seq, outbox.Row, bool) bool { left++; return true }))
	}
	return left, err
}
