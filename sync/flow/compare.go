package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"parley/sync/agree"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/twin"
)

// Errors of a comparison.
var (
	// ErrCannotAgree: the peer's node is of a version that does not compare.
	ErrCannotAgree = errors.New("the peer's version cannot compare what the two sides hold; it has to be updated")
	// ErrAskedTooOften: the peer was asked too often, or is answering already.
	ErrAskedTooOften = errors.New("the peer does not compare at present: it was asked too often, or is answering already; try again later")
)

// Comparison is how the two sides of a connection compare.
type Comparison struct {
	Salt agree.Salt
	// Twins is how many were compared.
	Twins int
	// Differ are twins that are not alike and stand still on both sides.
	Differ []Unlike
	// Moving are twins that are not alike, of which something is under way.
	Moving []Unlike
	// Unexamined are further twins that are not alike: too many to name what differs.
	Unexamined []event.TwinID
}

// Agreed tells whether nothing differs; something may be under way.
func (c Comparison) Agreed() bool { return len(c.Differ)+len(c.Unexamined) == 0 }

// Open are the twins that are not alike for whatever reason.
func (c Comparison) Open() []event.TwinID {
	ids := slices.Clone(c.Unexamined)
	for _, u := range slices.Concat(c.Differ, c.Moving) {
		ids = append(ids, u.Twin)
	}
	return ids
}

// Unlike is a twin that the two sides do not have alike on record.
type Unlike struct {
	Twin event.TwinID `json:"twin"`
	// Ref and Key are those of our ticket, if there is one.
	Ref    event.Ref          `json:"ref,omitzero"`
	Key    string             `json:"key,omitempty"`
	What   []agree.Difference `json:"what,omitempty"`
	Ours   []agree.Moving     `json:"ours,omitempty"`
	Theirs []agree.Moving     `json:"theirs,omitempty"`
}

// Still tells whether nothing of it is under way.
func (u Unlike) Still() bool { return len(u.Ours)+len(u.Theirs) == 0 }

// most bounds how many twins are compared fact by fact; of the others it is only
// told that they differ.
const mostExamined = 1000

// maxFactsOfTwin bounds what is asked of one twin.
const maxFactsOfTwin = 200_000

// Compare compares all twins of a connection with the peer.
func (p *Path) Compare(ctx context.Context, con *Connection) (Comparison, error) {
	var out Comparison
	if _, err := io.ReadFull(p.Random, out.Salt[:]); err != nil {
		return out, fmt.Errorf("draw a salt: %w", err)
	}
	if err := p.canCompare(ctx, con); err != nil {
		return out, err
	}
	s := p.side(con, out.Salt)
	var unlike []event.TwinID
	for from := 0; from < agree.Buckets; from += agree.MaxBuckets {
		answer, err := s.ask(ctx, agree.Ask{Salt: out.Salt, Buckets: &agree.AskBuckets{From: from, Count: agree.MaxBuckets}})
		if err != nil {
			return out, err
		}
		ours, twins, err := s.buckets(from, agree.MaxBuckets)
		if err != nil {
			return out, err
		}
		out.Twins += twins
		for i, theirs := range answer.Buckets {
			if ours[i].Sent == theirs.Received && ours[i].Received == theirs.Sent {
				continue
			}
			found, err := s.unlike(ctx, from+i)
			if err != nil {
				return out, err
			}
			unlike = append(unlike, found...)
		}
	}
	return out, s.examine(ctx, unlike, &out)
}

// CompareTwins compares some twins anew, under the salt of an earlier comparison.
func (p *Path) CompareTwins(ctx context.Context, con *Connection, before Comparison, twins []event.TwinID) (Comparison, error) {
	out := Comparison{Salt: before.Salt, Twins: before.Twins}
	if err := p.canCompare(ctx, con); err != nil {
		return out, err
	}
	return out, p.side(con, out.Salt).examine(ctx, twins, &out)
}

// canCompare makes contact and finds out whether the peer compares at all.
func (p *Path) canCompare(ctx context.Context, con *Connection) error {
	if err := p.greet(ctx, con); err != nil {
		return err
	}
	if !con.session.can(canAgree) {
		return ErrCannotAgree
	}
	return nil
}

// ask asks the peer one question.
func (s side) ask(ctx context.Context, ask agree.Ask) (agree.Answer, error) {
	raw, err := agree.Encode(ask)
	if err != nil {
		return agree.Answer{}, err
	}
	wire, err := s.con.Codec.SealBlob(aboutAsk, raw)
	if err != nil {
		return agree.Answer{}, err
	}
	reply, err := s.con.ask(ctx, transport.KindAgree, wire, sendTimeout)
	if err != nil {
		return agree.Answer{}, fmt.Errorf("ask %s what it holds: %w", s.con.Name, err)
	}
	body, err := s.con.Codec.OpenBlob(aboutAnswer(raw), reply)
	if err != nil {
		return agree.Answer{}, fmt.Errorf("open what %s says it holds: %w", s.con.Name, err)
	}
	answer, err := agree.DecodeAnswer(ask, body)
	if err != nil {
		return agree.Answer{}, fmt.Errorf("what %s says it holds: %w: %w", s.con.Name, err, errPeer)
	}
	if answer.Busy {
		return agree.Answer{}, ErrAskedTooOften
	}
	return answer, nil
}

