package flow

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"parley/sync/agree"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// What this node has on record for comparing with the peer: see sync/agree.

// canAgree is the capability of answering questions about agreement.
const canAgree = "agree"

// Bounds of what a peer may ask in an hour: a comparison reads all of a
// connection's twins, so it must not come without end.
const (
	asksPerHour    = 20_000
	bucketsPerHour = 40 * agree.Buckets / agree.MaxBuckets
	healsPerHour   = 20_000 / agree.MaxTwins
)

// serveAgree answers a question of the peer about agreement.
func (p *Path) serveAgree(con *Connection, wire []byte) ([]byte, error) {
	raw, err := con.Codec.OpenBlob(aboutAsk, wire)
	if err != nil {
		return nil, fmt.Errorf("open a question of %s about agreement: %w", con.Name, err)
	}
	ask, err := agree.DecodeAsk(raw)
	if err != nil {
		return nil, fmt.Errorf("question of %s about agreement: %w: %w", con.Name, err, errPeer)
	}
	var answer agree.Answer
	if con.agreeing.TryLock() {
		defer con.agreeing.Unlock()
		if answer, err = p.agreeAnswer(con, ask); err != nil {
			return nil, fmt.Errorf("answer %s about agreement: %w", con.Name, err)
		}
	} else {
		answer.Busy = true
	}
	reply, err := agree.Encode(answer)
	if err != nil {
		return nil, err
	}
	return con.Codec.SealBlob(aboutAnswer(raw), reply)
}

// aboutAsk and aboutAnswer bind a sealed body to what it is; an answer to its question.
const aboutAsk = "agree"

func aboutAnswer(ask []byte) string { return "agree " + string(ask) }

func (p *Path) agreeAnswer(con *Connection, ask agree.Ask) (agree.Answer, error) {
	now, busy := p.Now(), agree.Answer{Busy: true}
	if !con.asked.Allow(now, asksPerHour) {
		return busy, nil
	}
	s := p.side(con, ask.Salt)
	switch {
	case ask.Buckets != nil:
		if !con.askedBuckets.Allow(now, bucketsPerHour) {
			return busy, nil
		}
		pairs, _, err := s.buckets(ask.Buckets.From, ask.Buckets.Count)
		return agree.Answer{Buckets: pairs}, err
	case ask.Twins != nil:
		lines, more, err := s.lines(ask.Twins.Bucket, ask.Twins.After, agree.MaxTwins)
		return agree.Answer{Twins: &agree.AnswerTwins{List: lines, More: more}}, err
	case ask.Twin != nil:
		record, err := s.sealed(ask.Twin.Twin)
		part := record.Part(ask.Twin.From)
		return agree.Answer{Twin: &part}, err
	}
	if ask.Witness != nil {
		heads, err := p.witness(con, ask.Witness.Head)
		return agree.Answer{Witness: &agree.AnswerWitness{Heads: heads}}, err
	}
	if !con.askedHeals.Allow(now, healsPerHour) {
		return busy, nil
	}
	n, err := p.HealTwins(con, ask.Heal.Twins)
	return agree.Answer{Heal: &agree.AnswerHealing{Twins: n}}, err
}

// side is this node's part in one comparison.
type side struct {
	p   *Path
	con *Connection
	// ours and theirs are the two directions.
	ours, theirs agree.Voice
}

func (p *Path) side(con *Connection, salt agree.Salt) side {
	return side{
		p: p, con: con,
		ours:   agree.Voice{Salt: salt, Connection: con.ID, Sender: con.Us},
		theirs: agree.Voice{Salt: salt, Connection: con.ID, Sender: con.Them},
	}
}

