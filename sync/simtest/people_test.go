package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

var (
	errDoubt     = &adapters.Error{Class: adapters.ErrDoubt, Op: "write", Detail: "time-out after effect"}
	errTransient = &adapters.Error{Class: adapters.ErrTransient, Op: "call"}
)

// person does one thing to a ticket, as somebody in front of the tracker would.
func (w *world) person(t *tracker, k *ticket) {
	who := event.User{ID: "ana", Name: "Ana"}
	n := w.rng.IntN(1_000_000)
	switch w.rng.IntN(8) {
	case 0, 1:
		t.set(k, "summary", fmt.Sprintf("summary %s %d", t.name, n))
	case 2:
		t.set(k, "status", statuses[w.rng.IntN(len(statuses))])
	case 3:
		t.set(k, "priority", priorities[w.rng.IntN(len(priorities))])
	case 4:
		t.set(k, "labels", []any{fmt.Sprintf("l%d", n%3)})
	case 5:
		t.comment(k, fmt.Sprintf("public %s %d", t.name, n), false, who, "")
	case 6:
		t.comment(k, fmt.Sprintf("internal %s %d", t.name, n), true, who, "")
	case 7:
		if len(k.Attachments) < 4 {
			t.attach(k, fmt.Sprintf("file %d", n), fmt.Appendf(nil, "content %s %d", t.name, n), who, "")
		}
	}
}

func (w *world) newTicket(t *tracker) {
	k := t.create(nil, "")
	t.set(k, "summary", fmt.Sprintf("ticket %s %d", t.name, w.rng.IntN(1_000_000)))
}

// live runs the world for a number of turns with all its faults.
func (w *world) live(ctx context.Context, turns int) error {
	for i := range turns {
		n := w.a
		if w.rng.IntN(2) == 0 {
			n = w.b
		}
		if w.rng.IntN(40) == 0 && len(n.tracker.list) < 12 {
			w.newTicket(n.tracker)
		}
		if w.rng.IntN(8) == 0 && len(n.tracker.list) > 0 && i < turns*3/4 {
			w.person(n.tracker, n.tracker.list[w.rng.IntN(len(n.tracker.list))])
		}
		if err := w.turn(ctx, n); err != nil {
			return fmt.Errorf("turn %d: %w", i, err)
		}
		if err := w.accident(n); err != nil {
			return fmt.Errorf("restore in turn %d: %w", i, err)
		}
		if w.rng.IntN(3) == 0 {
			w.clock.at = w.clock.at.Add(time.Duration(w.rng.IntN(900)) * time.Millisecond)
		}
	}
	return nil
}

// accident takes backups now and then, and puts one back.
func (w *world) accident(n *node) error {
	switch {
	case w.restores == 0:
	case n.backup == nil && w.rng.IntN(60) == 0:
		backup := n.store.Snapshot()
		n.backup = &backup
	case n.backup != nil && w.rng.IntN(200) == 0:
		w.restores--
		return n.restore()
	}
	return nil
}

func (w *world) turn(ctx context.Context, n *node) error {
	if len(w.strays) > 0 && w.rng.IntN(5) == 0 {
		s := w.strays[0]
		w.strays = w.strays[1:]
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

func (n *node) poll(ctx context.Context) error {
	return n.protect(func() error {
		_, err := n.path.Poll(ctx)
		if errors.Is(err, adapters.ErrTransient) {
			return nil
		}
		return err
	})
}

// settle ends all faults and runs until nothing moves for a long time.
func (w *world) settle(ctx context.Context) error {
	w.faults = false
	for quiet := 0; quiet < 60; {
		moved := false
		for _, n := range []*node{w.a, w.b} {
			if err := n.poll(ctx); err != nil {
				return err
			}
			for i := 0; ; i++ {
				did, err := n.step(ctx)
				if err != nil {
					return err
				}
				if !did {
					break
				}
				if moved = moved || i > 2; i > 5000 {
					return fmt.Errorf("%s does not come to rest", n.name)
				}
			}
		}
		if quiet++; moved && w.open() > 0 {
			quiet = 0
		}
		w.clock.at = w.clock.at.Add(7 * time.Second)
		if w.clock.at.Year() > 2027 {
			return errors.New("the world does not come to rest")
		}
	}
	// Late retries of parked and held tickets come after an hour.
	w.clock.at = w.clock.at.Add(2 * time.Hour)
	return nil
}

// open counts the rows of work, inbox, outbox and files in both nodes.
func (w *world) open() int {
	count := 0
	for _, n := range []*node{w.a, w.b} {
		for _, kind := range []byte("wiqj") {
			count += n.count(kind)
		}
	}
	return count
}

func (n *node) count(kind byte) int {
	count := 0
	_ = n.store.View(func(r store.Reader) error {
		return r.Keys(store.Prefix(kind, n.con.ID), nil, func([]byte) (bool, error) {
			count++
			return true, nil
		})
	})
	return count
}

func parse(raw []byte) (*twin.Row, error) {
	row := &twin.Row{}
	return row, row.UnmarshalBinary(raw)
}
