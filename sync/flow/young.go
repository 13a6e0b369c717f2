package flow

import (
	"fmt"
	"slices"
	"time"

	"parley/sync/event"
)

// A connection may keep comments and files back until they have stood in our tracker
// for some time, so that a person can take them back before anybody else has read them.
// The wait is not on record as such: it follows from the ticket as read, each time. What
// is on record is the work row that brings the ticket up again when it is over.

// commentYoung tells whether a comment that is due has stood too short to leave. What the
// peer was told of before leaves at once.
func (p *Path) commentYoung(o *outgoing, c *event.Comment) bool {
	if o.rules.Egress.Hold == 0 || o.trial {
		return false
	}
	if _, known := o.known.here.at(local{id: c.ID}); known {
		return false
	}
	if o.inLine {
		return true // it was made after one that waits
	}
	since := c.Created
	if c.Edited.After(since) {
		since = c.Edited
	}
	o.inLine = p.young(o, since)
	return o.inLine
}

// fileYoung is commentYoung of a file of our ticket.
func (p *Path) fileYoung(o *outgoing, id string) bool {
	if o.rules.Egress.Hold == 0 || o.trial {
		return false
	}
	if _, known := o.known.here.at(local{file: true, id: id}); known {
		return false
	}
	at := slices.IndexFunc(o.ticket.Attachments, func(a event.Attachment) bool { return a.ID == id })
	return at >= 0 && p.young(o, o.ticket.Attachments[at].Created)
}

// young tells whether what stands in our tracker since then is to wait, and notes until
// when. A tracker that names whole seconds may have written it up to one later.
func (p *Path) young(o *outgoing, since time.Time) bool {
	if since.IsZero() {
		since = o.ticket.Updated
	}
	hold := o.rules.Egress.Hold
	until := since.Add(p.behind() + p.Tracker.Precision() + hold)
	if !until.After(p.Now()) {
		return false
	}
	p.standby(o, until, fmt.Sprintf("comments and files leave when they have stood for %s", hold))
	return true
}

// standby has the ticket looked at again, though nothing of it changes until then.
func (p *Path) standby(o *outgoing, until time.Time, reason string) {
	// Nothing waits longer than that without being looked at.
	until = earliest(until, p.Now().Add(event.LongestWait))
	if o.young.Until.IsZero() || until.Before(o.young.Until) {
		o.young.Until = until
	}
	o.young.Reason = reason
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// wakeYoung brings the ticket up again when the first of what waits may leave.
func (p *Path) wakeYoung(o *outgoing) {
	if !o.young.Until.IsZero() {
		p.Wake(Task{Kind: KindWork, Con: o.con.ID, Ref: o.known.ref}, When{At: o.young.Until, Bulk: o.known.work.Bulk})
	}
}
