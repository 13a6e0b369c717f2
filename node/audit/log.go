package audit

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/sync/store"
)

// Options of a Log. All but Told are needed.
type Options struct {
	Store store.Store
	Now   func() time.Time
	// Key signs the records that remove others.
	Key ed25519.PrivateKey
	// Told is told of each record and its head once it is on the disk.
	Told func(Record, Head)
}

// Log appends and reads records. It is safe for several goroutines.
type Log struct{ options Options }

// New returns the log of a store.
func New(o Options) *Log {
	if o.Told == nil {
		o.Told = func(Record, Head) {}
	}
	return &Log{o}
}

func headKey() []byte { return store.MetaKey("audit") }

// head reads the newest record's head.
func head(r store.Reader) (h Head, err error) {
	raw, err := r.Get(headKey())
	if err == nil {
		h, err = ParseHead(string(raw))
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return h, err
	}
	// A store that was damaged may have lost the head, or have an old one: the next
	// record must not take the place of one that is there.
	err = r.Scan(store.AuditPrefix(), store.AuditKey(h.Number), func(key, line []byte) (bool, error) {
		h = headOf(store.AuditNumber(key), line)
		return true, nil
	})
	return h, err
}

// Head is the newest record's.
func (l *Log) Head() (h Head, err error) {
	err = l.options.Store.View(func(r store.Reader) error {
		h, err = head(r)
		return err
	})
	return h, err
}

// Append gives a record its number, time and place, and returns when it is on the disk,
// also of a disk that is nearly full: who frees space is on record too.
func (l *Log) Append(r Record) (Record, error) { return l.put(r, nil) }

// put appends a record; finish completes it, knowing what is on record so far.
func (l *Log) put(r Record, finish func(store.Tx, *Record) error) (Record, error) {
	var at Head
	err := l.options.Store.Finish(func(tx store.Tx) error {
		last, err := head(tx)
		if err != nil {
			return err
		}
		r.Number, r.Before, r.At = last.Number+1, last.Hash, l.options.Now()
		r = r.clean()
		if finish != nil {
			if err := finish(tx, &r); err != nil {
				return err
			}
		}
		line, err := r.Line()
		if err != nil {
			return err
		}
		at = headOf(r.Number, line)
		if err := tx.Put(store.AuditKey(r.Number), line); err != nil {
			return err
		}
		return tx.Put(headKey(), []byte(at.String()))
	})
	if err != nil {
		return r, fmt.Errorf("keep a record of %s: %w", r.Action, err)
	}
	l.options.Told(r, at)
	return r, nil
}

// Query chooses records. The zero Query is all.
type Query struct {
	// After is the number of the last record that is known; newer ones are told.
	After uint64
	// Limit bounds how many are told; 0 is 1,000.
	Limit      int
	Since      time.Time
	Connection string
	Ticket     string
	Action     string
}

const pageSize = 1000

func (q Query) takes(r Record) bool {
	return !r.At.Before(q.Since) && (q.Connection == "" || r.Connection == q.Connection) &&
		(q.Ticket == "" || r.Ticket == q.Ticket) && (q.Action == "" || r.Action == q.Action)
}

// Read returns records, the oldest first, and the number of the last that was looked at:
// what Query.After is to be for the next ones.
func (l *Log) Read(q Query) (records []Record, through uint64, err error) {
	if q.Limit <= 0 || q.Limit > pageSize {
		q.Limit = pageSize
	}
	through = q.After
	err = l.options.Store.View(func(r store.Reader) error {
		looked := 0
		return r.Scan(store.AuditPrefix(), store.AuditKey(q.After), func(_, line []byte) (bool, error) {
			one, err := ParseLine(line)
			if err != nil {
				// Check tells of it; whoever only reads goes on behind it.
				one = Record{Number: through + 1, Action: "unreadable"}
			}
			through = one.Number
			if err == nil && q.takes(one) {
				records = append(records, one)
			}
			looked++
			return len(records) < q.Limit && looked < 20*pageSize, nil
		})
	})
	return records, through, err
}

// Lines calls fn with every record as it is kept, the oldest first, in pages.
func (l *Log) Lines(after uint64, most int, fn func(line []byte) error) (last []byte, err error) {
	err = l.options.Store.View(func(r store.Reader) error {
		n := 0
		return r.Scan(store.AuditPrefix(), store.AuditKey(after), func(key, line []byte) (bool, error) {
			last = key
			n++
			return n < most, fn(line)
		})
	})
	return last, err
}

// What a record that removes others says.
const (
	ActionPrune  = "prune"
	saidThrough  = "through"
	saidHash     = "hash"
	signedPrefix = "parley audit prune 1\n"
)

var errNothing = errors.New("there is nothing to remove")

// Prune removes the records made before a time, but the newest. What r says of who and
// why becomes a signed record, with the head of what was removed. It returns how many
// were removed.
func (l *Log) Prune(before time.Time, r Record) (int, error) {
	var through Head
	r.Action, r.Outcome = ActionPrune, Done
	_, err := l.put(r, func(tx store.Tx, r *Record) error {
		err := tx.Scan(store.AuditPrefix(), nil, func(_, line []byte) (bool, error) {
			one, err := ParseLine(line)
			if err != nil {
				return false, fmt.Errorf("record %d and those behind it stay: %w", through.Number+1, err)
			}
			if one.Number+1 == r.Number || !one.At.Before(before) {
				return false, nil
			}
			through = headOf(one.Number, line)
			return true, nil
		})
		if err != nil {
			return err
		}
		if through.Number == 0 {
			return errNothing
		}
		if r.Said == nil {
			r.Said = map[string]string{}
		}
		r.Said[saidThrough], r.Said[saidHash] = strconv.FormatUint(through.Number, 10), through.Hash
		r.Signature = hex.EncodeToString(ed25519.Sign(l.options.Key, signedOf(*r)))
		return nil
	})
	if errors.Is(err, errNothing) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return l.remove(through.Number)
}

// signedOf is what the signature of a record is made of.
func signedOf(r Record) []byte {
	return []byte(signedPrefix + strconv.FormatUint(r.Number, 10) + "\n" + r.Before + "\n" + r.Said[saidThrough] + ":" + r.Said[saidHash])
}

// remove deletes the records up to a number. What a crash leaves is removed by the next
// Prune, and is known to be removed until then.
func (l *Log) remove(through uint64) (int, error) {
	removed := 0
	for {
		n := 0
		err := l.options.Store.Finish(func(tx store.Tx) error {
			n = 0
			return tx.Keys(store.AuditPrefix(), nil, func(key []byte) (bool, error) {
				if store.AuditNumber(key) > through || n == pageSize {
					return false, nil
				}
				n++
				return true, tx.Delete(key)
			})
		})
		if err != nil {
			return removed, fmt.Errorf("remove records: %w", err)
		}
		removed += n
		if n < pageSize {
			return removed, nil
		}
	}
}
