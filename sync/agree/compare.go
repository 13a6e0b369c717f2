package agree

import (
	"slices"
)

// Record is what one side has on record of a twin.
type Record struct {
	// Ended is set if the twin is not kept in step any more, as far as this side
	// knows: then nothing is compared.
	Ended bool `json:"ended,omitempty"`
	// Moving says what is under way: then a difference means nothing yet.
	Moving []Moving `json:"moving,omitempty"`
	// Sent is what this side said, Received what it holds of the other's words.
	Sent     []Fact `json:"sent,omitempty"`
	Received []Fact `json:"received,omitempty"`
}

// Moving is a reason why a twin may differ at present.
type Moving string

// The reasons.
const (
	Sending     Moving = "sending"      // an event of ours has no outcome yet
	ParkedThere Moving = "parked-there" // our event waits for a person at the peer
	Looking     Moving = "looking"      // the ticket is to be looked at
	Held        Moving = "held"         // the ticket's look is held
	Applying    Moving = "applying"     // an event of the peer is to be applied
	ParkedHere  Moving = "parked-here"  // an event of the peer waits for a person
	Files       Moving = "files"        // files are to be fetched or written
	Healing     Moving = "healing"      // a heal of the connection is under way
)

// Direction of a difference, as the asker sees it.
type Direction string

// The directions.
const (
	Outgoing Direction = "outgoing" // what we said and the peer holds
	Incoming Direction = "incoming" // what the peer said and we hold
)

// What is wrong with a fact.
type What string

// What may be wrong. Each is about the two sides' records, not about trackers.
const (
	Missing What = "missing" // it was said, and is not on record with the receiver
	Unsaid  What = "unsaid"  // the receiver has it, and it is not on record as said
	Other   What = "other"   // the two are not the same
	Broken  What = "broken"  // a row of it cannot be read
)

// Difference is one thing that the two sides do not have alike.
type Difference struct {
	Direction Direction `json:"direction"`
	Kind      Kind      `json:"kind"`
	Name      string    `json:"name,omitempty"`
	What      What      `json:"what"`
}

// Compare names what differs between our record of a twin and the peer's, both
// sealed.
func Compare(ours, theirs Record) []Difference {
	if ours.Ended || theirs.Ended {
		return nil
	}
	return append(differences(Outgoing, ours.Sent, theirs.Received), differences(Incoming, theirs.Sent, ours.Received)...)
}

// differences walks two ordered lists.
func differences(d Direction, said, held []Fact) []Difference {
	var out []Difference
	add := func(f Fact, what What) {
		if f.Broken() {
			what = Broken
		}
		out = append(out, Difference{Direction: d, Kind: f.Kind, Name: f.Name, What: what})
	}
	for len(said) > 0 || len(held) > 0 {
		switch c := order(said, held); {
		case c < 0:
			if said[0].Hash != 0 || said[0].Broken() {
				add(said[0], Missing)
			}
			said = said[1:]
		case c > 0:
			if held[0].Hash != 0 || held[0].Broken() {
				add(held[0], Unsaid)
			}
			held = held[1:]
		default:
			if said[0].Broken() || said[0].Hash != held[0].Hash && said[0].Hash != 0 && held[0].Hash != 0 {
				add(said[0], Other)
			}
			said, held = said[1:], held[1:]
		}
	}
	// Where rows cannot be read, what is missing besides is only their shadow.
	if slices.ContainsFunc(out, func(x Difference) bool { return x.What == Broken }) {
		out = slices.DeleteFunc(out, func(x Difference) bool { return x.What != Broken })
	}
	return out
}

func order(a, b []Fact) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return a[0].compare(b[0])
}
