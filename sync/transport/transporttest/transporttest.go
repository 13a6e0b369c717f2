// Package transporttest holds every transport to what package transport
// promises of a Link.
//
// It asks little, since sync/flow relies on little: a request has one reply or an
// error, ends with its context, and waits for no other; a body belongs to whoever
// received it. Order, repeats and loss are not asked about: a transport may do all
// three, and transport/memory does.
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/sync/transport"
)

// patience bounds what must happen; short is for what must not.
const (
	patience = 20 * time.Second
	short    = 200 * time.Millisecond
)

// Run holds the links that ends returns, both ends of one connection on a
// network without faults, to the promises. ends closes them at the test's end.
func Run(t *testing.T, ends func(t *testing.T) (a, b transport.Link)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, transport.Link, transport.Link){
		"RequestGetsItsReply":           requestGetsItsReply,
		"BothEndsMayAsk":                bothEndsMayAsk,
		"EveryRequestGetsItsOwnReply":   everyRequestGetsItsOwnReply,
		"NoHandlerIsNoPeer":             noHandlerIsNoPeer,
		"HandlerCanBeReplaced":          handlerCanBeReplaced,
		"ErrorOfAHandlerSendsNoReply":   errorSendsNoReply,
		"LargestMessagePasses":          largestMessagePasses,
		"SlowHandlerHoldsUpNoOther":     slowHandlerHoldsUpNoOther,
		"RequestEndsWithItsContext":     requestEndsWithItsContext,
		"CloseWaitsForHandlers":         closeWaitsForHandlers,
		"CloseEndsRequests":             closeEndsRequests,
		"ClosedLinkSaysSo":              closedLinkSaysSo,
		"HandlerMayAskBack":             handlerMayAskBack,
		"BodiesBelongToWhoReceivedThem": bodiesBelongToReceiver,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := ends(t)
			test(t, a, b)
		})
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with the kind and the body.
func echo(_ context.Context, kind transport.Kind, body []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%s:%s", kind, body), nil
}

func handle(t *testing.T, l transport.Link, h transport.Handler) {
	t.Helper()
	if err := l.Handle(h); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, l transport.Link, kind transport.Kind, body string) string {
	t.Helper()
	reply, err := l.Request(within(t, patience), kind, []byte(body))
	if err != nil {
		t.Fatalf("request %s: %v", kind, err)
	}
	return string(reply)
}

func requestGetsItsReply(t *testing.T, a, b transport.Link) {
	handle(t, b, echo)
	for _, kind := range transport.Kinds() {
		for _, body := range []string{"", "x", "\x00\r\n"} {
			if got, want := ask(t, a, kind, body), string(kind)+":"+body; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

func bothEndsMayAsk(t *testing.T, a, b transport.Link) {
	handle(t, a, echo)
	handle(t, b, echo)
	var both sync.WaitGroup
	for _, l := range []transport.Link{a, b} {
		both.Go(func() {
			for i := range 20 {
				body := fmt.Sprint(i)
				reply, err := l.Request(within(t, patience), transport.KindEnvelope, []byte(body))
				if err != nil || string(reply) != "envelope:"+body {
					t.Errorf("got %q, %v", reply, err)
				}
			}
		})
	}
	both.Wait()
}

func everyRequestGetsItsOwnReply(t *testing.T, a, b transport.Link) {
	handle(t, b, echo)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			body := fmt.Sprint(i)
			reply, err := a.Request(within(t, patience), transport.KindBlob, []byte(body))
			if err != nil || string(reply) != "blob:"+body {
				t.Errorf("request %d: got %q, %v", i, reply, err)
			}
		})
	}
	all.Wait()
}

func noHandlerIsNoPeer(t *testing.T, a, b transport.Link) {
	refused := func(when string) {
		t.Helper()
		if _, err := a.Request(within(t, patience), transport.KindHello, nil); !errors.Is(err, transport.ErrNoPeer) {
			t.Errorf("%s: got %v, want ErrNoPeer", when, err)
		}
	}
	refused("before Handle")
	handle(t, b, echo)
	ask(t, a, transport.KindHello, "")
	handle(t, b, nil)
	refused("after Handle(nil)")
	handle(t, b, echo)
	ask(t, a, transport.KindHello, "")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	refused("after Close")
}

