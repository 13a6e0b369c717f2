package flow

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// get reads a row; nil if there is none. Rows that every event reads have a form
// of their own, the others are JSON.
func get[T any](r store.Reader, key []byte) (*T, error) {
	raw, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read row %c: %w", key[0], err)
	}
	row := new(T)
	if err := decodeRow(raw, row); err != nil {
		return nil, fmt.Errorf("read row %c: %w", key[0], err)
	}
	return row, nil
}

func decodeRow(raw []byte, row any) error {
	if b, ok := row.(encoding.BinaryUnmarshaler); ok {
		return b.UnmarshalBinary(raw)
	}
	return json.Unmarshal(raw, row)
}

func encodeRow(row any) ([]byte, error) {
	if b, ok := row.(encoding.BinaryMarshaler); ok {
		return b.MarshalBinary()
	}
	return json.Marshal(row)
}

// replicaRow is a replica as last sent or received: its fields.
type replicaRow struct{ Fields event.Fields }

// MarshalBinary writes the fields; the first byte is the layout's version.
func (r *replicaRow) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 2048), 1)}
	w.Map(r.Fields)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *replicaRow) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	r.Fields = p.Map()
	return p.Version(version, 1)
}

// getReplica reads a replica as last sent or received; nil if there is none.
func getReplica(r store.Reader, key []byte) (*filters.Replica, error) {
	row, err := get[replicaRow](r, key)
	if row == nil {
		return nil, err
	}
	return &filters.Replica{Fields: row.Fields}, err
}

func putReplica(tx store.Tx, key []byte, fields event.Fields) error {
	return put(tx, key, &replicaRow{fields})
}

// put writes a row, or removes it if row is nil.
func put[T any](tx store.Tx, key []byte, row *T) error {
	if row == nil {
		return tx.Delete(key)
	}
	raw, err := encodeRow(row)
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
		if err := decodeRow(value, &item); err != nil {
			return false, fmt.Errorf("read item of twin %s: %w", id, err)
		}
		all[store.ItemOf(key)] = item
		return true, nil
	})
	return all, err
}
