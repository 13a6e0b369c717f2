//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/scripts/bench/workload"
	"parley/sync/event"
)

// patience is how long nothing may settle before the bench gives up.
const patience = 60 * time.Second

// driver is the people at A: it edits tickets, and a ticket again only when
// its last edit has settled.
type driver struct {
	tracker editor
	tickets int
	silent  bool        // people write no comments
	settled chan string // keys
	// queue holds the events of a ticket, the one under way first.
	queue  map[string][]int
	handed []int64
	ended  []int64
}

// editor is a tracker with people in front of it.
type editor interface {
	edit(key string, fields event.Fields, comments []event.Comment)
}

func newDriver(t editor, tickets, events int) *driver {
	return &driver{
		tracker: t, tickets: tickets, settled: make(chan string, events+1),
		queue: map[string][]int{}, handed: make([]int64, events+1), ended: make([]int64, events+1),
	}
}

func key(event, tickets int) string {
	return fmt.Sprintf("SUP-%d", 1000+workload.TicketOf(uint64(event), tickets))
}

// hand makes event i's edit.
func (d *driver) hand(i int) {
	r := workload.Make(uint64(i), d.tickets)
	now := time.Now()
	d.handed[i] = now.UnixNano()
	fields := fieldsOf(r)
	fields["fields.At"] = float64(now.UnixMicro())
	comments := make([]event.Comment, len(r.Comments))
	for n, c := range r.Comments {
		comments[n] = event.Comment{
			ID: c.ID, Author: event.User{ID: c.Author, Name: c.Author}, Body: c.Body, Internal: c.Internal, Created: now.UTC(),
		}
	}
	if d.silent {
		comments = nil
	}
	d.tracker.edit(r.Ticket, fields, comments)
}

// fieldsOf are the fields of a ticket of A after an edit.
func fieldsOf(r workload.Replica) event.Fields {
	fields := event.Fields{
		"type": r.Type, "summary": r.Summary, "description": r.Description, "status": r.Status, "priority": r.Priority,
		"reporter": person(r.Reporter), "assignee": person(r.Assignee), "updated": r.Updated,
		"labels":     labels(r.Labels),
		"fields.Seq": float64(r.Seq),
	}
	for name, value := range r.Fields {
		if n, ok := value.(int); ok {
			value = float64(n)
		}
		fields[event.CustomPrefix+name] = value
	}
	return fields
}

func person(mail string) any { return event.User{ID: mail, Name: mail}.Value() }

func labels(in []string) []any {
	out := make([]any, len(in))
	for i, l := range in {
		out[i] = l
	}
	return out
}

// add gives an event to its ticket; it is handed in at once if nothing of the
// ticket is under way.
func (d *driver) add(i int) {
	k := key(i, d.tickets)
	if d.queue[k] = append(d.queue[k], i); len(d.queue[k]) == 1 {
		d.hand(i)
	}
}

// end notes that what was under way for a ticket has settled, and hands in
// what waits.
func (d *driver) end(k string) error {
	waits := d.queue[k]
	if len(waits) == 0 {
		return fmt.Errorf("%s settled more often than it was edited", k)
	}
	d.ended[waits[0]] = time.Now().UnixNano()
	if waits = waits[1:]; len(waits) > 0 {
		d.hand(waits[0])
	}
	d.queue[k] = waits
	return nil
}

// burst hands in events first to last, each as soon as its ticket's previous
// one has settled.
func (d *driver) burst(ctx context.Context, first, last int) error {
	for i := first; i <= last; i++ {
		d.add(i)
	}
	return d.drain(ctx, last-first+1)
}

// paced hands in one event every so often.
func (d *driver) paced(ctx context.Context, first, last int, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	left := last - first + 1
	for i := first; i <= last; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			d.add(i)
			i++
		case k := <-d.settled:
			if err := d.end(k); err != nil {
				return err
			}
			left--
		}
	}
	return d.drain(ctx, left)
}

// drain waits until so many events have settled.
func (d *driver) drain(ctx context.Context, left int) error {
	stuck := time.NewTimer(patience)
	defer stuck.Stop()
	for ; left > 0; left-- {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case k := <-d.settled:
			if err := d.end(k); err != nil {
				return err
			}
			stuck.Reset(patience)
		case <-stuck.C:
			return fmt.Errorf("%d events have not settled", left)
		}
	}
	if len(d.settled) > 0 {
		return errors.New("more settled than was handed in")
	}
	return nil
}
