package simtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"parley/sync/envelope"
	"parley/sync/flow"
	"parley/sync/transport"
)

// shape is what kind of world a seed is run in.
type shape string

const (
	pair     shape = "pair"     // A and B
	restored shape = "restored" // A and B, one of which is restored from a backup once
	crowded  shape = "crowded"  // A and B, with people and tasks in the midst of every call
	three    shape = "three"    // A, B and C; B stands between, and may forward A's tickets to C
)

// clock is virtual time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// limits say how bad the world is, in parts of a thousand.
type limits struct {
	drop, dropReply, repeat, stray int // of messages
	die, dieInCall                 int // of commits and of calls of a tracker
	doubt, transient, late         int // of calls of a tracker
	meddle, aside                  int // people and other tasks, in the midst of a call
	partition, jump                int // of turns
	refuse, shift, erase           int // of turns: what goes wrong at the trackers themselves
}

// storms are all faults together.
var storms = limits{
	drop: 30, dropReply: 30, repeat: 30, stray: 20, die: 2, dieInCall: 3, doubt: 15, transient: 20, late: 15,
	meddle: 15, aside: 80, partition: 2, jump: 1,
}

// world is the nodes and what is between them.
type world struct {
	shape  shape
	seed   uint64
	clock  clock
	rng    *rand.Rand
	faults bool
	nodes  []*node
	lines  []*line
	trace  func(format string, args ...any)
	strays []stray
	wires  []any // what was sealed, by number
	limits limits
	depth  int // of turns taken in the midst of another
	// restores is how many more times a node is restored from a backup.
	restores int
	// injected counts the faults, events the data events that were sealed first.
	injected, events int
	// unforgiven is what still waited for a permission after it had come back.
	unforgiven []string
	// writings are what the people of A wrote, by its text; early what left too soon.
	writings map[string]*writing
	early    []string
}

// line is a connection between two nodes.
type line struct {
	ends [2]*end
	cut  bool // nothing gets through
}

// stray is a message that the network kept and delivers again later.
type stray struct {
	to   *end
	kind transport.Kind
	body []byte
}

// flavour is what the seed makes of the filters and gates of a pair.
type flavour string

const (
	plainly  flavour = ""
	careless flavour = "careless" // A's script lets internal comments out; only the gate stands against it
	strict   flavour = "strict"   // B's gate takes no files, and its script asks for them
)

func newWorld(s shape, seed uint64, trace func(string, ...any)) (*world, error) {
	w := &world{shape: s, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), trace: trace, limits: storms, writings: map[string]*writing{}}
	w.clock.at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.limits = limitsOf(s, seed)
	switch s {
	case restored:
		w.restores = 1
	case together:
		w.restores = 2
	}
	a, b := w.newNode("A", seed%3 == 0), w.newNode("B", seed%4 == 0)
	a.tracker.stubborn, b.tracker.lag = seed%6 == 1, time.Duration(seed%7/6)*1200*time.Millisecond
	b.tracker.stubborn, a.tracker.lag = seed%8 == 1, time.Duration(seed%9/8)*1200*time.Millisecond
	w.connect(1, a, b)
	if s == three {
		w.connect(2, b, w.newNode("C", seed%5 == 0))
	}
	var err error
	for _, n := range w.nodes {
		err = errors.Join(err, n.start())
	}
	w.faults = true
	return w, err
}

func limitsOf(s shape, seed uint64) limits {
	l := storms
	switch {
	case s == crowded:
		l.aside, l.meddle = 300, 200
	case s == refused:
		// Who waits for a time waits longer when the clock is set back.
		l.refuse, l.jump = 6, 0
	case s == holding:
		l.jump = 0
	case s == shifted:
		l.shift = 3
	case s == reused:
		l.erase = 8
	case (s == restored || s == together) && !*storm:
		// What a restore does is hard enough to see without the rest.
		l = limits{aside: 20, partition: 6, jump: 1}
	case seed%5 == 0:
		l = limits{meddle: 60} // a quiet network and busy people
	case seed%7 == 3:
		l.repeat, l.stray = 250, 150
	case seed%7 == 5:
		l.aside, l.meddle = 300, 30
	}
	return l
}

