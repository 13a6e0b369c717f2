package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// runningFile is there as long as a store is open, or was not closed: Badger's log
// must be there then, and whole in length.
const runningFile = "running"

// folder is what the folder of a store has, before Badger looks at it.
type folder struct {
	tables []uint64
	logs   []string // oldest first
	// manifest names the tables that count; nil if there is none.
	manifest *badger.Manifest
	running  bool
}

func readFolder(o Options) (*folder, error) {
	names, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("read folder: %w", err)
	}
	f := &folder{}
	for _, e := range names {
		name := e.Name()
		if id, ok := table.ParseFileID(name); ok && strings.HasSuffix(name, ".sst") {
			f.tables = append(f.tables, id)
		}
		if strings.HasSuffix(name, ".mem") {
			f.logs = append(f.logs, filepath.Join(o.Dir, name))
		}
		f.running = f.running || name == runningFile
	}
	slices.Sort(f.logs)
	return f, nil
}

// readManifest reads which tables count.
func (f *folder) readManifest(o Options) error {
	file, err := os.Open(filepath.Join(o.Dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() // only read
	m, _, err := badger.ReplayManifestFile(file, 0, badgerOptions(o))
	if err != nil {
		return fmt.Errorf("manifest: %w: %w", ErrDamaged, err)
	}
	f.manifest = &m
	return nil
}

func (f *folder) empty() bool { return len(f.tables)+len(f.logs) == 0 && !f.running }

// check reads all of a store before Badger does. Badger trusts what it reads, and
// silently goes on without what it cannot.
func check(o Options) error {
	f, err := readFolder(o)
	if err == nil {
		err = f.readManifest(o)
	}
	switch {
	case err != nil:
		return err
	case f.manifest == nil && f.empty():
		return nil // Badger makes it
	case f.manifest == nil:
		return fmt.Errorf("manifest is missing: %w", ErrDamaged)
	}
	keys, err := openDataKeys(o)
	if errors.Is(err, fs.ErrNotExist) && f.empty() && len(f.manifest.Tables) == 0 {
		return nil
	}
	if err != nil {
		return asDamage(err)
	}
	live, err := f.checkTables(o, keys)
	if err != nil {
		return err
	}
	logs, err := f.checkLogs(keys)
	if err != nil {
		return err
	}
	return f.checkForgotten(o, keys, live, logs)
}

// asDamage makes an error of reading what was written before one of damage, unless
// it is about who may read, or about the key.
func asDamage(err error) error {
	if errors.Is(err, badger.ErrEncryptionKeyMismatch) || errors.Is(err, ErrDamaged) || isAccess(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (f *folder) checkTables(o Options, keys dataKeys) ([]source, error) {
	var live []source
	for id, entry := range f.manifest.Tables {
		name := tableName(o.Dir, id)
		key, err := keys.of(entry.KeyID)
		var t *tableFile
		if err == nil {
			t, err = openTable(name, key)
		}
		if err == nil {
			err = t.verify()
		}
		if err != nil {
			return nil, asDamage(fmt.Errorf("table %s: %w", filepath.Base(name), err))
		}
		live = append(live, &tableSource{t: t})
	}
	return live, nil
}

func (f *folder) checkLogs(keys dataKeys) ([]source, error) {
	var out []source
	newest := int64(0)
	for _, name := range f.logs {
		l, err := readLog(name, keys)
		if err == nil && l.bad > 0 {
			err = fmt.Errorf("%d places: %w", l.bad, errBad)
		}
		if err != nil {
			return nil, asDamage(fmt.Errorf("log %s: %w", filepath.Base(name), err))
		}
		newest = l.size
		out = append(out, newLogSource(l))
	}
	if f.cutOff(newest) {
		return nil, fmt.Errorf("the newest log is missing or cut off: %w", ErrDamaged)
	}
	return out, nil
}

// cutOff tells whether the newest log, which has so many bytes, is not all there:
// while it is written to, it has twice the size of what it may hold.
func (f *folder) cutOff(newest int64) bool { return f.running && newest < 2*memTable }

// checkForgotten looks at tables that the manifest does not name. A crash leaves
// such ones, and all that they hold is elsewhere too; if it is not, then the
// manifest has lost its end, and Badger would remove the tables.
func (f *folder) checkForgotten(o Options, keys dataKeys, live, logs []source) error {
	var forgotten []source
	for _, id := range f.tables {
		if _, named := f.manifest.Tables[id]; named {
			continue
		}
		if t, err := keys.openAny(tableName(o.Dir, id)); err == nil {
			forgotten = append(forgotten, &tableSource{t: t, forgotten: true})
		}
	}
	if len(forgotten) == 0 {
		return nil
	}
	return merge(slices.Concat(forgotten, live, logs), func(versions []found) error {
		if newest := slices.MaxFunc(versions, byVersion); newest.forgotten {
			return fmt.Errorf("manifest does not name all tables: %w", ErrDamaged)
		}
		return nil
	})
}