// unlike finds the twins of a bucket that differ.
func (s side) unlike(ctx context.Context, bucket int) ([]event.TwinID, error) {
	theirs := map[event.TwinID]agree.Pair{}
	for after, more := (event.TwinID{}), true; more; {
		answer, err := s.ask(ctx, agree.Ask{Salt: s.ours.Salt, Twins: &agree.AskTwins{Bucket: bucket, After: after}})
		if err != nil {
			return nil, err
		}
		for _, line := range answer.Twins.List {
			theirs[line.Twin], after = line.Pair, line.Twin
		}
		more = answer.Twins.More
	}
	ours, _, err := s.lines(bucket, event.TwinID{}, 0)
	if err != nil {
		return nil, err
	}
	var ids []event.TwinID
	for _, line := range ours {
		their := theirs[line.Twin]
		if line.Sent != their.Received || line.Received != their.Sent {
			ids = append(ids, line.Twin)
		}
		delete(theirs, line.Twin)
	}
	for _, id := range slices.SortedFunc(maps.Keys(theirs), compareTwins) {
		if theirs[id] != (agree.Pair{}) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// examine finds out what it is that differs in twins.
func (s side) examine(ctx context.Context, ids []event.TwinID, out *Comparison) error {
	for i, id := range ids {
		if i == mostExamined {
			out.Unexamined = ids[i:]
			return nil
		}
		u, err := s.examineTwin(ctx, id)
		switch {
		case err != nil:
			return err
		case len(u.What) == 0:
		case u.Still():
			out.Differ = append(out.Differ, u)
		default:
			out.Moving = append(out.Moving, u)
		}
	}
	return nil
}

func (s side) examineTwin(ctx context.Context, id event.TwinID) (Unlike, error) {
	u := Unlike{Twin: id}
	var theirs agree.Record
	for from, more := 0, true; more; {
		answer, err := s.ask(ctx, agree.Ask{Salt: s.ours.Salt, Twin: &agree.AskTwin{Twin: id, From: from}})
		if err != nil {
			return u, err
		}
		part := answer.Twin
		theirs.Ended, theirs.Moving = part.Ended, part.Moving
		theirs.Sent, theirs.Received = append(theirs.Sent, part.Sent...), append(theirs.Received, part.Received...)
		from, more = len(theirs.Sent)+len(theirs.Received), part.More && from < maxFactsOfTwin
	}
	ours, err := s.sealed(id)
	if err != nil {
		return u, err
	}
	u.What, u.Ours, u.Theirs = agree.Compare(ours, theirs), ours.Moving, theirs.Moving
	err = s.p.Store.View(func(r store.Reader) error {
		if row, err := get[twin.Row](r, store.TwinKey(s.con.ID, id)); err == nil && row != nil {
			u.Ref, u.Key = row.Ref, row.Key
		}
		return nil
	})
	return u, err
}

// Mend makes what differs be sent whole: by this side what it said, and by the peer,
// which is asked to, what it said. It reports how many twins will be.
func (p *Path) Mend(ctx context.Context, con *Connection, c Comparison) (ours, theirs int, err error) {
	mine, other := slices.Clone(c.Unexamined), slices.Clone(c.Unexamined)
	for _, u := range c.Differ {
		for _, d := range u.What {
			if d.Direction == agree.Outgoing {
				mine = append(mine, u.Twin)
			} else {
				other = append(other, u.Twin)
			}
		}
	}
	mine, other = slices.Compact(mine), slices.Compact(other)
	if ours, err = p.HealTwins(con, mine); err != nil {
		return ours, 0, err
	}
	s := p.side(con, c.Salt)
	for page := range slices.Chunk(other, agree.MaxTwins) {
		answer, err := s.ask(ctx, agree.Ask{Salt: c.Salt, Heal: &agree.AskHeal{Twins: page}})
		if err != nil {
			return ours, theirs, err
		}
		theirs += answer.Heal.Twins
	}
	return ours, theirs, nil
}

// HealTwins makes twins be sent whole, as far as filter and gate let them. Rows that
// cannot be read are given up first: what they held is found again. It reports how
// many twins that are.
func (p *Path) HealTwins(con *Connection, ids []event.TwinID) (int, error) {
	var refs []event.Ref
	for page := range slices.Chunk(ids, healPage) {
		var healed []event.Ref
		err := p.Store.Update(func(tx store.Tx) error {
			healed = healed[:0]
			for _, id := range page {
				if err := dropUnreadable(tx, con.ID, id); err != nil {
					return err
				}
				ref, err := p.healTwin(tx, con, id, 0)
				if err != nil {
					return err
				}
				if !ref.IsZero() {
					healed = append(healed, ref)
				}
			}
			return nil
		})
		if err != nil {
			return len(refs), fmt.Errorf("heal %d twins of %s: %w", len(ids), con.Name, err)
		}
		refs = append(refs, healed...)
	}
	for _, ref := range refs {
		p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{Bulk: true})
	}
	return len(refs), nil
}

// dropUnreadable gives up what cannot be read of a twin.
func dropUnreadable(tx store.Tx, con event.ConnectionID, id event.TwinID) error {
	if _, err := getReplica(tx, store.ReceivedKey(con, id)); err != nil {
		if err := tx.Delete(store.ReceivedKey(con, id)); err != nil {
			return err
		}
	}
	row, err := twinRow(tx, con, id)
	if err != nil || row == nil {
		return nil //nolint:nilerr // a twin whose own row cannot be read is not healed
	}
	whole := 0
	err = readPages(tx, con, id, row.Items, func(_ int, page twin.Page) error {
		whole += len(page)
		return nil
	})
	if err == nil {
		return nil
	}
	whole -= whole % twin.PageLen
	for n := whole / twin.PageLen; n < twin.Pages(row.Items); n++ {
		if err := tx.Delete(store.PageKey(con, id, n)); err != nil {
			return err
		}
	}
	row.Items = whole
	return put(tx, store.TwinKey(con, id), row)
}

func compareTwins(a, b event.TwinID) int { return bytes.Compare(a[:], b[:]) }