// ids are the twins of a bucket that anything is on record of, in order.
func (s side) ids(r store.Reader, bucket int) ([]event.TwinID, error) {
	var ids []event.TwinID
	for _, kind := range []byte("tx") {
		prefix := append(store.Prefix(kind, s.con.ID), byte(bucket))
		err := r.Keys(prefix, nil, func(key []byte) (bool, error) {
			ids = append(ids, store.TwinOf(key))
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ids, compareTwins)
	return slices.Compact(ids), nil
}

// pair are the digests of one twin.
func (s side) pair(r store.Reader, id event.TwinID) agree.Pair {
	record := recordOf(r, s.con.ID, id)
	if record.Ended {
		return agree.Pair{}
	}
	if unreadable := (agree.Fact{Kind: agree.Unreadable, Name: s.con.Us}); slices.ContainsFunc(record.Sent, agree.Fact.Broken) {
		// Two sides that can both read nothing do not agree.
		record.Sent, record.Received = append(record.Sent, unreadable), append(record.Received, unreadable)
	}
	return agree.Pair{Sent: s.ours.Twin(id, record.Sent), Received: s.theirs.Twin(id, record.Received)}
}

// buckets are the digests of buckets in a row, and how many twins they hold.
func (s side) buckets(from, count int) (pairs []agree.Pair, twins int, err error) {
	for bucket := from; bucket < from+count; bucket++ {
		var sent, received agree.Bucket
		err := s.p.Store.View(func(r store.Reader) error {
			ids, err := s.ids(r, bucket)
			for _, id := range ids {
				pair := s.pair(r, id)
				sent.Add(id, pair.Sent)
				received.Add(id, pair.Received)
			}
			twins += len(ids)
			return err
		})
		if err != nil {
			return nil, 0, fmt.Errorf("read the twins of %s: %w", s.con.Name, err)
		}
		pairs = append(pairs, agree.Pair{Sent: sent.Digest(), Received: received.Digest()})
	}
	return pairs, twins, nil
}

// lines are at most limit twins of a bucket, those behind after; limit 0 is all.
func (s side) lines(bucket int, after event.TwinID, limit int) (lines []agree.Line, more bool, err error) {
	err = s.p.Store.View(func(r store.Reader) error {
		ids, err := s.ids(r, bucket)
		for _, id := range ids {
			if !after.IsZero() && bytes.Compare(id[:], after[:]) <= 0 {
				continue
			}
			if more = limit > 0 && len(lines) == limit; more {
				return nil
			}
			moving, err := s.moving(r, id)
			if err != nil {
				return err
			}
			lines = append(lines, agree.Line{Twin: id, Moving: len(moving) > 0, Pair: s.pair(r, id)})
		}
		return err
	})
	return lines, more, err
}

// sealed is all that is on record of one twin.
func (s side) sealed(id event.TwinID) (agree.Record, error) {
	var record agree.Record
	err := s.p.Store.View(func(r store.Reader) error {
		var err error
		record = recordOf(r, s.con.ID, id)
		record.Moving, err = s.moving(r, id)
		return err
	})
	if err != nil {
		return record, fmt.Errorf("read what is under way of twin %s: %w", id, err)
	}
	record.Sent, record.Received = s.ours.Seal(id, record.Sent), s.theirs.Seal(id, record.Received)
	return record, nil
}

// recordOf is what was said and received of a twin. What cannot be read is a fact
// too, and one that agrees with nothing.
func recordOf(r store.Reader, con event.ConnectionID, id event.TwinID) agree.Record {
	var out agree.Record
	broken := func(name string) {
		out.Sent = append(out.Sent, agree.Fact{Kind: agree.Unreadable, Name: name})
		out.Received = append(out.Received, agree.Fact{Kind: agree.Unreadable, Name: name})
	}
	row, err := twinRow(r, con, id)
	if err != nil {
		broken("twin")
		return out
	}
	if row != nil {
		out.Ended = ended(row)
		for name, sent := range row.Sent {
			if sent.Said != 0 {
				out.Sent = append(out.Sent, agree.Fact{Kind: agree.Field, Name: name, Hash: kept(sent.Said)})
			}
		}
	}
	items, err := readItems(r, con, id, row)
	if err != nil {
		broken("comments and files")
	}
	for i := range items.list {
		out = withItem(out, &items.list[i])
	}
	received, err := get[replicaRow](r, store.ReceivedKey(con, id))
	head, headErr := inHead(r, con, byte(envelope.Data))
	if errors.Join(err, headErr) != nil {
		broken("received")
	}
	if received != nil {
		for name, value := range received.Fields {
			if received.old(name, head.Epoch) {
				continue
			}
			out.Received = append(out.Received, agree.Fact{Kind: agree.Field, Name: name, Hash: agree.Hash(event.HashValue(value))})
		}
	}
	return out
}

func withItem(out agree.Record, e *twin.Entry) agree.Record {
	fact := agree.Fact{Kind: agree.Comment, Name: string(e.ID), Hash: kept(e.Wire)}
	if e.File {
		fact = agree.Fact{Kind: agree.File, Name: string(e.ID), Hash: agree.Hash(e.Hash)}
	}
	switch {
	case e.State == twin.Declined || e.State == twin.Waiting:
	case e.Theirs:
		out.Received = append(out.Received, fact)
	default:
		out.Sent = append(out.Sent, fact)
	}
	return out
}

func kept(h event.Hash) agree.Hash {
	if h == twin.Unrecorded {
		return 0
	}
	return agree.Hash(h)
}

// ended tells whether a twin is not kept in step any more, as far as is known here.
func ended(row *twin.Row) bool {
	return row.State != twin.Live || row.TheirNote != "" || twin.Ends(row.Refused)
}

// moving says what of a twin is under way here.
func (s side) moving(r store.Reader, id event.TwinID) ([]agree.Moving, error) {
	var out []agree.Moving
	entry, err := get[inbox.Row](r, store.InboxKey(s.con.ID, id))
	switch {
	case err != nil:
		return nil, err
	case entry != nil && entry.State == inbox.Parked:
		out = append(out, agree.ParkedHere)
	case entry != nil:
		out = append(out, agree.Applying)
	}
	files := false
	prefix := store.JobKey(s.con.ID, id, "")
	err = r.Keys(prefix, nil, func([]byte) (bool, error) { files = true; return false, nil })
	if files {
		out = append(out, agree.Files)
	}
	if err != nil {
		return nil, err
	}
	if _, err := r.Get(store.HealKey(s.con.ID)); err == nil {
		out = append(out, agree.Healing)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	row, err := twinRow(r, s.con.ID, id)
	if err != nil || row == nil {
		return out, nil //nolint:nilerr // a row that cannot be read is named by its record
	}
	switch {
	case row.Out != nil && row.Out.Parked != "":
		out = append(out, agree.ParkedThere)
	case row.Out != nil:
		out = append(out, agree.Sending)
	}
	look, err := get[work.Row](r, store.WorkKey(s.con.ID, row.Ref))
	switch {
	case err != nil:
		return nil, err
	case look != nil && look.State == work.Held:
		out = append(out, agree.Held)
	case look != nil:
		out = append(out, agree.Looking)
	}
	return out, nil
}
