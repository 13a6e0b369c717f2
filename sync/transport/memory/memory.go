// Package memory is the faulty network of the tests: pairs of links in one
// process that lose, repeat, delay and reorder messages as told, and that can
// be cut. The faults come from a seed.
//
// It uses goroutines and timers of the time package only, so it works in a
// synctest bubble. Which of two goroutines draws a fault first is not fixed by
// the seed. It promises what package transport says of a Link; without faults
// it delivers everything.
package memory

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"parley/sync/transport"
)

// Faults of a network; the zero value is a perfect one. Requests and replies
// suffer alike.
type Faults struct {
	// Drop and Repeat are probabilities. A repeated request reaches the handler
	// twice; the first reply counts.
	Drop, Repeat float64
	// Delay is the longest delay; each message draws its own, so messages
	// overtake each other.
	Delay time.Duration
}

// Network joins pairs of links. It may be used from several goroutines.
type Network struct {
	mu     sync.Mutex // guards all below
	random *rand.Rand
	faults Faults
	cut    bool
}

// New makes a network without faults.
func New(seed uint64) *Network {
	return &Network{random: rand.New(rand.NewPCG(seed, seed))}
}

// Set changes the faults for messages sent from here on.
func (n *Network) Set(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// Cut loses every message, silently, until Join; what is under way is lost too.
func (n *Network) Cut() { n.setCut(true) }

// Join ends a Cut.
func (n *Network) Join() { n.setCut(false) }

func (n *Network) setCut(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

// Pair makes both ends of one connection.
func (n *Network) Pair() (a, b *Link) {
	a, b = newLink(n), newLink(n)
	a.peer, b.peer = b, a
	return a, b
}

// draw decides what becomes of one message: a delay for each copy to deliver.
func (n *Network) draw() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut || n.random.Float64() < n.faults.Drop {
		return nil
	}
	copies := 1
	if n.random.Float64() < n.faults.Repeat {
		copies = 2
	}
	delays := make([]time.Duration, copies)
	for i := range delays {
		if n.faults.Delay > 0 {
			delays[i] = time.Duration(n.random.Int64N(int64(n.faults.Delay) + 1))
		}
	}
	return delays
}

func (n *Network) isCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut
}

// Link is one end of a connection.
type Link struct {
	network *Network
	peer    *Link
	ctx     context.Context // ends with Close
	stop    context.CancelFunc

	mu        sync.Mutex // guards all below
	handler   transport.Handler
	unplugged bool
	closed    bool
	running   sync.WaitGroup // messages at this end: under way from it, or handled by it
}

var _ transport.Link = (*Link)(nil)

func newLink(n *Network) *Link {
	ctx, stop := context.WithCancel(context.Background())
	return &Link{network: n, ctx: ctx, stop: stop}
}

// Unplug takes this end off the network: its requests fail with
// ErrUnreachable, the peer's with ErrNoPeer.
func (l *Link) Unplug() { l.setUnplugged(true) }

// Plug ends an Unplug.
func (l *Link) Plug() { l.setUnplugged(false) }

func (l *Link) setUnplugged(unplugged bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unplugged = unplugged
}

// Request implements transport.Link.
func (l *Link) Request(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	if len(body) > transport.MaxMessage {
		return nil, transport.ErrTooLarge
	}
	if !l.enter() {
		return nil, transport.ErrClosed
	}
	defer l.running.Done()
	if l.isUnplugged() {
		return nil, transport.ErrUnreachable
	}
	if l.network.isCut() {
		return nil, l.wait(ctx, nil, nil)
	}
	if !l.peer.listens() {
		return nil, transport.ErrNoPeer
	}
	replies := make(chan []byte, 4)
	for _, delay := range l.network.draw() {
		l.carry(kind, bytes.Clone(body), delay, replies)
	}
	var reply []byte
	if err := l.wait(ctx, replies, &reply); err != nil {
		return nil, err
	}
	return reply, nil
}

// wait returns with the first reply, or when ctx or the link ends.
func (l *Link) wait(ctx context.Context, replies <-chan []byte, reply *[]byte) error {
	select {
	case r := <-replies:
		*reply = r
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ctx.Done():
		return transport.ErrClosed
	}
}

// carry takes one copy of a request to the peer and the replies back. It goes
// on when the requester has given up, as a real network does; while the peer
// handles the request it is the peer's to wait for.
func (l *Link) carry(kind transport.Kind, body []byte, delay time.Duration, replies chan<- []byte) {
	l.running.Add(1)
	go func() {
		if !l.travel(delay) {
			return
		}
		reply, ok := l.peer.handle(kind, body)
		if !ok {
			return
		}
		for _, delay := range l.network.draw() {
			if !l.enter() || !l.travel(delay) {
				return
			}
			select {
			case replies <- bytes.Clone(reply):
			default:
			}
		}
	}()
}

// travel waits out a delay and leaves what enter entered; it tells whether the
// message arrives.
func (l *Link) travel(delay time.Duration) bool {
	defer l.running.Done()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !l.network.isCut()
	case <-l.ctx.Done():
		return false
	}
}

// handle runs the handler; ok is false when no reply leaves.
func (l *Link) handle(kind transport.Kind, body []byte) (reply []byte, ok bool) {
	if !l.enter() {
		return nil, false
	}
	defer l.running.Done()
	l.mu.Lock()
	h, unplugged := l.handler, l.unplugged
	l.mu.Unlock()
	if h == nil || unplugged {
		return nil, false
	}
	reply, err := h(l.ctx, kind, body)
	return reply, err == nil && len(reply) <= transport.MaxMessage && !l.isUnplugged()
}

// Handle implements transport.Link.
func (l *Link) Handle(h transport.Handler) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return transport.ErrClosed
	}
	l.handler = h
	return nil
}

// Close implements transport.Link.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.handler = nil
	l.mu.Unlock()
	l.stop()
	l.running.Wait()
	return nil
}

// enter counts one more message, unless the link is closed.
func (l *Link) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.running.Add(1)
	return true
}

func (l *Link) isUnplugged() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unplugged
}

func (l *Link) listens() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.handler != nil && !l.unplugged && !l.closed
}