func (w *world) flavour() flavour {
	switch {
	case w.shape != pair:
	case w.seed%10 == 7:
		return careless
	case w.seed%10 == 9:
		return strict
	}
	return plainly
}

// forwards tells whether B lets A's tickets go on to C.
func (w *world) forwards() bool { return w.shape == three && w.seed%2 == 0 }

// chance tells whether a fault happens.
func (w *world) chance(perMille int) bool {
	hit := w.odds(perMille)
	if hit {
		w.injected++
	}
	return hit
}

// odds tells whether something happens that is no fault.
func (w *world) odds(perMille int) bool {
	return w.faults && perMille > 0 && w.rng.IntN(1000) < perMille
}

func (w *world) connect(id byte, a, b *node) {
	l := &line{}
	l.ends = [2]*end{{node: a, line: l}, {node: b, line: l}}
	l.ends[0].peer, l.ends[1].peer = l.ends[1], l.ends[0]
	for _, e := range l.ends {
		e.id[0] = id
		e.node.ends = append(e.node.ends, e)
	}
	w.lines = append(w.lines, l)
}

// live runs the world for a number of turns with all its faults.
func (w *world) live(ctx context.Context, turns int) error {
	for i := range turns {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		if w.rng.IntN(40) == 0 && len(n.tracker.list) < 12 {
			w.newTicket(n.tracker)
		}
		if w.rng.IntN(8) == 0 && len(n.tracker.list) > 0 && i < turns*3/4 {
			w.person(n.tracker, n.tracker.list[w.rng.IntN(len(n.tracker.list))])
		}
		if _, err := w.resolver(ctx, 30); err != nil {
			return fmt.Errorf("decide in turn %d: %w", i, err)
		}
		if err := w.turn(ctx, n); err != nil {
			return fmt.Errorf("turn %d: %w", i, err)
		}
		if err := w.part(n); err != nil {
			return fmt.Errorf("part in turn %d: %w", i, err)
		}
		if err := w.accident(n, i > turns*3/4); err != nil {
			return fmt.Errorf("accident in turn %d: %w", i, err)
		}
		if w.rng.IntN(3) == 0 {
			w.pass(time.Duration(w.rng.IntN(900)) * time.Millisecond)
		}
	}
	return nil
}

// pass lets time pass. What was cut off lands at its own time, not when somebody
// looks next: it would be in the index later than the tracker's SettleTime says.
func (w *world) pass(d time.Duration) {
	end := w.clock.at.Add(d)
	for {
		at := end
		for _, n := range w.nodes {
			if next := n.tracker.next(); !next.IsZero() && next.Before(at) {
				at = next
			}
		}
		w.clock.at = at
		for _, n := range w.nodes {
			n.tracker.land()
		}
		if at.Equal(end) {
			return
		}
	}
}

// accident takes backups now and then, and puts one back, at the latest when it is
// late; it cuts lines, and makes clocks jump.
func (w *world) accident(n *node, late bool) error {
	w.misfortune(n.tracker)
	if l := w.lines[w.rng.IntN(len(w.lines))]; l.cut {
		l.cut = w.rng.IntN(60) > 0
	} else if l.cut = w.chance(w.limits.partition); l.cut {
		w.trace("the line of %s and %s is cut", l.ends[0].node.name, l.ends[1].node.name)
	}
	// A jump in the seconds in which a write may still land is one fault too many:
	// how long they last, only the clock can tell.
	if w.clock.at.Sub(n.tracker.wrote) > settleTime && w.chance(w.limits.jump) {
		n.skew = time.Duration(w.rng.IntN(3)-1) * 24 * time.Hour
		w.trace("the clock of %s is %v ahead", n.name, n.skew)
	}
	switch {
	case w.restores == 0:
	case n.backup == nil && w.rng.IntN(60) == 0:
		backup := n.store.Snapshot()
		n.backup = &backup
	case n.backup != nil && (late || w.restoring() || w.rng.IntN(w.age()) == 0):
		w.restores--
		w.lines[0].cut = w.seed%2 == 0 // it gives numbers again before the peer hears of it
		w.injected++
		return n.restore()
	}
	return nil
}

// age is how many turns old a backup is when it is put back, about.
func (w *world) age() int {
	if w.seed%4 == 0 {
		return 12
	}
	return 200
}

