package flow

import (
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/store"
)

// partnerRow is what a node keeps of who is at the two ends of a connection.
type partnerRow struct {
	// Peer is the process of the peer that we deal with; zero if none is known.
	Peer envelope.Boot `json:"peer,omitzero"`
	// Renew: the next hello begins a new epoch of ours, whatever the peer can
	// prove. This side forgot something, and knows it.
	Renew bool `json:"renew,omitempty"`
	// Fenced: the peer deals with another live process of this node, since Since.
	Fenced bool      `json:"fenced,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Claim: a person has said that this process is the node.
	Claim bool `json:"claim,omitempty"`
}

func partnerOf(r store.Reader, con event.ConnectionID) (partnerRow, error) {
	row, err := get[partnerRow](r, store.PartnerKey(con))
	if row == nil {
		return partnerRow{}, err
	}
	return *row, err
}

// partner reads the row of a connection.
func (p *Path) partner(con event.ConnectionID) (row partnerRow, err error) {
	err = p.Store.View(func(r store.Reader) error {
		row, err = partnerOf(r, con)
		return err
	})
	return row, err
}

// changePartner changes the row of a connection durably.
func (p *Path) changePartner(con event.ConnectionID, fn func(*partnerRow)) error {
	return p.Store.Finish(func(tx store.Tx) error {
		row, err := partnerOf(tx, con)
		if err != nil {
			return err
		}
		before := row
		if fn(&row); row == before {
			return nil
		}
		return put(tx, store.PartnerKey(con), &row)
	})
}

// Renew makes the next hello of a connection begin a new epoch: it is for who
// knows that the store does not hold all that it held. What is under way is void
// then, every twin is sent whole, and what it would add is looked for first.
func Renew(tx store.Tx, con event.ConnectionID) error {
	row, err := partnerOf(tx, con)
	if err != nil {
		return err
	}
	row.Renew = true
	return put(tx, store.PartnerKey(con), &row)
}

// renewal takes the wish for a new epoch out, inside the transaction that begins it.
func renewal(tx store.Tx, con event.ConnectionID) (bool, error) {
	row, err := partnerOf(tx, con)
	if err != nil || !row.Renew {
		return false, err
	}
	row.Renew = false
	return true, put(tx, store.PartnerKey(con), &row)
}
