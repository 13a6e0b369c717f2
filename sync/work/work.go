// Package work is the machine of a work row: "this ticket must be looked at
// for this connection". It is a level, not a queue of changes: however often a
// ticket changes, there is one row, and what leaves is the ticket as it is
// when it is read.
//
//	none  --Seen--> dirty(gen)
//	dirty --Seen--> dirty(gen+1)
//	dirty --Sent, gen unchanged, not more--> none     (else stays dirty)
//	dirty --Nothing, gen unchanged--> none            (else stays dirty)
//	dirty --either, with Young--> held(stands, until)
//	dirty --Hold--> held(reason, next)
//	held  --Seen | Release | due--> dirty
//
// It is pure; flow stores the rows and simtest drives the same Next.
package work

import (
	"time"

	"parley/sync/event"
)

// State of a row.
type State string

// The states; a row that is not there is "none".
const (
	Dirty State = "dirty"
	Held  State = "held"
)

// Row is the durable state of one ticket's work for one connection.
type Row struct {
	Gen   uint64 `json:"gen"`
	State State  `json:"state"`
	// Key is what people call the ticket.
	Key string `json:"key,omitempty"`
	// Cause goes into the event.
	Cause event.Cause `json:"cause"`
	// Forced lets a ticket in that is older than `since` or not started by itself.
	Forced bool `json:"forced,omitempty"`
	// Bulk work waits behind the other.
	Bulk bool `json:"bulk,omitempty"`
	// Healed is the last comment or file that the heal under way has sent.
	Healed event.ItemID `json:"healed,omitempty"`
	// Attempt counts holds without a new Seen in between.
	Attempt int `json:"attempt,omitempty"`
	// Reason, Code and Next of a held row. Reason stays home.
	Reason string     `json:"reason,omitempty"`
	Code   event.Code `json:"code,omitempty"`
	Since  time.Time  `json:"since,omitzero"`
	Next   time.Time  `json:"next,omitzero"`
	// Parked is set when a person must look: Next is then only a late retry.
	Parked bool `json:"parked,omitempty"`
	// Stands is set if nothing but comments and files that are too young to leave keeps
	// the row: whatever else is to be looked at begins anew.
	Stands bool `json:"stands,omitempty"`
}

// Input is one of the types below.
type Input interface{ input() }

// Seen says that the ticket may have changed, or must be looked at again.
type Seen struct {
	Key    string
	Cause  event.Cause
	Forced bool
	Bulk   bool
}

// Sent says that what was read under Gen is in the outbox; More that a rest follows.
type Sent struct {
	Gen  uint64
	More bool
	// Last is the last comment or file that is in it.
	Last event.ItemID
	// Young is what was left out of it for a while.
	Young Young
}

// Nothing says that what was read under Gen has nothing to send.
type Nothing struct {
	Gen   uint64
	Young Young
}

// Young are comments and files that leave only when they have stood for some time;
// the zero Young is none.
type Young struct {
	// Until is when the first of them is old enough.
	Until  time.Time
	Reason string
}

// Hold says that the look failed.
type Hold struct {
	Reason string
	Code   event.Code
	Next   time.Time
	Parked bool
}

// Release says that a person or a new filter lets it go on.
type Release struct{}

func (Seen) input()    {}
func (Sent) input()    {}
func (Nothing) input() {}
func (Hold) input()    {}
func (Release) input() {}

// Next is the row after input; nil is "none", both ways.
func Next(row *Row, input Input, now time.Time) *Row {
	switch in := input.(type) {
	case Seen:
		return seen(row, in)
	case Sent:
		if row == nil || row.Gen == in.Gen && !in.More {
			return standing(row, in.Young, now)
		}
		next := released(*row)
		if row.Cause == event.CauseHeal && row.Gen == in.Gen && in.Last != "" {
			next.Healed = in.Last
		}
		return next
	case Nothing:
		if row == nil || row.Gen == in.Gen {
			return standing(row, in.Young, now)
		}
		return released(*row)
	case Hold:
		if row == nil {
			return nil
		}
		return held(*row, in, now)
	case Release:
		if row == nil {
			return nil
		}
		return released(*row)
	}
	return row
}

// Due tells whether the row is to be looked at now.
func (r Row) Due(now time.Time) bool { return r.State == Dirty || event.Due(r.Next, now) }

// Says tells whether the row asks for all that in does: what was looked at before is
// then the only reason to write it.
func (r Row) Says(in Seen) bool {
	next := *seen(&r, in)
	next.Gen = r.Gen
	return next == r
}

func seen(row *Row, in Seen) *Row {
	if row == nil {
		return &Row{Gen: 1, State: Dirty, Key: in.Key, Cause: in.Cause, Forced: in.Forced, Bulk: in.Bulk}
	}
	next := *row
	next.Gen++
	next.Cause = stronger(row.Cause, in.Cause)
	if in.Cause == event.CauseHeal {
		next.Healed = ""
	}
	next.Forced = row.Forced || in.Forced
	next.Bulk = row.Bulk && in.Bulk
	if row.Stands {
		next.Cause, next.Bulk = in.Cause, in.Bulk
	}
	if in.Key != "" {
		next.Key = in.Key
	}
	return released(next)
}

func released(row Row) *Row {
	row.State, row.Attempt, row.Reason, row.Code, row.Parked = Dirty, 0, "", "", false
	row.Since, row.Next, row.Stands = time.Time{}, time.Time{}, false
	return &row
}

// standing is what is left of a row that was answered: nothing, or the wait for what
// is too young. What led to the look was answered, so it is no part of it.
func standing(row *Row, young Young, now time.Time) *Row {
	if row == nil || young.Until.IsZero() {
		return nil
	}
	return &Row{
		Gen: row.Gen, State: Held, Key: row.Key, Cause: event.CauseEdit, Forced: row.Forced,
		Reason: young.Reason, Since: now, Next: young.Until, Stands: true,
	}
}

func held(row Row, in Hold, now time.Time) *Row {
	row.State, row.Reason, row.Code, row.Next, row.Parked = Held, in.Reason, in.Code, in.Next, in.Parked
	row.Stands = false
	row.Attempt++
	if row.Since.IsZero() {
		row.Since = now
	}
	return &row
}

// stronger: a heal must not be forgotten because an edit came on top, since it
// carries everything; an edit outranks a filter, which never beats one.
func stronger(a, b event.Cause) event.Cause {
	rank := map[event.Cause]int{event.CauseFilter: 1, event.CauseEdit: 2, event.CauseResolve: 3, event.CauseHeal: 4}
	if rank[a] >= rank[b] {
		return a
	}
	return b
}
