// Package twin holds what a node knows of a pair of tickets, and the merge:
// what of a ticket the peer has not confirmed, which of the peer's changes are
// to be written, who wins where both sides changed a field, and which of our
// own writes must not be sent back as if a person had made them.
//
// It is pure. Rows are changed only inside a store transaction, on a row read
// in that transaction: an outcome may arrive while a change is being applied.
package twin

import (
	"time"

	"parley/sync/event"
)

// State of a twin.
type State string

// The states.
const (
	Live  State = "live"
	Ended State = "ended" // by a person or by the leave policy; kept as a tombstone
	Gone  State = "gone"  // our ticket is not there any more
	// Orphan: the peer ended its half, and ours is left alone.
	Orphan State = "orphan"
)

// Confirm is how far a sent value got.
type Confirm byte

// The states of a sent value.
const (
	Open      Confirm = 'o' // in an event without an outcome
	Confirmed Confirm = 'c' // the peer has it
	Declined  Confirm = 'd' // the peer does not want it; not sent again
	Waiting   Confirm = 'w' // parked at the peer: part of the next change
)

// Sent is what the peer was last told of a replica field.
type Sent struct {
	// Hash is of what the peer holds, be it by its own word.
	Hash  event.Hash `json:"h"`
	Seq   event.Seq  `json:"s,omitempty"`
	State Confirm    `json:"c"`
	// Said is of what our last event said of it: what the peer last received. 0 if
	// none did.
	Said event.Hash `json:"said,omitempty"`
}

// Unrecorded stands for what an older layout of a row did not keep: it compares
// with nothing.
const Unrecorded = ^event.Hash(0)

// Base is a local field as both sides last agreed on it, or as last sent.
type Base struct {
	Hash event.Hash `json:"h"`
	// Seq is our event that carried it, 0 if none did since.
	Seq event.Seq `json:"s,omitempty"`
	// At is the tracker's change time that the event named, seconds since 1970.
	At int64 `json:"t,omitempty"`
	// Weak is set if that event was no edit: the peer lets its own stand against it.
	Weak bool `json:"w,omitempty"`
	// Final is our last event that said what a person had decided: it stands against
	// what the peer says without knowing of it.
	Final event.Seq `json:"f,omitempty"`
	// Again is a later event of ours that said the same once more and was no edit, and
	// AgainAt the change time that it named. To who knows Seq and not Again, it is all
	// that stands against what they say.
	Again   event.Seq `json:"a,omitempty"`
	AgainAt int64     `json:"at,omitempty"`
}

// unseen tells whether the peer, which has seen our events up to seen, said what it
// did without knowing that we said this.
func (b Base) unseen(seen event.Seq) bool { return max(b.Seq, b.Again) > seen }

// against is what of ours stands against what a peer says that has seen our events
// up to seen: whether it is no edit, and the change time that it named.
func (b Base) against(seen event.Seq) (weak bool, at int64) {
	if b.Seq <= seen && b.Again > seen {
		return true, b.AgainAt
	}
	return b.Weak, b.At
}

// Unsettled is our data event that has no final outcome.
type Unsettled struct {
	Seq    event.Seq  `json:"seq"`
	Parked event.Code `json:"parked,omitempty"`
	// Since, in milliseconds since 1970.
	Since int64 `json:"since,omitempty"`
}

// Row is what a node knows of a twin.
type Row struct {
	Ref    event.Ref      `json:"ref,omitzero"`
	Key    string         `json:"key,omitempty"`
	Origin event.OriginID `json:"origin"`
	Hops   int            `json:"hops,omitempty"`
	State  State          `json:"state"`
	Since  time.Time      `json:"since"`
	// Theirs is set on the side that did not create the twin.
	Theirs bool `json:"theirs,omitempty"`
	// Seen is the peer's last event applied.
	Seen event.Position `json:"seen,omitzero"`
	// Epoch of our data stream that Sent and Out are about.
	Epoch uint64          `json:"epoch,omitempty"`
	Sent  map[string]Sent `json:"sent,omitempty"`
	Local map[string]Base `json:"local,omitempty"`
	Out   *Unsettled      `json:"out,omitempty"`
	Sets  map[string]Set  `json:"sets,omitempty"`
	// Lost are fields of our replica that the peer's tracker, and local fields that
	// ours, ignored or changed, each as a Loss, until they are written or changed.
	Lost      []string `json:"lost,omitempty"`
	LostLocal []string `json:"lostLocal,omitempty"`
	// Refused is the code of the last outcome if it was not applied.
	Refused event.Code `json:"refused,omitempty"`
	// TheirNote is what the peer said of its half, if it ended.
	TheirNote event.Code `json:"theirNote,omitempty"`
	// Disputes are local fields that a person must decide.
	Disputes map[string]Dispute `json:"disputes,omitempty"`
	// Untold are those of Disputes that the peer may not know of: its filter may show it
	// no difference. They are said to it once more.
	Untold []string `json:"untold,omitempty"`
	// Overran are local fields with an edit that the peer's change was written over.
	Overran map[string]Overrun `json:"overran,omitempty"`
	// Astray are local fields that are the peer's and were changed here.
	Astray []string `json:"astray,omitempty"`
	// Wrote is the version of our ticket as the last event applied left it, Turn
	// that event's: what leaves of that version has no person behind it.
	Wrote event.Hash `json:"wrote,omitempty"`
	Turn  int        `json:"turn,omitempty"`
	// Items is how many comments and files are on record.
	Items int `json:"items,omitempty"`
	// Connect is what our first event asks for, on a twin of two tickets that both
	// existed, until the peer has applied it.
	Connect *event.Connect `json:"connect,omitempty"`
	// End tells how the twin ended.
	End End `json:"end,omitzero"`
	// Past are the last events of the twin, both ways, oldest first.
	Past []Past `json:"past,omitempty"`
}

