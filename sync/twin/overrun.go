package twin

import (
	"slices"
	"time"

	"parley/sync/event"
)

// EditStands tells whether somebody's edit made at a time stands against the
// peer's change with cause, made at theirsAt, that was written over it: neither knew
// of the other, and the peer has not heard of the edit. With asked it stands until
// a person has decided.
func (p Policy) EditStands(at time.Time, cause event.Cause, theirsAt time.Time) (stands, asked bool) {
	switch {
	case weak(cause):
		return true, false
	case cause == event.CauseResolve:
		return false, false
	case p.Ask:
		return true, true
	}
	return p.oursWins(at, theirsAt), false
}

// Overrun is an edit of a local field that the peer's change was written over, and
// that the agreed policy decided against. It is told until a person has chosen, or
// until the field is changed once more.
type Overrun struct {
	// Since is when it was found, OursAt and TheirsAt when the two were made: seconds
	// since 1970.
	Since    int64 `json:"since"`
	OursAt   int64 `json:"oursAt"`
	TheirsAt int64 `json:"theirsAt"`
	// Event is the peer's that was written over the edit: the value of the edit is
	// kept with what the fields were before it.
	Event event.Position `json:"event"`
	// Stands is of what our ticket has instead.
	Stands event.Hash `json:"stands"`
}

// Superseded forgets overruns of fields that have changed since, and those whose
// event is not remembered.
func (r *Row) Superseded() {
	for name, o := range r.Overran {
		kept := slices.ContainsFunc(r.Past, func(e Past) bool { return !e.Out && e.Pos == o.Event && e.Kept })
		if base, known := r.Local[name]; !kept || known && base.Hash != o.Stands {
			delete(r.Overran, name)
		}
	}
}

func (o Overrun) write(w *event.Writer) {
	for _, n := range []uint64{uint64(o.Since), uint64(o.OursAt), uint64(o.TheirsAt), o.Event.Epoch, uint64(o.Event.Seq)} {
		w.Number(n)
	}
	w.Hash(o.Stands)
}

func readOverrun(p *event.Parser) Overrun {
	return Overrun{
		Since: int64(p.Number()), OursAt: int64(p.Number()), TheirsAt: int64(p.Number()),
		Event: event.Position{Epoch: p.Number(), Seq: event.Seq(p.Number())}, Stands: p.Hash(),
	}
}
