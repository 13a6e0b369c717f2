package twin

import "parley/sync/event"

// Sets merge entry by entry: an entry that the peer took out must be told from
// one that it never had, and one that we took out from one that it added. For
// that a twin remembers what the peer held in the last event applied, and what
// our events have told it since. Which of those it had seen when it made an
// event, the event itself says: outcomes are of no use here, because they may
// overtake the events that were made before them.

// Set is what is known of one of our sets at the peer, as our values.
type Set struct {
	// Held is the peer's set in its last event applied.
	Held []any `json:"held,omitempty"`
	// Told are our events since that changed it, oldest first.
	Told []Told `json:"told,omitempty"`
}

// Told is what one of our events told the peer about a set.
type Told struct {
	Seq     event.Seq `json:"seq"`
	Hold    []any     `json:"hold,omitempty"`
	Removed []any     `json:"removed,omitempty"`
	// First is set if the event said all of the twin: the peer unites its set with
	// ours then, whatever was taken out on either side.
	First bool `json:"first,omitempty"`
}

// sameSet compares without order; both hold no entry twice.
func sameSet(a, b []any) bool { return len(a) == len(b) && len(minus(a, b)) == 0 }

// toldMost bounds what a one-sided twin remembers; the oldest are taken together.
const toldMost = 8

// held is what the peer held when it had seen our events up to seen.
func (s Set) held(seen event.Seq) []any {
	held := s.Held
	for _, t := range s.Told {
		if t.Seq <= seen {
			held = t.apply(held)
		}
	}
	return held
}

// missed is what both sides had when the peer had seen our events up to seen: what of
// it one side lacks, that side took out. Who has not heard that we said all of the
// twin will unite the two, and so must we; who has heard it has what we said then,
// beside what it told us on the way.
func (s Set) missed(seen event.Seq) []any {
	had := s.Held
	for _, t := range s.Told {
		switch {
		case t.First && t.Seq > seen:
			return nil
		case t.First:
			had = t.apply(s.Held)
		case t.Seq <= seen:
			had = t.apply(had)
		}
	}
	return had
}

func (t Told) apply(held []any) []any { return union(minus(held, t.Removed), t.Hold) }

// Forget drops what is known of sets at the peer, which had seen our events up to
// seen: it says all of the twin anew, as one who knows nothing. Then sets are united,
// since nobody can tell what was taken out from what was never there.
func (r *Row) Forget(seen event.Seq) {
	for name, set := range r.Sets {
		var told []Told
		for _, t := range set.Told {
			if t.Seq > seen {
				t.Removed = nil
				told = append(told, t)
			}
		}
		r.Sets[name] = Set{Told: told}
	}
}

// SendSets records what our event seq tells the peer about sets: told is what
// the incoming filter would make of our own replica, ours the tracker's values.
// first is set if the event says all of the twin, as to one who knows nothing.
func (r *Row) SendSets(seq event.Seq, first bool, told, ours event.Fields) {
	for name, value := range told {
		set := r.Sets[name]
		before := set.missed(seq)
		t := Told{Seq: seq, Hold: list(value), First: first}
		if first {
			// What the peer had before is its own: nobody tells it of what we took out.
			set.Held = nil
		} else {
			t.Removed = minus(before, list(ours[name]))
		}
		if !first && sameSet(t.apply(before), before) {
			continue
		}
		set.Told = append(set.Told, t)
		if len(set.Told) > toldMost {
			set.Told[1].Removed = minus(union(set.Told[0].Removed, set.Told[1].Removed), set.Told[1].Hold)
			set.Told[1].First = set.Told[0].First || set.Told[1].First
			set.Told = set.Told[1:]
		}
		r.setSet(name, set)
	}
}

// ReceiveSets records what an applied event says that the peer held when it had
// seen our events up to seen.
func (r *Row) ReceiveSets(wanted event.Fields, seen event.Seq) {
	for name, value := range wanted {
		r.setSet(name, r.Sets[name].received(list(value), seen))
	}
}

// Holds is what the peer holds of a set when it has all our events: what it
// said when it had seen those up to seen, and what the later ones tell it.
func (r *Row) Holds(name string, said any, seen event.Seq) []any {
	return sortedSet(r.Sets[name].received(list(said), seen).held(^event.Seq(0)))
}

func (s Set) received(said []any, seen event.Seq) Set {
	gone := minus(s.missed(seen), said)
	next := Set{Held: said}
	for _, t := range s.Told {
		if t.Seq <= seen {
			continue
		}
		if t.First {
			// We have united the two, and so will the peer: what it takes out before it
			// has heard of it is not taken out.
			next.Held = union(s.Held, said)
		}
		// The peer took these out: what we told it earlier brings none back.
		t.Hold = minus(t.Hold, gone)
		next.Told = append(next.Told, t)
	}
	return next
}

func (r *Row) setSet(name string, s Set) {
	if r.Sets == nil {
		r.Sets = map[string]Set{}
	}
	r.Sets[name] = s
}

// OnlySets returns the fields that are sets.
func OnlySets(fields event.Fields, types map[string]event.Field) event.Fields {
	var out event.Fields
	for name, value := range fields {
		if types[name].Type.IsSet() {
			if out == nil {
				out = event.Fields{}
			}
			out[name] = value
		}
	}
	return out
}
