package hooks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"parley/adapters"
	"parley/sync/event"
)

const (
	maxBody = 4 << 20
	// maxAtOnce bounds what is held in memory: maxAtOnce times maxBody.
	maxAtOnce = 8
	slotTime  = 5 * time.Second
	perSecond = 100
	burst     = 1000
	// maxTickets is how many tickets are looked at by themselves in one go; a poll is
	// cheaper for more.
	maxTickets = 50
	gather     = time.Second
	repeatTime = 10 * time.Minute
	maxRepeats = 10_000
)

// Options are what a Receiver is made of.
type Options struct {
	Hooked adapters.Hooked
	// Look follows up hints: tickets, or none if something else has changed as well.
	Look func(ctx context.Context, tickets []event.Change, other bool)
	// Settle is how long a listing may not show what has changed: what is known only to
	// have changed is looked for once more after it.
	Settle time.Duration
	Log    zerolog.Logger
}

// Receiver takes webhooks. It is an http.Handler.
type Receiver struct {
	opt   Options
	slots chan struct{}
	rate  *rate.Limiter
	ready chan struct{}

	mu      sync.Mutex // guards the fields below
	seen    map[string]time.Time
	tickets map[ticket]event.Change
	other   bool
	last    time.Time // the last authentic delivery
	refused int
	told    time.Time // when refused was last logged
}

type ticket struct {
	ref event.Ref
	key string
}

// New makes a Receiver; Run must be running for what it takes to have an effect.
func New(o Options) *Receiver {
	return &Receiver{
		opt: o, slots: make(chan struct{}, maxAtOnce), rate: rate.NewLimiter(perSecond, burst), ready: make(chan struct{}, 1),
		seen: map[string]time.Time{}, tickets: map[ticket]event.Change{},
	}
}

// Last is when an authentic delivery last came; zero if none did.
func (r *Receiver) Last() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if !r.rate.Allow() {
		w.Header().Set("Retry-After", "10")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if !r.enter(q.Context()) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { <-r.slots }()
	status, hint := r.take(w, q)
	if hint.Answer == "" {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", hint.Type)
	// A tracker that does not get it sends again.
	_, _ = io.WriteString(w, hint.Answer)
}

func (r *Receiver) enter(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, slotTime)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// take reads one delivery and returns the status of its answer, and what it hints at.
func (r *Receiver) take(w http.ResponseWriter, q *http.Request) (int, adapters.Hint) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, adapters.Hint{}
	case err != nil:
		return http.StatusBadRequest, adapters.Hint{}
	}
	at := time.Now()
	hint, err := r.opt.Hooked.Hook(adapters.Delivery{Path: q.URL.Path, Header: q.Header, Body: body, At: at})
	if err != nil {
		r.refuse(err, at)
		return http.StatusUnauthorized, adapters.Hint{}
	}
	r.note(hint, at)
	return http.StatusNoContent, hint
}

// refuse logs what was refused, once a minute.
func (r *Receiver) refuse(err error, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused++
	if at.Sub(r.told) < time.Minute {
		return
	}
	r.opt.Log.Warn().Err(err).Int("refused", r.refused).Msg("webhook refused")
	r.refused, r.told = 0, at
}

// note keeps what a delivery hints at for Run.
func (r *Receiver) note(hint adapters.Hint, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = at
	if hint.Once != "" {
		if before, ok := r.seen[hint.Once]; ok && at.Sub(before) < repeatTime {
			return
		}
		r.forget(at)
		r.seen[hint.Once] = at
	}
	for _, t := range hint.Tickets {
		if t.Ref.ID != "" || t.Key != "" {
			r.tickets[ticket{t.Ref, t.Key}] = t
		}
	}
	if len(hint.Tickets) == 0 || len(r.tickets) > maxTickets {
		r.other = true
	}
	if len(r.tickets) > maxTickets {
		clear(r.tickets)
	}
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// forget makes room for another delivery to remember; r.mu is held.
func (r *Receiver) forget(at time.Time) {
	if len(r.seen) < maxRepeats {
		return
	}
	for once, before := range r.seen {
		if at.Sub(before) >= repeatTime {
			delete(r.seen, once)
		}
	}
	if len(r.seen) >= maxRepeats {
		clear(r.seen) // a repeat costs one look
	}
}

// Run follows hints up until ctx ends.
func (r *Receiver) Run(ctx context.Context) {
	var again <-chan time.Time
	for {
		var tickets []event.Change
		var other bool
		select {
		case <-ctx.Done():
			return
		case <-again:
			again, other = nil, true
		case <-r.ready:
			if tickets, other = r.gathered(); other && r.opt.Settle > 0 {
				again = time.After(r.opt.Settle)
			}
		}
		if len(tickets) > 0 || other {
			r.opt.Look(ctx, tickets, other)
		}
		pause := time.NewTimer(gather)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

func (r *Receiver) gathered() ([]event.Change, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tickets []event.Change
	for _, t := range r.tickets {
		tickets = append(tickets, t)
	}
	other := r.other
	clear(r.tickets)
	r.other = false
	return tickets, other
}
