package badgerstore

import "sync"

// recent holds the small values that were written last, and what was deleted,
// so that rows which an event reads again within moments are not looked up in
// Badger: those that are not there any more cost it a search of every level.
// It is only a saving.
//
// An entry is the latest write to its key, under the version it was committed
// with: a snapshot of that version or a later one has it, an older one asks
// Badger.
type recent struct {
	mu       sync.RWMutex
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
	recentBytes = 8 << 20
	recentValue = 4096
)

func newRecent() *recent { return &recent{now: map[string]recentWrite{}} }

// keep notes a committed group. It is called before anybody can have a snapshot
// of its version.
func (r *recent) keep(g *group, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range g.writes {
		w := &g.writes[i]
		before, had := r.now[w.key]
		if had {
			r.size -= len(w.key) + len(before.value) + entryOverhead
		}
		if len(w.value) > recentValue {
			delete(r.now, w.key)
			delete(r.old, w.key)
			continue
		}
		if r.size > recentBytes {
			r.now, r.old, r.size = map[string]recentWrite{}, r.now, 0
		}
		r.now[w.key] = recentWrite{version, w.value, w.deleted}
		r.size += w.size()
	}
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
