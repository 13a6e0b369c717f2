package flow

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parley/filters"
	"parley/sync/envelope"
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

// replicaRow is a replica as last sent or received: its fields. Of one received it
// is known which fields were said under an epoch that has ended: what the peer said
// then it may have forgotten.
type replicaRow struct {
	Fields event.Fields
	// Epoch of the last event that said anything, Old the fields last said before it.
	Epoch uint64
	Old   []string
}

// anyEpoch is of rows in a layout that did not keep it.
const anyEpoch = ^uint64(0)

// old tells whether a field was last said before an epoch.
func (r *replicaRow) old(name string, epoch uint64) bool {
	return r.Epoch < epoch || slices.Contains(r.Old, name)
}

// with is the row after an event.
func (r *replicaRow) with(fields event.Fields, epoch uint64, body event.ChangeBody) *replicaRow {
	next := &replicaRow{Fields: fields, Epoch: epoch}
	for name := range fields {
		if _, said := body.Fields[name]; !said && r.old(name, epoch) {
			next.Old = append(next.Old, name)
		}
	}
	return next
}

// MarshalBinary writes the fields; the first byte is the layout's version.
func (r *replicaRow) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 2048), 2)}
	w.Map(r.Fields)
	w.Number(r.Epoch)
	w.Texts(r.Old)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *replicaRow) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = replicaRow{Fields: p.Map(), Epoch: anyEpoch}
	if version != 1 {
		r.Epoch, r.Old = p.Number(), p.Texts()
		return p.Version(version, 2)
	}
	return p.End()
}

// getReplica reads a replica as last sent or received; nil if there is none.
func getReplica(r store.Reader, key []byte) (*filters.Replica, error) {
	row, err := get[replicaRow](r, key)
	if row == nil {
		return nil, err
	}
	return &filters.Replica{Fields: row.Fields}, err
}

// sentBefore is the replica as last sent, if the script compares with it.
func sentBefore(r store.Reader, con event.ConnectionID, rules *Rules, id event.TwinID, row *twin.Row) (*filters.Replica, error) {
	if !rules.Outgoing.Remembers() {
		return nil, nil
	}
	sent, err := getReplica(r, store.SentKey(con, id))
	if err == nil && sent == nil {
		// The script did not ask when it was sent.
		sent, err = lastSent(r, con, row)
	}
	return sent, err
}

// lastSent is what the peer was last told of each field, from the events that
// told it; nil if there is none.
func lastSent(r store.Reader, con event.ConnectionID, row *twin.Row) (*filters.Replica, error) {
	if row == nil {
		return nil, nil
	}
	said := map[event.Seq]event.Fields{}
	out := filters.Replica{Fields: event.Fields{}}
	for name, sent := range row.Sent {
		if sent.Seq == 0 {
			continue // the peer's own word
		}
		if _, read := said[sent.Seq]; !read {
			body, err := ownEvent(r, con, row.Epoch, sent.Seq)
			if err != nil {
				return nil, err
			}
			said[sent.Seq] = body.Fields
		}
		if value, ok := said[sent.Seq][name]; ok {
			out.Fields[name] = value
		}
	}
	if len(out.Fields) == 0 {
		return nil, nil
	}
	return &out, nil
}

// ownEvent is one of our data events; empty if it is not kept any more.
func ownEvent(r store.Reader, con event.ConnectionID, epoch uint64, seq event.Seq) (event.ChangeBody, error) {
	var stored outbox.Stored
	err := getBinary(r, store.EventKey(con, store.Out, epoch, byte(envelope.Data), seq), &stored)
	if errors.Is(err, store.ErrNotFound) {
		return event.ChangeBody{}, nil
	}
	if err != nil {
		return event.ChangeBody{}, err
	}
	m, err := envelope.Decode(stored.Entry.Bytes)
	if err == nil && m.Change == nil {
		err = envelope.ErrMessage
	}
	if err != nil {
		return event.ChangeBody{}, fmt.Errorf("own event %d: %w", seq, err)
	}
	return *m.Change, nil
}

// keepSent keeps the replica as sent, if the script compares with it. If not, one that
// an earlier script compared with is not the last any more.
func (o *outgoing) keepSent(tx store.Tx, id event.TwinID) error {
	key := store.SentKey(o.con.ID, id)
	if o.rules.Outgoing.Remembers() {
		return putReplica(tx, key, o.replica.Fields)
	}
	_, err := tx.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read row s: %w", err)
	}
	return tx.Delete(key)
}

func putReplica(tx store.Tx, key []byte, fields event.Fields) error {
	return put(tx, key, &replicaRow{Fields: fields})
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
	var read readRow
	return read.again(r, con, id)
}

// readRow is a twin's row with the bytes that it was read from, to save reading
// the same bytes twice on the way from a look to its end.
type readRow struct {
	raw []byte
	row *twin.Row
}

// first reads the row and remembers it.
func (had *readRow) first(r store.Reader, con event.ConnectionID, id event.TwinID) (*twin.Row, error) {
	row, err := had.again(r, con, id)
	had.row = row
	return row, err
}

// again reads the row once more, to change it: what was remembered is given away.
func (had *readRow) again(r store.Reader, con event.ConnectionID, id event.TwinID) (*twin.Row, error) {
	before := *had
	*had = readRow{}
	raw, err := r.Get(store.TwinKey(con, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read row t: %w", err)
	}
	row := before.row
	if row == nil || !bytes.Equal(raw, before.raw) {
		row = new(twin.Row)
		if err := row.UnmarshalBinary(raw); err != nil {
			return nil, fmt.Errorf("read row t: %w", err)
		}
	}
	head, err := outHead(r, con, 'd')
	if err != nil {
		return nil, err
	}
	row.Void(head.Epoch)
	had.raw = raw
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
