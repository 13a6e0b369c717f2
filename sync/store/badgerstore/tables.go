package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// checkTables looks at the end of each table before Badger does: Badger trusts
// the lengths there and panics in a goroutine of its own, which ends the process
// instead of Open.
//
// Only tables that the manifest names count. A kill may leave another one behind
// that was being written; Badger removes it.
func checkTables(o Options) error {
	f, err := os.Open(filepath.Join(o.Dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	defer f.Close() // only read
	manifest, _, err := badger.ReplayManifestFile(f, 0, badgerOptions(o))
	if err != nil {
		return explain(fmt.Errorf("manifest: %w", err))
	}
	for id := range manifest.Tables {
		name := table.NewFilename(id, o.Dir)
		if err := checkTable(name); err != nil {
			return explain(fmt.Errorf("table %s: %w", filepath.Base(name), err))
		}
	}
	return nil
}

// checkTable checks the lengths of a table, whose last parts are: the index, its
// length, its checksum, the length of that.
func checkTable(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	length := func(most int64) (int64, error) {
		var b [4]byte
		if end < 4 {
			return 0, fmt.Errorf("cut off")
		}
		if _, err := f.ReadAt(b[:], end-4); err != nil {
			return 0, err
		}
		end -= 4
		n := int64(binary.BigEndian.Uint32(b[:]))
		if n == 0 || n > min(most, end) {
			return 0, fmt.Errorf("cut off or overwritten")
		}
		return n, nil
	}
	const mostChecksum = 64
	n, err := length(mostChecksum)
	if err != nil {
		return err
	}
	end -= n
	_, err = length(end)
	return err
}
