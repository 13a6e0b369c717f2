package flow

import (
	"context"
	"time"

	"parley/filters"
	"parley/sync/event"
)

// ForgetAsked forgets how often the peer has asked.
func (c *Connection) ForgetAsked() {
	c.asked, c.askedBuckets, c.askedHeals = filters.Counter{}, filters.Counter{}, filters.Counter{}
}

// ForgetAbilities makes the peer one that says nothing of what it can do.
func (c *Connection) ForgetAbilities() { c.session.heard(nil) }

// Certain tells whether a look at t needs no second one, where the tracker has shown
// these changes, poll after poll.
func Certain(polls [][]event.Change, t event.Ticket, precision time.Duration) bool {
	f := freshSet{}
	for _, changes := range polls {
		f.listed(changes)
	}
	return f.certain(event.ConnectionID{}, t, time.Time{}, f.until(), precision)
}

// MakeFirst makes what a step's fields name.
func (p *Path) MakeFirst(ctx context.Context, step event.Step) error { return p.makeFirst(ctx, step) }
