package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/transport"
)

// Time-outs of requests to a peer.
const (
	helloTimeout = 10 * time.Second
	sendTimeout  = 30 * time.Second
)

// window is how many envelopes we let the peer have under way.
const window = 4

// Errors of a session.
var (
	errStopped = errors.New("connection stopped: the two sides hold different events under the same numbers")
	errBusy    = errors.New("the peer cannot take anything at present")
	errPeer    = errors.New("the peer broke the protocol")
	errDeaf    = errors.New("too much of the peer's was refused: nothing is opened for a while")
	errOurs    = errors.New("not the peer's fault")
)

// session is what a process knows of the contact with a peer. Memory only: a
// new process says hello first.
type session struct {
	mu        sync.Mutex
	greeted   bool
	halted    bool
	lastErr   string
	attempts  int
	contact   time.Time
	abilities []string // of the peer, by its last hello
	foreign   []int    // its versions of the wire, if we speak none of them
	through   [2]outbox.Head
	// spell ends when the peer says hello; then another begins.
	spell context.Context
	over  context.CancelFunc

	// admitted: the peer deals with this process; again repeats the nonce of a
	// reply that let us wait. See fence.go.
	admitted bool
	missed   bool // a message came before
	again    []byte
	fenced   bool
	fencedAt time.Time
	rival    rival
	// announce: who was the peer before hears of it by our next question, and
	// nothing else may be sent before that.
	announce bool
	beaten   []uint64 // rivals that were told to stand back
	// ourCopy and theirCopy are when another live copy was last heard of.
	ourCopy, theirCopy time.Time
}

func index(s envelope.Stream) int {
	if s == envelope.Data {
		return 0
	}
	return 1
}

func (s *session) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greeted, s.contact, s.lastErr, s.attempts = true, now, "", 0
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greeted, s.through = false, [2]outbox.Head{}
}

func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greeted, s.halted = false, true
}

func (s *session) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halted
}

func (s *session) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.greeted && !(s.admitted && s.missed)
}

// saysHello: what the peer has sent before comes again.
func (s *session) saysHello() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed = s.missed && !s.admitted
}

// toAnnounce tells whether a process of the peer that was replaced has yet to
// hear of it; a question of ours, once answered, has told it.
func (s *session) toAnnounce(asked bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce = s.announce && !asked
	return s.announce
}

func (s *session) touch(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contact = now
}

// shipped remembers a receipt that may not be on disk yet.
func (s *session) shipped(stream envelope.Stream, h outbox.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.through[index(stream)] = h
}

func (s *session) latest(stream envelope.Stream, h outbox.Head) outbox.Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.through[index(stream)]; m.Epoch == h.Epoch && m.Through > h.Through {
		h.Through = m.Through
	}
	return h
}

// present is the time until the peer says hello again.
func (s *session) present() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spell == nil {
		s.spell, s.over = context.WithCancel(context.Background())
	}
	return s.spell
}

// renew ends the present: the peer has said hello.
func (s *session) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spell != nil {
		s.over()
		s.spell = nil
	}
}

// ask sends a message and waits for the reply, but not beyond a hello of the
// peer: who began anew, or lost the way to us, replies to nothing from before.
func (c *Connection) ask(ctx context.Context, kind transport.Kind, wire []byte, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stop := context.AfterFunc(c.session.present(), cancel)
	defer stop()
	return c.Link.Request(ctx, kind, wire)
}

// Contact tells when the peer was last heard of, and whether it is there.
func (c *Connection) Contact() (last time.Time, there, stopped bool) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.contact, c.session.greeted, c.session.halted
}

// Stop keeps a connection stopped that was so before.
func (c *Connection) Stop() { c.session.stop() }

// Resume lets a stopped connection try again.
func (c *Connection) Resume() {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.session.halted = false
}

// busyError says that the peer takes nothing until a time.
type busyError struct {
	code event.Code
	wait time.Duration
}

func (e *busyError) Error() string {
	if e.code == event.CodeNone {
		return errBusy.Error()
	}
	return errBusy.Error() + ": " + string(e.code)
}

// busy remembers why the peer takes nothing.
func (c *Connection) busy(r envelope.Receipt, now time.Time) error {
	wait := time.Duration(r.Wait) * time.Second
	c.meter.told(r.Busy, now.Add(wait))
	return &busyError{r.Busy, wait}
}

