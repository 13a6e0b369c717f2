// Package plan is the machine of the writes that an incoming change means for
// the tracker. A plan is stored before its first write, with its steps recorded
// as intended; what was done is recorded with the end of the plan, or before
// anything else becomes of it. A create is recorded at once.
//
//	planned  --stored with the row before it--> intended(attempt, at)
//	intended --answer--> done(written)
//	intended --sure refusal--> sync/retry decides: again at once, later, or dropped
//	intended --time-out, cut, 5xx, crash--> doubt(not before)
//	doubt    --found--> done | none--> intended(attempt+1) | many--> park | later--> doubt(later)
//	any      --the tracker's workflow has no such way--> dropped
//
// A step that sets absolute values is in doubt read and compared, not searched.
// It is pure.
package plan

import (
	"maps"
	"slices"
	"time"

	"parley/sync/event"
	"parley/sync/twin"
)

// State of a step.
type State string

// The states.
const (
	Planned  State = "planned"
	Intended State = "intended"
	Doubt    State = "doubt"
	Done     State = "done"
	Dropped  State = "dropped" // given up: what it was to set is lost
)

// Step is one write and how far it got.
type Step struct {
	Write event.Step `json:"write"`
	// Item is the peer's comment or attachment that this writes.
	Item event.ItemID `json:"item,omitempty"`
	// Hash of the item as the peer sent it.
	Hash    event.Hash `json:"hash,omitempty"`
	State   State      `json:"state"`
	Attempt int        `json:"attempt,omitempty"`
	At      time.Time  `json:"at,omitzero"`
	// NotBefore is when a step in doubt may be asked about.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Boot is the process that intended it: another one finds it in doubt.
	Boot uint64 `json:"boot,omitempty"`
	// Why it was dropped.
	Why event.Code `json:"why,omitempty"`
}

// Plan is what one event means for the tracker.
type Plan struct {
	Epoch uint64    `json:"epoch"`
	Seq   event.Seq `json:"seq"`
	// Ref is our ticket; zero until a create is done.
	Ref event.Ref `json:"ref,omitzero"`
	// Before is what the fields written were.
	Before event.Fields `json:"before,omitempty"`
	// Said is what the event says that the peer holds, as values of our fields;
	// Seen the last of our events that it knew.
	Said event.Fields `json:"said,omitempty"`
	Seen event.Seq    `json:"seen,omitempty"`
	// Kept are local fields in which ours stood against the peer's.
	Kept []string `json:"kept,omitempty"`
	// Disputed are those of Kept that a person must decide.
	Disputed []string `json:"disputed,omitempty"`
	// Untold are those of Disputed that the peer may not know to be.
	Untold []string `json:"untold,omitempty"`
	// Again are local fields of which the event repeats what an earlier one said.
	Again map[string]twin.Again `json:"again,omitempty"`
	// Via are statuses that the ticket is moved through to the one that is wanted.
	Via []string `json:"via,omitempty"`
	// Declined are items that will not be written.
	Declined []event.ItemID `json:"declined,omitempty"`
	// Files are to be fetched and written beside the lane.
	Files []File `json:"files,omitempty"`
	Steps []Step `json:"steps"`
	// Read is the change time of our ticket as it was read, before it was decided what
	// to write: what the tracker's history has from then on is newer, or was seen. A plan
	// of layout 3 has the time of the reading, by the node's clock.
	Read time.Time `json:"read,omitzero"`
}

// Want are the fields that the plan writes and what they are to be in the end,
// without those in which ours stands.
func (p *Plan) Want() event.Fields {
	var want event.Fields
	shared := true // with the step: most plans have one that sets fields
	for i := range p.Steps {
		fields := p.Steps[i].Write.Fields
		if want == nil {
			want = fields
			continue
		}
		for name, value := range fields {
			if shared {
				want, shared = maps.Clone(want), false
			}
			want[name] = value
		}
	}
	for _, name := range p.Kept {
		if _, ok := want[name]; ok && shared {
			want, shared = maps.Clone(want), false
		}
		if !shared {
			delete(want, name)
		}
	}
	return want
}

// File is an attachment of the peer's ticket that ours is to get.
type File struct {
	Item     event.ItemID `json:"item"`
	Name     string       `json:"name"`
	MIME     string       `json:"mime"`
	Size     int64        `json:"size"`
	SHA256   string       `json:"sha256"`
	Internal bool         `json:"internal,omitempty"`
}

// Do is what to do with a plan.
type Do string

// What Next may say.
const (
	Write  Do = "write"  // Steps[Index] is intended by this process: write it
	Find   Do = "find"   // Steps[Index] adds something and is in doubt: ask the tracker
	Check  Do = "check"  // Steps[Index] sets values and is in doubt: read and compare
	Intend Do = "intend" // store Steps[Index] as intended, then Next again
	Await  Do = "await"  // nothing before At
	Finish Do = "finish" // all steps are done
)

