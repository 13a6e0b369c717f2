// Package inbox is the machine of what arrives: which events of an envelope to
// take, and what state the one event per twin is in.
//
//	ready            --Planned--> applying --Stepped--> applying
//	ready | applying --Wait--> waiting(until) --due--> back
//	ready | applying --Park--> parked(code, next), or what was kept as next if nothing was begun
//	parked           --Retry--> ready
//	parked           --Arrive--> replaced if nothing was begun, else kept as next
//	any other        --Arrive--> kept as next; replaced by an event of a later epoch if nothing was begun
//	any              --Done--> gone, or ready with what was kept as next
//
// It is pure.
package inbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
)

// Head is where one of the peer's streams stands with us.
type Head struct {
	Epoch   uint64
	Through event.Seq
	Run     envelope.Run
}

// Place is the head as a receipt or a hello tells it.
func (h Head) Place() envelope.Place {
	return envelope.Place{Epoch: h.Epoch, Through: h.Through, Run: h.Run}
}

const headLen = 1 + 8 + 8 + 32

// MarshalBinary writes the head; the first byte is the layout's version.
func (h Head) MarshalBinary() ([]byte, error) {
	b := append(make([]byte, 0, headLen), 1)
	b = binary.BigEndian.AppendUint64(b, h.Epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Through))
	return append(b, h.Run[:]...), nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (h *Head) UnmarshalBinary(b []byte) error {
	if len(b) != headLen || b[0] != 1 {
		return fmt.Errorf("stream head of %d bytes is not of this version", len(b))
	}
	h.Epoch = binary.BigEndian.Uint64(b[1:])
	h.Through = event.Seq(binary.BigEndian.Uint64(b[9:]))
	copy(h.Run[:], b[17:])
	return nil
}

// Verdict is what an envelope means.
type Verdict string

// The verdicts.
const (
	Take   Verdict = "take"   // append the entries from Skip on, then receipt
	Repeat Verdict = "repeat" // all known: receipt again
	Gap    Verdict = "gap"    // something before it is missing: receipt what there is
	Stop   Verdict = "stop"   // a known number with another digest
	Old    Verdict = "old"    // an epoch that has ended, or one that no hello announced
)

// Accept decides about a cut. runAt gives our run at a number at or below
// Through (the zero run at 0); it is asked at most once.
func Accept(h Head, c envelope.Cut, runAt func(event.Seq) (envelope.Run, error)) (Verdict, int, error) {
	if c.Epoch != h.Epoch {
		return Old, 0, nil
	}
	if c.First > h.Through+1 {
		return Gap, 0, nil
	}
	// The chain fixes everything before a number, so one comparison at the last
	// number that both have stands for all of them.
	known := min(c.Last(), h.Through)
	skip := int(known + 1 - c.First)
	ours := h.Run
	if known != h.Through {
		var err error
		if ours, err = runAt(known); err != nil {
			return "", 0, fmt.Errorf("run at %d: %w", known, err)
		}
	}
	theirs := c.Before
	for _, e := range c.Entries[:skip] {
		theirs = theirs.Next(e.Digest())
	}
	switch {
	case theirs != ours:
		return Stop, 0, nil
	case skip == len(c.Entries):
		return Repeat, skip, nil
	}
	return Take, skip, nil
}

// State of a row.
type State string

// The states.
const (
	Ready    State = "ready"
	Applying State = "applying" // a plan is stored
	Waiting  State = "waiting"  // until Until, then back to ready or applying
	Parked   State = "parked"
)