// greet says hello if this process and the peer have not.
func (p *Path) greet(ctx context.Context, con *Connection) error {
	if con.session.stopped() {
		return errStopped
	}
	if _, fenced := con.Fence(); fenced {
		return ErrFenced
	}
	if err := p.challenge(ctx, con); err != nil {
		return err
	}
	if con.session.open() {
		return nil
	}
	err := p.sayHello(ctx, con)
	if errors.Is(err, errWait) {
		// Who repeats what the peer has just said is alive.
		err = p.sayHello(ctx, con)
	}
	return err
}

// sayHello asks the peer where all streams stand.
func (p *Path) sayHello(ctx context.Context, con *Connection) error {
	con.session.saysHello()
	known, err := p.heads(con)
	if err != nil {
		return err
	}
	hello, err := p.question(con)
	if err != nil {
		return err
	}
	wire, err := con.Codec.SealHello(hello)
	if err != nil {
		return fmt.Errorf("seal a hello: %w", err)
	}
	present := con.session.present()
	reply, err := con.ask(ctx, transport.KindHello, wire, helloTimeout)
	if err != nil && present.Err() != nil && con.session.open() {
		return nil // the peer was faster
	}
	if err != nil {
		return fmt.Errorf("say hello to %s: %w", con.Name, err)
	}
	theirs, err := con.Codec.OpenHello(reply)
	if err != nil {
		return fmt.Errorf("open the hello of %s: %w", con.Name, err)
	}
	if !theirs.Reply || !bytes.Equal(theirs.Answers, hello.Nonce) {
		return fmt.Errorf("hello of %s answers another: %w", con.Name, errPeer)
	}
	if err := con.speaks(theirs); err != nil {
		return err
	}
	if (theirs.Known != envelope.Boot{} && theirs.Known != p.Boot) {
		return p.turnedAway(con, theirs)
	}
	switch {
	case hello.Known == envelope.Boot{}:
		err = p.takeOn(con, theirs.Boot)
	case theirs.Boot != hello.Known:
		err = fmt.Errorf("another process of %s has answered: %w", con.Name, errPeer)
	}
	if err == nil {
		err = p.greeted(con, theirs, &known)
	}
	if err != nil {
		return err
	}
	return p.admit(con)
}

// heads are where our streams stand.
func (p *Path) heads(con *Connection) (heads [2]outbox.Head, err error) {
	err = p.Store.View(func(r store.Reader) error {
		for i, s := range streams {
			var err error
			if heads[i], err = outHead(r, con.ID, byte(s)); err != nil {
				return err
			}
		}
		return nil
	})
	return heads, err
}

