package memory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/sync/transport"
	"parley/sync/transport/memory"
	"parley/sync/transport/transporttest"
)

func TestLink_KeepsTheTransportsPromises(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, func(t *testing.T) (a, b transport.Link) {
		x, y := memory.New(1).Pair()
		t.Cleanup(func() {
			_ = y.Close()
			_ = x.Close()
		})
		return x, y
	})
}

// faulty asks n times under f and tells in which order requests arrived and
// how many were answered.
func faulty(t *testing.T, f memory.Faults, n int) (arrived []string, answered int) {
	t.Helper()
	network := memory.New(7)
	network.Set(f)
	a, b := network.Pair()
	var mu sync.Mutex
	if err := b.Handle(func(_ context.Context, _ transport.Kind, body []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, string(body))
		return body, nil
	}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if _, err := a.Request(ctx, transport.KindEnvelope, fmt.Append(nil, i)); err == nil {
				mu.Lock()
				answered++
				mu.Unlock()
			}
		})
		synctest.Wait()
	}
	all.Wait()
	_, _ = a.Close(), b.Close()
	return arrived, answered
}

func TestNetwork_DropsRequestsAndReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		arrived, answered := faulty(t, memory.Faults{Drop: 0.3}, 200)
		if len(arrived) < 110 || len(arrived) > 170 {
			t.Errorf("%d of 200 requests arrived, want about 140", len(arrived))
		}
		if answered < 70 || answered > 125 {
			t.Errorf("%d of 200 were answered, want about 98", answered)
		}
	})
}

func TestNetwork_RepeatsRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		arrived, answered := faulty(t, memory.Faults{Repeat: 1}, 20)
		if len(arrived) != 40 || answered != 20 {
			t.Errorf("got %d arrivals and %d answers, want 40 and 20", len(arrived), answered)
		}
	})
}

func TestNetwork_DelaysAndReorders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		arrived, answered := faulty(t, memory.Faults{Delay: time.Second}, 20)
		if took := time.Since(start); took == 0 || took > 2*time.Second {
			t.Errorf("took %s, want up to two delays of a second", took)
		}
		if answered != 20 {
			t.Errorf("%d of 20 were answered", answered)
		}
		overtaken := false
		for i, body := range arrived {
			overtaken = overtaken || body != fmt.Sprint(i)
		}
		if !overtaken {
			t.Errorf("nothing was reordered: %v", arrived)
		}
	})
}

func TestNetwork_CutLosesSilentlyUntilJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := memory.New(1)
		a, b := network.Pair()
		defer func() { _, _ = a.Close(), b.Close() }()
		if err := b.Handle(func(context.Context, transport.Kind, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
		request := func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err := a.Request(ctx, transport.KindHello, nil)
			return err
		}
		network.Cut()
		if err := request(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cut: got %v, want a time-out", err)
		}
		network.Join()
		if err := request(); err != nil {
			t.Errorf("joined: %v", err)
		}
	})
}

func TestLink_UnpluggedIsUnreachableHereAndNoPeerThere(t *testing.T) {
	t.Parallel()
	a, b := memory.New(1).Pair()
	defer func() { _, _ = a.Close(), b.Close() }()
	for _, l := range []transport.Link{a, b} {
		if err := l.Handle(func(context.Context, transport.Kind, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	a.Unplug()
	if _, err := a.Request(t.Context(), transport.KindHello, nil); !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("here: got %v, want ErrUnreachable", err)
	}
	if _, err := b.Request(t.Context(), transport.KindHello, nil); !errors.Is(err, transport.ErrNoPeer) {
		t.Errorf("there: got %v, want ErrNoPeer", err)
	}
	a.Plug()
	for _, l := range []transport.Link{a, b} {
		if _, err := l.Request(t.Context(), transport.KindHello, nil); err != nil {
			t.Errorf("plugged in again: %v", err)
		}
	}
}
