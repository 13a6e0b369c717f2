package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"parley/sync/store"
)

// errDone is what a transaction kept beyond its function gets.
var errDone = errors.New("transaction used after its function returned")

// reader reads one version of the database under up to two groups that are not
// in it yet.
type reader struct {
	snapshot *badger.Txn
	recent   *recent
	running  *group // the group that the function writes to; nil in a View
	writing  *group // the group that is being committed, or nil
	// broken is told of what could not be read, and returns what to answer.
	broken func(error) error
}

var _ store.Reader = (*reader)(nil)

// Get implements store.Reader.
func (r *reader) Get(key []byte) ([]byte, error) {
	for _, g := range [...]*group{r.running, r.writing} {
		if g == nil {
			continue
		}
		if w, ok := g.get(key); ok {
			if w.deleted {
				return nil, store.ErrNotFound
			}
			return append([]byte{}, w.value...), nil
		}
	}
	if len(key) == 0 {
		return nil, store.ErrNotFound
	}
	if w, ok := r.recent.get(key, r.snapshot.ReadTs()); ok {
		if w.deleted {
			return nil, store.ErrNotFound
		}
		return append([]byte{}, w.value...), nil
	}
	item, err := r.snapshot.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		r.recent.note(key, nil, false, r.snapshot.ReadTs())
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, r.broken(fmt.Errorf("read key: %w", err))
	}
	value, err := valueOf(item)
	if err != nil {
		return nil, r.broken(err)
	}
	r.recent.note(key, value, true, r.snapshot.ReadTs())
	return value, nil
}

// valueOf returns the value of an item that is not used again.
func valueOf(item *badger.Item) (value []byte, err error) {
	// Badger hands fn a buffer that belongs to this item alone, so it need not
	// be copied once more.
	err = item.Value(func(v []byte) error { value = v; return nil })
	if err != nil {
		return nil, fmt.Errorf("read value: %w", err)
	}
	if value == nil {
		value = []byte{}
	}
	return value, nil
}

// Scan implements store.Reader.
func (r *reader) Scan(prefix, after []byte, fn func(key, value []byte) (bool, error)) error {
	return r.each(prefix, after, func(key []byte, item *badger.Item, w *write) (bool, error) {
		if w != nil {
			return fn(key, append([]byte{}, w.value...))
		}
		value, err := item.ValueCopy(nil)
		if err != nil {
			return false, r.broken(fmt.Errorf("read value: %w", err))
		}
		if value == nil {
			value = []byte{}
		}
		return fn(key, value)
	})
}

// Keys implements store.Reader.
func (r *reader) Keys(prefix, after []byte, fn func(key []byte) (bool, error)) error {
	return r.each(prefix, after, func(key []byte, _ *badger.Item, _ *write) (bool, error) {
		return fn(key)
	})
}

// each calls fn with a copy of each key in range and where its value is: in an
// item or in a write.
func (r *reader) each(prefix, after []byte, fn func([]byte, *badger.Item, *write) (bool, error)) (err error) {
	keys := rangeOf(prefix, after)
	pending := r.pending(keys)

	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false // the values are in the tree, there is nothing to fetch
	o.Prefix = prefix
	it := r.snapshot.NewIterator(o)
	defer it.Close()

	it.Seek(keys.from)
	for {
		var item *badger.Item
		if it.Valid() {
			item = it.Item()
			if !keys.has(item.Key()) {
				it.Next()
				continue
			}
		}
		order := 1 // whose turn it is: the item's (-1), the write's (1), or both have the key (0)
		switch {
		case item == nil && len(pending) == 0:
			return nil
		case len(pending) == 0:
			order = -1
		case item != nil:
			order = bytes.Compare(item.Key(), []byte(pending[0].key))
		}
		more := true
		if order < 0 {
			more, err = fn(item.KeyCopy(nil), item, nil)
		} else {
			w := pending[0]
			pending = pending[1:]
			if !w.deleted {
				more, err = fn([]byte(w.key), nil, &w)
			}
		}
		if err != nil || !more {
			return err
		}
		if order <= 0 {
			it.Next()
		}
	}
}

// pending returns the writes of both groups in range, in order, copied: fn may
// go on writing.
func (r *reader) pending(keys keyRange) []write {
	var under, over []write
	if r.writing != nil {
		under = r.writing.span(nil, keys)
	}
	if r.running != nil {
		over = r.running.span(nil, keys)
	}
	if len(under) == 0 {
		return over
	}
	if len(over) == 0 {
		return under
	}
	both := make([]write, 0, len(under)+len(over))
	for len(under) > 0 && len(over) > 0 {
		switch order := strings.Compare(under[0].key, over[0].key); {
		case order < 0:
			both, under = append(both, under[0]), under[1:]
		case order > 0:
			both, over = append(both, over[0]), over[1:]
		default:
			under = under[1:]
		}
	}
	return append(append(both, under...), over...)
}

// tx is the transaction of one function.
type tx struct {
	reader
	writes, bytes int
	err           error // the first write that was refused: nothing of it may stay
	done          bool
}

var _ store.Tx = (*tx)(nil)

// Put implements store.Tx.
func (t *tx) Put(key, value []byte) error {
	if err := t.take(key, value); err != nil {
		return err
	}
	t.running.set(key, value, false)
	return nil
}

// Delete implements store.Tx.
func (t *tx) Delete(key []byte) error {
	if err := t.take(key, nil); err != nil {
		return err
	}
	t.running.set(key, nil, true)
	return nil
}

// take checks a write against the bounds. One refused write refuses the whole
// transaction, even if the function overlooks the error.
func (t *tx) take(key, value []byte) error {
	if t.done {
		return errDone
	}
	if t.err != nil {
		return t.err
	}
	if err := store.CheckWrite(key, value, t.writes, t.bytes); err != nil {
		t.err = fmt.Errorf("put: %w", err)
		return t.err
	}
	t.writes++
	t.bytes += len(key) + len(value)
	return nil
}
