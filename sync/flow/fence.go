package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/sync/envelope"
	"parley/sync/transport"
)

// One node must be one process. Somebody may start a copy of a node's folder
// beside it; both would write into the tracker. Each side of a connection
// therefore deals with one process of the other, which it names in its hellos
// (Known), and takes another one in its place only if that one is gone:
//
//	hello of B, Known is A ──▶ reply "wait", with a nonce       (B may be long dead: a late message)
//	hello of B with that nonce ──▶ A is asked                   (B lives; does A?)
//	    A answers ──▶ B is told to stand back: fenced, until a person decides
//	    A does not ──▶ B takes its place                        (A was restarted, or killed)
//
// A question to A is answered by A alone, so that B, which may hear it too, does
// not answer in its place. A process writes nothing into its tracker, and takes
// no events, before the peer has said that it deals with it.

// aloneAfter is how long a process waits for the peer before it goes on with what it has
// taken in already, if nobody else can be the node: see Options.Successor. Any other waits
// until the peer answers.
const aloneAfter = time.Minute

// challengeTimeout is how long the process that we deal with may take to say
// that it lives, when another one asks for its place.
const challengeTimeout = 2 * time.Second

// Errors of a process that the peer does not deal with.
var (
	// ErrFenced: the peer deals with another live process of this node.
	ErrFenced = errors.New("another live copy of this node works on the connection; this one stands back until a person decides")
	errWait   = errors.New("the peer makes sure first that this node's last process is gone")
	errNotUs  = errors.New("the peer asks for another process of this node")
)

// rival is a process of the peer that asks for the place of the one we deal with.
type rival struct {
	boot  envelope.Boot
	nonce []byte // of our reply; who repeats it lives
	lives bool
}

// mostBeaten bounds the rivals that are remembered.
const mostBeaten = 16

// place is what a process of the peer is to us.
type place int

const (
	accepted place = iota // the one we deal with
	waits                 // not yet, and perhaps never
	beaten                // the one we deal with lives
)

// Fence tells whether this process stands back on the connection, since when.
func (c *Connection) Fence() (since time.Time, fenced bool) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.fencedAt, c.session.fenced
}

// Copies tells when another live copy of this node, or of the peer, was last
// heard of; zero is never.
func (c *Connection) Copies() (ours, theirs time.Time) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.ourCopy, c.session.theirCopy
}

// admitted tells whether the peer deals with this process.
func (c *Connection) admitted() bool {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.admitted && !c.session.fenced
}

// mayWrite tells whether this process may write into the tracker for a connection, and
// else when to ask again.
func (p *Path) mayWrite(con *Connection) (ok bool, again time.Time) {
	if con.admitted() {
		return true, time.Time{}
	}
	now := p.Now()
	if _, fenced := con.Fence(); fenced || !p.Successor {
		return false, now.Add(aloneAfter)
	}
	if alone := con.beganAt.Add(aloneAfter); now.Before(alone) {
		return false, alone
	}
	return true, time.Time{}
}

// waitsForPeer puts a task off that may not write yet. What the peer lets go on is brought
// up by that.
func (p *Path) waitsForPeer(con *Connection, t Task) bool {
	ok, again := p.mayWrite(con)
	if !ok && p.Successor {
		p.Wake(t, When{At: again})
	}
	return !ok
}

// hears is admitted for a message that has come: one that gets no reply because
// it came too early is remembered, and the next hello makes the peer send it again.
func (c *Connection) hears() bool {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if c.session.admitted && !c.session.fenced {
		return true
	}
	c.session.missed = true
	return false
}

// admit remembers that the peer deals with this process; what waited for it goes on.
func (p *Path) admit(con *Connection) error {
	con.session.mu.Lock()
	before := con.session.admitted
	con.session.admitted, con.session.again = true, nil
	con.session.mu.Unlock()
	if before {
		return nil
	}
	if err := p.changePartner(con.ID, func(row *partnerRow) { row.Claim = false }); err != nil {
		return err
	}
	return p.Rouse(con)
}

// dismissed: the peer deals with another process, or did so when it sent this.
// We ask: the answer is what counts.
func (p *Path) dismissed(con *Connection) {
	con.session.mu.Lock()
	con.session.admitted, con.session.greeted = false, false
	con.session.mu.Unlock()
	p.wakeShips(con)
}

func (p *Path) wakeShips(con *Connection) {
	for _, s := range streams {
		p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: s}, When{})
	}
}

// recognise says what the process that asks us is to us. again is what a reply that
// lets it wait must be answered with.
func (p *Path) recognise(con *Connection, theirs envelope.Hello, again []byte) (place, error) {
	row, err := p.partner(con.ID)
	if err != nil {
		return waits, err
	}
	none := envelope.Boot{}
	if theirs.Boot == none || theirs.Boot == row.Peer {
		return accepted, nil
	}
	s := &con.session
	s.mu.Lock()
	lives := s.rival.boot == theirs.Boot && (s.rival.lives || len(theirs.Again) > 0 && bytes.Equal(theirs.Again, s.rival.nonce))
	lost := slices.Contains(s.beaten, theirs.Boot.Random)
	switch {
	case row.Peer == none || theirs.Claim && lives:
		s.mu.Unlock()
		return accepted, p.takeOn(con, theirs.Boot)
	case lost && !theirs.Claim:
		s.mu.Unlock()
		return beaten, nil
	}
	s.rival = rival{boot: theirs.Boot, nonce: again, lives: lives && !theirs.Claim}
	if s.rival.lives {
		s.greeted = false
	}
	s.mu.Unlock()
	if lives {
		p.wakeShips(con)
	}
	return waits, nil
}

