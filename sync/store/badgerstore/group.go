package badgerstore

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// write is the last thing a group did to a key.
type write struct {
	key     string
	value   []byte
	deleted bool
}

// size is what the write counts for in Badger, the entry's overhead included.
func (w *write) size() int { return len(w.key) + len(w.value) + entryOverhead }

// entryOverhead is more than Badger adds to a key and a value: the version, the
// meta bytes and the lengths.
const entryOverhead = 32

// group is the writes of several functions, and who waits for them.
type group struct {
	index  map[string]int32 // key → place in writes
	writes []write          // in the order of the first write to each key
	size   int              // of writes, in Badger's measure

	// sorted holds places in writes in the order of the keys. It is brought up
	// to date only when somebody scans: most functions do not.
	sorted []int32

	// entries and keys are the writes in Badger's form, while they are committed.
	entries []badger.Entry
	keys    []byte

	// undo is how to take back the function that is running.
	undo []undo

	// calls are answered when the group is on disk.
	calls []*call
	// functions, puts and bytes are for Stats.
	functions, puts, bytes uint64
}

// undo is the state of one place in writes before the function wrote there.
type undo struct {
	place int32
	fresh bool // the key was not in the group
	old   write
}

func newGroup() *group { return &group{index: make(map[string]int32)} }

// empty tells whether there is nothing to write and nobody to answer.
func (g *group) empty() bool { return len(g.writes) == 0 && len(g.calls) == 0 }

// reset makes the group ready for use again.
func (g *group) reset() {
	clear(g.index)
	clear(g.writes) // lets go of the values
	clear(g.calls)
	clear(g.entries)
	g.writes, g.sorted, g.calls = g.writes[:0], g.sorted[:0], g.calls[:0]
	g.size, g.functions, g.puts, g.bytes = 0, 0, 0, 0
}

// get returns what the group did to key, if anything.
func (g *group) get(key []byte) (*write, bool) {
	place, ok := g.index[string(key)]
	if !ok {
		return nil, false
	}
	return &g.writes[place], true
}

// set notes a write and how to undo it. It keeps value and copies key.
func (g *group) set(key, value []byte, deleted bool) {
	place, ok := g.index[string(key)]
	if !ok {
		w := write{key: string(key), value: value, deleted: deleted}
		place = int32(len(g.writes))
		g.index[w.key] = place
		g.writes = append(g.writes, w)
		g.undo = append(g.undo, undo{place: place, fresh: true})
		g.size += w.size()
		return
	}
	w := &g.writes[place]
	g.undo = append(g.undo, undo{place: place, old: *w})
	g.size += len(value) - len(w.value)
	w.value, w.deleted = value, deleted
}

// keep makes what the function wrote a part of the group.
func (g *group) keep() {
	clear(g.undo)
	g.undo = g.undo[:0]
}

// rollBack takes back what the function wrote.
func (g *group) rollBack() {
	for _, u := range slices.Backward(g.undo) {
		w := &g.writes[u.place]
		g.size -= w.size()
		if !u.fresh {
			*w = u.old
			g.size += w.size()
			continue
		}
		// Fresh keys are at the end of writes in the order they were made, so
		// this one is the last.
		delete(g.index, w.key)
		*w = write{}
		g.writes = g.writes[:u.place]
	}
	g.keep()
	g.sorted = slices.DeleteFunc(g.sorted, func(place int32) bool {
		return int(place) >= len(g.writes)
	})
}

// sortUp brings sorted up to date.
func (g *group) sortUp() {
	missing := len(g.writes) - len(g.sorted)
	if missing == 0 {
		return
	}
	order := func(a, b int32) int { return strings.Compare(g.writes[a].key, g.writes[b].key) }
	// Places come in the order of writes, so the missing ones are the last.
	first := int32(len(g.sorted))
	if missing > 64 {
		for place := first; int(place) < len(g.writes); place++ {
			g.sorted = append(g.sorted, place)
		}
		slices.SortFunc(g.sorted, order)
		return
	}
	for place := first; int(place) < len(g.writes); place++ {
		at, _ := slices.BinarySearchFunc(g.sorted, place, order)
		g.sorted = slices.Insert(g.sorted, at, place)
	}
}

// span appends the writes to keys of r to dst, in the order of the keys.
func (g *group) span(dst []write, r keyRange) []write {
	if len(g.writes) == 0 {
		return dst
	}
	g.sortUp()
	prefix, from := string(r.prefix), string(r.from)
	at, excluded := slices.BinarySearchFunc(g.sorted, from, func(place int32, from string) int {
		return strings.Compare(g.writes[place].key, from)
	})
	if excluded && r.excluded {
		at++
	}
	for _, place := range g.sorted[at:] {
		w := g.writes[place]
		if !strings.HasPrefix(w.key, prefix) {
			break
		}
		dst = append(dst, w)
	}
	return dst
}

// toBadger returns the writes in Badger's form, valid until the group is reset.
func (g *group) toBadger() []badger.Entry {
	g.entries, g.keys = slices.Grow(g.entries[:0], len(g.writes)), g.keys[:0]
	for i := range g.writes {
		w := &g.writes[i]
		start := len(g.keys)
		g.keys = append(g.keys, w.key...)
		g.entries = append(g.entries, badger.Entry{Key: g.keys[start:len(g.keys):len(g.keys)], Value: w.value})
	}
	return g.entries
}

// keyRange is what a Scan goes over: keys with the prefix from from on, or
// after it when it is excluded.
type keyRange struct {
	prefix, from []byte
	excluded     bool
}

func rangeOf(prefix, after []byte) keyRange {
	if after != nil && bytes.Compare(after, prefix) >= 0 {
		return keyRange{prefix: prefix, from: after, excluded: true}
	}
	return keyRange{prefix: prefix, from: prefix}
}

// has tells whether key, which is not before from, belongs to the range.
func (r keyRange) has(key []byte) bool {
	return bytes.HasPrefix(key, r.prefix) && !(r.excluded && bytes.Equal(key, r.from))
}
