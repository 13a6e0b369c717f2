package flow

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"

	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// get reads a JSON row; nil if there is none.
func get[T any](r store.Reader, key []byte) (*T, error) {
	raw, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read row %c: %w", key[0], err)
	}
	row := new(T)
	if err := json.Unmarshal(raw, row); err != nil {
		return nil, fmt.Errorf("read row %c: %w", key[0], err)
	}
	return row, nil
}

// put writes a JSON row, or removes it if row is nil.
func put[T any](tx store.Tx, key []byte, row *T) error {
	if row == nil {
		return tx.Delete(key)
	}
	raw, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("write row %c: %w", key[0], err)
	}
	return tx.Put(key, raw)
}

func getBinary(r store.Reader, key []byte, row encoding.BinaryUnmarshaler) error {
	raw, err := r.Get(key)
	if err != nil {
		return fmt.Errorf("read row %c: %w", key[0], err)
	}
	return row.UnmarshalBinary(raw)
}

func putBinary(tx store.Tx, key []byte, row encoding.BinaryMarshaler) error {
	raw, err := row.MarshalBinary()
	if err != nil {
		return fmt.Errorf("write row %c: %w", key[0], err)
	}
	return tx.Put(key, raw)
}

func outHead(r store.Reader, con event.ConnectionID, stream byte) (outbox.Head, error) {
	var h outbox.Head
	err := getBinary(r, store.HeadKey(con, store.Out, stream), &h)
	return h, err
}

func inHead(r store.Reader, con event.ConnectionID, stream byte) (inbox.Head, error) {
	var h inbox.Head
	err := getBinary(r, store.HeadKey(con, store.In, stream), &h)
	return h, err
}

// twinRow reads a twin for change inside a transaction; what belongs to an
// ended epoch of ours is forgotten on the way.
func twinRow(r store.Reader, con event.ConnectionID, id event.TwinID) (*twin.Row, error) {
	row, err := get[twin.Row](r, store.TwinKey(con, id))
	if err != nil || row == nil {
		return nil, err
	}
	head, err := outHead(r, con, 'd')
	if err != nil {
		return nil, err
	}
	row.Void(head.Epoch)
	return row, nil
}

// twinByRef finds the twin of one of our tickets.
func twinByRef(r store.Reader, con event.ConnectionID, ref event.Ref) (event.TwinID, bool, error) {
	raw, err := r.Get(store.RefKey(con, ref))
	if errors.Is(err, store.ErrNotFound) {
		return event.TwinID{}, false, nil
	}
	if err != nil || len(raw) != len(event.TwinID{}) {
		return event.TwinID{}, false, fmt.Errorf("read twin of ticket %s: %w", ref, errors.Join(err, errLength(raw)))
	}
	return event.TwinID(raw), true, nil
}

func errLength(raw []byte) error {
	if len(raw) == len(event.TwinID{}) {
		return nil
	}
	return fmt.Errorf("twin id of %d bytes", len(raw))
}

// items reads the comments and attachments of a twin.
func items(r store.Reader, con event.ConnectionID, id event.TwinID) (map[event.ItemID]twin.Item, error) {
	all := map[event.ItemID]twin.Item{}
	prefix := store.ItemKey(con, id, "")
	err := r.Scan(prefix, nil, func(key, value []byte) (bool, error) {
		var item twin.Item
		if err := json.Unmarshal(value, &item); err != nil {
			return false, fmt.Errorf("read item of twin %s: %w", id, err)
		}
		all[store.ItemOf(key)] = item
		return true, nil
	})
	return all, err
}
