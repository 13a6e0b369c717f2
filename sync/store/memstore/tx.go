package memstore

import (
	"bytes"
	"errors"
	"fmt"

	"parley/sync/store"
)

// errDone is what a transaction kept beyond its function gets.
var errDone = errors.New("transaction used after its function returned")

// reader reads one root, which never changes.
type reader struct{ root *node }

var _ store.Reader = reader{}

// Get implements store.Reader.
func (r reader) Get(key []byte) ([]byte, error) {
	n := r.root.get(key)
	if n == nil {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(n.value), nil
}

// Scan implements store.Reader.
func (r reader) Scan(prefix, after []byte, fn func(key, value []byte) (bool, error)) error {
	return r.each(prefix, after, func(n *node) (bool, error) {
		return fn(bytes.Clone(n.key), bytes.Clone(n.value))
	})
}

// Keys implements store.Reader.
func (r reader) Keys(prefix, after []byte, fn func(key []byte) (bool, error)) error {
	return r.each(prefix, after, func(n *node) (bool, error) {
		return fn(bytes.Clone(n.key))
	})
}

func (r reader) each(prefix, after []byte, fn func(*node) (bool, error)) error {
	from, skip := prefix, false
	if after != nil && bytes.Compare(after, prefix) >= 0 {
		from, skip = after, true
	}
	var err error
	r.root.ascend(from, skip, func(n *node) bool {
		if !bytes.HasPrefix(n.key, prefix) {
			return false
		}
		var more bool
		more, err = fn(n)
		return more && err == nil
	})
	return err
}

// tx writes by moving its own root on.
type tx struct {
	reader
	puts, bytes uint64
	err         error // the first write that was refused: nothing of it may stay
	done        bool
}

var _ store.Tx = (*tx)(nil)

// Put implements store.Tx.
func (t *tx) Put(key, value []byte) error {
	if err := t.take(key, value); err != nil {
		return err
	}
	// Never nil: an empty value is a value.
	t.root = t.root.put(bytes.Clone(key), append([]byte{}, value...))
	return nil
}

// Delete implements store.Tx.
func (t *tx) Delete(key []byte) error {
	if err := t.take(key, nil); err != nil {
		return err
	}
	t.root = t.root.remove(key)
	return nil
}

// take checks a write against the store's bounds. One refused write refuses the
// whole transaction, even if the function overlooks the error.
func (t *tx) take(key, value []byte) error {
	if t.done {
		return errDone
	}
	if t.err != nil {
		return t.err
	}
	if err := store.CheckWrite(key, value, int(t.puts), int(t.bytes)); err != nil {
		t.err = fmt.Errorf("put: %w", err)
		return t.err
	}
	t.puts++
	t.bytes += uint64(len(key) + len(value))
	return nil
}
