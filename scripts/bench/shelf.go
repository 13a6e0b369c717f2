//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// shelf is a tracker whose tickets lie in a file, so that the memory of the
// process is the node's. Tickets have numbers; those below setup.Seeded are there
// from the beginning, and take no room until somebody touches them.
type shelf struct {
	setup  setup
	schema event.Schema
	watch  chan struct{}

	mu     sync.Mutex // guards what follows
	file   *os.File
	end    int64
	sheets map[int]sheet
	next   int // number of the next ticket
	// base and changed are the list of changes: numbers of tickets, one per serial.
	base    int
	changed []int32
	read    int // the last serial that was polled
	err     error
}

// sheet is where a ticket lies.
type sheet struct {
	place   int64
	size    int32
	serial  int
	updated int64 // nanoseconds since 1970
	created int64 // seconds
}

// page is what lies there.
type page struct {
	Marker   event.Marker
	Fields   event.Fields
	Comments []event.Comment
}

var (
	_ adapters.Tracker = (*shelf)(nil)
	_ adapters.Watcher = (*shelf)(nil)
)

// seededAt is when the tickets were made that were there from the beginning.
var seededAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// serials of one life.
const lifetime = 1 << 30

func newShelf(s setup, schema event.Schema) *shelf {
	f, err := os.CreateTemp(s.Dir, "shelf")
	if err == nil {
		err = os.Remove(filepath.Clean(f.Name())) // it goes with the process
	}
	return &shelf{
		setup: s, schema: schema, watch: make(chan struct{}, 1), file: f, sheets: map[int]sheet{},
		next: s.Seeded, base: s.Life * lifetime, err: err,
	}
}

func (s *shelf) prefix() string {
	if s.setup.Side == "A" {
		return "SUP-"
	}
	return "B-"
}

// keyOf is the key of ticket n.
func (s *shelf) keyOf(n int) string { return s.prefix() + strconv.Itoa(1000+n) }

// Watch implements adapters.Watcher.
func (s *shelf) Watch() <-chan struct{} { return s.watch }

// take reads ticket n; s.mu is held.
func (s *shelf) take(n int) (sheet, page, error) {
	var p page
	at, ok := s.sheets[n]
	if !ok {
		if n < 0 || n >= s.setup.Seeded {
			return at, p, &adapters.Error{Class: adapters.ErrGone, Op: "read"}
		}
		p.Fields = s.setup.seededFields(n)
		return sheet{updated: seededAt.UnixNano(), created: seededAt.Unix()}, p, nil
	}
	raw := make([]byte, at.size)
	if _, err := s.file.ReadAt(raw, at.place); err != nil {
		return at, p, fmt.Errorf("read the shelf: %w", err)
	}
	return at, p, json.Unmarshal(raw, &p)
}

// put writes ticket n and gives it a serial; s.mu is held.
func (s *shelf) put(n int, at sheet, p page) (sheet, error) {
	if s.err != nil {
		return at, s.err
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return at, err
	}
	if _, err := s.file.WriteAt(raw, s.end); err != nil {
		return at, fmt.Errorf("write the shelf: %w", err)
	}
	at.place, at.size, at.updated = s.end, int32(len(raw)), time.Now().UnixNano()
	s.end += int64(len(raw))
	s.changed = append(s.changed, int32(n))
	at.serial = s.base + len(s.changed)
	s.sheets[n] = at
	select {
	case s.watch <- struct{}{}:
	default:
	}
	return at, nil
}

// edit implements editor.
func (s *shelf) edit(key string, fields event.Fields, comments []event.Comment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, err := strconv.Atoi(strings.TrimPrefix(key, s.prefix()))
	if err != nil {
		s.err = err
		return
	}
	n := number - 1000
	at, p, err := s.take(n)
	if err != nil { // it is made
		at, p = sheet{created: time.Now().Unix()}, page{Fields: event.Fields{event.FieldKey: key}}
	}
	for name, value := range fields {
		p.Fields[name] = value
	}
	p.Fields["fields.Con"] = float64(n % max(1, s.setup.Connections))
	p.Comments = append(p.Comments, comments...)
	if _, err := s.put(n, at, p); err != nil {
		s.err = err
	}
}

// unread is how many changes were not polled.
func (s *shelf) unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base + len(s.changed) - s.read
}

