package rounds

import (
	"encoding/json"
	"fmt"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Position is the place of a poll. Times are in milliseconds since 1970.
type Position struct {
	// All rows up to (At, ID), in that order, were given in this round.
	At int64 `json:"t"`
	ID int64 `json:"n,omitempty"`
	// Newest is the newest change time seen, and Since when, by our clock, it was
	// seen first.
	Newest int64 `json:"m,omitempty"`
	Since  int64 `json:"s,omitempty"`
	// Next is where the next round begins; 0 until this one has begun.
	Next int64 `json:"x,omitempty"`
	// Skew is by how much the tracker's clock was ahead of ours when the round
	// before ended; none if its answers do not tell its time.
	Skew *int64 `json:"k,omitempty"`
}

// Behind tells whether a row is yet to be given.
func (p *Position) Behind(at time.Time, id int64) bool {
	ms := at.UnixMilli()
	return ms > p.At || ms == p.At && id > p.ID
}

// begin decides what will be final after a round that begins at now.
func (p *Position) begin(now, overlap int64) {
	if p.Next != 0 {
		return
	}
	// 0 would be a round that has not begun: each of its calls would begin it again,
	// from further on.
	p.Next = max(p.At, p.Newest-overlap, 1)
	if now-p.Since > overlap {
		p.Next = p.Newest + 1
	}
}

func (p *Position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // numbers only
	return event.Cursor(raw)
}

func parse(c event.Cursor) (Position, error) {
	var p Position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.At < 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: "read the cursor", Err: fmt.Errorf("%q is not one of ours", c)}
	}
	return p, nil
}

// setBack moves the place back if the tracker's clock went back since: what is
// changed from then on is earlier than what was seen.
func (p *Position) setBack(clock *rest.Client) bool {
	if p.Skew == nil {
		return false
	}
	from := clock.SetBack(time.UnixMilli(p.At), time.Duration(*p.Skew)*time.Millisecond).UnixMilli()
	if from >= p.At {
		return false
	}
	p.At, p.ID, p.Skew = max(from, 0), 0, nil
	return true
}

// bound keeps the place of the next round behind the tracker's present time, and
// notes how its clock stands: a row may bear a time that has not come yet.
func (p *Position) bound(clock *rest.Client, overlap int64) {
	skew, known := clock.Skew()
	if p.Skew = nil; !known {
		return
	}
	ms := skew.Milliseconds()
	p.Skew = &ms
	p.At = min(p.At, max(clock.Now().UnixMilli()-overlap, 0))
}
