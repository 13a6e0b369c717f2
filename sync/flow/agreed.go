package flow

import (
	"fmt"
	"time"

	"parley/sync/store"
)

// Agreed is what is kept of the last comparison of a connection.
type Agreed struct {
	At    time.Time `json:"at,omitzero"`
	Twins int       `json:"twins"`
	// Differing twins were not alike and stood still.
	Differing int `json:"differing,omitempty"`
}

// LastAgreement is what the last comparison of a connection came to.
func (p *Path) LastAgreement(con *Connection) (Agreed, error) {
	var out Agreed
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[Agreed](r, store.AgreedKey(con.ID))
		if row != nil {
			out = *row
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read the last comparison of %s: %w", con.Name, err)
	}
	return out, nil
}

// KeepAgreement remembers what a comparison came to.
func (p *Path) KeepAgreement(con *Connection, a Agreed) error {
	err := p.Store.Finish(func(tx store.Tx) error { return put(tx, store.AgreedKey(con.ID), &a) })
	if err != nil {
		return fmt.Errorf("store the comparison of %s: %w", con.Name, err)
	}
	return nil
}

// SweepSoon makes a sweep begin that is not under way.
func (p *Path) SweepSoon(con *Connection) error {
	state, err := p.SweepState(con)
	if err != nil || !state.Began.IsZero() && state.Ended.IsZero() {
		return err
	}
	begun := Swept{Began: p.Now()}
	err = p.Store.Finish(func(tx store.Tx) error { return put(tx, store.SweepKey(con.ID), &begun) })
	if err != nil {
		return fmt.Errorf("begin a sweep of %s: %w", con.Name, err)
	}
	return nil
}
