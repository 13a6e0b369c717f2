package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/work"
)

// load is history being taken in: tickets are handed to the path at a rate,
// behind whatever else it does. What was handed over is on disk, so a load that
// is aborted, or a node that ends, loses nothing: the same load again goes on
// with the rest.
type load struct {
	mu     sync.Mutex
	state  admin.Load
	began  time.Time
	handed map[event.Ref]bool
	stop   context.CancelFunc
	// paused is closed when the load goes on; nil while it runs. rested is how long it was
	// paused before, since is when it was last.
	paused chan struct{}
	rested time.Duration
	since  time.Time
}

func (l *load) get() admin.Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *load) set(fn func(*admin.Load)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn(&l.state)
}

// Rates in tickets a second: one a day at least and ten thousand a second at most.
// Beyond that the time between two of them is nothing, or more than a clock counts.
const (
	defaultRate = 5
	leastRate   = 1.0 / (24 * 60 * 60)
	mostRate    = 10_000
)

// StartLoad lists tickets and hands those in scope to the path.
func (n *Node) StartLoad(ctx context.Context, name string, r admin.LoadRequest) (admin.Load, error) {
	on, err := n.one(name)
	if err != nil {
		return admin.Load{}, err
	}
	if r.Rate == 0 {
		r.Rate = defaultRate
	}
	if !(r.Rate >= leastRate && r.Rate <= mostRate) {
		return admin.Load{}, &admin.Error{
			Kind: admin.KindInvalid, Message: fmt.Sprintf("%g tickets a second is no rate to load at", r.Rate),
			Hint: "from one a day (0.042/h) to 10000/s",
		}
	}
	con := on.flow
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &load{state: admin.Load{State: "listing", DryRun: r.DryRun}, began: time.Now(), handed: map[event.Ref]bool{}, stop: cancel}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		cancel()
		return admin.Load{}, store.ErrStopped
	}
	if before := n.loads[con.ID]; before != nil && before.get().UnderWay() {
		cancel()
		return before.get(), &admin.Error{Kind: admin.KindConflict, Message: "a load is under way", Hint: "`parley connection load " + name + " --show`, --resume or --abort"}
	}
	n.loads[con.ID] = l
	if r.Query == "" {
		r.Query = n.config.Connections[name].Query
	}
	n.loading.Go(func() {
		defer cancel()
		if err := n.runLoad(work, con, l, r); err != nil {
			l.set(func(s *admin.Load) { s.State, s.Error = "aborted", n.mask.Hide(err.Error()) })
		}
	})
	return l.get(), nil
}

