package flow

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/store/memstore"
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

// TestHello_OnlyAnAnswerProvesThatThePeerLostWhatItHadReceipted: a hello that was
// under way while receipts came must not begin an epoch.
func TestHello_OnlyAnAnswerProvesThatThePeerLostWhatItHadReceipted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		asked             bool
		known             event.Seq // receipted before we asked
		renewed, doubtful bool
	}{
		{"unasked", false, 0, false, true},
		{"asked before the receipt came", true, 1, false, false},
		{"asked after the receipt came", true, 3, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, con := New(Options{Store: memstore.New(), Random: rand.Reader, Now: time.Now}), &Connection{}
			if err := p.openStreams(con.ID); err != nil {
				t.Fatal(err)
			}
			var places [2]envelope.Place
			err := p.Store.Update(func(tx store.Tx) error {
				for i, s := range streams {
					var head outbox.Head
					for n := range event.Seq(3) {
						var err error
						if head, err = p.appendEvent(tx, con.ID, s, []byte("event")); err != nil {
							return err
						}
						if n == 0 {
							places[i] = head.Place() // all that the hello claims
						}
					}
					head.Through = 3
					if err := putBinary(tx, store.HeadKey(con.ID, store.Out, byte(s)), head); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var known *[2]outbox.Head
			if tt.asked {
				known = &[2]outbox.Head{{Epoch: firstEpoch, Through: tt.known}, {Epoch: firstEpoch, Through: tt.known}}
			}
			renewed, doubtful, err := p.compare(con, places, known)
			if err != nil || renewed != tt.renewed || doubtful != tt.doubtful {
				t.Errorf("got renewed %v, doubtful %v, %v; want %v, %v", renewed, doubtful, err, tt.renewed, tt.doubtful)
			}
		})
	}
}
