//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// tracker is a map in memory with a version per ticket and a lock that holds:
// what a node talks to when the tracker costs nothing.
type tracker struct {
	name   string
	schema event.Schema
	watch  chan struct{}
	// wrote is told, under mu, of what a step of the node did.
	wrote func(t *ticket, step event.Step, at time.Time)

	mu      sync.Mutex
	serial  int
	byID    map[string]*ticket
	byKey   map[string]*ticket
	changed []entry // one per serial, in order
}

// entry says that a ticket got a serial.
type entry struct {
	serial int
	ticket *ticket
}

type ticket struct {
	event.Ticket
	serial int
	state  any // the bench's own
}

var (
	_ adapters.Tracker = (*tracker)(nil)
	_ adapters.Watcher = (*tracker)(nil)
)

func newTracker(name string, schema event.Schema) *tracker {
	return &tracker{
		name: name, schema: schema, watch: make(chan struct{}, 1),
		wrote: func(*ticket, event.Step, time.Time) {},
		byID:  map[string]*ticket{}, byKey: map[string]*ticket{},
	}
}

// Watch implements adapters.Watcher.
func (t *tracker) Watch() <-chan struct{} { return t.watch }

// touch gives k a version and tells the node; t.mu is held.
func (t *tracker) touch(k *ticket, at time.Time) {
	t.serial++
	k.serial, k.Updated = t.serial, at
	k.Version = strconv.Itoa(t.serial)
	k.Lock = k.Version
	t.changed = append(t.changed, entry{t.serial, k})
	select {
	case t.watch <- struct{}{}:
	default:
	}
}

// create makes a ticket; t.mu is held.
func (t *tracker) create(key string, marker event.Marker, at time.Time) *ticket {
	id := strconv.Itoa(len(t.byID) + 1)
	if key == "" {
		key = t.name + "-" + id
	}
	k := &ticket{}
	k.Ref, k.Key, k.Marker = event.NewRef(id, at), key, marker
	k.Fields = event.Fields{event.FieldKey: key}
	t.byID[id], t.byKey[key] = k, k
	return k
}

// edit is what a person does: fields are set and comments added, at once.
func (t *tracker) edit(key string, fields event.Fields, comments []event.Comment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now().UTC()
	k := t.byKey[key]
	if k == nil {
		k = t.create(key, "", now)
	}
	maps.Copy(k.Fields, fields)
	k.Comments = append(k.Comments, comments...)
	t.touch(k, now)
}

// Changes implements adapters.Tracker; a cursor is a serial.
func (t *tracker) Changes(_ context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cursor == "" {
		return nil, event.Cursor(strconv.Itoa(t.serial)), nil
	}
	from, err := strconv.Atoi(string(cursor))
	if err != nil {
		return nil, "", errors.New("cursor is not ours")
	}
	var out []event.Change
	for _, e := range t.changed[min(from, len(t.changed)):] {
		if len(out) == limit {
			break
		}
		from = e.serial
		if k := e.ticket; k.serial == e.serial {
			out = append(out, event.Change{Ref: k.Ref, Key: k.Key, Version: k.Version, Updated: k.Updated})
		}
	}
	return out, event.Cursor(strconv.Itoa(from)), nil
}

// find returns the ticket of ref; t.mu is held.
func (t *tracker) find(ref event.Ref, op string) (*ticket, error) {
	k := t.byID[ref.ID]
	if k == nil || k.Ref != ref {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op}
	}
	return k, nil
}

// Read implements adapters.Tracker.
func (t *tracker) Read(_ context.Context, ref event.Ref) (event.Ticket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, err := t.find(ref, "read")
	if err != nil {
		return event.Ticket{}, err
	}
	out := k.Ticket
	out.Fields, out.Comments = maps.Clone(k.Fields), slices.Clone(k.Comments)
	return out, nil
}

// Write implements adapters.Tracker.
func (t *tracker) Write(_ context.Context, step event.Step, _ io.Reader) (event.Written, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now().UTC()
	var k *ticket
	if step.Kind == event.StepCreate {
		k = t.create("", step.Marker, now)
	} else {
		var err error
		if k, err = t.find(step.Ref, "write"); err != nil {
			return event.Written{}, err
		}
	}
	if step.Lock != "" && step.Lock != k.Lock {
		return event.Written{}, &adapters.Error{Class: adapters.ErrChanged, Op: "write"}
	}
	w := event.Written{Ref: k.Ref, Key: k.Key}
	maps.Copy(k.Fields, step.Fields)
	if c := step.Comment; c != nil {
		if c.ID != "" {
			return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: "edit a comment"}
		}
		w.Item = k.Ref.ID + "." + strconv.Itoa(len(k.Comments)+1)
		k.Comments = append(k.Comments, event.Comment{
			ID: w.Item, Author: event.User{ID: "node", Name: "Node"}, Body: c.Body, Internal: c.Internal, Created: now, Marker: step.Marker,
		})
	}
	t.touch(k, now)
	w.Version = k.Version
	t.wrote(k, step, now)
	return w, nil
}

// Find implements adapters.Tracker: nothing is ever in doubt here.
func (t *tracker) Find(context.Context, event.Step) (event.Found, error) {
	return event.Found{}, errors.New("nothing is in doubt in a bench")
}

// Schema implements adapters.Tracker.
func (t *tracker) Schema(context.Context) (event.Schema, error) { return t.schema, nil }

// List implements adapters.Tracker.
func (t *tracker) List(context.Context, string, event.Cursor, int) ([]event.Change, event.Cursor, error) {
	return nil, "", errors.New("not used by the bench")
}

// Locate implements adapters.Tracker.
func (t *tracker) Locate(context.Context, string) (event.Change, error) {
	return event.Change{}, errors.New("not used by the bench")
}

// SettleTime implements adapters.Tracker.
func (t *tracker) SettleTime() time.Duration { return time.Second }

// Precision implements adapters.Tracker.
func (t *tracker) Precision() time.Duration { return 0 }

// Close implements adapters.Tracker.
func (t *tracker) Close() error { return nil }
