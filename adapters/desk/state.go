package desk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

// state is everything the journal says, in memory. It is guarded by Server.mu.
type state struct {
	options Options
	defs    map[string]definition
	seq     uint64
	tickets map[int64]*ticket
	keys    map[string]int64
	numbers map[string]int // the last number given out, by project
	lastID  int64
	markers map[string][]place
	log     []logged // one a change, oldest first
	files   map[string]bool
}

type logged struct {
	seq uint64
	id  int64
}

// place is where a marker was left.
type place struct {
	ticket int64
	kind   string // ticket, comment, file
	item   string
}

type ticket struct {
	id       int64
	key      string
	marker   string
	creator  string
	fields   event.Fields
	created  time.Time
	updated  time.Time
	version  uint64
	deleted  bool
	comments []comment
	files    []file
	history  []edit
	links    []event.Link // without their keys
}

// comment is a comment as the journal keeps it.
type comment struct {
	ID       string    `json:"id"`
	By       string    `json:"by"`
	Via      string    `json:"via,omitempty"` // who wrote it in the name of By
	Body     string    `json:"body"`
	Internal bool      `json:"internal,omitempty"`
	Marker   string    `json:"marker,omitempty"`
	Created  time.Time `json:"created"`
	Edited   time.Time `json:"edited,omitzero"`
}

// file is an attachment as the journal keeps it; its bytes are under SHA256.
type file struct {
	ID       string    `json:"id"`
	By       string    `json:"by"`
	Name     string    `json:"name"`
	MIME     string    `json:"mime"`
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256"`
	Internal bool      `json:"internal,omitempty"`
	Marker   string    `json:"marker,omitempty"`
	Created  time.Time `json:"created"`
}

type edit struct {
	seq   uint64
	At    time.Time `json:"at"`
	By    string    `json:"by"`
	Field string    `json:"field"`
	Old   any       `json:"old"`
	New   any       `json:"new"`
}

// entry is one line of the journal: one change, all or nothing.
type entry struct {
	Seq     uint64       `json:"seq"`
	At      time.Time    `json:"at"`
	By      string       `json:"by"`
	Ticket  int64        `json:"ticket"`
	Create  *creation    `json:"create,omitempty"`
	Set     event.Fields `json:"set,omitempty"`
	Links   *linking     `json:"links,omitempty"`
	Comment *comment     `json:"comment,omitempty"`
	Edit    *rewording   `json:"edit,omitempty"`
	File    *file        `json:"file,omitempty"`
	Remove  *removal     `json:"remove,omitempty"`
	Delete  bool         `json:"delete,omitempty"`
}

type creation struct {
	Key    string `json:"key"`
	Marker string `json:"marker,omitempty"`
}

type rewording struct {
	Comment string `json:"comment"`
	Body    string `json:"body"`
}

// removal is of a comment or a file.
type removal struct {
	Comment string `json:"comment,omitempty"`
	File    string `json:"file,omitempty"`
}

func newState(o Options) *state {
	s := &state{
		options: o,
		defs:    map[string]definition{},
		tickets: map[int64]*ticket{},
		keys:    map[string]int64{},
		numbers: map[string]int{},
		markers: map[string][]place{},
		files:   map[string]bool{},
	}
	for _, d := range o.definitions() {
		s.defs[d.name] = d
	}
	return s
}

// apply takes one entry in. It is the only place where state changes, for a
// change just made and for one read from the journal alike.
func (s *state) apply(e *entry) error {
	if e.Seq != s.seq+1 {
		return fmt.Errorf("entry %d follows entry %d", e.Seq, s.seq)
	}
	if e.Create != nil {
		if err := s.applyCreate(e); err != nil {
			return err
		}
	}
	t := s.tickets[e.Ticket]
	if t == nil || t.deleted {
		return fmt.Errorf("entry %d is about ticket %d, which is not there", e.Seq, e.Ticket)
	}
	s.applySet(t, e)
	if err := s.applyLinks(t, e); err != nil {
		return err
	}
	if e.Comment != nil {
		t.comments = append(t.comments, *e.Comment)
		s.mark(e.Comment.Marker, place{ticket: t.id, kind: "comment", item: e.Comment.ID})
	}
	if e.Edit != nil {
		t.reword(e)
	}
	if e.File != nil {
		t.files = append(t.files, *e.File)
		s.files[e.File.SHA256] = true
		s.mark(e.File.Marker, place{ticket: t.id, kind: "file", item: e.File.ID})
	}
	if e.Remove != nil {
		s.applyRemove(t, e.Remove)
	}
	t.deleted = t.deleted || e.Delete
	t.version, t.updated = e.Seq, e.At
	s.seq = e.Seq
	s.log = append(s.log, logged{e.Seq, t.id})
	return nil
}

