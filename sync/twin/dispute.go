package twin

import (
	"slices"
	"time"

	"parley/sync/event"
)

// Dispute is a field that both sides changed without knowing of each other, where
// the agreed policy asks a person. Both tickets keep their own value until one is
// chosen at the owner's side, or until both have come to the same. The values
// stand in the two tickets; none is kept here but the one that was chosen.
type Dispute struct {
	// Since is when it was found, OursAt and TheirsAt the trackers' change times:
	// seconds since 1970.
	Since    int64 `json:"since"`
	OursAt   int64 `json:"oursAt"`
	TheirsAt int64 `json:"theirsAt"`
	// Decision is what a person chose and is not done yet.
	Decision *Decision `json:"decision,omitempty"`
}

// Decision is what a person chose for a field in dispute.
type Decision struct {
	Value any `json:"value"`
	// Ours is the value of our ticket that the person saw: with another one there,
	// the decision is about something else and does not hold.
	Ours event.Hash `json:"ours"`
}

// Holds tells whether the decision is about a ticket that has this value.
func (d Decision) Holds(ours any) bool {
	hash := event.HashValue(ours)
	return hash == d.Ours || hash == event.HashValue(d.Value)
}

// Dispute records what an applied event means for fields in dispute: those of
// said are settled by it, unless they are among open. Of those, the peer may not
// know of untold.
func (r *Row) Dispute(said event.Fields, open, untold []string, oursAt, theirsAt, now time.Time) {
	was := map[string]Dispute{}
	for name := range said {
		if d, ok := r.Disputes[name]; ok {
			was[name] = d
			delete(r.Disputes, name)
		}
	}
	r.Told(func(name string) bool { _, again := said[name]; return again })
	r.Untold = append(r.Untold, untold...)
	for _, name := range open {
		d := Dispute{Since: now.Unix(), OursAt: oursAt.Unix(), TheirsAt: theirsAt.Unix()}
		if before, ok := was[name]; ok {
			// What was decided was decided on another value.
			d.Since = before.Since
		}
		if r.Disputes == nil {
			r.Disputes = map[string]Dispute{}
		}
		r.Disputes[name] = d
	}
}

// Told takes fields out of those in dispute that the peer may not know of.
func (r *Row) Told(told func(field string) bool) {
	if r.Untold = slices.DeleteFunc(r.Untold, told); len(r.Untold) == 0 {
		r.Untold = nil
	}
}

func (d Dispute) write(w *event.Writer) {
	w.Number(uint64(d.Since))
	w.Number(uint64(d.OursAt))
	w.Number(uint64(d.TheirsAt))
	w.Flag(d.Decision != nil)
	if d.Decision != nil {
		w.Value(d.Decision.Value)
		w.Hash(d.Decision.Ours)
	}
}

func readDispute(p *event.Parser) Dispute {
	d := Dispute{Since: int64(p.Number()), OursAt: int64(p.Number()), TheirsAt: int64(p.Number())}
	if p.Flag() {
		d.Decision = &Decision{Value: p.Value(), Ours: p.Hash()}
	}
	return d
}
