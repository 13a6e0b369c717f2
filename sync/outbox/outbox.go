// Package outbox is the machine of what leaves: the numbered streams of one
// direction, and the data events that wait for their outcome.
//
//	queued   --receipt covers it--> received      (control: settled)
//	received --outcome applied | refused | parked--> settled
//	any      --epoch ends--> void
//
// Numbers have no holes: Append gives the next one and fixes the run, inside
// the store's writer. A receipt is believed only if its run is ours at that
// number. It is pure.
package outbox

import (
	"encoding/binary"
	"fmt"

	"parley/sync/envelope"
	"parley/sync/event"
)

// Head is where one of our streams stands.
type Head struct {
	Epoch    uint64
	Appended event.Seq    // last number given
	Run      envelope.Run // after Appended
	Through  event.Seq    // receipted by the peer
}

// New is the head of a stream that has nothing in it.
func New(epoch uint64) Head { return Head{Epoch: epoch} }

// Place is the head as a hello tells it.
func (h Head) Place() envelope.Place {
	return envelope.Place{Epoch: h.Epoch, Through: h.Appended, Run: h.Run}
}

// Append gives entry its number and run.
func (h Head) Append(entry envelope.Entry) (Head, Stored) {
	next := h
	next.Appended++
	next.Run = h.Run.Next(entry.Digest())
	return next, Stored{Entry: entry, Run: next.Run}
}

const headLen = 1 + 8 + 8 + 32 + 8

// MarshalBinary writes the head; the first byte is the layout's version.
func (h Head) MarshalBinary() ([]byte, error) {
	b := append(make([]byte, 0, headLen), 1)
	b = binary.BigEndian.AppendUint64(b, h.Epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Appended))
	b = append(b, h.Run[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(h.Through)), nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (h *Head) UnmarshalBinary(b []byte) error {
	if len(b) != headLen || b[0] != 1 {
		return fmt.Errorf("stream head of %d bytes is not of this version", len(b))
	}
	h.Epoch = binary.BigEndian.Uint64(b[1:])
	h.Appended = event.Seq(binary.BigEndian.Uint64(b[9:]))
	copy(h.Run[:], b[17:])
	h.Through = event.Seq(binary.BigEndian.Uint64(b[49:]))
	return nil
}

// Stored is an event with its run, as kept under an EventKey.
type Stored struct {
	Entry envelope.Entry
	Run   envelope.Run
}

// MarshalBinary writes salt, run and bytes.
func (s Stored) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 1+len(s.Entry.Salt)+len(s.Run)+len(s.Entry.Bytes))
	b = append(b, 1)
	b = append(b, s.Entry.Salt[:]...)
	b = append(b, s.Run[:]...)
	return append(b, s.Entry.Bytes...), nil
}

// UnmarshalBinary reads what MarshalBinary wrote; the bytes stay b's.
func (s *Stored) UnmarshalBinary(b []byte) error {
	const fixed = 1 + len(envelope.Salt{}) + len(envelope.Run{})
	if len(b) < fixed || b[0] != 1 {
		return fmt.Errorf("stored event of %d bytes is not of this version", len(b))
	}
	copy(s.Entry.Salt[:], b[1:])
	copy(s.Run[:], b[1+len(s.Entry.Salt):])
	s.Entry.Bytes = b[fixed:]
	return nil
}

// Row is an unsettled data event.
type Row struct {
	Twin event.TwinID `json:"twin"`
	Ref  event.Ref    `json:"ref"`
	// Epoch is the stream's when the event was appended.
	Epoch uint64 `json:"epoch"`
	At    int64  `json:"at"` // milliseconds since 1970, for age and lag
	Key   string `json:"key,omitempty"`
}

// Verdict is what a receipt or a hello means.
type Verdict string

// The verdicts.
const (
	Advance  Verdict = "advance"   // go on behind Head.Through
	GoBack   Verdict = "go-back"   // the peer wants an earlier number again: go on behind At
	NewEpoch Verdict = "new-epoch" // one side lost what the other can prove
	Stop     Verdict = "stop"      // the chains differ: nothing may be sent
	Ignore   Verdict = "ignore"    // about something else
)

// Next is the head after a place that the peer claims to have received. runAt
// is our run at that number, known only where through <= Appended.
func Next(h Head, place envelope.Place, runAt envelope.Run) (Head, Verdict) {
	switch {
	case place.Epoch < h.Epoch:
		// It has not heard of this epoch: it will start it at 1.
		if h.Through > 0 {
			return h, NewEpoch
		}
		return h, GoBack
	case place.Epoch > h.Epoch:
		// The peer knows an epoch of ours that we do not: we are the ones restored.
		return h, NewEpoch
	case place.Through > h.Appended, place.Run != runAt:
		return h, NewEpoch
	case place.Through < h.Through:
		// It gave a receipt for more than it has: it was restored.
		return h, NewEpoch
	}
	next := h
	next.Through = place.Through
	return next, Advance
}

// Ahead tells whether we hold a receipt for more than place claims.
func (h Head) Ahead(place envelope.Place) bool {
	return h.Through > 0 && (place.Epoch < h.Epoch || place.Epoch == h.Epoch && place.Through < h.Through)
}

// Receipt is Next for the answer to an envelope. A place behind ours is no
// proof here, since receipts may overtake each other; hello decides that.
func Receipt(h Head, r envelope.Receipt, runAt envelope.Run) (Head, Verdict) {
	switch {
	case r.Stop:
		return h, Stop
	case r.Epoch != h.Epoch, r.Through > h.Appended:
		return h, Ignore
	case r.Run != runAt:
		return h, Stop
	case r.Through < h.Through:
		return h, GoBack
	}
	next := h
	next.Through = r.Through
	return next, Advance
}
