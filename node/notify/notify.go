package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"
)

const (
	maxTroubles = 10_000 // held at a time
	atATime     = 4      // messages under way
)

// State keeps who has been told, durably. Its keys are the notifier's own.
type State interface {
	// All returns every key with its value.
	All() (map[string][]byte, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// Sender hands one message to one target.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Options are what a Notifier needs.
type Options struct {
	// Node is the node's name, for the messages.
	Node string
	// State is where it is kept who has been told.
	State State
	// Sender returns the way to a target.
	Sender func(target string) (Sender, error)
	// Log gets what could not be sent.
	Log zerolog.Logger
	// Gather is how long a message waits for others; 0 is ten seconds.
	Gather time.Duration
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Notifier tells people. Its methods may be called from several goroutines.
type Notifier struct {
	o    Options
	wake chan struct{} // there may be something to send

	mu      sync.Mutex
	wrong   map[Condition]Trouble
	told    map[Condition]record
	settled bool            // everything that is wrong has been raised since the start
	lost    int             // troubles over maxTroubles
	busy    map[string]bool // targets with a sender under way
}

// record is who has been told of a condition.
type record struct {
	Condition Condition `json:"condition"`
	Code      string    `json:"code,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	To        []string  `json:"to"`
}

// New makes a Notifier from what was told before.
func New(o Options) (*Notifier, error) {
	if o.Gather == 0 {
		o.Gather = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notifier{
		o: o, wake: make(chan struct{}, 1), busy: map[string]bool{},
		wrong: map[Condition]Trouble{}, told: map[Condition]record{},
	}
	all, err := o.State.All()
	if err != nil {
		return nil, fmt.Errorf("read who has been told: %w", err)
	}
	for key, value := range all {
		var r record
		if err := json.Unmarshal(value, &r); err != nil {
			return nil, fmt.Errorf("read who has been told of %s: %w", key, err)
		}
		n.told[r.Condition] = r
	}
	return n, nil
}

// Raise says that something is wrong. To raise it again is nothing new, except
// for targets that were not named before. After a start everything that still is
// wrong must be raised again, and then Settled called.
func (n *Notifier) Raise(t Trouble) {
	t = t.clean()
	t.To = slices.Compact(slices.Sorted(slices.Values(t.To)))
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.wrong[t.Condition]; !known && len(n.wrong) >= maxTroubles {
		n.lost++
		return
	}
	n.wrong[t.Condition] = t
	n.signal()
}

// Clear says that something is not wrong any more.
func (n *Notifier) Clear(c Condition) {
	c = Trouble{Condition: c}.clean().Condition
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.wrong, c)
	n.signal()
}

// Settled says that all that is wrong has been raised since the start. What was
// told before and is not among it is over.
func (n *Notifier) Settled() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settled = true
	n.signal()
}

// signal wakes Run, which may be awake already.
func (n *Notifier) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run sends messages until ctx ends; it returns when the last one under way has.
func (n *Notifier) Run(ctx context.Context) error {
	var senders sync.WaitGroup
	defer senders.Wait()
	slots := make(chan struct{}, atATime)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wake:
		}
		for _, target := range n.claim() {
			senders.Go(func() {
				n.tell(ctx, target, slots)
				n.release(target)
			})
		}
	}
}

// due is what one target is to be told.
type due struct{ wrong, over []Line }

// difference is what is to be told, by target; n.mu is held.
func (n *Notifier) difference() map[string]due {
	all := map[string]due{}
	for c, t := range n.wrong {
		for _, target := range t.To {
			if !slices.Contains(n.told[c].To, target) {
				d := all[target]
				d.wrong = append(d.wrong, Line{c, t.Code, t.Since})
				all[target] = d
			}
		}
	}
	if !n.settled {
		return all // what was told may still be raised
	}
	for c, r := range n.told {
		if _, still := n.wrong[c]; still {
			continue
		}
		for _, target := range r.To {
			d := all[target]
			d.over = append(d.over, Line{r.Condition, r.Code, r.Since})
			all[target] = d
		}
	}
	return all
}

// claim returns the targets that have something to be told and no sender yet.
func (n *Notifier) claim() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var targets []string
	for target := range n.difference() {
		if !n.busy[target] {
			n.busy[target] = true
			targets = append(targets, target)
		}
	}
	return targets
}

// release lets a target be claimed again: something may have come meanwhile.
func (n *Notifier) release(target string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.busy, target)
	n.signal()
}

// tell sends a target one message, trying again until it went or ctx ends. Each
// try says what is so at that time.
func (n *Notifier) tell(ctx context.Context, target string, slots chan struct{}) {
	pause := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(10*time.Second), backoff.WithMaxInterval(15*time.Minute), backoff.WithMaxElapsedTime(0),
	)
	for wait := n.o.Gather; ; wait = pause.NextBackOff() {
		if !sleep(ctx, wait) {
			return
		}
		m, d := n.message(target)
		if len(d.wrong)+len(d.over) == 0 {
			return // it came and went
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := n.send(ctx, target, m)
		<-slots
		if err == nil {
			n.record(target, d)
			return
		}
		if ctx.Err() == nil {
			n.o.Log.Warn().Str("target", target).Err(err).Msg("people not told, will try again")
		}
	}
}

// sleep waits; it returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (n *Notifier) send(ctx context.Context, target string, m Message) error {
	sender, err := n.o.Sender(target)
	if err != nil {
		return err
	}
	return sender.Send(ctx, m)
}

// message makes what a target is to be told at this moment.
func (n *Notifier) message(target string) (Message, due) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.difference()[target]
	slices.SortFunc(d.wrong, compare)
	slices.SortFunc(d.over, compare)
	m := Message{Node: n.o.Node, At: n.o.Now(), More: n.lost}
	m.Wrong = d.wrong[:min(len(d.wrong), MaxLines)]
	m.Over = d.over[:min(len(d.over), MaxLines-len(m.Wrong))]
	m.More += len(d.wrong) - len(m.Wrong) + len(d.over) - len(m.Over)
	return m, d
}

// record keeps that a target has been told.
func (n *Notifier) record(target string, d due) {
	n.mu.Lock()
	n.lost = 0
	var changed []record
	for _, l := range d.wrong {
		r := n.told[l.Condition]
		changed = append(changed, record{l.Condition, l.Code, l.Since, append(slices.Clone(r.To), target)})
	}
	for _, l := range d.over {
		r := n.told[l.Condition]
		r.To = slices.DeleteFunc(slices.Clone(r.To), func(s string) bool { return s == target })
		changed = append(changed, r)
	}
	for _, r := range changed {
		if len(r.To) == 0 {
			delete(n.told, r.Condition)
		} else {
			n.told[r.Condition] = r
		}
	}
	n.mu.Unlock()

	var failed error
	for _, r := range changed {
		failed = errors.Join(failed, n.keep(r.Condition))
	}
	if failed != nil {
		n.o.Log.Error().Err(failed).Msg("who was told is not kept, a restart may repeat it")
	}
}

// keep makes one record durable, as it is at this moment: senders of different
// targets write the same one.
func (n *Notifier) keep(c Condition) error {
	n.mu.Lock()
	r, ok := n.told[c]
	n.mu.Unlock()
	key := fmt.Sprintf("%s/%s/%s", c.Kind, c.Connection, c.Ticket)
	if !ok {
		return n.o.State.Delete(key)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep who was told of %s: %w", key, err)
	}
	return n.o.State.Put(key, value)
}
