//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// storm is people working and processes dying.
type storm struct {
	*world
	kills atomic.Int64
	edits atomic.Int64
	// enough ends it.
	enough context.CancelCauseFunc
}

var errEnough = errors.New("enough")

// storm lasts as long as the options say; then everything runs again.
func (w *world) storm(ctx context.Context, s *summary) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	st := &storm{world: w, enough: cancel}
	var people, killers sync.WaitGroup
	for i, at := range w.sites {
		people.Go(func() { st.looks(ctx, at) })
		for j, p := range at.people {
			human := &human{storm: st, site: at, desk: p, random: w.random(uint64(100*i + j))}
			human.name = fmt.Sprintf("%s-%s", at.name, staff[j])
			people.Go(func() { human.work(ctx) })
		}
		killers.Go(func() { st.killer(ctx, &at.node, w.random(uint64(1000+i)), 1) })
		killers.Go(func() { st.killer(ctx, &at.desk, w.random(uint64(2000+i)), 8) })
	}
	limit := time.Duration(w.options.minutes * float64(time.Minute))
	if w.options.kills > 0 {
		limit = time.Hour // the kills end it
	}
	if pause(ctx, limit) {
		cancel(errEnough)
	}
	people.Wait()
	killers.Wait()
	s.Kills, s.Edits = int(st.kills.Load()), int(st.edits.Load())
	if err := context.Cause(ctx); !errors.Is(err, errEnough) {
		return err
	}
	return w.failure()
}

// looks keeps what people choose from up to date, and notices who died alone.
func (st *storm) looks(ctx context.Context, s *site) {
	for pause(ctx, 500*time.Millisecond) {
		s.look(ctx)
		if err := st.failure(); err != nil {
			st.enough(err)
		}
	}
}

// killer kills one process again and again. Each process has its own, so that
// several are dead at once, at times.
func (st *storm) killer(ctx context.Context, p *process, random *rand.Rand, slower float64) {
	for {
		life := lifetime(random, slower)
		if !pause(ctx, life-p.age()) {
			return
		}
		if err := p.end(os.Kill); err != nil {
			st.enough(err)
			return
		}
		n := int(st.kills.Add(1))
		// How long it stays dead; the others go on without it.
		pause(ctx, time.Duration(random.ExpFloat64()*float64(50*time.Millisecond)))
		if err := p.start(); err != nil {
			st.enough(err)
			return
		}
		if st.options.kills > 0 && n >= st.options.kills {
			st.enough(errEnough)
		}
	}
}

// lifetime of a process: from milliseconds (it is still opening its store) to
// seconds (it works), each order of magnitude alike; one life in four is long
// enough to get something done for certain.
func lifetime(random *rand.Rand, slower float64) time.Duration {
	if random.IntN(4) == 0 {
		return time.Duration((2 + 4*random.Float64()) * slower * float64(time.Second))
	}
	const least, most = 0.005, 4.0
	mean := least * math.Pow(most/least, random.Float64())
	return time.Duration(random.ExpFloat64() * mean * slower * float64(time.Second))
}
