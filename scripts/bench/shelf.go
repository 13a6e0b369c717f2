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

// sheet is where a ticket lies, and the last of its comments.
type sheet struct {
	at       spot
	last     spot
	comments int32
	serial   int
	updated  int64 // nanoseconds since 1970
	created  int64 // seconds
}

// spot is a place in the file.
type spot struct {
	Place int64
	Size  int32
}

// page is what lies there. Comments lie on slips of their own, each with the place
// of the one before, so that another comment costs the same however many there are.
type (
	page struct {
		Marker event.Marker
		Fields event.Fields
	}
	slip struct {
		Before  spot
		Comment event.Comment
	}
)

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
	return at, p, s.load(at.at, &p)
}

func (s *shelf) load(at spot, into any) error {
	raw := make([]byte, at.Size)
	if _, err := s.file.ReadAt(raw, at.Place); err != nil {
		return fmt.Errorf("read the shelf: %w", err)
	}
	return json.Unmarshal(raw, into)
}

func (s *shelf) save(what any) (spot, error) {
	raw, err := json.Marshal(what)
	if err != nil {
		return spot{}, err
	}
	if _, err := s.file.WriteAt(raw, s.end); err != nil {
		return spot{}, fmt.Errorf("write the shelf: %w", err)
	}
	at := spot{s.end, int32(len(raw))}
	s.end += int64(len(raw))
	return at, nil
}

// comments are those of a ticket, the oldest first.
func (s *shelf) comments(at sheet) ([]event.Comment, error) {
	out := make([]event.Comment, at.comments)
	for i, where := len(out)-1, at.last; i >= 0; i-- {
		var note slip
		if err := s.load(where, &note); err != nil {
			return nil, err
		}
		out[i], where = note.Comment, note.Before
	}
	return out, nil
}

// add puts a comment behind the others.
func (s *shelf) add(at *sheet, c event.Comment) (err error) {
	at.last, err = s.save(slip{Before: at.last, Comment: c})
	at.comments++
	return err
}

// put writes ticket n, its page too if there is one, and gives it a serial; s.mu is held.
func (s *shelf) put(n int, at sheet, p *page) (_ sheet, err error) {
	if s.err != nil {
		return at, s.err
	}
	if p != nil {
		if at.at, err = s.save(p); err != nil {
			return at, err
		}
	}
	at.updated = time.Now().UnixNano()
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
	for _, c := range comments {
		err = errors.Join(err, s.add(&at, c))
	}
	if _, errPut := s.put(n, at, &p); errPut != nil {
		s.err = errors.Join(err, errPut)
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
	comments, err := s.comments(at)
	if err != nil {
		return event.Ticket{}, err
	}
	version := strconv.Itoa(at.serial)
	return event.Ticket{
		Ref: s.ref(n, at), Key: s.keyOf(n), Marker: p.Marker, Fields: p.Fields, Comments: comments,
		Version: version, Lock: version, Updated: time.Unix(0, at.updated).UTC(),
	}, nil
}

// Write implements adapters.Tracker.
func (s *shelf) Write(_ context.Context, step event.Step, _ io.Reader) (event.Written, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, at, p, err := s.onto(step)
	if err != nil {
		return event.Written{}, err
	}
	if step.Lock != "" && step.Lock != strconv.Itoa(at.serial) {
		return event.Written{}, &adapters.Error{Class: adapters.ErrChanged, Op: "write"}
	}
	w := event.Written{Key: s.keyOf(n)}
	if c := step.Comment; c != nil {
		w.Item = fmt.Sprintf("%d.%d", n, at.comments+1)
		err = s.add(&at, event.Comment{
			ID: w.Item, Author: event.User{ID: "node", Name: "Node"}, Body: c.Body, Internal: c.Internal, Created: time.Now().UTC(), Marker: step.Marker,
		})
	}
	if p != nil {
		for name, value := range step.Fields {
			p.Fields[name] = value
		}
	}
	at, errPut := s.put(n, at, p)
	w.Ref, w.Version = s.ref(n, at), strconv.Itoa(at.serial)
	return w, errors.Join(err, errPut)
}

// onto is the ticket that a step writes; its page only if the step changes it.
func (s *shelf) onto(step event.Step) (n int, at sheet, p *page, err error) {
	if step.Kind == event.StepCreate {
		n = s.next
		s.next++
		return n, sheet{created: time.Now().Unix()}, &page{Marker: step.Marker, Fields: event.Fields{event.FieldKey: s.keyOf(n)}}, nil
	}
	if n, err = strconv.Atoi(step.Ref.ID); err != nil {
		return n, at, nil, &adapters.Error{Class: adapters.ErrGone, Op: "write"}
	}
	if at = s.sheets[n]; len(step.Fields) == 0 && at.at.Size > 0 {
		return n, at, nil, nil
	}
	at, had, err := s.take(n)
	return n, at, &had, err
}

// sum is one number for what was touched: of each ticket the key at A, the last
// event, and how many public comments it has.
func (s *shelf) sum() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum uint64
	for n, at := range s.sheets {
		_, p, err := s.take(n)
		if err != nil {
			return 0, err
		}
		comments, err := s.comments(at)
		if err != nil {
			return 0, err
		}
		key, public := s.keyOf(n), 0
		if s.setup.Side == "B" {
			key, _ = p.Fields["fields.Remote key"].(string)
		}
		for _, c := range comments {
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
