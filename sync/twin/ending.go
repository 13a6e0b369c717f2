package twin

import (
	"time"

	"parley/sync/event"
)

// End tells how a twin ended, or may be about to.
type End struct {
	// Why we ended our half.
	Why event.Code `json:"why,omitempty"`
	// After is the peer's last data event from before the end of its half.
	After event.Position `json:"after,omitzero"`
	// Missing is when our ticket was first not found. One look proves nothing.
	Missing time.Time `json:"missing,omitzero"`
}

// Ends tells whether a code says that a half of a twin ended.
func Ends(code event.Code) bool {
	switch code {
	case event.CodeEnded, event.CodeLeft, event.CodeGone, event.CodeMerged:
		return true
	}
	return false
}

// PeerEnded records that the peer's half ended with code, after one of its data
// events. It reports whether that ends our half too: one that we ended ourselves
// is as it was.
func (r *Row) PeerEnded(code event.Code, after event.Position) bool {
	r.TheirNote, r.End.After = code, after
	if r.State != Live {
		return false
	}
	r.State = Orphan
	return true
}

// Resumes tells whether the peer's data event at says that it took the pair up
// again: what it sent before it ended its half drains, and changes nothing in that.
func (r *Row) Resumes(at event.Position) bool {
	return r.State == Orphan && at.Behind(r.End.After)
}

// Resume takes the pair up again.
func (r *Row) Resume() {
	r.State, r.TheirNote, r.End = Live, "", End{}
	if Ends(r.Refused) {
		r.Refused = ""
	}
}

// Past is an event of a twin that has an end, for people; the event itself is
// kept elsewhere under its number.
type Past struct {
	Out bool           `json:"out,omitempty"` // ours
	Pos event.Position `json:"pos"`
	// At is when it left, or when it was applied, in seconds since 1970.
	At      int64         `json:"at"`
	Verdict event.Verdict `json:"verdict,omitempty"`
	Code    event.Code    `json:"code,omitempty"`
	// Kept is set if the values before it are on record.
	Kept bool `json:"kept,omitempty"`
}

// MostPast is how many events of each direction a twin remembers.
const MostPast = 8

// Remember records an event; it returns the ones that are forgotten for it.
func (r *Row) Remember(e Past) []Past {
	r.Past = append(r.Past, e)
	same := 0
	for _, had := range r.Past {
		if had.Out == e.Out {
			same++
		}
	}
	var forgotten, left []Past
	for _, had := range r.Past {
		if had.Out == e.Out && same > MostPast {
			same--
			forgotten = append(forgotten, had)
			continue
		}
		left = append(left, had)
	}
	r.Past = left
	return forgotten
}

// told records the outcome of one of our events.
func (r *Row) told(o event.Outcome) {
	for i := range r.Past {
		if e := &r.Past[i]; e.Out && e.Pos == (event.Position{Epoch: o.Epoch, Seq: o.Seq}) {
			e.Verdict, e.Code = o.Verdict, o.Code
		}
	}
}

func (r *Row) writeEnd(w *event.Writer) {
	w.Text(string(r.End.Why))
	w.Number(r.End.After.Epoch)
	w.Number(uint64(r.End.After.Seq))
	w.Time(r.End.Missing)
	w.Number(uint64(len(r.Past)))
	for _, e := range r.Past {
		w.Flag(e.Out)
		w.Number(e.Pos.Epoch)
		w.Number(uint64(e.Pos.Seq))
		w.Number(uint64(e.At))
		w.Text(string(e.Verdict))
		w.Text(string(e.Code))
		w.Flag(e.Kept)
	}
}

func (r *Row) readEnd(p *event.Parser) {
	r.End = End{Why: event.Code(p.Text()), After: event.Position{Epoch: p.Number(), Seq: event.Seq(p.Number())}, Missing: p.Time()}
	for range p.Count() {
		r.Past = append(r.Past, Past{
			Out: p.Flag(), Pos: event.Position{Epoch: p.Number(), Seq: event.Seq(p.Number())}, At: int64(p.Number()),
			Verdict: event.Verdict(p.Text()), Code: event.Code(p.Text()), Kept: p.Flag(),
		})
	}
}