func (n *Node) runLoad(ctx context.Context, con *flow.Connection, l *load, r admin.LoadRequest) error {
	changes, err := n.toLoad(ctx, r)
	if err != nil {
		return err
	}
	l.listed(len(changes))
	ticker := time.NewTicker(time.Duration(float64(time.Second) / r.Rate))
	defer ticker.Stop()
	for _, c := range changes {
		if err := l.wait(ctx); err != nil {
			return err
		}
		pre, err := n.path.Preview(ctx, con, con.Rules(), c.Ref)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !pre.Matches {
			l.set(func(s *admin.Load) { s.Skipped++ })
			continue
		}
		if !r.DryRun {
			if err := n.path.Touch(con.ID, []event.Change{c}, work.Seen{Cause: event.CauseEdit, Forced: true, Bulk: true}); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.handed[c.Ref] = true
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return n.awaitLoad(ctx, con, l, r.DryRun)
}

func (n *Node) toLoad(ctx context.Context, r admin.LoadRequest) ([]event.Change, error) {
	var changes []event.Change
	var err error
	if len(r.Keys) > 0 {
		changes, _, err = n.choose(ctx, admin.SyncRequest{Keys: r.Keys})
	} else {
		changes, _, err = n.list(ctx, r.Query, listMost)
	}
	if r.Limit > 0 && len(changes) > r.Limit {
		changes = changes[:r.Limit]
	}
	return changes, err
}

// awaitLoad follows what was handed over until all of it is settled or parked.
func (n *Node) awaitLoad(ctx context.Context, con *flow.Connection, l *load, dry bool) error {
	for !dry {
		open, err := n.follow(con, l)
		if err != nil {
			return err
		}
		if open == 0 {
			break
		}
		if !pause(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
	if err := l.wait(ctx); err != nil {
		return err
	}
	l.set(func(s *admin.Load) {
		s.State = "done"
		if dry {
			s.Done = len(l.handed)
		}
	})
	return nil
}

// follow counts what became of the tickets handed over.
func (n *Node) follow(con *flow.Connection, l *load) (open int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done, parked := 0, 0
	for ref := range l.handed {
		i, err := n.path.Inspect(con, ref, event.TwinID{})
		if err != nil {
			return 0, err
		}
		switch state := ticketState(con, i).State; state {
		case "parked":
			parked++
		case "waiting":
			open++
		default:
			done++
		}
	}
	l.state.Done, l.state.Parked = done, parked
	if seconds := l.worked().Seconds(); seconds > 0 {
		l.state.Rate = float64(done+parked) / seconds
	}
	l.state.ETA = 0
	if left := l.state.Total - l.state.Skipped - done - parked; l.state.Rate > 0 && left > 0 {
		l.state.ETA = float64(left) / l.state.Rate
	}
	return open, nil
}

// Load is the load under way, or the last one.
func (n *Node) Load(_ context.Context, name string) (admin.Load, error) {
	on, err := n.one(name)
	if err != nil {
		return admin.Load{}, err
	}
	n.mu.Lock()
	l := n.loads[on.flow.ID]
	n.mu.Unlock()
	if l == nil {
		return admin.Load{State: "none"}, nil
	}
	if s := l.get(); (s.State == loadRunning || s.State == loadPaused) && !s.DryRun {
		if _, err := n.follow(on.flow, l); err != nil {
			return l.get(), err
		}
	}
	return l.get(), nil
}

// AbortLoad hands nothing more over; what was handed over goes on.
func (n *Node) AbortLoad(ctx context.Context, name string) (admin.Load, error) {
	if _, err := n.Load(ctx, name); err != nil {
		return admin.Load{}, err
	}
	n.mu.Lock()
	l := n.loads[n.linkID(name)]
	n.mu.Unlock()
	if l == nil {
		return admin.Load{}, &admin.Error{Kind: admin.KindNotFound, Message: "no load is under way"}
	}
	l.stop()
	return l.get(), nil
}

// linkID is the id of a connection by name; n.mu is held.
func (n *Node) linkID(name string) event.ConnectionID {
	for id, l := range n.links {
		if l.record.Name == name {
			return id
		}
	}
	return event.ConnectionID{}
}

// ScopeCount counts what a scope matches at present.
func (n *Node) ScopeCount(ctx context.Context, name string) (admin.ScopeCount, error) {
	on, err := n.one(name)
	if err != nil {
		return admin.ScopeCount{}, err
	}
	con := on.flow
	changes, cut, err := n.list(ctx, n.configured().Connections[on.record.Name].Query, countMost)
	if err != nil {
		return admin.ScopeCount{}, err
	}
	out := admin.ScopeCount{Listed: len(changes), Cut: cut}
	for _, c := range changes {
		pre, err := n.path.Preview(ctx, con, con.Rules(), c.Ref)
		if err != nil && pre.Ticket.Key == "" {
			return out, trackerFailed("read ticket "+c.Key, err)
		}
		if !pre.Matches {
			continue
		}
		out.Matches++
		if i, err := n.path.Inspect(con, c.Ref, event.TwinID{}); err == nil && i.Twin != nil {
			out.Twins++
		}
	}
	return out, nil
}

// countMost bounds how many tickets a count reads.
const countMost = 5000

// ScopeExplain says why a ticket is in scope or not.
func (n *Node) ScopeExplain(ctx context.Context, name, key string) (admin.ScopeExplanation, error) {
	on, err := n.one(name)
	if err != nil {
		return admin.ScopeExplanation{}, err
	}
	c, err := n.locate(ctx, key)
	if err != nil {
		return admin.ScopeExplanation{}, err
	}
	e, _, err := n.explain(ctx, on.flow, c.Ref)
	return e.Scope, err
}
