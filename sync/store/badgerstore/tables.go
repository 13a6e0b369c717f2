package badgerstore

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// checkTables looks at the end of each table before Badger does: Badger trusts
// the lengths there and panics in a goroutine of its own, which ends the process
// instead of Open.
func checkTables(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return fmt.Errorf("look for tables: %w", err)
	}
	for _, name := range names {
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
