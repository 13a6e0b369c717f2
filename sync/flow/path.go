package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/fuse"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/twin"
)

// Options is what a Path is made of.
type Options struct {
	Store   store.Store
	Tracker adapters.Tracker
	// TrackerName keys the poll's cursor.
	TrackerName string
	Blobs       Blobs
	Now         func() time.Time
	// Random draws ids and salts; it may be called from several goroutines.
	Random io.Reader
	// Secret makes markers and item ids; it must survive a restore.
	Secret [32]byte
	// Boot differs between two runs of one node.
	Boot envelope.Boot
	// Successor is set if the store is where the process before this one had it, and
	// that process is certainly gone: this one is no copy of a node.
	Successor bool
	Log       zerolog.Logger
	// Wake is told of work to do; it must not block and not call the Path.
	Wake func(Task, When)
	// Observe is told what happened, for people and metrics; may be nil, must not block.
	Observe func(Observation)
	// MaxAttachment is the largest file taken in or sent, in bytes.
	MaxAttachment int64
	// ConfirmGone is how far apart two looks must be that find no ticket; default 1 min.
	ConfirmGone time.Duration
	// SiftFrom is the number of connections from which the poll finds out where a
	// ticket may belong before it keeps work for it; default 8.
	SiftFrom int
	// Ahead is how many events may wait for a peer that is away: tickets that change
	// meanwhile are looked at when it comes. 10,000 if 0.
	Ahead int
}

// Blobs keeps the bytes of attachments.
type Blobs interface {
	// Has tells whether the whole of a file is here.
	Has(digest string) bool
	// Put stores what r gives, at most limit bytes, and returns digest and size.
	Put(ctx context.Context, r io.Reader, limit int64) (digest string, size int64, err error)
	// Piece returns up to n bytes from offset.
	Piece(digest string, offset int64, n int) ([]byte, error)
	// Begin goes on with a file of which some bytes may be here.
	Begin(digest string, size int64) (BlobWriter, error)
	// Open reads a whole file.
	Open(digest string) (io.ReadCloser, error)
}

// BlobWriter takes the bytes of one file, in order.
type BlobWriter interface {
	io.WriteCloser
	// Offset is how many bytes are here for good.
	Offset() int64
	// Commit checks size and digest and makes the file whole.
	Commit() error
}

// Kind of a task.
type Kind string

// The kinds of task.
const (
	KindWork   Kind = "work"   // look at a ticket for a connection
	KindApply  Kind = "apply"  // go on with a twin's event
	KindShip   Kind = "ship"   // send what waits in a stream
	KindFetch  Kind = "fetch"  // pull a file's bytes from the peer
	KindAttach Kind = "attach" // write a file whose bytes are here
	KindProbe  Kind = "probe"  // try one ticket of a way on which many failed
	KindChore  Kind = "chore"  // a write of our own to a twin's ticket
)

// Task is one piece of work. Tasks are comparable: equal ones are the same.
type Task struct {
	Kind   Kind
	Con    event.ConnectionID
	Ref    event.Ref
	Twin   event.TwinID
	Item   event.ItemID
	Stream envelope.Stream
}

// When says how urgent a task is.
type When struct {
	// At is the earliest time; zero is at once.
	At time.Time
	// Bulk waits behind the rest.
	Bulk bool
}

// Observation is something that happened, without ticket text.
type Observation struct {
	What       string // "sent", "applied", "settled", "parked", "held", …
	Connection string
	Twin       event.TwinID
	Key        string // our ticket
	Code       event.Code
	Detail     string
	At         time.Time
	Latency    time.Duration
}

// Connection is one connection as the path sees it.
type Connection struct {
	ID   event.ConnectionID
	Name string
	// Us and Them are the node ids.
	Us, Them string
	Peer     string
	Codec    envelope.Codec
	Link     transport.Link
	Policy   twin.Policy
	Quotas   Quotas

	rules     atomic.Pointer[Rules]
	pausedOut atomic.Bool
	// full is set when a look was put off because too many events wait for the peer.
	full     atomic.Bool
	pausedIn atomic.Bool
	session  session
	// began is how far the peer's data events had come when the process began, at
	// beganAt.
	began    inbox.Head
	beganAt  time.Time
	creates  *filters.Counter
	meter    *meter
	refusals refusals
	// approved are twins whose event a person lets pair them.
	approved sync.Map
	breakers breakers
	fuses    fuse.Fuse
	// agreeing is held while a question about agreement is answered; asked and the
	// others count those questions.
	agreeing                        sync.Mutex
	shapes                          shapes
	asked, askedBuckets, askedHeals filters.Counter
}

