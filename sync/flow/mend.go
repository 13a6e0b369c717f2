package flow

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// Salvage makes the rows that were read out of a damaged store into a store that a
// node can begin with. They are a mix of older and newer ones, and some are not
// there. What is under way is not believed: queues and events are left out, every
// stream is told as received up to nothing, and our own begin a new epoch. So the
// peer finds that we lost what it can prove, each side sends every twin whole, and
// what that would add is looked for first, as after a restore from a backup.
type Salvage struct {
	epochs map[streamOf]uint64
}

type streamOf struct {
	con  event.ConnectionID
	side store.Side
}

// Mended counts what Mend found missing.
type Mended struct {
	// Twins are there, Forgotten were and are not: their peer sends them again.
	Twins     int `json:"twins"`
	Forgotten int `json:"forgotten"`
	// Short are twins some of whose comments and files are not on record.
	Short int `json:"short"`
}

// NewSalvage begins one.
func NewSalvage() *Salvage { return &Salvage{epochs: map[streamOf]uint64{}} }

// Wants tells whether rows of a key are taken over; it is shown every key.
func (s *Salvage) Wants(key []byte) bool {
	if len(key) < 2 {
		return false
	}
	switch key[0] {
	case 'e', 'k':
		s.event(key)
		return false
	case 'q', 'i', 'd', 'l', 'g':
		return false
	}
	return true
}

// event notes the epoch of an event: it is the one thing of it that is needed.
func (s *Salvage) event(key []byte) {
	con, side, epoch, ok := store.StreamOf(key)
	if at := (streamOf{con, side}); ok {
		s.epochs[at] = max(s.epochs[at], epoch)
	}
}

// mendPage is how many rows one transaction looks at.
const mendPage = 100

// Mend makes the rows of a connection fit each other.
func (s *Salvage) Mend(st store.Store, con event.ConnectionID, now time.Time) (Mended, error) {
	var m Mended
	for _, step := range []func() error{
		func() error { return s.heads(st, con) },
		func() error { return eachPage(st, store.Prefix('t', con), m.twin(con)) },
		func() error { return eachPage(st, store.Prefix('r', con), m.ref(con, now)) },
		func() error { return eachPage(st, []byte("v/"), m.known(con, now)) },
	} {
		if err := step(); err != nil {
			return m, fmt.Errorf("mend connection %s: %w", con, err)
		}
	}
	for _, kind := range []byte{'a', 'x', 's', 'z', 'j', 'o', 'f'} {
		if err := eachPage(st, store.Prefix(kind, con), orphan(con)); err != nil {
			return m, fmt.Errorf("mend connection %s: %w", con, err)
		}
	}
	return m, nil
}

// heads begins the streams: nothing received, nothing sent.
func (s *Salvage) heads(st store.Store, con event.ConnectionID) error {
	return st.Finish(func(tx store.Tx) error {
		out, in := max(firstEpoch, s.epochs[streamOf{con, store.Out}]), max(firstEpoch, s.epochs[streamOf{con, store.In}])
		for _, stream := range streams {
			// A head that is there may know of an epoch that had no event yet.
			if h, err := outHead(tx, con, byte(stream)); err == nil {
				out = max(out, h.Epoch)
			}
			if h, err := inHead(tx, con, byte(stream)); err == nil {
				in = max(in, h.Epoch)
			}
		}
		for _, stream := range streams {
			err := errors.Join(
				putBinary(tx, store.HeadKey(con, store.Out, byte(stream)), outbox.New(out)),
				putBinary(tx, store.HeadKey(con, store.In, byte(stream)), inbox.Head{Epoch: in}),
			)
			if err != nil {
				return err
			}
		}
		// The index is made anew from what is there.
		return errors.Join(tx.Delete(indexedKey(con)), Renew(tx, con))
	})
}