// takeOn makes a process of the peer the one that we deal with.
func (p *Path) takeOn(con *Connection, boot envelope.Boot) error {
	replaced := false
	err := p.changePartner(con.ID, func(row *partnerRow) {
		replaced = row.Peer != envelope.Boot{} && row.Peer != boot
		row.Peer = boot
	})
	if err != nil {
		return fmt.Errorf("deal with another process of %s: %w", con.Name, err)
	}
	s := &con.session
	s.mu.Lock()
	s.rival = rival{}
	s.beaten = slices.DeleteFunc(s.beaten, func(random uint64) bool { return random == boot.Random })
	if replaced {
		s.greeted, s.announce = false, true
	}
	s.mu.Unlock()
	p.wakeShips(con)
	return nil
}

// challenge asks the process that we deal with whether it lives, since another
// one that does asks for its place.
func (p *Path) challenge(ctx context.Context, con *Connection) error {
	con.session.mu.Lock()
	r := con.session.rival
	con.session.mu.Unlock()
	if !r.lives {
		return nil
	}
	lives, err := p.askWhetherAlive(ctx, con, r.boot)
	switch {
	case err != nil:
		return err
	case !lives:
		return p.takeOn(con, r.boot)
	}
	s := &con.session
	s.mu.Lock()
	s.rival = rival{}
	s.beaten = append(s.beaten, r.boot.Random)
	s.beaten = s.beaten[max(0, len(s.beaten)-mostBeaten):]
	s.theirCopy = p.Now()
	s.mu.Unlock()
	p.Observe(Observation{What: "peer copied", Connection: con.Name, Detail: "two processes of the peer live; the later one was told to stand back", At: p.Now()})
	return nil
}

// askWhetherAlive does not end with a hello of the peer, as other questions do:
// the rival goes on saying hello.
func (p *Path) askWhetherAlive(ctx context.Context, con *Connection, other envelope.Boot) (bool, error) {
	hello, err := p.question(con)
	if err != nil {
		return false, err
	}
	hello.Rival = other
	wire, err := con.Codec.SealHello(hello)
	if err != nil {
		return false, fmt.Errorf("seal a hello: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, challengeTimeout)
	defer cancel()
	reply, err := con.Link.Request(limited, transport.KindHello, wire)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotUs):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask whether the last process of %s is gone: %w", con.Name, err)
	}
	theirs, err := con.Codec.OpenHello(reply)
	if err != nil {
		return false, fmt.Errorf("open the hello of %s: %w", con.Name, err)
	}
	return theirs.Reply && bytes.Equal(theirs.Answers, hello.Nonce) && theirs.Boot == hello.Known, nil
}

// forUs tells whether a question is for this process. One that challenges the
// process before us gets no answer: silence is what tells that it is gone.
func (p *Path) forUs(con *Connection, theirs envelope.Hello) bool {
	none := envelope.Boot{}
	if theirs.Known != none && theirs.Known != p.Boot {
		return false
	}
	if theirs.Rival != none && theirs.Known == p.Boot {
		con.session.mu.Lock()
		con.session.ourCopy = p.Now()
		con.session.mu.Unlock()
		p.Observe(Observation{What: "copied", Connection: con.Name, Detail: "another process of this node has said hello to the peer", At: p.Now()})
	}
	return true
}

// turnedAway takes a reply that says that the peer does not deal with us.
func (p *Path) turnedAway(con *Connection, theirs envelope.Hello) error {
	s := &con.session
	s.mu.Lock()
	s.admitted, s.greeted, s.again = false, false, bytes.Clone(theirs.Nonce)
	s.mu.Unlock()
	if !theirs.Fenced {
		return errWait
	}
	now := p.Now()
	if err := p.changePartner(con.ID, func(row *partnerRow) { row.Fenced, row.Since, row.Claim = true, now, false }); err != nil {
		return err
	}
	s.mu.Lock()
	s.fenced, s.fencedAt = true, now
	s.mu.Unlock()
	p.Observe(Observation{What: "fenced", Connection: con.Name, Detail: "another live copy of this node works on the connection", At: now})
	return ErrFenced
}

// Claim says for a person that this process is the node, whoever else is. The
// connection begins anew: the other copy may have done what is not known here.
func (p *Path) Claim(con *Connection) error {
	err := p.changePartner(con.ID, func(row *partnerRow) {
		row.Fenced, row.Since, row.Claim, row.Renew = false, time.Time{}, true, true
	})
	if err != nil {
		return fmt.Errorf("claim connection %s: %w", con.Name, err)
	}
	con.session.mu.Lock()
	con.session.fenced, con.session.fencedAt, con.session.greeted = false, time.Time{}, false
	con.session.mu.Unlock()
	return p.Rouse(con)
}

// standsBack tells whether every connection that works is fenced: then the
// tracker is not asked either.
func (p *Path) standsBack() bool {
	fenced := false
	for _, con := range p.Connections() {
		if _, is := con.Fence(); !is {
			return false
		}
		fenced = true
	}
	return fenced
}
