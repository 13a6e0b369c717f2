package natsbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"parley/sync/transport"
)

// signInTries is how often an acceptor signs in before it believes that it is not let
// in: a server that admits somebody else meanwhile throws out, with the same words,
// whoever has not finished signing in.
const signInTries = 10

// Pairing is the acceptor's end of a pairing, for one goroutine.
type Pairing struct {
	options Options
	route   route
	link    *Link
	rests   nats.ReconnectDelayHandler
}

// DialPairing reaches the inviter for the pairing id. Unlike Dial it gives up
// and says what is wrong: ErrPin, ErrSignIn (the code was used up, ran out or
// was never given), or transport.ErrUnreachable.
func DialPairing(ctx context.Context, o Options, id string) (*Pairing, error) {
	r, err := pairingRoute(o.Prefix, id, false)
	if err != nil {
		return nil, fmt.Errorf("dial for a pairing: %w", err)
	}
	p := &Pairing{options: o, route: r, rests: waits()}
	if err := p.dial(ctx); err != nil {
		return nil, fmt.Errorf("dial for a pairing: %w", err)
	}
	return p, nil
}

// dial signs in; it tries again if it is thrown out while doing so.
func (p *Pairing) dial(ctx context.Context) error {
	for try := 1; ; try++ {
		nc, err := p.options.connect(p.route, p.options.Log, nats.NoReconnect())
		if err == nil {
			p.link = newLink(nc, p.route, kindPair)
			return nil
		}
		if !thrownOut(err) || try == signInTries {
			return err
		}
		if !p.rest(ctx, try) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// thrownOut tells whether an attempt to sign in may have been cut short, where
// another one can end better.
func thrownOut(err error) bool {
	if errors.Is(err, ErrSignIn) {
		return true
	}
	op := (*net.OpError)(nil)
	nobody := errors.Is(err, nats.ErrNoServers) || errors.As(err, &op) && op.Op == "dial"
	return errors.Is(err, transport.ErrUnreachable) && !nobody
}

// rest waits before another attempt.
func (p *Pairing) rest(ctx context.Context, try int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(p.rests(min(try-1, 2))):
		return true
	}
}

// Exchange sends msg to the inviter and waits for the answer. If the way is cut
// meanwhile it sends msg again on another.
func (p *Pairing) Exchange(ctx context.Context, msg []byte) ([]byte, error) {
	for try := 1; ; try++ {
		err := error(transport.ErrUnreachable)
		if p.link != nil {
			var answer []byte
			if answer, err = p.link.Request(ctx, kindPair, msg); err == nil {
				return answer, nil
			}
		}
		if ctx.Err() != nil {
			// A way that brought no answer in time is not trusted with the next message.
			return nil, errors.Join(err, p.Close())
		}
		cut := errors.Is(err, transport.ErrClosed) || errors.Is(err, transport.ErrUnreachable)
		if !cut || !p.rest(ctx, try) {
			return nil, err
		}
		// Whoever cannot be reached any more may come back as long as ctx lasts.
		if err := errors.Join(p.Close(), p.dial(ctx)); err != nil && !errors.Is(err, transport.ErrUnreachable) {
			return nil, err
		}
	}
}

// Close ends the pairing.
func (p *Pairing) Close() error {
	if p.link == nil {
		return nil
	}
	l := p.link
	p.link = nil
	return l.Close()
}
