package node

import (
	"context"
	"time"

	"parley/node/admin"
)

// The states of a load that a pause knows.
const (
	loadListing = "listing"
	loadRunning = "running"
	loadPaused  = "paused"
)

// wait returns when the load is not paused.
func (l *load) wait(ctx context.Context) error {
	l.mu.Lock()
	paused := l.paused
	l.mu.Unlock()
	if paused == nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-paused:
		return nil
	}
}

// listed says how many tickets there are; a load may have been paused before.
func (l *load) listed(total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Total = total
	if l.paused == nil {
		l.state.State = loadRunning
	}
}

// worked is how long the load has worked; l.mu is held.
func (l *load) worked() time.Duration {
	until := time.Now()
	if l.paused != nil {
		until = l.since
	}
	return until.Sub(l.began) - l.rested
}

// pause hands nothing over until resume; each tells whether it changed anything.
func (l *load) pause(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused != nil || l.state.State != loadListing && l.state.State != loadRunning {
		return false
	}
	l.paused, l.since, l.state.State = make(chan struct{}), now, loadPaused
	return true
}

func (l *load) resume(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil || l.state.State != loadPaused {
		return false
	}
	close(l.paused)
	l.paused, l.state.State = nil, loadRunning
	l.rested += now.Sub(l.since)
	return true
}

// PauseLoad hands nothing more over for a while; what was handed over goes on.
func (n *Node) PauseLoad(ctx context.Context, name string) (admin.Load, error) {
	return n.changeLoad(ctx, name, "no load is under way that could be paused", (*load).pause)
}

// ResumeLoad goes on with a load that was paused.
func (n *Node) ResumeLoad(ctx context.Context, name string) (admin.Load, error) {
	return n.changeLoad(ctx, name, "no load is paused", (*load).resume)
}

func (n *Node) changeLoad(ctx context.Context, name, not string, change func(*load, time.Time) bool) (admin.Load, error) {
	if _, err := n.Load(ctx, name); err != nil {
		return admin.Load{}, err
	}
	n.mu.Lock()
	l := n.loads[n.linkID(name)]
	n.mu.Unlock()
	if l == nil || !change(l, time.Now()) {
		return admin.Load{}, &admin.Error{Kind: admin.KindConflict, Message: not, Hint: "`parley connection load " + name + " --show`"}
	}
	return l.get(), nil
}