// AtPeer tells whether the peer has its half: it has said something of it, or taken
// something of ours.
func (r *Row) AtPeer() bool {
	if r.Seen != (event.Position{}) {
		return true
	}
	for _, sent := range r.Sent {
		if sent.State == Confirmed {
			return true
		}
	}
	return false
}

// Unsent tells whether an event of this twin is on its way without an outcome.
func (r *Row) Unsent() bool { return r.Out != nil && r.Out.Parked == "" }

// Item is one comment or attachment of a twin. A comment of ours that is Open is
// with the peer when its event has its outcome.
type Item struct {
	// Local is our tracker's id; "" while it is not written.
	Local string `json:"local,omitempty"`
	// Theirs is set when the peer sent it.
	Theirs bool `json:"theirs,omitempty"`
	// File tells an attachment from a comment: a tracker may number both alike.
	File  bool       `json:"file,omitempty"`
	Hash  event.Hash `json:"h,omitempty"`
	Seq   event.Seq  `json:"s,omitempty"`
	State Confirm    `json:"c"`
	// Wire is of a comment as it was on the wire, for both sides to compare.
	Wire event.Hash `json:"w,omitempty"`
	// Name of a file, for people.
	Name string `json:"n,omitempty"`
}

// Hashes are those of fields, by name.
type Hashes map[string]event.Hash

// HashAll hashes fields.
func HashAll(fields event.Fields) Hashes {
	out := make(Hashes, len(fields))
	for name, value := range fields {
		out[name] = event.HashValue(value)
	}
	return out
}

// Differs returns the fields of a replica that the peer has not confirmed as
// they are, with their hashes. all asks for every field (a heal).
func (r *Row) Differs(fields event.Fields, all bool) (event.Fields, Hashes) {
	var out event.Fields
	var hashes Hashes
	for name, value := range fields {
		sent, known := r.Sent[name]
		hash := event.HashValue(value)
		if !all && known && sent.Hash == hash && sent.State != Waiting {
			continue
		}
		if !known && !all && none(value) {
			// The peer takes a field that it never saw for not sent, which an
			// empty one at first sight is as good as.
			continue
		}
		if out == nil {
			out, hashes = make(event.Fields, len(fields)), make(Hashes, len(fields))
		}
		out[name], hashes[name] = value, hash
	}
	return out, hashes
}

// none tells whether a value is nothing, or a set of nothing.
func none(value any) bool {
	list, isList := value.([]any)
	return value == nil || isList && len(list) == 0
}

// Append records that the fields sent went out with event seq. first is set if the
// event says all of the twin: the peer forgets what it was told before.
func (r *Row) Append(seq event.Seq, sent Hashes, first bool, now time.Time) {
	for name, had := range r.Sent {
		if first && had.Said != 0 {
			had.Said = 0
			r.Sent[name] = had
		}
	}
	if r.Sent == nil {
		r.Sent = make(map[string]Sent, len(sent))
	}
	for name, hash := range sent {
		r.Sent[name] = Sent{Hash: hash, Seq: seq, State: Open, Said: hash}
	}
	r.Out = &Unsettled{Seq: seq, Since: now.UnixMilli()}
}

// SetLocal records local fields that differ from their base as known to us and
// not sent.
func (r *Row) SetLocal(local event.Fields, at time.Time) { r.setLocal(local, nil, Carried{}, at) }

// Carried is an event of ours that carries fields.
type Carried struct {
	Seq   event.Seq
	Cause event.Cause
	// Exact is set if it carries the fields that are named and no others.
	Exact bool
	// Again are those of which it repeats only what an earlier one said.
	Again map[string]bool
}

// Later is when a change of carried was made, at by the tracker's clock: not before
// what left of it last. A clock that is set back makes no later edit the older one:
// the peer may have let the earlier one stand, and cannot know of the clock.
func (r *Row) Later(carried event.Fields, at time.Time) time.Time {
	for name := range carried {
		if base := r.Local[name]; base.Seq > 0 && base.At > at.Unix() {
			at = time.Unix(base.At, 0)
		}
	}
	return at
}

