package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/adapters"
	"parley/sync/inbox"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/transport"
)

// Runner gives a Path its goroutines: one that polls, a number of lanes, one
// per stream that ships, a few that fetch files.
type Runner struct {
	path  *Path
	lanes *Lanes
	ships *Lanes
	files *Lanes
	// Every is the time between two polls, Workers the number of lanes.
	every   time.Duration
	workers int
	poke    chan struct{}
	failed  func(error)
	window  int
	missing *missing

	pollMu  sync.Mutex
	pollErr error
	pollAt  time.Time
}

// RunnerOptions is what a Runner is made of.
type RunnerOptions struct {
	// Every is the time between two polls; default 5 s.
	Every time.Duration
	// Workers is the number of lanes that run side by side; default 8.
	Workers int
	// Window is how many tasks memory holds; default 40,000.
	Window int
	// Failed is told once when the store has stopped; the node must end.
	Failed func(error)
}

// NewRunner makes the Path and its Runner.
func NewRunner(o Options, r RunnerOptions) (*Path, *Runner) {
	if r.Every <= 0 {
		r.Every = 5 * time.Second
	}
	if r.Workers <= 0 {
		r.Workers = 8
	}
	if r.Failed == nil {
		r.Failed = func(error) {}
	}
	runner := &Runner{
		lanes: NewLanes(), ships: NewLanes(), files: NewLanes(),
		every: r.Every, workers: r.Workers, poke: make(chan struct{}, 1), failed: r.Failed, missing: newMissing(), window: cmp.Or(r.Window, windowMost),
	}
	o.Wake = runner.wake
	runner.path = New(o)
	return runner.path, runner
}

func (r *Runner) wake(t Task, w When) {
	if !w.At.IsZero() {
		// A row's time is one of the clock. The timer runs by the time that passes,
		// whatever becomes of the clock meanwhile.
		now := r.path.Now()
		w.At = now.Add(w.At.Sub(now))
	}
	switch t.Kind {
	case KindShip:
		r.ships.Add(t, w)
	case KindFetch:
		r.admit(r.files, t, w)
	default:
		r.admit(r.lanes, t, w)
	}
}

// Poke brings the next poll forward.
func (r *Runner) Poke() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// PollState tells when the tracker last answered a poll, and the error since.
func (r *Runner) PollState() (time.Time, error) {
	r.pollMu.Lock()
	defer r.pollMu.Unlock()
	return r.pollAt, r.pollErr
}

// Idle tells whether nothing runs, is queued or is due now.
func (r *Runner) Idle() bool {
	for _, l := range []*Lanes{r.lanes, r.ships, r.files} {
		if present, _ := l.Waiting(); present > 0 {
			return false
		}
	}
	return !r.missing.some(r.path.Now())
}

// Run works until ctx ends or the store stops; it returns when all of its
// goroutines have.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := r.path.Resume(); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { r.poll(ctx) })
	for range r.workers {
		all.Go(func() { r.work(ctx, r.lanes, r.inLane) })
	}
	all.Go(func() { r.refill(ctx) })
	all.Go(func() { r.apart(ctx, r.ships, r.ship) })
	all.Go(func() { r.apart(ctx, r.files, r.fetch) })
	var err error
	select {
	case <-ctx.Done():
	case <-r.path.Store.Failed():
		err = r.path.Store.Err()
		r.failed(err)
	}
	cancel()
	all.Wait()
	return err
}

// Connect begins to take a connection's messages and to send to it.
func (r *Runner) Connect(c *Connection) error {
	if err := r.path.Add(c); err != nil {
		return err
	}
	err := c.Link.Handle(func(ctx context.Context, kind transport.Kind, body []byte) ([]byte, error) {
		reply, err := r.path.Receive(ctx, c.ID, kind, body)
		if err != nil && !errors.Is(err, errDeaf) && !errors.Is(err, errNotUs) {
			r.path.turnAway(c, refusedMessage, err)
		}
		return reply, err
	})
	if err != nil {
		return err
	}
	if err := r.path.resumeHeal(c); err != nil {
		return err
	}
	if err := r.path.Store.View(func(rd store.Reader) error { return r.path.rememberCreates(rd, c) }); err != nil {
		return err
	}
	r.missing.note(c.ID, time.Time{})
	r.path.rouseStreams(c)
	return nil
}

// rememberCreates tells the way out which creates were under way.
func (p *Path) rememberCreates(r store.Reader, c *Connection) error {
	return r.Scan(store.Prefix('i', c.ID), nil, func(_, value []byte) (bool, error) {
		var row inbox.Row
		if err := row.UnmarshalBinary(value); err != nil {
			return false, fmt.Errorf("read row i: %w", err)
		}
		pl, err := planOf(row)
		if pl != nil {
			p.markCreating(c.ID, pl)
		}
		return true, err
	})
}