// eachPage calls fn for every key with a prefix, some in one transaction.
func eachPage(st store.Store, prefix []byte, fn func(tx store.Tx, key []byte) error) error {
	for after, more := []byte(nil), true; more; {
		err := st.Finish(func(tx store.Tx) error {
			var keys [][]byte
			err := tx.Keys(prefix, after, func(key []byte) (bool, error) {
				keys = append(keys, key)
				return len(keys) < mendPage, nil
			})
			for _, key := range keys {
				if err == nil {
					err = fn(tx, key)
				}
				after = key
			}
			more = len(keys) == mendPage
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// twin makes the rows of one twin agree with each other.
func (m *Mended) twin(con event.ConnectionID) func(store.Tx, []byte) error {
	return func(tx store.Tx, key []byte) error {
		id := store.TwinOf(key)
		row, err := get[twin.Row](tx, key)
		if err != nil {
			return err
		}
		m.Twins++
		if err := m.items(tx, con, id, row); err != nil {
			return err
		}
		if row.Ref.IsZero() {
			return put(tx, key, row)
		}
		if _, err := tx.Get(store.RefKey(con, row.Ref)); errors.Is(err, store.ErrNotFound) {
			err = tx.Put(store.RefKey(con, row.Ref), id[:])
			if err != nil {
				return err
			}
		}
		if row.Origin != (event.OriginID{}) {
			if _, err := tx.Get(store.OriginKey(row.Origin)); errors.Is(err, store.ErrNotFound) {
				if err := tx.Put(store.OriginKey(row.Origin), []byte(row.Ref.String())); err != nil {
					return err
				}
			}
		}
		return put(tx, key, row)
	}
}

// items writes the pages of a twin's comments and files without holes.
func (m *Mended) items(tx store.Tx, con event.ConnectionID, id event.TwinID, row *twin.Row) error {
	var all twin.Page
	known := map[event.ItemID]bool{}
	pages := 0
	prefix := store.PageKey(con, id, 0)
	err := tx.Scan(prefix[:len(prefix)-4], nil, func(_, value []byte) (bool, error) {
		var page twin.Page
		if err := page.UnmarshalBinary(value); err != nil {
			return false, fmt.Errorf("read row a: %w", err)
		}
		pages++
		for _, e := range page {
			if !known[e.ID] {
				known[e.ID] = true
				all = append(all, e)
			}
		}
		return true, nil
	})
	if err != nil || len(all) == row.Items && pages == twin.Pages(row.Items) {
		return err
	}
	if len(all) < row.Items {
		m.Short++
	}
	row.Items = len(all)
	for n := range max(pages, twin.Pages(len(all))) {
		var page *twin.Page
		if from := n * twin.PageLen; from < len(all) {
			part := all[from:min(len(all), from+twin.PageLen)]
			page = &part
		}
		if err := put(tx, store.PageKey(con, id, n), page); err != nil {
			return err
		}
	}
	return nil
}

// ref takes out what names a twin that is not there. Our ticket is looked at then: if
// the twin began here, it gets the same id again, before the peer's word could make a
// second ticket of it.
func (m *Mended) ref(con event.ConnectionID, now time.Time) func(store.Tx, []byte) error {
	return func(tx store.Tx, key []byte) error {
		raw, err := tx.Get(key)
		if err != nil {
			return err
		}
		var id event.TwinID
		copy(id[:], raw)
		_, err = tx.Get(store.TwinKey(con, id))
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		m.Forgotten++
		ref, err := store.RefOf(key)
		if err != nil {
			return err
		}
		return errors.Join(tx.Delete(key), lookAgain(tx, con, ref, now))
	}
}

func lookAgain(tx store.Tx, con event.ConnectionID, ref event.Ref, now time.Time) error {
	key := store.WorkKey(con, ref)
	row, err := get[work.Row](tx, key)
	if err != nil {
		return err
	}
	return put(tx, key, work.Next(row, work.Seen{Cause: event.CauseHeal}, now))
}

// known does the same for tickets of which only the index knows that they had a twin.
func (m *Mended) known(con event.ConnectionID, now time.Time) func(store.Tx, []byte) error {
	return func(tx store.Tx, key []byte) error {
		ref, err := event.ParseRef(string(key[2:]))
		if err != nil {
			return nil //nolint:nilerr // a row of a connection
		}
		connections, err := knownOn(tx, ref)
		if err != nil || !slices.Contains(connections, con) {
			return err
		}
		if _, err = tx.Get(store.RefKey(con, ref)); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return lookAgain(tx, con, ref, now)
	}
}

// orphan takes out rows of a twin that is not there.
func orphan(con event.ConnectionID) func(store.Tx, []byte) error {
	return func(tx store.Tx, key []byte) error {
		_, err := tx.Get(store.TwinKey(con, store.TwinOf(key)))
		if errors.Is(err, store.ErrNotFound) {
			return tx.Delete(key)
		}
		return err
	}
}
