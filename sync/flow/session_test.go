package flow

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/sync/transport"
)

// silent is a link whose peer never replies.
type silent struct{ asked chan struct{} }

func (s silent) Request(ctx context.Context, _ transport.Kind, _ []byte) ([]byte, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) Handle(transport.Handler) error { return nil }
func (silent) Close() error                   { return nil }

// TestAsk_NoReplyIsAwaitedBeyondAHelloOfThePeer: a peer that was killed with our
// request in hand says hello when it is back, and never replies.
func TestAsk_NoReplyIsAwaitedBeyondAHelloOfThePeer(t *testing.T) {
	t.Parallel()
	link := silent{asked: make(chan struct{})}
	con := &Connection{Link: link}
	for range 2 { // the hello ends what was asked before it, and nothing after
		done := make(chan error, 1)
		go func() {
			_, err := con.ask(t.Context(), transport.KindEnvelope, nil, time.Hour)
			done <- err
		}()
		<-link.asked
		con.session.renew()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended with %v, want it canceled", err)
		}
	}
}
