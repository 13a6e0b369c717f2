package flow

import "parley/filters"

// ForgetAsked forgets how often the peer has asked.
func (c *Connection) ForgetAsked() {
	c.asked, c.askedBuckets, c.askedHeals = filters.Counter{}, filters.Counter{}, filters.Counter{}
}

// ForgetAbilities makes the peer one that says nothing of what it can do.
func (c *Connection) ForgetAbilities() { c.session.heard(nil) }
