package badgerstore

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/klauspost/compress/snappy"
)

// Badger's tables are read here without Badger: it trusts what a table says and
// panics in a goroutine of its own, its iterators end silently at a block that
// cannot be read, and it opens no table whose last block is bad.

// entry is one version of a row as a file has it.
type entry struct {
	key     []byte
	version uint64
	value   []byte
	deleted bool
}

// The meta bits of Badger's entries.
const (
	bitDelete = 1 << 0
	bitVlog   = 1 << 1
	bitTxn    = 1 << 6
	bitFin    = 1 << 7
)

// errBad is of bytes that are not as they were written.
var errBad = errors.New("not as it was written")

// blockPlace is where a table has a block, and the key that it begins with.
type blockPlace struct {
	offset, size int64
	first        []byte
}

// tableFile is a table whose index was read.
type tableFile struct {
	name    string
	dataKey []byte
	blocks  []blockPlace
}

// openTable reads the index of a table, whose last parts are: the index, its
// length, its checksum, the length of that.
func openTable(name string, dataKey []byte) (*tableFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := info.Size()
	last := func(size int64) ([]byte, error) {
		if size <= 0 || size > end {
			return nil, fmt.Errorf("cut off or overwritten: %w", errBad)
		}
		end -= size
		b := make([]byte, size)
		_, err := f.ReadAt(b, end)
		return b, err
	}
	number := func() (int64, error) {
		b, err := last(4)
		if err != nil {
			return 0, err
		}
		return int64(binary.BigEndian.Uint32(b)), nil
	}
	const mostChecksum = 64
	size, err := number()
	if err == nil && size > mostChecksum {
		err = fmt.Errorf("cut off or overwritten: %w", errBad)
	}
	if err != nil {
		return nil, err
	}
	sum, err := last(size)
	if err != nil {
		return nil, err
	}
	if size, err = number(); err != nil {
		return nil, err
	}
	index, err := last(size)
	if err != nil {
		return nil, err
	}
	if !sumOf(index, sum) {
		return nil, fmt.Errorf("index: %w", errBad)
	}
	t := &tableFile{name: name, dataKey: dataKey}
	t.blocks, err = placesOf(index, dataKey, end)
	return t, err
}

// placesOf reads an index; end is where the blocks end.
func placesOf(index, dataKey []byte, end int64) (places []blockPlace, err error) {
	// The checksum is of the encrypted bytes: with another key they are anything.
	defer func() {
		if p := recover(); p != nil {
			places, err = nil, fmt.Errorf("index: %w", errBad)
		}
	}()
	if index, err = decrypt(index, dataKey); err != nil {
		return nil, err
	}
	root := fb.GetRootAsTableIndex(index, 0)
	n := root.OffsetsLength()
	if n <= 0 || n > len(index) {
		return nil, fmt.Errorf("index: %w", errBad)
	}
	var at fb.BlockOffset
	for i := range n {
		if !root.Offsets(&at, i) {
			return nil, fmt.Errorf("index: %w", errBad)
		}
		p := blockPlace{offset: int64(at.Offset()), size: int64(at.Len()), first: bytes.Clone(at.KeyBytes())}
		if p.size <= 0 || p.offset+p.size > end || len(p.first) < 8 {
			return nil, fmt.Errorf("index: %w", errBad)
		}
		places = append(places, p)
	}
	return places, nil
}

// sumOf tells whether sum, as Badger writes it, is the checksum of data.
func sumOf(data, sum []byte) bool {
	const numberOfSum = 0x10 // the field's number and form; the algorithm is the default and left out
	want := y.CalculateChecksum(data, pb.Checksum_CRC32C)
	if want == 0 {
		return len(sum) == 0
	}
	return bytes.Equal(sum, binary.AppendUvarint([]byte{numberOfSum}, want))
}

func decrypt(data, key []byte) ([]byte, error) {
	if key == nil {
		return data, nil
	}
	cut := len(data) - aes.BlockSize
	if cut < 0 {
		return nil, errBad
	}
	return y.XORBlockAllocate(data[:cut], key, data[cut:])
}

// mostBlock bounds what a block may claim to be when unpacked: a value and a key
// make the largest.
const mostBlock = 8 << 20

