//go:build linux

package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/rs/zerolog"

	"parley/scripts/bench/workload"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
	"parley/sync/twin"
)

// A store with a million twins is not made by syncing a million tickets: one is
// synced, and its rows are written again for every other one, with the ids,
// keys, texts and hashes of that one, through the row types of the product and
// at both sides alike.

// connection is the id of connection number i.
func (s *setup) connection(i int) event.ConnectionID {
	if i == 0 {
		return event.ConnectionID(s.Connection)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(s.Connection, uint32(i)))
	return event.ConnectionID(sum[:len(event.ConnectionID{})])
}

// user is B's key at A's server for connection number i.
func (s *setup) user(i int) ed25519.PrivateKey {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(s.NATS, uint32(i)))
	return ed25519.NewKeyFromSeed(sum[:])
}

// seededReplica is the content of ticket n as it was made.
func seededReplica(n int) workload.Replica {
	r := workload.Make(uint64(n)+1, 1)
	r.Seq, r.Comments, r.Ticket = 0, nil, fmt.Sprintf("SUP-%d", 1000+n)
	return r
}

// seededFields are the fields of ticket n at this side.
func (s *setup) seededFields(n int) event.Fields {
	r := seededReplica(n)
	if s.Side == "A" {
		fields := fieldsOf(r)
		fields[event.FieldKey], fields["fields.Con"] = r.Ticket, float64(0)
		return fields
	}
	fields := expected(r)
	fields[event.FieldKey] = fmt.Sprintf("B-%d", 1000+n)
	return fields
}

// said is what A's filter makes of a ticket.
func said(r workload.Replica) event.Fields {
	of := expected(r)
	return event.Fields{
		"fields.seq": of["fields.Seq"], "key": r.Ticket, "summary": r.Summary, "description": r.Description,
		"priority":        map[string]string{"Critical": "P1", "Major": "P2", "Minor": "P3", "Trivial": "P4"}[of["priority"].(string)],
		"fields.severity": of["fields.Severity"], "status": of["status"], "fields.impact": of["fields.Impact"], "updated": r.Updated,
		"labels": of["labels"].([]any)[1:], // but for B's own
	}
}

// seeder writes the rows of twins at one side.
type seeder struct {
	setup setup
	store store.Store
	con   event.ConnectionID
	row   []byte // the twin that was synced
	body  event.ChangeBody
	out   outbox.Head
	in    inbox.Head
}

