//go:build real

package realtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// ticket is one ticket that a person makes, with all that is done to it.
type ticket struct {
	tag, home string
	// on are the desks that it must stand at in the end, home first.
	on    []string
	first values
	texts []text
	files []attachment
	mu    sync.Mutex
	ids   map[string]string // by desk
}

// text is a comment; its tag stands in it and nowhere else.
type text struct {
	tag, at  string
	internal bool
}

type attachment struct {
	name, at, sum string
	message       text
	data          []byte
}

// deed is one thing that a person does to a ticket at a desk.
type deed struct {
	ticket *ticket
	at     string
	do     func(ctx context.Context, d desk, id string) error
}

// workload is everything that people do.
type workload struct {
	tickets []*ticket
	// deeds by desk, in the order in which they are done.
	deeds map[string][]deed
	total int
	done  atomic.Int64
}

// Numbers of the whole scenario for each 200 tickets.
const (
	commentsEach = 3 // a ticket; one of them is internal
	fileEvery    = 5 // tickets
	bigFile      = 4 << 20
	oddName      = "Überwachung – naïve 図 № 7.png"
)

// plan lays out the scenario for a number of tickets; the same every time.
func plan(tickets int) *workload {
	w := &workload{deeds: map[string][]deed{}}
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // content of files
	for i := range tickets {
		t := place(i)
		w.tickets = append(w.tickets, t)
		w.add(deed{t, t.home, nil})
	}
	for round := range commentsEach {
		for i, t := range w.tickets {
			w.comment(t, text{
				tag: fmt.Sprintf("%s-C%d-%s", t.tag, round, t.on[(i/3+round)%len(t.on)]), at: t.on[(i/3+round)%len(t.on)],
				internal: (i+round)%3 == 2,
			})
			if round == 0 && i%fileEvery == 0 {
				w.attach(t, i, random)
			}
			if round == 1 {
				w.edits(t, i)
			}
		}
	}
	for _, deeds := range w.deeds {
		w.total += len(deeds)
	}
	return w
}

// place decides where a ticket is made and where it belongs.
func place(i int) *ticket {
	t := &ticket{ids: map[string]string{}}
	switch i % 20 {
	case 0, 3, 6, 9, 12, 15:
		t.home, t.on, t.first.systems = acme, []string{acme, globex}, []string{"api"}
	case 1, 5, 10, 16:
		t.home, t.on, t.first.systems = acme, []string{acme, globex, initech}, []string{"api", "web"}
	case 2, 8, 13:
		t.home, t.on, t.first.systems = acme, []string{acme, initech}, []string{"web"}
	case 18: // on no connection
		t.home, t.on, t.first.systems = acme, []string{acme}, []string{"db"}
	case 4, 11, 17:
		t.home, t.on = globex, []string{globex, acme}
	default:
		t.home, t.on = initech, []string{initech, acme}
	}
	t.tag = fmt.Sprintf("T%03d-%s", i, t.home)
	t.first.summary = t.tag + " Printer on fire"
	t.first.description = fmt.Sprintf("It burns in room %d.\n\nSomebody please come to %s.", i, t.home)
	t.first.priority = []string{"Low", "Normal", "High"}[i%3]
	return t
}

func (w *workload) add(d deed) { w.deeds[d.at] = append(w.deeds[d.at], d) }

func (w *workload) comment(t *ticket, c text) {
	t.texts = append(t.texts, c)
	w.add(deed{t, c.at, func(ctx context.Context, d desk, id string) error {
		return d.comment(ctx, id, c.body(), c.internal)
	}})
}

func (c text) body() string {
	if c.internal {
		return "SECRET " + c.tag + ": they never learn"
	}
	return "Hello, " + c.tag + ": we are on our way"
}

func (w *workload) attach(t *ticket, i int, random *rand.Rand) {
	at := t.on[(i/fileEvery)%len(t.on)]
	a := attachment{name: fmt.Sprintf("%s-photo.bin", t.tag), at: at, message: text{tag: t.tag + "-F-" + at, at: at}}
	size := 1000 + random.IntN(60_000)
	switch i / fileEvery {
	case 0:
		size = bigFile
	case 1:
		a.name = t.tag + " " + oddName
	}
	a.data = make([]byte, size)
	for j := range a.data {
		a.data[j] = byte(random.Uint32())
	}
	copy(a.data, "GIF89a") // a picture, which the gate lets leave
	sum := sha256.Sum256(a.data)
	a.sum = hex.EncodeToString(sum[:])
	t.files = append(t.files, a)
	t.texts = append(t.texts, a.message)
	w.add(deed{t, at, func(ctx context.Context, d desk, id string) error {
		return d.attach(ctx, id, a.name, a.message.body(), a.data)
	}})
}

// edits changes a ticket at every desk that it is on, at about the same time.
func (w *workload) edits(t *ticket, i int) {
	for n, at := range t.on {
		v := values{}
		switch (i + n) % 4 {
		case 0:
			v.status = []string{"In progress", "Waiting", "Resolved"}[i%3]
		case 1:
			v.summary = fmt.Sprintf("%s Printer on fire, says %s", t.tag, at)
		case 2:
			v.priority = []string{"High", "Low", "Normal"}[i%3]
		case 3:
			v.status, v.priority = "Waiting", "High"
			v.summary = fmt.Sprintf("%s Printer burns (%s)", t.tag, at)
		}
		if at == t.home && t.mayRewrite() && i%2 == 0 {
			v.description = fmt.Sprintf("It burned in room %d.\n\nThe fire is out.", i)
		}
		w.add(deed{t, at, func(ctx context.Context, d desk, id string) error { return d.edit(ctx, id, v) }})
	}
}

// mayRewrite tells whether all desks of the ticket can change a description:
// RT cannot change a first message.
func (t *ticket) mayRewrite() bool {
	for _, at := range t.on {
		if at == globex {
			return false
		}
	}
	return true
}

// id of the ticket at a desk, "" as long as it is not there.
func (t *ticket) id(at string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[at]
}

func (t *ticket) found(at, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids[at] = id
}

// live does what the people at one desk do, in order where it can be: what
// needs a ticket that has not arrived waits for it.
func (w *workload) live(ctx context.Context, s *site) error {
	waiting := w.deeds[s.name]
	for len(waiting) > 0 {
		rest := waiting[:0:0]
		for _, d := range waiting {
			id := d.ticket.id(s.name)
			if id == "" && d.do != nil {
				rest = append(rest, d)
				continue
			}
			if err := w.act(ctx, s, d, id); err != nil {
				return fmt.Errorf("at %s, ticket %s: %w", s.name, d.ticket.tag, err)
			}
			w.done.Add(1)
		}
		waiting = rest
		if err := w.look(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *workload) act(ctx context.Context, s *site, d deed, id string) error {
	s.server.busy.RLock()
	defer s.server.busy.RUnlock()
	if d.do != nil {
		return d.do(ctx, s.desk, id)
	}
	id, err := s.desk.create(ctx, d.ticket.first)
	if err == nil {
		d.ticket.found(s.name, id)
	}
	return err
}

// look finds the tickets that have arrived at a desk.
func (w *workload) look(ctx context.Context, s *site) error {
	s.server.busy.RLock()
	defer s.server.busy.RUnlock()
	all, err := s.desk.list(ctx)
	if err != nil {
		return err
	}
	for _, t := range w.tickets {
		if ids := all[t.tag]; len(ids) > 0 && t.id(s.name) == "" {
			t.found(s.name, ids[0])
		}
	}
	return nil
}