// Carry records that carried, of our local fields, went out with an event, and
// the others as SetLocal does. What is carried is said anew, also where it is as
// agreed on before: the peer may be changing it without knowing. What says all, and
// is no edit, takes nothing from an edit that said the same; nor does what repeats it.
func (r *Row) Carry(local, carried event.Fields, e Carried, at time.Time) {
	r.setLocal(local, carried, e, at)
}

func (r *Row) setLocal(local, carried event.Fields, e Carried, at time.Time) {
	edit := !weak(e.Cause)
	if r.Local == nil {
		r.Local = make(map[string]Base, len(local))
	}
	for name, value := range local {
		hash := event.HashValue(value)
		_, left := carried[name]
		had := r.Local[name]
		anew := left && e.Exact && (had.Seq == 0 || !e.Again[name] && (edit || had.Weak))
		if had.Hash == hash && !anew {
			if left && e.Exact {
				had.Again, had.AgainAt = e.Seq, at.Unix()
				r.Local[name] = had
			}
			continue
		}
		base := Base{Hash: hash, At: at.Unix(), Final: had.Final}
		if left {
			base.Seq, base.Weak = e.Seq, !edit
		}
		if left && e.Cause == event.CauseResolve {
			base.Final = e.Seq
		}
		r.Local[name] = base
		r.LostLocal = found(r.LostLocal, func(field string) bool { return field == name })
	}
}

// Agree records local fields that both sides hold alike from an event of the peer
// on, which had seen ours up to seen. One that our own event says too is not agreed
// on before the peer has that: it may be changing it again without knowing.
func (r *Row) Agree(agreed Hashes, seen event.Seq) {
	if r.Local == nil {
		r.Local = make(map[string]Base, len(agreed))
	}
	for name, hash := range agreed {
		base := r.Local[name]
		if base.Hash == hash && base.unseen(seen) {
			continue
		}
		r.Local[name] = Base{Hash: hash, Final: base.Final}
	}
}

// Echo records what the peer holds by its own word, where that stands when it
// has all our events. Of sets, which have ours merged in (Holds), what our own
// event said still waits for its outcome. hashes are those of echo.
func (r *Row) Echo(echo event.Fields, hashes Hashes, seen event.Seq) {
	if r.Sent == nil {
		r.Sent = make(map[string]Sent, len(echo))
	}
	for name, value := range echo {
		sent := r.Sent[name]
		next := Sent{Hash: hashes[name], State: Confirmed, Said: sent.Said}
		if _, isSet := value.([]any); isSet && sent.Seq > seen {
			next.Seq, next.State = sent.Seq, sent.State
		}
		r.Sent[name] = next
	}
	r.Lost = found(r.Lost, func(field string) bool { _, said := echo[field]; return said })
}

// Again makes fields that the peer confirmed part of the next change.
func (r *Row) Again(fields []string) {
	for _, name := range fields {
		if sent, ok := r.Sent[name]; ok && sent.State == Confirmed {
			sent.State = Waiting
			r.Sent[name] = sent
		}
	}
}

// Settle records the outcome of our event seq. It reports whether the outcome
// is about the twin's present event; one about an older event changes only
// what that event alone had said.
func (r *Row) Settle(o event.Outcome) bool {
	state := Confirmed
	switch o.Verdict {
	case event.Refused:
		state = Declined
		if Ends(o.Code) {
			// Not declined: it leaves should the pair be taken up again.
			state = Waiting
		}
	case event.Parked:
		state = Waiting
	}
	r.told(o)
	for name, sent := range r.Sent {
		if sent.Seq == o.Seq && (sent.State == Open || sent.State == Waiting) {
			sent.State = state
			r.Sent[name] = sent
		}
	}
	if r.Out == nil || r.Out.Seq != o.Seq {
		return false
	}
	r.Refused = ""
	switch o.Verdict {
	case event.Applied:
		r.Out, r.Connect = nil, nil
		r.settleLost(o)
	case event.Refused:
		r.Out, r.Refused = nil, o.Code
		if r.Connect != nil && !r.Theirs {
			r.State = Ended // there is no pair
		} else {
			r.Connect = nil
		}
	case event.Parked:
		r.Out.Parked = o.Code
	}
	return true
}

// Void forgets what was sent in an epoch that has ended.
func (r *Row) Void(epoch uint64) {
	if r.Epoch == epoch {
		return
	}
	out := r.Out
	r.Epoch, r.Out = epoch, nil
	for name, sent := range r.Sent {
		if sent.State == Open || sent.State == Waiting {
			delete(r.Sent, name)
			continue
		}
		sent.Seq, sent.Said = 0, 0
		r.Sent[name] = sent
	}
	for name, set := range r.Sets {
		// What of ours the peer has heard of, its next events cannot say.
		r.Sets[name] = Set{Held: set.Held}
	}
	for name, base := range r.Local {
		if out != nil && base.Seq == out.Seq {
			// The peer may never have heard of it: it stays a change of ours.
			base.Hash = 0
		}
		base.Seq, base.Final, base.Again, base.AgainAt = 0, 0, 0, 0
		r.Local[name] = base
	}
}