func (w *world) turn(ctx context.Context, n *node) error {
	if len(w.strays) > 0 && w.rng.IntN(20) == 0 {
		i := w.rng.IntN(len(w.strays))
		s := w.strays[i]
		w.strays = slices.Delete(w.strays, i, i+1)
		_, _ = s.to.receive(ctx, s.kind, s.body)
	}
	if w.rng.IntN(4) == 0 {
		if err := n.poll(ctx); err != nil {
			return err
		}
	}
	_, err := n.step(ctx)
	return err
}

// aside takes turns in the midst of one of n's, as other workers of the same
// process and other nodes do. Nothing may be locked meanwhile.
func (w *world) aside(n *node) {
	if w.depth >= 3 || !w.odds(w.limits.aside) {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	for range 1 + w.rng.IntN(6) {
		if w.rng.IntN(2) == 0 {
			n = w.nodes[w.rng.IntN(len(w.nodes))]
		}
		if !n.dead {
			if err := w.turn(context.Background(), n); err != nil {
				panic(err)
			}
		}
	}
}

// settle ends all faults and runs until nothing moves for a long time.
func (w *world) settle(ctx context.Context) error {
	w.faults = false
	for _, l := range w.lines {
		l.cut = false
	}
	if err := w.relent(ctx); err != nil {
		return err
	}
	for _, n := range w.nodes {
		// What is sent is tried again by a timer: it does not wait longer because the
		// clock was set back.
		for _, e := range n.ends {
			for _, s := range []envelope.Stream{envelope.Data, envelope.Control} {
				n.lanes.Add(flow.Task{Kind: flow.KindShip, Con: e.id, Stream: s}, flow.When{})
			}
		}
	}
	for quiet, leaps, begun := 0, 0, w.clock.at; quiet < 40; {
		moved, err := w.round(ctx)
		if err != nil {
			return err
		}
		if quiet++; moved && w.open() > 0 {
			quiet = 0
		}
		w.pass(7 * time.Second)
		if wait := w.untilDue(); !moved && w.open() > 0 && wait > 0 && leaps < w.patience() {
			// What waits for its time gets it.
			w.pass(wait)
			quiet = 0
			leaps++
		}
		switch took := w.clock.at.Sub(begun); {
		case w.clock.at.Year() > 2027:
			return errors.New("the world does not come to rest")
		case took > restMost && w.flavour() == plainly:
			return fmt.Errorf("something waits for more than %v", restMost)
		}
	}
	return nil
}

// restMost is how long it takes at most until nothing waits in a world without faults:
// longer than any wait, and shorter than a clock jumps.
const restMost = 6 * time.Hour

// patience is how often what waits for its time gets it before the world counts as
// quiet. Where tickets wait for a person they are tried every hour for good.
func (w *world) patience() int {
	if w.flavour() != plainly {
		return 100
	}
	return 2000
}

// round lets every node do all it can do at present.
func (w *world) round(ctx context.Context) (moved bool, err error) {
	for _, n := range w.nodes {
		if err := n.poll(ctx); err != nil {
			return false, err
		}
		for i := 0; ; i++ {
			did, err := n.step(ctx)
			if err != nil {
				return false, err
			}
			if !did {
				break
			}
			if moved = moved || i > 2; i > 5000 {
				return false, fmt.Errorf("%s does not come to rest", n.name)
			}
		}
	}
	return moved, nil
}

// untilDue is how long until the first task of a node is due; 0 if there is none.
func (w *world) untilDue() time.Duration {
	var waits []time.Duration
	for _, n := range w.nodes {
		if !n.due.IsZero() {
			waits = append(waits, max(n.due.Sub(w.clock.at), time.Millisecond))
		}
	}
	if len(waits) == 0 {
		return 0
	}
	return slices.Min(waits)
}

// open counts the rows of work, inbox, outbox and files in all nodes.
func (w *world) open() int {
	count := 0
	for _, n := range w.nodes {
		for _, e := range n.ends {
			for _, kind := range openRows {
				count += e.count(kind)
			}
			count += e.undecided()
		}
	}
	return count
}

// openRows are the kinds of row that nothing is left of in a quiet world.
var openRows = []byte("wiqj")
