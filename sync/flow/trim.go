package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// Events, and the tokens that prove them, go when they are old and nothing needs them:
//
//   - the peer has receipts for ours, and we gave ours for its own, since long ago;
//   - no row of outbox or inbox is about the event, and the twin's row neither says that a
//     field was sent with it nor has it among its last events: what `ticket explain`, the
//     history and an undo speak of stays.
//
// An event has no date of its own. Marks say where the streams stood at a time; what is
// before a mark that is old enough is older. What stays behind is found by a hello: a peer
// that was restored to before it cannot be followed up, and is healed.

// trimRow are the marks of a connection, oldest first.
type trimRow struct {
	Marks []trimMark `json:"marks"`
}

// trimMark is up to where both sides had receipts at a time, by stream as in trimPlaces.
type trimMark struct {
	At     time.Time         `json:"at"`
	Places [4]event.Position `json:"places"`
}

// trimMarks is how many marks are kept while none is old enough; trimPage is how many rows a
// transaction removes, and trimLook how many a View looks at.
const (
	trimMarks = 16
	trimPage  = 500
	trimLook  = 5000
)

// trimAt is the place in a mark of a stream.
func trimAt(side store.Side, stream byte) int {
	at := 0
	if side == store.In {
		at = 2
	}
	if stream == byte(envelope.Control) {
		at++
	}
	return at
}

// before tells whether an event is older than the mark. Its own place is not: it is the
// last that we can prove a place by.
func (m trimMark) before(side store.Side, epoch uint64, stream byte, seq event.Seq) bool {
	place := m.Places[trimAt(side, stream)]
	return epoch < place.Epoch || epoch == place.Epoch && seq < place.Seq
}

// Trimmed is what a Trim removed.
type Trimmed struct{ Events, Tokens int }

// Trim removes what of a connection's events nobody needs and is older than keep. It
// calls pace before each transaction.
func (p *Path) Trim(ctx context.Context, con *Connection, keep time.Duration, pace func(context.Context) error) (Trimmed, error) {
	t := trimming{p: p, con: con, pace: pace, keep: map[event.Position]bool{}, own: map[event.Position]bool{}}
	old, err := p.mark(con, keep)
	if err == nil && old != nil {
		t.mark = *old
		if err = t.waiting(); err == nil {
			err = t.all(ctx)
		}
	}
	if err != nil {
		return t.done, fmt.Errorf("trim the events of %s: %w", con.Name, err)
	}
	return t.done, nil
}

// mark notes where the streams stand, from time to time, and returns the newest mark that
// is older than keep; nil if there is none.
func (p *Path) mark(con *Connection, keep time.Duration) (old *trimMark, err error) {
	now, dirty := p.Now().UTC(), false
	var row trimRow
	err = p.Store.View(func(r store.Reader) error {
		had, err := get[trimRow](r, store.TrimKey(con.ID))
		if had != nil {
			row = *had
		}
		if err != nil || len(row.Marks) > 0 && now.Sub(row.Marks[len(row.Marks)-1].At).Abs() < keep/trimMarks {
			return err
		}
		places, err := trimPlaces(r, con.ID)
		row.Marks, dirty = append(row.Marks, trimMark{At: now, Places: places}), true
		return err
	})
	if err != nil {
		return nil, err
	}
	for len(row.Marks) > 0 && now.Sub(row.Marks[0].At) >= keep {
		old, row.Marks = &row.Marks[0], row.Marks[1:]
	}
	if old != nil {
		row.Marks = append([]trimMark{*old}, row.Marks...)
	}
	if !dirty {
		return old, nil
	}
	return old, p.Store.Finish(func(tx store.Tx) error { return put(tx, store.TrimKey(con.ID), &row) })
}

func trimPlaces(r store.Reader, con event.ConnectionID) (places [4]event.Position, err error) {
	for _, s := range streams {
		out, err := outHead(r, con, byte(s))
		if err != nil {
			return places, err
		}
		in, err := inHead(r, con, byte(s))
		if err != nil {
			return places, err
		}
		places[trimAt(store.Out, byte(s))] = event.Position{Epoch: out.Epoch, Seq: out.Through}
		places[trimAt(store.In, byte(s))] = event.Position{Epoch: in.Epoch, Seq: in.Through}
	}
	return places, nil
}

