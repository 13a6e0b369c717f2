package flow

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/shape"
	"parley/sync/store"
	"parley/sync/transport"
)

// The two sides tell each other which fields they send, so that a filter is checked
// against what comes. It is told when the control stream has nothing to send:
//
//	hello ──▶ the digest of what the peer holds of ours
//	             ├─ as our filter in force ──▶ nothing
//	             └─ another ──▶ numbered on disk ──▶ told ──▶ on the peer's disk ──▶ the digest it holds now
//
// A number grows with each other shape, so that a message that comes late, or again,
// never replaces a newer one. A side that was restored has lost numbers: the answer
// tells it, and it counts on from there.

// canShape is the capability of taking what a peer says that it sends; with a digest
// behind it, it names what is on record.
const (
	canShape   = "shape"
	holdsShape = canShape + "-"
)

// shapesPerHour bounds what a peer may have written by telling shapes.
const shapesPerHour = 600

// shapes are what both sides of a connection say that they send.
type shapes struct {
	// heard is what the store has of the peer's, nil if it told none.
	heard   atomic.Pointer[PeerShape]
	hearing sync.Mutex
	told    filters.Counter

	mu sync.Mutex
	// held is the digest of ours that the peer has on disk, as far as is known.
	held string
	// ours was made of rules, the last time.
	ours   shape.Shape
	digest string
	rules  *Rules
}

// saidShape is what we said last.
type saidShape struct {
	Number uint64 `json:"number"`
	Digest string `json:"digest"`
}

// PeerShape is what the peer says that it sends.
type PeerShape struct {
	Number uint64      `json:"number"`
	Shape  shape.Shape `json:"shape"`
	At     time.Time   `json:"at"`
	// Before is what it was when people last looked, if it has changed since; the
	// first of those changes was at Changed.
	Before  *shape.Shape `json:"before,omitempty"`
	Changed time.Time    `json:"changed,omitzero"`
}

func restoreShape(r store.Reader, c *Connection) error {
	heard, err := get[PeerShape](r, store.ShapeKey(c.ID, store.In))
	c.shapes.heard.Store(heard)
	return err
}

// PeerShape is what the peer says that it sends, nil if it has not said it.
func (c *Connection) PeerShape() *PeerShape { return c.shapes.heard.Load() }

// OurShape is what the peer is told of the filter in force; held tells whether it has
// it on record.
func (c *Connection) OurShape() (ours shape.Shape, held bool) {
	rules := c.Rules()
	s := &c.shapes
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules != rules {
		s.ours = shape.Of(rules.Egress.Shape(rules.Outgoing.Shape()))
		s.digest, s.rules = s.ours.Digest(), rules
	}
	return s.ours, s.held == s.digest
}

// abilities are what our hello says that we can do.
func (c *Connection) abilities() []string {
	out := []string{canAgree, canShape, canWitness}
	if heard := c.PeerShape(); heard != nil {
		out = append(out, holdsShape+heard.Shape.Digest())
	}
	return out
}

// greeted takes out of a hello what the peer holds.
func (s *shapes) greeted(abilities []string) {
	held := ""
	for _, a := range abilities {
		if digest, ok := strings.CutPrefix(a, holdsShape); ok {
			held = digest
		}
	}
	s.holds(held)
}

func (s *shapes) holds(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = digest
}

// Announce has the peer told what the filter in force sends, if it is something else
// than before.
func (p *Path) Announce(con *Connection) {
	p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: envelope.Control}, When{})
}

// tellShape tells the peer what our filter sends, unless it has that on record, or
// is of a version that does not take it.
func (p *Path) tellShape(ctx context.Context, con *Connection) error {
	ours, held := con.OurShape()
	if held || !con.session.can(canShape) {
		return nil
	}
	digest := ours.Digest()
	// The second time is for who lost its numbers to a restore.
	for past, again := uint64(0), 0; again < 2; again++ {
		number, err := p.numberShape(con, digest, past)
		if err != nil {
			return err
		}
		answer, err := p.sendShape(ctx, con, shape.Tell{Number: number, Shape: ours})
		if err != nil {
			return err
		}
		if answer.Digest == digest {
			con.shapes.holds(digest)
			return nil
		}
		past = answer.Number
	}
	return fmt.Errorf("%s keeps another shape than it was told: %w", con.Name, errPeer)
}

// numberShape numbers a shape, beyond past, before anybody hears of it.
func (p *Path) numberShape(con *Connection, digest string, past uint64) (uint64, error) {
	var row saidShape
	err := p.Store.Update(func(tx store.Tx) error {
		key := store.ShapeKey(con.ID, store.Out)
		had, err := get[saidShape](tx, key)
		if err != nil {
			return err
		}
		row = saidShape{Digest: digest}
		if had != nil {
			row.Number = had.Number
		}
		if had != nil && had.Digest == digest && row.Number > past {
			return nil
		}
		if row.Number = max(row.Number, past) + 1; row.Number >= shape.MaxNumber {
			return fmt.Errorf("%s has used up the numbers of shapes: %w", con.Name, errPeer)
		}
		return put(tx, key, &row)
	})
	if err != nil {
		return 0, fmt.Errorf("number what is sent to %s: %w", con.Name, err)
	}
	return row.Number, nil
}