// Rules are one side's own settings for a connection; they may change at any time.
type Rules struct {
	// Version names these rules where they were published; "" otherwise.
	Version  string
	Outgoing *filters.Outgoing
	Incoming *filters.Incoming
	Scope    *filters.Scope
	Egress   filters.Egress
	Accept   filters.Accept
	Vars     map[string]any
	Tags     []string
	// Since: tickets created before it move only when loaded or synced by hand.
	Since time.Time
	// Start is auto, manual or label:NAME.
	Start string
	// Leave is what becomes of a ticket that leaves the scope, Ended of one whose
	// peer's half ended: EndKeep and so on. Remove permits EndDelete.
	Leave, Ended, Remove string
	// Closed are statuses that count as closed, beside the tracker's own; the first
	// is the one that EndClose sets.
	Closed []string
	// Fuse bounds mass changes.
	Fuse fuse.Limits
	// Connect says whether the peer, or the incoming filter, may pair a twin with a
	// ticket that is here: PermitNever (also ""), PermitAsk or PermitAuto.
	Connect string
	// Owners says whose a local field is, where it is not both sides'; OnLocalEdit
	// what becomes of an edit of ours of one that is the peer's.
	Owners      map[string]twin.Owner
	OnLocalEdit string
	// Forward names the connections whose tickets may leave on this one too.
	Forward []string
}

// version is what events say they were made by.
func (r *Rules) version() string {
	if r.Version != "" {
		return r.Version
	}
	return r.Outgoing.Version()
}

// NewConnection makes a connection with its first rules.
func NewConnection(c *Connection, rules *Rules) *Connection {
	c.creates = &filters.Counter{}
	c.meter = newMeter(c.Quotas)
	c.rules.Store(rules)
	return c
}

// Rules returns the present rules.
func (c *Connection) Rules() *Rules { return c.rules.Load() }

// SetRules puts others in force; what is under way ends under the old ones.
func (c *Connection) SetRules(r *Rules) { c.rules.Store(r) }

// Pause stops directions: nothing more leaves, or nothing more is written.
// Both go on taking in and remembering.
func (c *Connection) Pause(out, in bool) {
	c.pausedOut.Store(out)
	c.pausedIn.Store(in)
}

// Paused tells which directions are paused.
func (c *Connection) Paused() (out, in bool) { return c.pausedOut.Load(), c.pausedIn.Load() }

// Path is a node's data path.
type Path struct {
	Options

	mu          sync.RWMutex
	connections map[event.ConnectionID]*Connection
	sorted      []*Connection // by id; replaced, never changed
	expected    map[event.ConnectionID]bool
	schema      event.Schema
	schemaAt    time.Time
	asking      *question // for the schema, while the tracker is asked

	// candidates are those of the last poll.
	candidates atomic.Pointer[candidates]
	// caughtUp is set when a poll of this process has come to the end.
	caughtUp atomic.Bool

	// limited is until when the tracker wants to be left alone, in nanoseconds.
	limited atomic.Int64
	// denied is set while the tracker does not let us poll.
	denied atomic.Bool
	// shipping counts the envelopes that are under way.
	shipping atomic.Int32

	creating createSet
	// making is full while something is made for a ticket to name.
	making chan struct{}
	// missing are comments and files that were not found in their tickets.
	missing missingSet
	looking looking
	fresh   freshSet
	refs    refSet
	bodies  bodySet
}

// New makes a Path without connections.
func New(o Options) *Path {
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.MaxAttachment == 0 {
		o.MaxAttachment = 64 << 20
	}
	if o.ConfirmGone == 0 {
		o.ConfirmGone = time.Minute
	}
	if o.Ahead == 0 {
		o.Ahead = ahead
	}
	if o.SiftFrom == 0 {
		o.SiftFrom = siftFrom
	}
	return &Path{Options: o, connections: map[event.ConnectionID]*Connection{}, expected: map[event.ConnectionID]bool{}, making: make(chan struct{}, 1)}
}

