package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sync/agree"
	"parley/sync/store"
)

// Each side keeps heads of the other's record of what people did. A head is the number
// of the newest record and the hash of all of them: who rewrites the record, cuts its end
// off or puts an old one back has other heads than the peers keep.

// ErrNoWitness: the peer's node is of a version that keeps no heads.
var ErrNoWitness = errors.New("the peer's version keeps no heads of our record; it has to be updated")

// canWitness is the capability of keeping heads.
const canWitness = "witness"

// Witness is a head of the peer's record, and when it came.
type Witness struct {
	Head string    `json:"head"`
	At   time.Time `json:"at"`
}

// Witnessed are the heads of the peer's record that are kept here, in the order in
// which they came.
func (p *Path) Witnessed(con *Connection) ([]Witness, error) {
	var kept []Witness
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[[]Witness](r, store.WitnessKey(con.ID))
		if row != nil {
			kept = *row
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the heads of %s: %w", con.Name, err)
	}
	return kept, nil
}

// AskWitness gives the peer a head of our record to keep, if it is not empty, and
// returns those that it keeps. A peer that keeps none is ErrNoWitness.
func (p *Path) AskWitness(ctx context.Context, con *Connection, head string) ([]string, error) {
	if err := p.greet(ctx, con); err != nil {
		return nil, err
	}
	if !con.session.can(canWitness) {
		return nil, ErrNoWitness
	}
	answer, err := p.side(con, agree.Salt{}).ask(ctx, agree.Ask{Witness: &agree.AskWitness{Head: head}})
	if err != nil {
		return nil, err
	}
	return answer.Witness.Heads, nil
}

// witness keeps a head of the peer's record, on disk, and returns all that are kept.
func (p *Path) witness(con *Connection, head string) ([]string, error) {
	kept, err := p.Witnessed(con)
	if err != nil {
		return nil, err
	}
	known := slices.ContainsFunc(kept, func(w Witness) bool { return w.Head == head })
	if head != "" && !known {
		if slices.ContainsFunc(kept, func(w Witness) bool { return numberOf(w.Head) >= numberOf(head) }) {
			p.Observe(Observation{What: "record went back", Connection: con.Name, Detail: "the peer's record of what people did is not the one that it was", At: p.Now()})
		}
		kept = thinned(append(kept, Witness{Head: head, At: p.Now().UTC()}))
		err = p.Store.Finish(func(tx store.Tx) error { return put(tx, store.WitnessKey(con.ID), &kept) })
	}
	heads := make([]string, len(kept))
	for i, w := range kept {
		heads[i] = w.Head
	}
	return heads, err
}

// numberOf is how many records a head is of; a head is checked when it comes in.
func numberOf(head string) uint64 {
	number, _, _ := strings.Cut(head, ":")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// thinned leaves MaxHeads heads. The first of a day goes last, so that nobody who has the
// peer's keys for a day has the heads of the days before forgotten.
func thinned(kept []Witness) []Witness {
	for len(kept) > agree.MaxHeads {
		out := 0
		for i := 1; i < len(kept)-1; i++ {
			if kept[i].At.Format(time.DateOnly) == kept[i-1].At.Format(time.DateOnly) {
				out = i
				break
			}
		}
		kept = slices.Delete(kept, out, out+1)
	}
	return kept
}