// Changes implements adapters.Tracker; a cursor is a serial.
func (s *shelf) Changes(_ context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, "", s.err
	}
	from := s.base
	if cursor != "" {
		n, err := strconv.Atoi(string(cursor))
		if err != nil {
			return nil, "", errors.New("cursor is not ours")
		}
		from = max(from, n)
	}
	var out []event.Change
	for from < s.base+len(s.changed) && len(out) < limit {
		n := int(s.changed[from-s.base])
		from++
		if at := s.sheets[n]; at.serial == from {
			out = append(out, event.Change{Ref: s.ref(n, at), Key: s.keyOf(n), Version: strconv.Itoa(at.serial), Updated: time.Unix(0, at.updated).UTC()})
		}
	}
	s.read = from
	return out, event.Cursor(strconv.Itoa(from)), nil
}

func (s *shelf) ref(n int, at sheet) event.Ref {
	return event.Ref{ID: strconv.Itoa(n), Created: at.created}
}

// Read implements adapters.Tracker.
func (s *shelf) Read(_ context.Context, ref event.Ref) (event.Ticket, error) {
	n, err := strconv.Atoi(ref.ID)
	if err != nil {
		return event.Ticket{}, &adapters.Error{Class: adapters.ErrGone, Op: "read"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, p, err := s.take(n)
	if err != nil {
		return event.Ticket{}, err
	}
	version := strconv.Itoa(at.serial)
	return event.Ticket{
		Ref: s.ref(n, at), Key: s.keyOf(n), Marker: p.Marker, Fields: p.Fields, Comments: p.Comments,
		Version: version, Lock: version, Updated: time.Unix(0, at.updated).UTC(),
	}, nil
}

// Write implements adapters.Tracker.
func (s *shelf) Write(_ context.Context, step event.Step, _ io.Reader) (event.Written, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, at, p := s.next, sheet{created: time.Now().Unix()}, page{Marker: step.Marker, Fields: event.Fields{event.FieldKey: s.keyOf(s.next)}}
	if step.Kind == event.StepCreate {
		s.next++
	} else {
		var err error
		if n, err = strconv.Atoi(step.Ref.ID); err != nil {
			return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: "write"}
		}
		if at, p, err = s.take(n); err != nil {
			return event.Written{}, err
		}
	}
	if step.Lock != "" && step.Lock != strconv.Itoa(at.serial) {
		return event.Written{}, &adapters.Error{Class: adapters.ErrChanged, Op: "write"}
	}
	for name, value := range step.Fields {
		p.Fields[name] = value
	}
	w := event.Written{Key: s.keyOf(n)}
	if c := step.Comment; c != nil {
		w.Item = fmt.Sprintf("%d.%d", n, len(p.Comments)+1)
		p.Comments = append(p.Comments, event.Comment{
			ID: w.Item, Author: event.User{ID: "node", Name: "Node"}, Body: c.Body, Internal: c.Internal, Created: time.Now().UTC(), Marker: step.Marker,
		})
	}
	at, err := s.put(n, at, p)
	w.Ref, w.Version = s.ref(n, at), strconv.Itoa(at.serial)
	return w, err
}

// sum is one number for what was touched: of each ticket the key at A, the last
// event, and how many public comments it has.
func (s *shelf) sum() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum uint64
	for n := range s.sheets {
		_, p, err := s.take(n)
		if err != nil {
			return 0, err
		}
		key, public := s.keyOf(n), 0
		if s.setup.Side == "B" {
			key, _ = p.Fields["fields.Remote key"].(string)
		}
		for _, c := range p.Comments {
			if !c.Internal {
				public++
			}
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%s %v %d", key, p.Fields["fields.Seq"], public)
		sum += h.Sum64()
	}
	return sum, s.err
}

// Find implements adapters.Tracker: nothing is ever in doubt here.
func (s *shelf) Find(context.Context, event.Step) (event.Found, error) {
	return event.Found{}, errors.New("nothing is in doubt in a bench")
}

// Schema implements adapters.Tracker.
func (s *shelf) Schema(context.Context) (event.Schema, error) { return s.schema, nil }

// List implements adapters.Tracker.
func (s *shelf) List(context.Context, string, event.Cursor, int) ([]event.Change, event.Cursor, error) {
	return nil, "", errors.New("not used by the bench")
}

// Locate implements adapters.Tracker.
func (s *shelf) Locate(context.Context, string) (event.Change, error) {
	return event.Change{}, errors.New("not used by the bench")
}

// SettleTime implements adapters.Tracker.
func (s *shelf) SettleTime() time.Duration { return time.Second }

// Precision implements adapters.Tracker.
func (s *shelf) Precision() time.Duration { return 0 }

// Close implements adapters.Tracker.
func (s *shelf) Close() error { return s.file.Close() }
