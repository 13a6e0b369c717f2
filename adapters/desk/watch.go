package desk

import (
	"bufio"
	"strings"
	"time"

	"parley/adapters/internal/rest"
)

// Watch implements adapters.Watcher: the desk says at once when something
// changed. While the desk is away nothing is said; polling goes on.
func (t *Tracker) Watch() <-chan struct{} {
	t.watch.Do(func() { go t.listen() })
	return t.hints
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
)

func (t *Tracker) listen() {
	defer close(t.stopped)
	pause := firstPause
	for t.ctx.Err() == nil {
		if t.follow() {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-t.ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// follow reads one stream of hints to its end and tells whether there was any.
func (t *Tracker) follow() bool {
	s, err := t.watcher.Stream(t.ctx, rest.Request{Op: "listen to the desk", Path: "api/v1/watch"})
	if err != nil {
		return false
	}
	defer func() { _ = s.Close() }()
	heard := false
	for lines := bufio.NewScanner(s); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") {
			heard = true
			t.hint()
		}
	}
	return heard
}

// hint leaves one value for whoever listens; more than one says no more.
func (t *Tracker) hint() {
	select {
	case t.hints <- struct{}{}:
	default:
	}
}
