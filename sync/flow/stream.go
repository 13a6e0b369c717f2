package flow

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
)

// streams of one direction, in the order of Hello's places.
var streams = [2]envelope.Stream{envelope.Data, envelope.Control}

// firstEpoch is a new connection's.
const firstEpoch = 1

// openStreams makes the heads of a connection that has none.
func (p *Path) openStreams(con event.ConnectionID) error {
	return p.Store.Update(func(tx store.Tx) error {
		_, err := tx.Get(store.HeadKey(con, store.Out, 'd'))
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for _, s := range streams {
			if err := putBinary(tx, store.HeadKey(con, store.Out, byte(s)), outbox.New(firstEpoch)); err != nil {
				return err
			}
			if err := putBinary(tx, store.HeadKey(con, store.In, byte(s)), inbox.Head{Epoch: firstEpoch}); err != nil {
				return err
			}
		}
		return tx.Put(indexedKey(con), nil)
	})
}

// appendEvent gives message its place in one of our streams.
func (p *Path) appendEvent(tx store.Tx, con event.ConnectionID, stream envelope.Stream, raw []byte) (outbox.Head, error) {
	head, err := outHead(tx, con, byte(stream))
	if err != nil {
		return head, err
	}
	entry := envelope.Entry{Bytes: raw}
	if _, err := io.ReadFull(p.Random, entry.Salt[:]); err != nil {
		return head, fmt.Errorf("draw a salt: %w", err)
	}
	head, stored := head.Append(entry)
	if err := putBinary(tx, store.EventKey(con, store.Out, head.Epoch, byte(stream), head.Appended), stored); err != nil {
		return head, err
	}
	return head, putBinary(tx, store.HeadKey(con, store.Out, byte(stream)), head)
}

// answerWith appends a message to the control stream.
func (p *Path) answerWith(tx store.Tx, con event.ConnectionID, m event.Message) error {
	raw, err := envelope.Encode(m)
	if err != nil {
		return fmt.Errorf("encode a control event: %w", err)
	}
	_, err = p.appendEvent(tx, con, envelope.Control, raw)
	return err
}

// runAt is the run of a stream at a number: zero at 0.
func runAt(r store.Reader, con event.ConnectionID, side store.Side, epoch uint64, stream byte, seq event.Seq) (envelope.Run, error) {
	if seq == 0 {
		return envelope.Run{}, nil
	}
	var s outbox.Stored
	if err := getBinary(r, store.EventKey(con, side, epoch, stream, seq), &s); err != nil {
		return envelope.Run{}, err
	}
	return s.Run, nil
}

var markerText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (p *Path) mac(parts ...[]byte) string {
	return markerText.EncodeToString(p.sum(parts...)[:10])
}

// sum is a keyed hash, cut to the length of an id.
func (p *Path) sum(parts ...[]byte) []byte {
	all := make([]byte, 0, 128)
	for _, part := range parts {
		// Lengths keep two different lists of parts from having one sum.
		all = strconv.AppendInt(all, int64(len(part)), 10)
		all = append(append(all, ':'), part...)
	}
	h := hmac.New(sha256.New, p.Secret[:])
	h.Write(all)
	return h.Sum(nil)[:len(event.ID{})]
}

// marker is what a write for a twin leaves in the tracker; item is empty for
// the ticket itself.
func (p *Path) marker(con event.ConnectionID, twin event.TwinID, item event.ItemID) event.Marker {
	return event.Marker(p.mac([]byte("marker"), con[:], twin[:], []byte(item)))
}

// ownID names a twin that we begin, or its ticket's origin: to everybody else
// it is random, and after a restore the same ticket gets the same again.
func (p *Path) ownID(what string, con event.ConnectionID, ref event.Ref) event.ID {
	return event.ID(p.sum([]byte(what), con[:], []byte(ref.String())))
}

// itemID names one of our comments or files to the peer: the same thing, the
// same name, and nothing of the tracker's own id in it.
func (p *Path) itemID(con event.ConnectionID, ref event.Ref, kind event.ItemKind, local string) event.ItemID {
	return event.ItemID(p.mac([]byte("item"), con[:], []byte(ref.String()), []byte(kind), []byte(local)))
}

func sortedConnections(all iter.Seq[*Connection]) []*Connection {
	return slices.SortedFunc(all, func(a, b *Connection) int { return strings.Compare(string(a.ID[:]), string(b.ID[:])) })
}

// createSet holds the markers of tickets that are being created, and for whom:
// such a ticket may be seen by the poll before its plan knows it.
type createSet struct {
	mu      sync.Mutex
	markers map[event.Marker]event.ConnectionID
}

func (c *createSet) add(m event.Marker, con event.ConnectionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.markers == nil {
		c.markers = map[event.Marker]event.ConnectionID{}
	}
	c.markers[m] = con
}

func (c *createSet) remove(m event.Marker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.markers, m)
}

// of returns the connection that a ticket with this marker is being created for.
func (c *createSet) of(m event.Marker) (con event.ConnectionID, creating bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	con, creating = c.markers[m]
	return con, creating && m != ""
}

func (c *createSet) has(m event.Marker) bool {
	_, creating := c.of(m)
	return creating
}