// Action is what Next says.
type Action struct {
	Do    Do
	Index int
	At    time.Time
	// Anew is set if the plan says something else of the wait than before: it must be
	// stored, or the wait begins anew each time.
	Anew bool
}

// Next tells what to do with p at now, in the process boot. settle is the
// tracker's SettleTime: a step of another process is not asked about before it
// has passed since the attempt.
func Next(p *Plan, boot uint64, settle time.Duration, now time.Time) Action {
	// What is in doubt is found out first: as long as it is not known what
	// happened, nothing more is written and no plan is dropped.
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.State == Intended && step.Boot != boot {
			// Whether the other process got as far as writing, nobody knows.
			step.State, step.NotBefore = Doubt, step.At.Add(Ahead+settle)
		}
		if step.State == Intended && step.Write.Kind == event.StepCreate {
			break // nothing is asked of a ticket that is not there
		}
		switch {
		case step.State != Doubt:
			continue
		case !event.Due(step.NotBefore, now):
			return Action{Do: Await, Index: i, At: step.NotBefore}
		case now.Before(step.NotBefore):
			p.putOff(boot, settle, now)
			return Action{Do: Await, Index: i, At: step.NotBefore, Anew: true}
		case Adds(step.Write):
			return Action{Do: Find, Index: i}
		}
		return Action{Do: Check, Index: i}
	}
	for i := range p.Steps {
		switch step := &p.Steps[i]; {
		case step.State == Done, step.State == Dropped:
		case step.State == Planned, now.Sub(step.At) > Ahead:
			return Action{Do: Intend, Index: i}
		default:
			return Action{Do: Write, Index: i}
		}
	}
	return Action{Do: Finish}
}

// putOff lets what is in doubt since before the clock was set back settle from now on:
// how long ago it was tried, the clock cannot tell.
func (p *Plan) putOff(boot uint64, settle time.Duration, now time.Time) {
	for i := range p.Steps {
		s := &p.Steps[i]
		since := s.NotBefore
		if s.State == Intended && s.Boot != boot {
			since = s.At
		}
		if now.Before(since) {
			s.State, s.NotBefore = Doubt, now.Add(Ahead+settle)
		}
	}
}

// Adds tells whether doing the step twice would add something twice.
func Adds(s event.Step) bool {
	switch s.Kind {
	case event.StepCreate, event.StepAttach:
		return true
	}
	return s.Comment != nil && s.Comment.ID == ""
}

// SetIntended marks step i as about to be tried.
func (p *Plan) SetIntended(i int, boot uint64, now time.Time) {
	s := &p.Steps[i]
	s.State, s.At, s.Boot, s.NotBefore = Intended, now, boot, time.Time{}
	s.Attempt++
}

// Ahead is how long before it is tried a step may have been recorded as
// intended: the steps of a plan are recorded together.
const Ahead = 5 * time.Second

// IntendAll marks all steps as about to be tried, one after the other. A create
// stands alone: the later steps need its ticket.
func (p *Plan) IntendAll(boot uint64, now time.Time) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.State == Planned {
			p.SetIntended(i, boot, now)
		}
		if s.Write.Kind == event.StepCreate && s.State != Done {
			return
		}
	}
}

// DoubtAll marks what adds something as possibly done, nobody knows when; it may
// be asked about at.
func (p *Plan) DoubtAll(at time.Time) {
	for i := range p.Steps {
		if s := &p.Steps[i]; Adds(s.Write) {
			s.State, s.NotBefore, s.Write.Since = Doubt, at, 0
		}
	}
}

// SetDoubt marks step i as not known to have happened; it may be asked about at.
func (p *Plan) SetDoubt(i int, at time.Time) {
	p.Steps[i].State, p.Steps[i].NotBefore = Doubt, at
}

// SetDone marks step i as done. A create tells the later steps their ticket.
func (p *Plan) SetDone(i int, w event.Written) {
	s := &p.Steps[i]
	s.State = Done
	if s.Write.Kind == event.StepCreate {
		p.Ref = w.Ref
		for j := i + 1; j < len(p.Steps); j++ {
			p.Steps[j].Write.Ref = w.Ref
		}
	}
}

// Begun tells whether something of the plan may have been written: a step is done, or
// was tried before and nobody knows what of that try the tracker took.
func (p *Plan) Begun() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.State == Done || s.Attempt > 1 })
}

// Back is what the plan wrote back, last: ours stands there, and is written all the same.
func (p *Plan) Back() event.Fields {
	out := event.Fields{}
	for _, s := range p.Steps {
		for name, value := range s.Write.Fields {
			if slices.Contains(p.Kept, name) {
				out[name] = value
			}
		}
	}
	return out
}

// InDoubt tells whether some step may have happened without being recorded.
func (p *Plan) InDoubt() bool {
	for _, s := range p.Steps {
		if s.State == Doubt || s.State == Intended {
			return true
		}
	}
	return false
}
