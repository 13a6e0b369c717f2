package flow

import (
	"parley/sync/event"
	"parley/sync/store"
)

// partnerRow is what a node keeps of who is at the two ends of a connection.
type partnerRow struct {
	// Renew: the next hello begins a new epoch of ours, whatever the peer can
	// prove. This side forgot something, and knows it.
	Renew bool `json:"renew,omitempty"`
}

func partnerOf(r store.Reader, con event.ConnectionID) (partnerRow, error) {
	row, err := get[partnerRow](r, store.PartnerKey(con))
	if row == nil {
		return partnerRow{}, err
	}
	return *row, err
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
