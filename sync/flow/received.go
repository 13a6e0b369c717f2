package flow

import (
	"slices"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

// received are the items of the event that are to be recorded, as the peer last
// said them.
func (in *incoming) received() map[event.ItemID]twin.Item {
	out := in.written()
	for i := range in.body.Items {
		said := &in.body.Items[i]
		had, known := in.items.get(said.ID)
		if said.Kind != event.ItemComment || !known || slices.Contains(in.plan.Declined, said.ID) {
			continue
		}
		next := had
		next.Wire, next.State = commentHash(said.Body, said.Internal), twin.Confirmed
		if _, written := out[said.ID]; !written && next == had {
			continue
		}
		if out == nil {
			out = map[event.ItemID]twin.Item{}
		}
		out[said.ID] = next
	}
	return out
}

// storeRecovered records comments that were found in our ticket: another process
// that goes on with the plan would not know of them.
func (p *Path) storeRecovered(tx store.Tx, in *incoming) error {
	if len(in.recovered) == 0 || in.twin == nil {
		return nil
	}
	row, err := p.twinFor(tx, in)
	if err != nil {
		return err
	}
	if err := putItems(tx, in.con.ID, in.id, row, in.recovered); err != nil {
		return err
	}
	return put(tx, store.TwinKey(in.con.ID, in.id), row)
}

// putReceived stores what the peer has said of the twin, this event included.
func (in *incoming) putReceived(tx store.Tx) error {
	return put(tx, store.ReceivedKey(in.con.ID, in.id), in.held.with(in.replica.Fields, in.row.Epoch, in.body))
}

func (in *incoming) bodyItems() []event.ItemID {
	ids := make([]event.ItemID, len(in.body.Items))
	for i := range in.body.Items {
		ids[i] = in.body.Items[i].ID
	}
	return ids
}

// markDeclined records that what the event says of items was not taken: what
// stands here of them is older than what the peer last said. It counts in nothing.
func markDeclined(tx store.Tx, in *incoming, row *twin.Row, declined []event.ItemID) error {
	known := func(id event.ItemID) bool {
		had, ok := in.items.get(id)
		return ok && had.Theirs && had.State != twin.Declined
	}
	if row == nil || !slices.ContainsFunc(declined, known) {
		return nil
	}
	return readPages(tx, in.con.ID, in.id, row.Items, func(n int, page twin.Page) error {
		dirty := false
		for i := range page {
			if page[i].Theirs && page[i].State != twin.Declined && slices.Contains(declined, page[i].ID) {
				page[i].State, dirty = twin.Declined, true
			}
		}
		if !dirty {
			return nil
		}
		return put(tx, store.PageKey(in.con.ID, in.id, n), &page)
	})
}
