package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"parley/sync/transport"
)

// Bounds of what a peer can make us hold at once on one connection.
const (
	maxHandlers     = 16
	maxPending      = 256     // messages
	maxPendingBytes = 8 << 20 // of them
)

// flushTime bounds how long Handle waits for the server to know it.
const flushTime = 5 * time.Second

// Link is one end of a connection over one NATS connection of its own.
type Link struct {
	nc    *nats.Conn
	route route
	kinds map[transport.Kind]bool
	ctx   context.Context // ends with Close
	stop  context.CancelCauseFunc
	slots chan struct{} // one per running handler

	mu      sync.Mutex // guards all below
	closed  bool
	handler transport.Handler
	sub     *nats.Subscription
	running sync.WaitGroup // handlers
}

var _ transport.Link = (*Link)(nil)

func newLink(nc *nats.Conn, r route, kinds ...transport.Kind) *Link {
	ctx, stop := context.WithCancelCause(context.Background())
	l := &Link{
		nc: nc, route: r, kinds: map[transport.Kind]bool{}, ctx: ctx, stop: stop,
		slots: make(chan struct{}, maxHandlers),
	}
	for _, kind := range kinds {
		l.kinds[kind] = true
	}
	return l
}

// Connected tells whether this end can reach its NATS server at present.
func (l *Link) Connected() bool { return l.nc.IsConnected() }

// Request implements transport.Link.
func (l *Link) Request(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	if len(body) > transport.MaxMessage {
		return nil, transport.ErrTooLarge
	}
	if l.ctx.Err() != nil {
		return nil, transport.ErrClosed
	}
	if !l.nc.IsConnected() {
		return nil, transport.ErrUnreachable
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(transport.ErrClosed) })()
	msg, err := l.nc.RequestWithContext(ctx, l.route.other().handled(kind), body)
	if err != nil {
		return nil, requestError(ctx, err)
	}
	return msg.Data, nil
}

func requestError(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), transport.ErrClosed), errors.Is(err, nats.ErrConnectionClosed):
		return transport.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, nats.ErrNoResponders):
		return transport.ErrNoPeer
	case errors.Is(err, nats.ErrMaxPayload):
		return transport.ErrTooLarge
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrDisconnected):
		return transport.ErrUnreachable
	default:
		return fmt.Errorf("%w: %w", transport.ErrUnreachable, err)
	}
}

// Handle implements transport.Link. Without a way to the server the handler
// takes effect when there is one.
func (l *Link) Handle(h transport.Handler) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return transport.ErrClosed
	}
	l.handler = h
	err := l.subscribe(h != nil)
	l.mu.Unlock()
	if err != nil {
		return fmt.Errorf("listen on %s: %w", l.route.base, err)
	}
	return l.flush()
}

// subscribe makes the subscription stand or not; l.mu is held.
func (l *Link) subscribe(on bool) error {
	if on == (l.sub != nil) {
		return nil
	}
	if !on {
		err := l.sub.Unsubscribe()
		l.sub = nil
		return err
	}
	sub, err := l.nc.Subscribe(l.route.side()+".*", l.receive)
	if err != nil {
		return err
	}
	l.sub = sub
	return sub.SetPendingLimits(maxPending, maxPendingBytes)
}

// flush waits until the server knows the subscription; it goes there again by
// itself after every reconnect.
func (l *Link) flush() error {
	if !l.nc.IsConnected() {
		return nil
	}
	if err := l.nc.FlushTimeout(flushTime); err != nil && l.nc.IsConnected() {
		return fmt.Errorf("listen on %s: %w", l.route.base, err)
	}
	return nil
}

// receive starts the handler for one message, at most maxHandlers at a time.
func (l *Link) receive(msg *nats.Msg) {
	kind := transport.Kind(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:])
	if !l.kinds[kind] || len(msg.Data) > transport.MaxMessage {
		return
	}
	select {
	case l.slots <- struct{}{}:
	case <-l.ctx.Done():
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.handler
	if l.closed || h == nil {
		<-l.slots
		return
	}
	l.running.Go(func() {
		defer func() { <-l.slots }()
		reply, err := h(l.ctx, kind, msg.Data)
		if err != nil || len(reply) > transport.MaxMessage {
			return
		}
		// A reply that cannot leave is a lost message: the peer asks again.
		_ = msg.Respond(reply)
	})
}

// Close implements transport.Link.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.handler = nil
	err := l.subscribe(false)
	l.mu.Unlock()
	if err == nil {
		// The server must know before the peer asks again: it gets "not there"
		// then, not silence.
		err = l.flush()
	}
	l.stop(transport.ErrClosed)
	l.running.Wait()
	l.nc.Close()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("close the link: %w", err)
	}
	return nil
}