// aboutShape and aboutHeld bind a sealed body to what it is; an answer to what it answers.
const aboutShape = "shape"

func aboutHeld(tell []byte) string { return "shape " + string(tell) }

func (p *Path) sendShape(ctx context.Context, con *Connection, tell shape.Tell) (shape.Held, error) {
	raw, err := shape.Encode(tell)
	if err != nil {
		return shape.Held{}, err
	}
	wire, err := con.Codec.SealBlob(aboutShape, raw)
	if err != nil {
		return shape.Held{}, err
	}
	reply, err := con.ask(ctx, transport.KindShape, wire, helloTimeout)
	if err != nil {
		return shape.Held{}, fmt.Errorf("tell %s what is sent: %w", con.Name, err)
	}
	body, err := con.Codec.OpenBlob(aboutHeld(raw), reply)
	if err != nil {
		return shape.Held{}, fmt.Errorf("open what %s says to our shape: %w", con.Name, err)
	}
	held, err := shape.DecodeHeld(body)
	if err != nil {
		return held, fmt.Errorf("what %s says to our shape: %w: %w", con.Name, err, errPeer)
	}
	return held, nil
}

// receiveShape takes what the peer says that it sends; the reply leaves when it is
// on disk.
func (p *Path) receiveShape(con *Connection, wire []byte) ([]byte, error) {
	raw, err := con.Codec.OpenBlob(aboutShape, wire)
	if err != nil {
		return nil, fmt.Errorf("open the shape of %s: %w", con.Name, err)
	}
	tell, err := shape.DecodeTell(raw)
	if err != nil {
		return nil, fmt.Errorf("shape of %s: %w: %w", con.Name, err, errPeer)
	}
	if !con.shapes.told.Allow(p.Now(), shapesPerHour) {
		return nil, fmt.Errorf("%s tells its shape too often: %w", con.Name, errPeer)
	}
	now, err := p.keepShape(con, tell)
	if err != nil {
		return nil, fmt.Errorf("keep the shape of %s: %w: %w", con.Name, err, errOurs)
	}
	reply, err := shape.Encode(shape.Held{Number: now.Number, Digest: now.Shape.Digest()})
	if err != nil {
		return nil, err
	}
	return con.Codec.SealBlob(aboutHeld(raw), reply)
}

// keepShape stores a shape if it is newer than what is there, and returns what is
// there then.
func (p *Path) keepShape(con *Connection, tell shape.Tell) (*PeerShape, error) {
	con.shapes.hearing.Lock()
	defer con.shapes.hearing.Unlock()
	had := con.PeerShape()
	if had != nil && tell.Number <= had.Number {
		return had, nil
	}
	now := &PeerShape{Number: tell.Number, Shape: tell.Shape, At: p.Now()}
	var diff []string
	if had != nil {
		if diff = shape.Diff(had.Shape, now.Shape); len(diff) == 0 {
			now.At = had.At
		}
		now.Before, now.Changed = had.Before, had.Changed
		if had.Before == nil && len(diff) > 0 {
			now.Before, now.Changed = &had.Shape, now.At
		}
		if now.Before != nil && now.Before.Digest() == now.Shape.Digest() {
			now.Before, now.Changed = nil, time.Time{} // it was taken back
		}
	}
	if err := p.putShape(con, now); err != nil {
		return nil, err
	}
	if len(diff) > 0 {
		p.Log.Info().Str("connection", con.Name).Int("changes", len(diff)).Msg("the peer sends other fields than before")
		p.Observe(Observation{What: "shape", Connection: con.Name, Detail: fmt.Sprintf("%d changes", len(diff)), At: now.At})
	}
	return now, nil
}

func (p *Path) putShape(con *Connection, now *PeerShape) error {
	err := p.Store.Update(func(tx store.Tx) error { return put(tx, store.ShapeKey(con.ID, store.In), now) })
	if err == nil {
		con.shapes.heard.Store(now)
	}
	return err
}

// SeenShape records that people know what the peer sends now.
func (p *Path) SeenShape(con *Connection) error {
	con.shapes.hearing.Lock()
	defer con.shapes.hearing.Unlock()
	had := con.PeerShape()
	if had == nil || had.Before == nil {
		return nil
	}
	now := *had
	now.Before, now.Changed = nil, time.Time{}
	if err := p.putShape(con, &now); err != nil {
		return fmt.Errorf("record that the shape of %s was seen: %w", con.Name, err)
	}
	return nil
}

// Schema is what the peer says that it sends, for a filter to be checked against.
func (s *PeerShape) Schema() event.Schema {
	if s == nil {
		return event.Schema{}
	}
	return s.Shape.Schema()
}