// nonce draws what a reply must repeat.
func (p *Path) nonce() ([]byte, error) {
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(p.Random, nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return nonce, nil
}

// question is a hello that asks.
func (p *Path) question(con *Connection) (envelope.Hello, error) {
	nonce, err := p.nonce()
	if err != nil {
		return envelope.Hello{}, err
	}
	return p.hello(con, false, nonce)
}

func (p *Path) hello(con *Connection, reply bool, nonce []byte) (envelope.Hello, error) {
	h := envelope.Hello{
		Connection: con.ID, Versions: wireVersions, Capabilities: con.abilities(), Boot: p.Boot, Window: window, Reply: reply,
		Nonce: nonce,
	}
	con.session.mu.Lock()
	h.Again = con.session.again
	con.session.mu.Unlock()
	err := p.Store.View(func(r store.Reader) error {
		row, err := partnerOf(r, con.ID)
		if err != nil {
			return err
		}
		h.Known, h.Claim = row.Peer, row.Claim && !reply
		for i, s := range streams {
			out, err := outHead(r, con.ID, byte(s))
			if err != nil {
				return err
			}
			in, err := inHead(r, con.ID, byte(s))
			if err != nil {
				return err
			}
			h.Sent[i], h.Received[i] = out.Place(), in.Place()
		}
		return nil
	})
	return h, err
}

// receiveHello answers a hello.
func (p *Path) receiveHello(con *Connection, wire []byte) ([]byte, error) {
	theirs, err := con.Codec.OpenHello(wire)
	if err != nil {
		return nil, fmt.Errorf("open the hello of %s: %w", con.Name, err)
	}
	if theirs.Reply {
		return nil, fmt.Errorf("an answer came as a question: %w", errPeer)
	}
	if theirs.Connection != con.ID {
		return nil, fmt.Errorf("hello of another connection: %w", errPeer)
	}
	if err := con.speaks(theirs); err != nil {
		return p.tellVersions(con, theirs)
	}
	forUs := p.forUs(con, theirs)
	if !forUs && theirs.Rival != (envelope.Boot{}) {
		return nil, fmt.Errorf("%w: %w", errOurs, errNotUs)
	}
	nonce, err := p.nonce()
	if err != nil {
		return nil, err
	}
	place, err := p.recognise(con, theirs, nonce)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOurs, err)
	}
	switch {
	case place == accepted && !forUs:
		p.dismissed(con)
		return nil, fmt.Errorf("%w: %w", errOurs, errNotUs)
	case place == accepted:
		if err := errors.Join(p.greeted(con, theirs, nil), p.admit(con)); err != nil {
			return nil, err
		}
	}
	ours, err := p.hello(con, true, nonce)
	if err != nil {
		return nil, err
	}
	ours.Answers, ours.Again = theirs.Nonce, nil
	if place != accepted {
		ours.Rival, ours.Fenced = theirs.Boot, place == beaten
	}
	if place != beaten {
		con.session.renew()
	}
	return con.Codec.SealHello(ours)
}

// greeted brings both sides' places together. What one side can prove and the
// other has lost ends an epoch: everything unsettled is made anew from the
// trackers, and what may already be there is looked up first.
//
// known is where our streams stood before the question that the hello answers,
// nil if it is a question itself: see compare.
func (p *Path) greeted(con *Connection, theirs envelope.Hello, known *[2]outbox.Head) error {
	if theirs.Connection != con.ID {
		return fmt.Errorf("hello of another connection: %w", errPeer)
	}
	con.session.heard(theirs.Capabilities)
	con.shapes.greeted(theirs.Capabilities)
	adopted, err := p.adopt(con, theirs.Sent)
	if err != nil {
		return err
	}
	renewed, doubtful, err := p.compare(con, theirs.Received, known)
	if err != nil {
		return err
	}
	switch {
	case renewed:
		err = p.heal(con, true)
	case adopted:
		err = p.heal(con, false)
	}
	if err != nil {
		return err
	}
	if doubtful || con.session.toAnnounce(known != nil) {
		con.session.end()
	} else {
		con.session.begin(p.Now())
	}
	for _, s := range streams {
		p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: s}, When{})
	}
	return nil
}

// adopt starts the epochs that the peer has begun.
func (p *Path) adopt(con *Connection, sent [2]envelope.Place) (bool, error) {
	adopted := false
	err := p.Store.Finish(func(tx store.Tx) error {
		adopted = false
		for i, s := range streams {
			head, err := inHead(tx, con.ID, byte(s))
			if err != nil {
				return err
			}
			if sent[i].Epoch <= head.Epoch {
				continue
			}
			adopted = true
			if err := putBinary(tx, store.HeadKey(con.ID, store.In, byte(s)), inbox.Head{Epoch: sent[i].Epoch}); err != nil {
				return err
			}
		}
		if adopted {
			ours, err := outHead(tx, con.ID, byte(envelope.Data))
			if err != nil {
				return err
			}
			return put(tx, store.HealKey(con.ID), &healing{Limit: ours.Appended})
		}
		return nil
	})
	return adopted, err
}