func handlerCanBeReplaced(t *testing.T, a, b transport.Link) {
	for i := range 10 {
		want := fmt.Sprint("handler ", i)
		handle(t, b, func(context.Context, transport.Kind, []byte) ([]byte, error) { return []byte(want), nil })
		if got := ask(t, a, transport.KindHello, ""); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func errorSendsNoReply(t *testing.T, a, b transport.Link) {
	handle(t, b, func(context.Context, transport.Kind, []byte) ([]byte, error) {
		return []byte("half"), errors.New("broken")
	})
	reply, err := a.Request(within(t, short), transport.KindHello, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %q, %v, want a time-out", reply, err)
	}
}

func largestMessagePasses(t *testing.T, a, b transport.Link) {
	large := bytes.Repeat([]byte{'x'}, transport.MaxMessage)
	handle(t, b, func(_ context.Context, _ transport.Kind, body []byte) ([]byte, error) {
		if len(body) == 0 {
			return append(large, 'x'), nil
		}
		return body, nil
	})
	reply, err := a.Request(within(t, patience), transport.KindBlob, large)
	if err != nil || !bytes.Equal(reply, large) {
		t.Errorf("largest: got %d bytes, %v", len(reply), err)
	}
	if _, err := a.Request(within(t, patience), transport.KindBlob, append(large, 'x')); !errors.Is(err, transport.ErrTooLarge) {
		t.Errorf("a byte more: got %v, want ErrTooLarge", err)
	}
	if _, err := a.Request(within(t, short), transport.KindBlob, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reply with a byte more: got %v, want a time-out", err)
	}
	if got := ask(t, a, transport.KindBlob, "small"); got != "small" {
		t.Errorf("after a refused message: got %q", got)
	}
}

func slowHandlerHoldsUpNoOther(t *testing.T, a, b transport.Link) {
	release := make(chan struct{})
	entered := make(chan struct{})
	handle(t, b, func(_ context.Context, _ transport.Kind, body []byte) ([]byte, error) {
		if string(body) == "slow" {
			close(entered)
			<-release
		}
		return body, nil
	})
	slow := make(chan error, 1)
	go func() {
		_, err := a.Request(within(t, patience), transport.KindBlob, []byte("slow"))
		slow <- err
	}()
	<-entered
	for range 3 {
		ask(t, a, transport.KindBlob, "quick")
	}
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func requestEndsWithItsContext(t *testing.T, a, b transport.Link) {
	entered, release := make(chan struct{}), make(chan struct{})
	handle(t, b, func(context.Context, transport.Kind, []byte) ([]byte, error) {
		close(entered)
		<-release
		return nil, nil
	})
	defer close(release)
	ctx, cancel := context.WithCancel(within(t, patience))
	go func() {
		<-entered
		cancel()
	}()
	if _, err := a.Request(ctx, transport.KindHello, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}

func closeWaitsForHandlers(t *testing.T, a, b transport.Link) {
	entered, release := make(chan struct{}), make(chan struct{})
	var done sync.Mutex
	finished := false
	handle(t, b, func(ctx context.Context, _ transport.Kind, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done() // Close tells handlers to end
		<-release
		done.Lock()
		finished = true
		done.Unlock()
		return nil, ctx.Err()
	})
	go func() { _, _ = a.Request(within(t, patience), transport.KindHello, nil) }()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	done.Lock()
	defer done.Unlock()
	if !finished {
		t.Error("Close returned before the handler")
	}
}

func closeEndsRequests(t *testing.T, a, b transport.Link) {
	entered := make(chan struct{})
	handle(t, b, func(ctx context.Context, _ transport.Kind, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	asked := make(chan error, 1)
	go func() {
		_, err := a.Request(within(t, patience), transport.KindHello, nil)
		asked <- err
	}()
	<-entered
	// The peer's handler is still at it: that must not hold up our Close.
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func closedLinkSaysSo(t *testing.T, a, b transport.Link) {
	handle(t, b, echo)
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Request(within(t, patience), transport.KindHello, nil); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Request: got %v, want ErrClosed", err)
	}
	if err := a.Handle(echo); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Handle: got %v, want ErrClosed", err)
	}
}

func handlerMayAskBack(t *testing.T, a, b transport.Link) {
	handle(t, a, echo)
	handle(t, b, func(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
		return b.Request(ctx, kind, append([]byte("back "), body...))
	})
	if got, want := ask(t, a, transport.KindHello, "x"), "hello:back x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func bodiesBelongToReceiver(t *testing.T, a, b transport.Link) {
	kept := []byte("reply")
	handle(t, b, func(_ context.Context, _ transport.Kind, body []byte) ([]byte, error) {
		clear(body)
		return kept, nil
	})
	body := []byte("request")
	reply, err := a.Request(within(t, patience), transport.KindHello, body)
	if err != nil {
		t.Fatal(err)
	}
	clear(reply)
	if string(body) != "request" || string(kept) != "reply" {
		t.Errorf("a body was shared: %q, %q", body, kept)
	}
}