// Add puts a connection in and makes its streams if it has none.
func (p *Path) Add(c *Connection) error {
	if err := errors.Join(p.openStreams(c.ID), p.index(c)); err != nil {
		return err
	}
	err := p.Store.View(func(r store.Reader) (err error) {
		c.beganAt = p.Now()
		if c.began, err = inHead(r, c.ID, byte(envelope.Data)); err != nil {
			return err
		}
		if err = errors.Join(restoreFuses(r, c), restoreShape(r, c)); err != nil {
			return err
		}
		row, err := partnerOf(r, c.ID)
		if err != nil {
			return err
		}
		c.session.fenced, c.session.fencedAt = row.Fenced, row.Since
		return r.Keys(store.Prefix('i', c.ID), nil, func([]byte) (bool, error) {
			c.meter.waiting.Add(1)
			return true, nil
		})
	})
	if err != nil {
		return fmt.Errorf("begin connection %s: %w", c.Name, err)
	}
	// What the last process was refused may be allowed since: it may have died before
	// it found out.
	if err := p.regainedOn(c); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections[c.ID] = c
	p.sorted = sortedConnections(maps.Values(p.connections))
	return nil
}

// Expect makes the poll keep work for a connection that is not there yet: its
// cursor passes only once what changes before the connection can work.
func (p *Path) Expect(id event.ConnectionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected[id] = true
}

// pollFor are the connections that a change is kept for, in the order of their ids.
func (p *Path) pollFor() []event.ConnectionID {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := maps.Clone(p.expected)
	for id := range p.connections {
		all[id] = true
	}
	return slices.SortedFunc(maps.Keys(all), compareIDs)
}

// Remove takes a connection out; what the store holds of it stays.
func (p *Path) Remove(id event.ConnectionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.expected, id)
	delete(p.connections, id)
	p.sorted = sortedConnections(maps.Values(p.connections))
}

// Connection returns a connection, or nil.
func (p *Path) Connection(id event.ConnectionID) *Connection {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.connections[id]
}

// Connections returns all connections, in the order of their ids. The list is
// not to be changed.
func (p *Path) Connections() []*Connection {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.sorted
}

// ErrPaused: the connection, or this direction of it, is paused.
var ErrPaused = errors.New("connection paused")

// schemaAge is how long the tracker's schema is believed.
const schemaAge = 10 * time.Minute

// question is one that several wait for.
type question struct {
	done   chan struct{}
	schema event.Schema
	err    error
}

// Schema returns the tracker's schema, read anew when it is old. An old one
// serves as long as the tracker does not answer. Who asks while it is read gets the
// same answer: connections that come up side by side cost the tracker one reading.
func (p *Path) Schema(ctx context.Context) (event.Schema, error) {
	p.mu.RLock()
	schema, at, asking := p.schema, p.schemaAt, p.asking
	p.mu.RUnlock()
	if !at.IsZero() && p.Now().Sub(at) < schemaAge {
		return schema, nil
	}
	if asking == nil {
		p.mu.Lock()
		if asking = p.asking; asking == nil {
			p.asking = &question{done: make(chan struct{})}
			p.mu.Unlock()
			return p.askSchema(ctx, schema, !at.IsZero())
		}
		p.mu.Unlock()
	}
	select {
	case <-asking.done:
		return asking.schema, asking.err
	case <-ctx.Done():
		return event.Schema{}, ctx.Err()
	}
}

// readTicket reads one of our tickets. A set that is empty is an empty list here,
// whatever the adapter makes of it: what is merged entry by entry is told by that.
func (p *Path) readTicket(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	ticket, err := p.Tracker.Read(ctx, ref)
	if err != nil {
		return ticket, err
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return ticket, err
	}
	for name, value := range ticket.Fields {
		if value == nil && schema.Fields[name].Type.IsSet() {
			ticket.Fields[name] = []any{}
		}
	}
	return ticket, nil
}

// askSchema reads the schema for all who wait for it; old is that of the last time.
func (p *Path) askSchema(ctx context.Context, old event.Schema, had bool) (event.Schema, error) {
	read, err := p.Tracker.Schema(ctx)
	_, read.Assignable = p.Tracker.(adapters.Assigner)
	if _, able := p.Tracker.(adapters.Maker); !able {
		read.Makes = nil
	}
	fresh := err == nil
	if !fresh {
		p.heed(err)
		if had {
			read, err = old, nil
		}
	}
	p.mu.Lock()
	if fresh {
		p.schema, p.schemaAt = read, p.Now()
	}
	q := p.asking
	p.asking = nil
	p.mu.Unlock()
	q.schema, q.err = read, err
	close(q.done)
	if fresh && had && !reflect.DeepEqual(old, read) {
		return read, p.regained()
	}
	return read, err
}