// compare sets our streams to where the peer is, or begins a new epoch (T10).
//
// A hello may be older than receipts that came before it: a peer that is behind
// them has lost something only if it says so in answer to a question that we
// asked after them. If it says so unasked, it is doubtful, and we ask.
func (p *Path) compare(con *Connection, received [2]envelope.Place, known *[2]outbox.Head) (renewed, doubtful bool, err error) {
	err = p.Store.Finish(func(tx store.Tx) error {
		var err error
		if renewed, err = renewal(tx, con.ID); err != nil {
			return err
		}
		doubtful = false
		heads := [2]outbox.Head{}
		epoch := uint64(0)
		for i, s := range streams {
			head, err := outHead(tx, con.ID, byte(s))
			if err != nil {
				return err
			}
			epoch = max(epoch, head.Epoch, received[i].Epoch)
			run, err := provable(tx, con.ID, head, byte(s), received[i])
			if err != nil {
				return err
			}
			next, verdict := outbox.Next(head, received[i], run)
			ours := received[i].Epoch < head.Epoch || received[i].Run == run
			if verdict == outbox.NewEpoch && ours && head.Ahead(received[i]) && (known == nil || !known[i].Ahead(received[i])) {
				doubtful, next, verdict = doubtful || known == nil, head, outbox.GoBack
			}
			heads[i] = next
			renewed = renewed || verdict == outbox.NewEpoch
		}
		for i, s := range streams {
			if renewed {
				heads[i] = outbox.New(epoch + 1)
			}
			if err := putBinary(tx, store.HeadKey(con.ID, store.Out, byte(s)), heads[i]); err != nil {
				return err
			}
		}
		if renewed {
			return put(tx, store.HealKey(con.ID), &healing{All: true})
		}
		return nil
	})
	if err != nil {
		return false, false, fmt.Errorf("compare places with %s: %w", con.Name, err)
	}
	return renewed, doubtful && !renewed, nil
}

// provable is our run at the place the peer claims; one that we do not hold
// compares unequal to everything.
func provable(r store.Reader, con event.ConnectionID, h outbox.Head, stream byte, place envelope.Place) (envelope.Run, error) {
	if place.Epoch != h.Epoch || place.Through > h.Appended {
		return envelope.Run{}, nil
	}
	run, err := runAt(r, con, store.Out, h.Epoch, stream, place.Through)
	if errors.Is(err, store.ErrNotFound) {
		run = place.Run
		run[0] ^= 0xff
		return run, nil
	}
	return run, err
}

// waiting cuts what the peer has no receipt for.
func (p *Path) waiting(con *Connection, stream envelope.Stream) (outbox.Head, envelope.Cut, error) {
	var head outbox.Head
	var cut envelope.Cut
	err := p.Store.View(func(r store.Reader) error {
		stored, err := outHead(r, con.ID, byte(stream))
		if err != nil {
			return err
		}
		head = con.session.latest(stream, stored)
		if head.Through == head.Appended {
			return nil
		}
		before, err := runAt(r, con.ID, store.Out, head.Epoch, byte(stream), head.Through)
		if err != nil {
			return err
		}
		cut = envelope.Cut{Connection: con.ID, Epoch: head.Epoch, Stream: stream, First: head.Through + 1, Before: before}
		return fill(r, con.ID, head, &cut, p.cutSize())
	})
	if err != nil {
		return head, cut, fmt.Errorf("cut what waits for %s: %w", con.Name, err)
	}
	return head, cut, nil
}

func fill(r store.Reader, con event.ConnectionID, head outbox.Head, cut *envelope.Cut, most int) error {
	prefix := store.EventKey(con, store.Out, head.Epoch, byte(cut.Stream), 0)
	after := store.EventKey(con, store.Out, head.Epoch, byte(cut.Stream), head.Through)
	size := 0
	return r.Scan(prefix[:len(prefix)-8], after, func(_, value []byte) (bool, error) {
		var s outbox.Stored
		if err := s.UnmarshalBinary(value); err != nil {
			return false, err
		}
		size += len(s.Entry.Bytes) + len(s.Entry.Salt)
		if len(cut.Entries) > 0 && size > most {
			return false, nil
		}
		cut.Entries = append(cut.Entries, s.Entry)
		return len(cut.Entries) < envelope.MaxEvents, nil
	})
}

// cutSize is how large an envelope may be: all that are under way at a time share
// shipBytes, so that many slow peers cost no more memory than a few.
func (p *Path) cutSize() int {
	share := shipBytes / int(max(1, p.shipping.Load()))
	return min(cutBytes, max(share, cutLeast))
}

const (
	shipBytes = 32 << 20
	cutLeast  = 16 << 10
)

// cutBytes leaves room for lengths and tags below the envelope's bound.
const cutBytes = envelope.MaxBytes - 16<<10