// seed writes setup.Seed twins beside the one that there is.
func (n *node) seed() (err error) {
	db, err := badgerstore.Open(badgerstore.Options{
		Dir: filepath.Join(n.setup.Dir, n.setup.Side), Key: sha256.Sum256([]byte(n.setup.Side)), Ballast: -1, Logger: zerolog.Nop(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &seeder{setup: n.setup, store: db, con: n.setup.connection(0)}
	if err := s.learn(); err != nil {
		return fmt.Errorf("read what one ticket left: %w", err)
	}
	const group = 100
	for first := 0; first < n.setup.Seed; first += group {
		err := db.Update(func(tx store.Tx) error {
			for i := first; i < min(n.setup.Seed, first+group); i++ {
				if err := s.write(tx, i); err != nil {
					return err
				}
			}
			return s.heads(tx)
		})
		if err != nil {
			return fmt.Errorf("write twins from %d: %w", first, err)
		}
	}
	return nil
}

func (s *seeder) side() store.Side {
	if s.setup.Side == "A" {
		return store.Out
	}
	return store.In
}

// learn reads the twin that was synced, its event, and where A's stream stands.
func (s *seeder) learn() error {
	return s.store.View(func(r store.Reader) error {
		err := r.Scan(store.Prefix('t', s.con), nil, func(_, value []byte) (bool, error) { s.row = value; return false, nil })
		if err != nil {
			return err
		}
		if s.row == nil {
			return errors.New("there is no twin")
		}
		raw, err := r.Get(store.EventKey(s.con, s.side(), 1, byte(envelope.Data), 1))
		if err != nil {
			return err
		}
		var stored outbox.Stored
		if err := stored.UnmarshalBinary(raw); err != nil {
			return err
		}
		m, err := envelope.Decode(stored.Entry.Bytes)
		if err != nil || m.Change == nil {
			return errors.Join(err, errors.New("the first event is no change"))
		}
		s.body = *m.Change
		if raw, err = r.Get(store.HeadKey(s.con, s.side(), byte(envelope.Data))); err != nil {
			return err
		}
		if s.side() == store.Out {
			return s.out.UnmarshalBinary(raw)
		}
		err = s.in.UnmarshalBinary(raw)
		s.out = outbox.Head{Epoch: s.in.Epoch, Appended: s.in.Through, Run: s.in.Run}
		return err
	})
}

// heads writes where A's stream stands.
func (s *seeder) heads(tx store.Tx) error {
	s.out.Through = s.out.Appended
	raw, err := s.out.MarshalBinary()
	if s.side() == store.In {
		raw, err = inbox.Head{Epoch: s.out.Epoch, Through: s.out.Appended, Run: s.out.Run}.MarshalBinary()
	}
	if err != nil {
		return err
	}
	return tx.Put(store.HeadKey(s.con, s.side(), byte(envelope.Data)), raw)
}

// write is everything that one ticket's making leaves at this side.
func (s *seeder) write(tx store.Tx, n int) error {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("twin"), uint64(n)))
	id, origin := event.TwinID(sum[:16]), event.OriginID(sum[16:])
	r := seededReplica(n)
	fields := said(r)
	body := s.body
	body.Twin, body.Origin, body.Fields = id, origin, fields
	for name, value := range s.body.Fields { // what said does not make, sets and times of this machine
		if _, ok := fields[name]; !ok {
			fields[name] = value
		}
	}
	raw, err := envelope.Encode(event.Message{Change: &body})
	if err != nil {
		return err
	}
	entry := envelope.Entry{Bytes: raw}
	copy(entry.Salt[:], sum[:])
	var stored outbox.Stored
	s.out, stored = s.out.Append(entry)
	ref := event.NewRef(fmt.Sprint(n), seededAt)
	row, err := s.twin(n, ref, origin, fields)
	if err != nil {
		return err
	}
	put := func(key []byte, row interface{ MarshalBinary() ([]byte, error) }) error {
		raw, err := row.MarshalBinary()
		return errors.Join(err, tx.Put(key, raw))
	}
	received := event.Writer{Bytes: []byte{1}} // a replica's row: its version, its fields
	received.Map(fields)
	err = errors.Join(received.Err,
		put(store.EventKey(s.con, s.side(), s.out.Epoch, byte(envelope.Data), s.out.Appended), stored),
		put(store.TwinKey(s.con, id), row),
		tx.Put(store.RefKey(s.con, ref), id[:]), tx.Put(store.OriginKey(origin), []byte(ref.String())))
	if s.side() == store.In {
		err = errors.Join(err, tx.Put(store.ReceivedKey(s.con, id), received.Bytes))
	}
	return err
}

// twin is the row of ticket n: the one that was synced, as it would be for n.
func (s *seeder) twin(n int, ref event.Ref, origin event.OriginID, said event.Fields) (*twin.Row, error) {
	row := new(twin.Row)
	if err := row.UnmarshalBinary(s.row); err != nil {
		return nil, err
	}
	local := s.setup.seededFields(n)
	row.Ref, row.Key, row.Origin = ref, fmt.Sprint(local[event.FieldKey]), origin
	if row.Theirs {
		row.Seen.Seq = s.out.Appended
	}
	for name, sent := range row.Sent {
		if value, ok := said[name]; ok {
			sent.Hash = event.HashValue(value)
		}
		if sent.Seq != 0 {
			sent.Seq = s.out.Appended
		}
		row.Sent[name] = sent
	}
	for name, set := range row.Sets {
		held := said[name].([]any)
		if row.Theirs {
			held = local[name].([]any)
		}
		if set.Held != nil {
			set.Held = held
		}
		for i := range set.Told {
			set.Told[i].Seq, set.Told[i].Hold = s.out.Appended, held
		}
		row.Sets[name] = set
	}
	for name, base := range row.Local {
		if value, ok := local[name]; ok {
			base.Hash = event.HashValue(value)
		}
		if base.Seq != 0 {
			base.Seq = s.out.Appended
		}
		row.Local[name] = base
	}
	return row, nil
}
