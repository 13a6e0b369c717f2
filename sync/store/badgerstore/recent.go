package badgerstore

import (
	"bytes"
	"sync"
)

// recent holds small values that were written or read last, and what was found
// not to be there, so that rows which an event reads again within moments are not
// looked up in Badger: those that are not there cost it a search of every level.
// It is only a saving.
//
// An entry is the latest write to its key, under a version at or behind that
// write: a snapshot of that version or a later one has it, an older one asks Badger.
type recent struct {
	mu       sync.RWMutex
	latest   uint64 // version of the last group kept
	now, old map[string]recentWrite
	size     int // of now
}

type recentWrite struct {
	version uint64
	value   []byte
	deleted bool
}

// Bounds: at most twice recentBytes are held, and nothing over recentValue.
const (
	recentBytes = 16 << 20
	recentValue = 4096
)

func newRecent(latest uint64) *recent {
	return &recent{latest: latest, now: map[string]recentWrite{}}
}

// keep notes a committed group. It is called before anybody can have a snapshot
// of its version.
func (r *recent) keep(g *group, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = version
	for i := range g.writes {
		w := &g.writes[i]
		r.set(w.key, recentWrite{version, w.value, w.deleted})
	}
}

// note remembers what Badger answered for a snapshot of version. An answer that
// may not be the latest any more is not taken.
func (r *recent) note(key, value []byte, found bool, version uint64) {
	if len(value) > recentValue {
		return
	}
	w := recentWrite{version, bytes.Clone(value), !found}
	r.mu.Lock()
	defer r.mu.Unlock()
	if version == r.latest {
		r.set(string(key), w)
	}
}

func (r *recent) set(key string, w recentWrite) {
	if before, had := r.now[key]; had {
		r.size -= len(key) + len(before.value) + entryOverhead
	}
	if len(w.value) > recentValue {
		delete(r.now, key)
		delete(r.old, key)
		return
	}
	if r.size > recentBytes {
		r.now, r.old, r.size = map[string]recentWrite{}, r.now, 0
	}
	r.now[key] = w
	r.size += len(key) + len(w.value) + entryOverhead
}

// get returns what a snapshot of version has under key, if that is known here.
func (r *recent) get(key []byte, version uint64) (recentWrite, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	w, ok := r.now[string(key)]
	if !ok {
		w, ok = r.old[string(key)]
	}
	return w, ok && w.version <= version
}