func (s *state) applyCreate(e *entry) error {
	project, number, ok := strings.Cut(e.Create.Key, "-")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || e.Ticket <= s.lastID {
		return fmt.Errorf("entry %d creates %q as ticket %d", e.Seq, e.Create.Key, e.Ticket)
	}
	s.tickets[e.Ticket] = &ticket{
		id: e.Ticket, key: e.Create.Key, marker: e.Create.Marker, creator: e.By,
		created: e.At, fields: event.Fields{},
	}
	s.keys[e.Create.Key] = e.Ticket
	s.lastID = e.Ticket
	s.numbers[project] = max(s.numbers[project], n)
	s.mark(e.Create.Marker, place{ticket: e.Ticket, kind: "ticket"})
	return nil
}

func (s *state) applySet(t *ticket, e *entry) {
	if len(e.Set) == 0 {
		return
	}
	// Readers may hold the old map: it is replaced, never written to.
	fields := maps.Clone(t.fields)
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		v := e.Set[name]
		if e.Create == nil {
			t.history = append(t.history, edit{seq: e.Seq, At: e.At, By: e.By, Field: name, Old: fields[name], New: v})
		}
		fields[name] = v
	}
	t.fields = fields
}

func (t *ticket) reword(e *entry) {
	comments := slices.Clone(t.comments)
	for i := range comments {
		if comments[i].ID == e.Edit.Comment {
			comments[i].Body, comments[i].Edited = e.Edit.Body, e.At
		}
	}
	t.comments = comments
}

// applyRemove takes a comment or a file off a ticket, and its marker out of the index.
func (s *state) applyRemove(t *ticket, r *removal) {
	// Readers may hold the old lists: they are replaced, never written to.
	t.comments = slices.DeleteFunc(slices.Clone(t.comments), func(c comment) bool {
		if r.Comment != "" && c.ID == r.Comment {
			s.unmark(c.Marker, c.ID)
			return true
		}
		return false
	})
	t.files = slices.DeleteFunc(slices.Clone(t.files), func(f file) bool {
		if r.File != "" && f.ID == r.File {
			s.unmark(f.Marker, f.ID)
			return true
		}
		return false
	})
}

func (s *state) unmark(marker, item string) {
	if left := slices.DeleteFunc(slices.Clone(s.markers[marker]), func(p place) bool { return p.item == item }); len(left) > 0 {
		s.markers[marker] = left
		return
	}
	delete(s.markers, marker)
}

func (s *state) mark(marker string, p place) {
	if marker != "" {
		s.markers[marker] = append(s.markers[marker], p)
	}
}

// changes are the tickets changed after a number, each once, by the number of
// its last change. Fewer than limit means that there are no more.
func (s *state) changes(after uint64, project string, limit int) []*ticket {
	from := sort.Search(len(s.log), func(i int) bool { return s.log[i].seq > after })
	var out []*ticket
	for _, l := range s.log[from:] {
		t := s.tickets[l.id]
		if t.version != l.seq || (project != "" && t.fields[event.FieldProject] != project) {
			continue
		}
		if out = append(out, t); len(out) == limit {
			break
		}
	}
	return out
}

// live is the ticket under an id, if it is there.
func (s *state) live(id string) (*ticket, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	t := s.tickets[n]
	if err != nil || t == nil || t.deleted {
		return nil, errGone
	}
	return t, nil
}

// byAge are all tickets that are there, oldest first.
func (s *state) byAge() []*ticket {
	out := make([]*ticket, 0, len(s.tickets))
	for _, t := range s.tickets {
		if !t.deleted {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *ticket) int { return int(a.id - b.id) })
	return out
}

// The ways in which the desk says no.
var (
	errGone    = errors.New("there is no such thing here")
	errChanged = errors.New("the ticket is newer than that")
	errInvalid = errors.New("these values cannot be taken")
)

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errInvalid, fmt.Sprintf(format, args...))
}
