package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"parley/sync/store"
)

// Choice says what a salvage does with the rows of a key.
type Choice int

// The choices.
const (
	// Newest takes the newest version that can be read.
	Newest Choice = iota
	// Oldest takes the oldest one that is still there.
	Oldest
	// Drop takes none.
	Drop
)

// Salvaged counts what a salvage found.
type Salvaged struct {
	// Rows were taken over.
	Rows int `json:"rows"`
	// Tables and Logs are the files there were, Blocks the pieces of the tables.
	Tables int `json:"tables"`
	Logs   int `json:"logs"`
	Blocks int `json:"blocks"`
	// Of those, what could not be read: files of which nothing, blocks of other
	// tables, places in logs.
	LostTables int `json:"lostTables"`
	LostBlocks int `json:"lostBlocks"`
	LostLogs   int `json:"lostLogs"`
	LostPlaces int `json:"lostPlaces"`
	// Manifest tells that it could not be read, so that every table counted.
	Manifest bool `json:"manifest,omitempty"`
}

// Salvage copies what can be read of the store in from into the empty one in to,
// each row as one of its versions; choose is asked for every key. Nothing in from
// is changed. Because newer versions may be lost, what comes out is a mix of older
// and newer rows, and a row that was deleted may be back.
func Salvage(from Options, to store.Store, choose func(key []byte) Choice) (_ Salvaged, err error) {
	lock, err := lockDir(filepath.Join(from.Dir, "store.lock"))
	if err != nil {
		return Salvaged{}, fmt.Errorf("salvage %s: %w", from.Dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	var s Salvaged
	all, err := s.open(from)
	if err == nil {
		err = s.copy(all, to, choose)
	}
	if err != nil {
		return s, fmt.Errorf("salvage %s: %w", from.Dir, err)
	}
	return s, nil
}

// open opens every file that counts.
func (s *Salvaged) open(o Options) ([]source, error) {
	f, err := readFolder(o)
	if err != nil {
		return nil, err
	}
	keys, err := openDataKeys(o)
	if err != nil {
		return nil, explain(asDamage(err))
	}
	if err := f.readManifest(o); err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	s.Manifest = f.manifest == nil
	var all []source
	ids := f.tables
	if f.manifest != nil {
		for id := range f.manifest.Tables {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	s.Tables, s.Logs = len(ids), len(f.logs)
	for _, id := range ids {
		t, err := keys.openAny(tableName(o.Dir, id))
		switch {
		case err != nil && isAccess(err):
			return nil, err
		case err == nil:
			s.Blocks += len(t.blocks)
			all = append(all, &tableSource{t: t})
		case f.manifest != nil && !named(f.manifest, id):
			s.Tables-- // a crash left it half made
		default:
			s.LostTables++
		}
	}
	newest := int64(0)
	for _, name := range f.logs {
		l, err := readLog(name, keys)
		if newest = 0; err == nil {
			newest = l.size
		}
		switch {
		case err != nil && isAccess(err):
			return nil, err
		case err != nil:
			s.LostLogs++
		default:
			s.LostPlaces += l.bad
			all = append(all, newLogSource(l))
		}
	}
	if f.cutOff(newest) {
		s.LostLogs++
	}
	return all, nil
}

func named(m *badger.Manifest, id uint64) bool {
	_, ok := m.Tables[id]
	return ok
}

// copy writes the chosen version of every key.
func (s *Salvaged) copy(all []source, to store.Store, choose func([]byte) Choice) error {
	var rows []entry
	size := 0
	flush := func() error {
		err := to.Update(func(tx store.Tx) error {
			for _, e := range rows {
				if err := tx.Put(e.key, e.value); err != nil {
					return err
				}
			}
			return nil
		})
		s.Rows += len(rows)
		rows, size = rows[:0], 0
		return err
	}
	const most = store.MaxBytes - store.MaxKey - store.MaxValue
	err := merge(all, func(versions []found) error {
		e, ok := pick(versions, choose(versions[0].key))
		if !ok {
			return nil
		}
		rows = append(rows, entry{key: bytes.Clone(e.key), value: bytes.Clone(e.value)})
		if size += len(e.key) + len(e.value); size < most && len(rows) < store.MaxWrites {
			return nil
		}
		return flush()
	})
	for _, f := range all {
		if t, ok := f.(*tableSource); ok {
			s.LostBlocks += t.bad
		}
	}
	if err != nil {
		return err
	}
	return flush()
}

// pick returns the version to take, false if there is none.
func pick(versions []found, c Choice) (entry, bool) {
	newest := slices.MaxFunc(versions, byVersion)
	switch {
	case c == Drop || newest.deleted:
		return entry{}, false
	case c == Oldest:
		versions = slices.DeleteFunc(versions, func(f found) bool { return f.deleted })
		return slices.MinFunc(versions, byVersion).entry, true
	}
	return newest.entry, true
}

// Lost tells whether anything could not be read.
func (s Salvaged) Lost() bool { return s.LostTables+s.LostBlocks+s.LostLogs+s.LostPlaces > 0 }
