package flow_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/flow"
)

// slowSchema answers for its schema when it is let.
type slowSchema struct {
	*desk
	let   chan struct{}
	asked atomic.Int64
	err   error
}

func (s *slowSchema) Schema(ctx context.Context) (event.Schema, error) {
	s.asked.Add(1)
	<-s.let
	if s.err != nil {
		return event.Schema{}, s.err
	}
	return s.desk.Schema(ctx)
}

// TestSchema_ManyWhoAskAtOnceCostTheTrackerOneReading: a thousand connections that come
// up side by side must not be a thousand readings, nor a thousand time-outs.
func TestSchema_ManyWhoAskAtOnceCostTheTrackerOneReading(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, trouble(adapters.ErrTransient, "schema")} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			n := w.node("a")
			tracker := &slowSchema{desk: n.desk, let: make(chan struct{}), err: want}
			options := n.options(time.Now, func(flow.Observation) {})
			options.Tracker = tracker
			path := flow.New(options)
			var all sync.WaitGroup
			for range 32 {
				all.Go(func() {
					s, err := path.Schema(t.Context())
					if !errors.Is(err, want) || want == nil && len(s.Fields) == 0 {
						t.Errorf("Schema = %d fields, %v, want %v", len(s.Fields), err, want)
					}
				})
			}
			synctest.Wait()
			close(tracker.let)
			all.Wait()
			if got := tracker.asked.Load(); got != 1 {
				t.Errorf("the tracker was asked %d times", got)
			}
		})
	}
}