func (r *Runner) poll(ctx context.Context) {
	watch := (<-chan struct{})(nil)
	if w, ok := r.path.Tracker.(adapters.Watcher); ok {
		watch = w.Watch()
	}
	attempt := 0
	for {
		more, err := r.path.Poll(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := r.every
		attempt = r.polled(err, attempt)
		switch {
		case err != nil:
			wait = max(wait, retry.Curve(attempt))
		case more:
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-watch:
		case <-r.poke:
		}
		timer.Stop()
	}
}

func (r *Runner) polled(err error, attempt int) int {
	r.pollMu.Lock()
	defer r.pollMu.Unlock()
	if err == nil {
		r.pollAt, r.pollErr = r.path.Now(), nil
		return 0
	}
	if r.pollErr == nil || r.pollErr.Error() != err.Error() {
		r.path.Log.Warn().Err(err).Msg("tracker cannot be polled")
	}
	r.pollErr = err
	return attempt + 1
}

// work runs tasks until ctx ends.
func (r *Runner) work(ctx context.Context, lanes *Lanes, do func(context.Context, Task)) {
	for ctx.Err() == nil {
		task, ok, next := lanes.Take(r.path.Now())
		if ok {
			do(ctx, task)
			continue
		}
		if next.IsZero() {
			select {
			case <-ctx.Done():
			case <-lanes.Ready():
			}
			continue
		}
		timer := time.NewTimer(max(time.Millisecond, next.Sub(r.path.Now())))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-lanes.Ready():
		}
		timer.Stop()
	}
}

// apart runs every task in a goroutine of its own, so that a peer that is slow,
// or never replies, holds up no other; do takes a lane of the peer's.
func (r *Runner) apart(ctx context.Context, lanes *Lanes, do func(context.Context, Task)) {
	var all sync.WaitGroup
	defer all.Wait()
	r.work(ctx, lanes, func(ctx context.Context, t Task) { all.Go(func() { do(ctx, t) }) })
}

func (r *Runner) inLane(ctx context.Context, t Task) {
	lane, err := r.path.Lane(t)
	if err == nil {
		if !r.lanes.Enter(t, lane) {
			return
		}
		err = r.path.Do(ctx, t)
	}
	r.lanes.Leave(t, lane)
	if err != nil && ctx.Err() == nil {
		r.path.Log.Error().Str("task", string(t.Kind)).Err(err).Msg("task put off")
		r.lanes.Add(t, When{At: r.path.Now().Add(retry.Curve(3))})
	}
}

// Lane names the lane of a task: our ticket, or a twin that has none yet.
func (p *Path) Lane(t Task) (string, error) {
	if !t.Ref.IsZero() {
		return t.Ref.String(), nil
	}
	if ref, ok := p.refs.of(t.Con, t.Twin); ok {
		return ref.String(), nil
	}
	lane := t.Twin.String()
	err := p.Store.View(func(r store.Reader) error {
		row, err := twinRow(r, t.Con, t.Twin)
		if row != nil && !row.Ref.IsZero() {
			lane = row.Ref.String()
			p.refs.set(t.Con, t.Twin, row.Ref)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("find the lane of twin %s: %w", t.Twin, err)
	}
	return lane, nil
}

// Do runs one task of a lane.
func (p *Path) Do(ctx context.Context, t Task) error {
	switch t.Kind {
	case KindWork:
		return p.Work(ctx, t.Con, t.Ref)
	case KindApply:
		return p.Apply(ctx, t.Con, t.Twin)
	case KindAttach:
		return p.Attach(ctx, t.Con, t.Twin, t.Item)
	case KindFetch:
		return p.Fetch(ctx, t.Con, t.Twin, t.Item)
	case KindProbe:
		if con := p.Connection(t.Con); con != nil {
			return p.probe(con)
		}
	case KindChore:
		return p.Chore(ctx, t.Con, t.Twin, t.Item)
	}
	return nil
}

// fetch pulls one file; a peer is asked for one at a time.
func (r *Runner) fetch(ctx context.Context, t Task) {
	lane := t.Con.String()
	if !r.files.Enter(t, lane) {
		return
	}
	err := r.path.Do(ctx, t)
	r.files.Leave(t, lane)
	if err != nil && ctx.Err() == nil {
		r.files.Add(t, When{At: r.path.Now().Add(retry.Curve(3))})
	}
}

// ship sends one stream until nothing waits, or the peer cannot be reached.
func (r *Runner) ship(ctx context.Context, t Task) {
	con := r.path.Connection(t.Con)
	lane := t.Con.String() + string(t.Stream)
	if !r.ships.Enter(t, lane) {
		return
	}
	var err error
	for more := true; more && err == nil && ctx.Err() == nil; {
		more, err = r.path.Ship(ctx, t.Con, t.Stream)
	}
	r.ships.Leave(t, lane)
	if con == nil || err == nil || ctx.Err() != nil {
		return
	}
	if errors.Is(err, ErrPaused) || errors.Is(err, errStopped) || errors.Is(err, ErrFenced) {
		return
	}
	if errors.Is(err, errWait) {
		r.ships.Add(t, When{At: r.path.Now().Add(waitAgain)})
		return
	}
	if busy := (*busyError)(nil); errors.As(err, &busy) {
		r.ships.Add(t, When{At: r.path.Now().Add(max(time.Second, busy.wait))})
		return
	}
	r.ships.Add(t, When{At: r.path.Now().Add(con.session.failed(err, r.path))})
}

// failed remembers an error of the contact and says how long to wait.
func (s *session) failed(err error, p *Path) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	if s.lastErr != err.Error() {
		s.lastErr = err.Error()
		p.Log.Info().Err(err).Msg("peer not reached")
	}
	return min(retry.Curve(s.attempts), maxAway*time.Duration(1+len(p.Connections())/manyPeers))
}

// waitAgain is how often a process asks whether the peer has made sure that the
// one before it is gone.
const waitAgain = 300 * time.Millisecond

// maxAway bounds how late a peer that came back by itself is noticed; one that
// says hello is noticed at once.
// With many peers it is later, so that those who are away cost little.
const (
	maxAway   = 15 * time.Second
	manyPeers = 250
)
