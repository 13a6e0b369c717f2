package simtest

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// sweeping runs many seeds side by side and keeps count. Of twelve worlds four are
// pairs; a seed that has failed is told with the command that runs it again.
type sweeping struct {
	first   uint64
	count   int
	shapes  []shape
	onFirst bool

	mu                     sync.Mutex // guards what follows
	next                   int
	done                   int
	events, faults, broken int
	out                    io.Writer
}

func newSweep(first uint64, count int, only string, onFirst bool) *sweeping {
	s := &sweeping{first: first, count: count, shapes: []shape{pair, restored, pair, three, pair, crowded, pair, apart, refused, shifted, reused, together, related, holding}, onFirst: onFirst}
	if only != "" {
		s.shapes = nil
		for _, name := range strings.Split(only, ",") {
			s.shapes = append(s.shapes, shape(name))
		}
	}
	return s
}

// run ends with one line on out; progress and violations go to progress. It
// returns the exit code.
func (s *sweeping) run(workers int, out, progress io.Writer) int {
	s.out = progress
	begun := time.Now()
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for s.one() {
			}
		})
	}
	wait.Wait()
	took := time.Since(begun)
	_, _ = fmt.Fprintf(out, "%d seeds, %d events, %d faults, %d violations, %.1f seeds per second\n",
		s.done, s.events, s.faults, s.broken, float64(s.done)/took.Seconds())
	if s.broken > 0 {
		return 1
	}
	return 0
}

// one runs the next seed; false if there is none.
func (s *sweeping) one() bool {
	s.mu.Lock()
	i := s.next
	s.next++
	over := i >= s.count || s.onFirst && s.broken > 0
	s.mu.Unlock()
	if over {
		return false
	}
	seed, in := s.first+uint64(i), s.shapes[i%len(s.shapes)]
	w, violations := playSafely(in, seed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if w != nil {
		s.events, s.faults = s.events+w.events, s.faults+w.injected
	}
	if len(violations) > 0 {
		s.broken++
		_, _ = fmt.Fprintf(s.out, "seed %d (%s):\n%s\nreplay with: %s\n", seed, in, strings.Join(violations, "\n"), replay(in, seed))
	}
	if s.done%500 == 0 {
		_, _ = fmt.Fprintf(s.out, "%d of %d seeds, %d violations\n", s.done, s.count, s.broken)
	}
	return true
}

// playSafely takes a panic for a violation, so that the other seeds go on.
func playSafely(s shape, seed uint64) (w *world, violations []string) {
	defer func() {
		if r := recover(); r != nil {
			violations = []string{fmt.Sprintf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	return play(s, seed, quietly)
}