// Row is the event of a twin that is being applied.
type Row struct {
	Epoch uint64    `json:"epoch"`
	Seq   event.Seq `json:"seq"`
	State State     `json:"state"`
	// Plan is the plan.Plan as that writes itself; nil if there is none.
	Plan []byte `json:"-"`
	// Next came while this one was not done; 0 is none.
	NextEpoch uint64    `json:"nextEpoch,omitempty"`
	NextSeq   event.Seq `json:"nextSeq,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	// Since, Code and Reason of a parked or waiting row; Reason stays home.
	Since  time.Time  `json:"since,omitzero"`
	Code   event.Code `json:"code,omitempty"`
	Reason string     `json:"reason,omitempty"`
	// Told is the code that the peer was told last for this event.
	Told event.Code `json:"told,omitempty"`
	// Key is what people call our ticket, once there is one.
	Key string `json:"key,omitempty"`
	// Begun is set where a plan was dropped of which something may stand in our ticket
	// that is not on record: until an event is decided anew, that looks like a person's edit.
	Begun bool  `json:"begun,omitempty"`
	At    int64 `json:"at"` // milliseconds since 1970 of the arrival
}

// Input is one of the types below.
type Input interface{ input() }

// Arrive says that a newer event of the twin came.
type Arrive struct {
	Epoch uint64
	Seq   event.Seq
}

// Planned says what is about to be written.
type Planned struct{ Plan []byte }

// Stepped says how far the plan got.
type Stepped struct{ Plan []byte }

// Wait says to try again at Until.
type Wait struct {
	Until  time.Time
	Reason string
}

// Park says that a person must look; Next is a late try by itself.
type Park struct {
	Code   event.Code
	Reason string
	Next   time.Time
}

// Retry says that a person, a new filter or the time wants another try.
type Retry struct{}

// Replan says that the plan was dropped: decide anew. Begun is set if something of it
// may have been written, Known if what was written is on record.
type Replan struct{ Begun, Known bool }

// Done says that the event has its final outcome.
type Done struct{}

func (Arrive) input()  {}
func (Planned) input() {}
func (Stepped) input() {}
func (Wait) input()    {}
func (Park) input()    {}
func (Retry) input()   {}
func (Replan) input()  {}
func (Done) input()    {}

// Next is the row after input; nil is "nothing to apply", both ways.
func Next(row *Row, input Input, now time.Time) *Row {
	if row == nil {
		if in, ok := input.(Arrive); ok {
			return &Row{Epoch: in.Epoch, Seq: in.Seq, State: Ready, At: now.UnixMilli()}
		}
		return nil
	}
	next := *row
	switch in := input.(type) {
	case Arrive:
		return arrived(next, in, now)
	case Planned:
		next.State, next.Plan = Applying, in.Plan
	case Stepped:
		next.Plan = in.Plan
	case Wait:
		next.State, next.Until, next.Reason = Waiting, in.Until, in.Reason
		next.Attempt++
		next.Since = orNow(next.Since, now)
	case Park:
		if row.NextSeq != 0 && !row.Planned() {
			return following(next, now)
		}
		next.State, next.Code, next.Reason, next.Until = Parked, in.Code, in.Reason, in.Next
		next.Attempt++
		next.Since = orNow(next.Since, now)
	case Retry:
		return ready(next)
	case Replan:
		next.Plan, next.Begun = nil, (next.Begun || in.Begun) && !in.Known
		return ready(next)
	case Done:
		if row.NextSeq == 0 {
			return nil
		}
		next.Begun = false
		return following(next, now)
	}
	return &next
}

// Planned tells whether a plan is stored.
func (r Row) Planned() bool { return r.Plan != nil }

// Holds tells whether nothing of our ticket may leave before the event is applied: what
// was written of it is not on record.
func (r Row) Holds() bool { return r.Planned() || r.Begun }

// Due tells whether the row is to be worked on now.
func (r Row) Due(now time.Time) bool {
	return r.State == Ready || r.State == Applying || event.Due(r.Until, now)
}

// arrived is the row when a newer event came. The one before it is finished first: a
// step of it may have reached the tracker, and the two are not the same to the merge,
// since the later one may be a heal that says again what an edit had said. But what
// is parked waits for a person, and what a later epoch voids is not applied.
func arrived(row Row, in Arrive, now time.Time) *Row {
	row.NextEpoch, row.NextSeq = in.Epoch, in.Seq
	switch {
	case row.Planned() && row.State == Parked:
		return ready(row)
	case row.Planned(), row.State != Parked && row.Epoch == in.Epoch:
		return &row
	}
	return following(row, now)
}

// following is the row of the event that waited behind row's.
func following(row Row, now time.Time) *Row {
	return &Row{Epoch: row.NextEpoch, Seq: row.NextSeq, State: Ready, Key: row.Key, Begun: row.Begun, At: now.UnixMilli()}
}

func ready(row Row) *Row {
	row.State, row.Until = Ready, time.Time{}
	if row.Planned() {
		row.State = Applying
	}
	return &row
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}