// trimming is one Trim.
type trimming struct {
	p    *Path
	con  *Connection
	mark trimMark
	pace func(context.Context) error
	// keep are events of the peer, own events of ours, that rows wait for.
	keep, own map[event.Position]bool
	done      Trimmed
}

// waiting finds the events that outbox and inbox are about. Those that come later are newer.
func (t *trimming) waiting() error {
	err := t.p.Inboxes(t.con, func(_ event.TwinID, row inbox.Row) bool {
		t.keep[event.Position{Epoch: row.Epoch, Seq: row.Seq}] = true
		t.keep[event.Position{Epoch: row.NextEpoch, Seq: row.NextSeq}] = true
		return true
	})
	return errors.Join(err, t.p.Outboxes(t.con, func(seq event.Seq, row outbox.Row, _ bool) bool {
		t.own[event.Position{Epoch: row.Epoch, Seq: seq}] = true
		return true
	}))
}

func (t *trimming) all(ctx context.Context) error {
	for _, side := range []store.Side{store.Out, store.In} {
		for _, kind := range []byte("ek") {
			for after, more := []byte(nil), true; more; {
				if err := t.pace(ctx); err != nil {
					return err
				}
				var err error
				if after, more, err = t.page(kind, side, after); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// page removes what can go of the next rows behind a key; it returns the last one seen.
func (t *trimming) page(kind byte, side store.Side, after []byte) (last []byte, more bool, err error) {
	var gone [][]byte
	err = t.p.Store.View(func(r store.Reader) error {
		seen := 0
		gone, last, more = nil, after, false
		return r.Scan(store.SidePrefix(kind, t.con.ID, side), after, func(key, value []byte) (bool, error) {
			epoch, stream, seq := store.PlaceOf(key)
			if !t.mark.before(side, epoch, stream, seq) {
				// Nor is the rest of this stream.
				last, more = store.LastOf(key), true
				return false, nil
			}
			last = key
			needed, err := t.needed(r, kind, side, event.Position{Epoch: epoch, Seq: seq}, stream, value)
			if err != nil {
				return false, err
			}
			if !needed {
				gone = append(gone, key)
			}
			seen++
			more = len(gone) == trimPage || seen == trimLook
			return !more, nil
		})
	})
	if err != nil || len(gone) == 0 {
		return last, more, err
	}
	return last, more, t.remove(side, gone, kind)
}

// needed tells whether something speaks of an event.
func (t *trimming) needed(r store.Reader, kind byte, side store.Side, at event.Position, stream byte, value []byte) (bool, error) {
	if kind != 'e' || stream != byte(envelope.Data) {
		return false, nil
	}
	if side == store.In && t.keep[at] || side == store.Out && t.own[at] {
		return true, nil
	}
	var stored outbox.Stored
	if err := stored.UnmarshalBinary(value); err != nil {
		return false, err
	}
	m, err := envelope.Decode(stored.Entry.Bytes)
	if err != nil || m.Change == nil {
		return false, nil //nolint:nilerr // it was refused as malformed, and nothing can speak of it
	}
	row, err := twinRow(r, t.con.ID, m.Change.Twin)
	if err != nil || row == nil {
		return false, err
	}
	return speaksOf(row, side, at), nil
}

// speaksOf tells whether a twin's row names an event.
func speaksOf(row *twin.Row, side store.Side, at event.Position) bool {
	if slices.ContainsFunc(row.Past, func(e twin.Past) bool { return e.Out == (side == store.Out) && e.Pos == at }) {
		return true
	}
	if side == store.In || row.Epoch != at.Epoch {
		return false
	}
	for _, sent := range row.Sent {
		if sent.Seq == at.Seq {
			return true
		}
	}
	return row.Out != nil && row.Out.Seq == at.Seq
}

// remove deletes rows, unless the peer has gone back behind them since the mark was made:
// then they are sent once more.
func (t *trimming) remove(side store.Side, gone [][]byte, kind byte) error {
	removed := 0
	err := t.p.Store.Finish(func(tx store.Tx) error {
		removed = 0
		places, err := trimPlaces(tx, t.con.ID)
		if err != nil {
			return err
		}
		for _, key := range gone {
			epoch, stream, seq := store.PlaceOf(key)
			if present := (trimMark{Places: places}); !present.before(side, epoch, stream, seq) {
				continue
			}
			if err := tx.Delete(key); err != nil {
				return err
			}
			removed++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kind == 'e' {
		t.done.Events += removed
	} else {
		t.done.Tokens += removed
	}
	return nil
}