// block reads the entries of a block, or fails with errBad.
func (t *tableFile) block(f io.ReaderAt, n int) (entries []entry, err error) {
	raw := make([]byte, t.blocks[n].size)
	if _, err := f.ReadAt(raw, t.blocks[n].offset); err != nil {
		return nil, fmt.Errorf("block %d: %w", n, err)
	}
	data, err := decrypt(raw, t.dataKey)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", n, err)
	}
	if size, err := snappy.DecodedLen(data); err != nil || size > mostBlock {
		return nil, fmt.Errorf("block %d: %w", n, errBad)
	}
	if data, err = snappy.Decode(nil, data); err != nil {
		return nil, fmt.Errorf("block %d: %w", n, errBad)
	}
	end := len(data) - 4
	if end < 0 {
		return nil, fmt.Errorf("block %d: %w", n, errBad)
	}
	size := int(binary.BigEndian.Uint32(data[end:]))
	if size > end-4 || !sumOf(data[:end-size], data[end-size:end]) {
		return nil, fmt.Errorf("block %d: %w", n, errBad)
	}
	data = data[:end-size]
	count := int(binary.BigEndian.Uint32(data[len(data)-4:]))
	places := len(data) - 4 - 4*count
	if count <= 0 || places < 0 {
		return nil, fmt.Errorf("block %d: %w", n, errBad)
	}
	return entriesOf(data[:places], data[places:len(data)-4])
}

// entriesOf reads the entries of a block whose checksum is right. A key is kept as
// how much of the block's first one it begins with, and the rest.
func entriesOf(data, places []byte) ([]entry, error) {
	const head = 4
	var first []byte
	entries := make([]entry, 0, len(places)/4)
	for i := 0; i < len(places); i += 4 {
		start, end := int(binary.NativeEndian.Uint32(places[i:])), len(data)
		if i+4 < len(places) {
			end = int(binary.NativeEndian.Uint32(places[i+4:]))
		}
		if start < 0 || end > len(data) || start+head > end {
			return nil, errBad
		}
		b := data[start:end]
		overlap, rest := int(binary.NativeEndian.Uint16(b)), int(binary.NativeEndian.Uint16(b[2:]))
		if b = b[head:]; overlap > len(first) || rest > len(b) {
			return nil, errBad
		}
		key := append(append(make([]byte, 0, overlap+rest), first[:overlap]...), b[:rest]...)
		if i == 0 {
			first = key
		}
		if len(key) < 8 || len(b)-rest < 3 {
			return nil, errBad
		}
		var v y.ValueStruct
		v.Decode(b[rest:])
		if v.Meta&bitVlog != 0 {
			return nil, errBad // this package puts none there
		}
		entries = append(entries, entry{y.ParseKey(key), y.ParseTs(key), v.Value, v.Meta&bitDelete != 0})
	}
	return entries, nil
}

// verify reads all of a table.
func (t *tableFile) verify() error {
	f, err := os.Open(t.name)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	for n := range t.blocks {
		if _, err := t.block(f, n); err != nil {
			return err
		}
	}
	return nil
}

// dataKeys are the keys that a store's files are encrypted with. They lie beside
// them, under the store's key.
type dataKeys struct{ registry *badger.KeyRegistry }

func openDataKeys(o Options) (dataKeys, error) {
	if _, err := os.Stat(filepath.Join(o.Dir, badger.KeyRegistryFileName)); err != nil {
		return dataKeys{}, fmt.Errorf("data keys: %w", err)
	}
	r, err := badger.OpenKeyRegistry(badger.KeyRegistryOptions{Dir: o.Dir, ReadOnly: true, EncryptionKey: o.Key[:]})
	if err != nil {
		return dataKeys{}, fmt.Errorf("data keys: %w", err)
	}
	return dataKeys{r}, nil
}

func (k dataKeys) of(id uint64) ([]byte, error) {
	dk, err := k.registry.DataKey(id)
	if err != nil || dk == nil {
		return nil, fmt.Errorf("its data key is not known: %w", errBad)
	}
	return dk.Data, nil
}

// openAny opens a table of which it is not known which key it has.
func (k dataKeys) openAny(name string) (*tableFile, error) {
	err := error(fmt.Errorf("no data key fits: %w", errBad))
	for id := uint64(1); ; id++ {
		key, unknown := k.of(id)
		if unknown != nil {
			return nil, err
		}
		t, failed := openTable(name, key)
		if failed != nil {
			err = failed
			continue
		}
		if t.anyBlock() {
			return t, nil
		}
	}
}

// anyBlock tells whether at least one block can be read.
func (t *tableFile) anyBlock() bool {
	f, err := os.Open(t.name)
	if err != nil {
		return false
	}
	defer f.Close() // only read
	for n := range t.blocks {
		if _, err := t.block(f, n); err == nil {
			return true
		}
	}
	return false
}

func tableName(dir string, id uint64) string { return table.NewFilename(id, dir) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