// freshSet remembers which version of a ticket a connection looked at for
// certain, so that the poll's overlap and our own writes cost no second look.
// It is only a saving: after a restart, or when it is full, tickets are looked
// at again.
//
// A second edit may hide behind a version that has the same time. It cannot once
// that time is over at the tracker: when the tracker has shown a later one, or when
// the same version was looked at before. How far its clock is from ours is unknown.
type freshSet struct {
	mu       sync.Mutex
	versions map[freshKey]freshLook
	shown    map[event.Ref]string // versions that polls have shown
	newest   time.Time            // change time of what the last of them showed for the first time
}

type freshKey struct {
	con event.ConnectionID
	ref event.Ref
}

type freshLook struct {
	version string
	first   time.Time // look at this version, by our clock
	certain bool
}

const freshMost = 50_000

// listed notes the change times that a poll has shown. Only what is shown for the
// first time tells what the tracker's time is: its clock may have been set back since
// it wrote the other times.
func (f *freshSet) listed(changes []event.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, newest := f.shown, time.Time{}
	if before == nil || len(before) >= freshMost {
		before, f.shown = nil, map[event.Ref]string{}
	}
	for _, c := range changes {
		// Who remembers nothing cannot tell what is shown for the first time.
		if before != nil && before[c.Ref] != c.Version && c.Updated.After(newest) {
			newest = c.Updated
		}
		f.shown[c.Ref] = c.Version
	}
	if !newest.IsZero() {
		f.newest = newest
	}
}

// until is the newest change time that the tracker has shown of late.
func (f *freshSet) until() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest
}

// look is what a look at t means that was read at readAt, when the tracker had
// shown the change time until.
func (f *freshSet) look(key freshKey, t event.Ticket, readAt, until time.Time, precision time.Duration) freshLook {
	look := f.versions[key]
	if look.version != t.Version {
		look = freshLook{version: t.Version, first: readAt}
	}
	over := until.Sub(t.Updated)
	look.certain = look.certain || precision == 0 || over > precision && over < overMost || readAt.Sub(look.first) > precision
	return look
}

// overMost bounds what counts as a later time of the tracker's: one that is much later
// may be from before its clock was set back.
const overMost = time.Hour

// certain tells whether such a look would need no second one.
func (f *freshSet) certain(con event.ConnectionID, t event.Ticket, readAt, until time.Time, precision time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.look(freshKey{con, t.Ref}, t, readAt, until, precision).certain
}

// looked notes such a look.
func (f *freshSet) looked(con event.ConnectionID, t event.Ticket, readAt, until time.Time, precision time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := freshKey{con, t.Ref}
	look := f.look(key, t, readAt, until, precision)
	if f.versions == nil || len(f.versions) >= freshMost {
		f.versions = map[freshKey]freshLook{}
	}
	f.versions[key] = look
}

func (f *freshSet) is(con event.ConnectionID, ref event.Ref, version string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	look := f.versions[freshKey{con, ref}]
	return version != "" && look.certain && look.version == version
}

// bodySet keeps small events that have just come in and been stored, so that
// they are not read and decoded once more. Each is taken once; what nobody takes
// is dropped in time, and without it the store serves.
type bodySet struct {
	mu       sync.Mutex
	now, old map[bodyKey]event.ChangeBody
}

type bodyKey struct {
	con   event.ConnectionID
	place event.Position
}

// Bounds of what a bodySet holds, twice.
const (
	bodiesMost = 2048
	bodySize   = 4 << 10
)

func (s *bodySet) keep(a *arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range a.messages {
		if m.message.Change == nil || len(a.cut.Entries[i].Bytes) > bodySize {
			continue
		}
		if s.now == nil || len(s.now) >= bodiesMost {
			s.now, s.old = map[bodyKey]event.ChangeBody{}, s.now
		}
		at := event.Position{Epoch: a.cut.Epoch, Seq: a.cut.First + event.Seq(i)}
		s.now[bodyKey{a.con.ID, at}] = *m.message.Change
	}
}

func (s *bodySet) take(con event.ConnectionID, row inbox.Row) (event.ChangeBody, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := bodyKey{con, event.Position{Epoch: row.Epoch, Seq: row.Seq}}
	for _, bodies := range []map[bodyKey]event.ChangeBody{s.now, s.old} {
		if body, ok := bodies[key]; ok {
			delete(bodies, key)
			return body, true
		}
	}
	return event.ChangeBody{}, false
}

// refSet remembers which ticket a twin is about: once there is one, it stays.
type refSet struct {
	mu    sync.Mutex
	refs  map[twinKey]event.Ref
	twins map[refKey]event.TwinID
}

type refKey struct {
	con event.ConnectionID
	ref event.Ref
}

type twinKey struct {
	con  event.ConnectionID
	twin event.TwinID
}

func (s *refSet) set(con event.ConnectionID, id event.TwinID, ref event.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs == nil || len(s.refs) >= freshMost {
		s.refs, s.twins = map[twinKey]event.Ref{}, map[refKey]event.TwinID{}
	}
	s.refs[twinKey{con, id}] = ref
	s.twins[refKey{con, ref}] = id
}

func (s *refSet) twinOf(con event.ConnectionID, ref event.Ref) (event.TwinID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.twins[refKey{con, ref}]
	return id, ok
}

func (s *refSet) of(con event.ConnectionID, id event.TwinID) (event.Ref, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref, ok := s.refs[twinKey{con, id}]
	return ref, ok
}
