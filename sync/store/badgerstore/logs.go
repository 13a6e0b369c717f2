package badgerstore

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"

	"github.com/dgraph-io/badger/v4/y"

	"parley/sync/store"
)

// Badger's log of what is not in a table yet is read here without Badger, which
// takes the first entry that is not whole for the end, and forgets the rest.

// logHeader is what a log begins with: the number of its key, and an IV.
const logHeader = 8 + 12

// mostLogHead is how long the head of an entry may be, txnEnd what the key of a
// transaction's last entry begins with.
const (
	mostLogHead = 22
	txnEnd      = "!badger!txn"
)

// logFile is a log, read.
type logFile struct {
	entries []entry // of transactions that were written to their end
	bad     int     // places that are not as they were written
	size    int64
}

// readLog reads what is whole in a log. A last transaction that a crash cut short
// is no damage: nothing but zeros follows it.
func readLog(name string, keys dataKeys) (*logFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	l := &logFile{size: int64(len(data))}
	if len(data) < logHeader {
		l.bad++
		return l, nil
	}
	key, err := keys.of(binary.BigEndian.Uint64(data))
	if err != nil {
		return nil, err
	}
	l.read(data, key)
	return l, nil
}

func (l *logFile) read(data, key []byte) {
	end := len(bytes.TrimRight(data, "\x00"))
	open := map[uint64][]entry{} // by transaction; of one that is not finished nothing counts
	whole := true
	for at := logHeader; at < end; {
		e, meta, size, err := logEntry(data, at, key, data[8:logHeader])
		if err != nil {
			if whole && !errors.Is(err, errCut) && end-at >= mostLogHead {
				l.bad++
			}
			whole = false
			at++ // until something whole comes
			continue
		}
		if !whole && l.bad == 0 {
			l.bad++ // what looked cut short was not the end
		}
		whole, at = true, at+size
		switch {
		case meta&bitFin != 0:
			// The checksum is of the encrypted bytes: what a wrong key or IV makes of
			// them is told by what every transaction ends with.
			version, err := strconv.ParseUint(string(e.value), 10, 64)
			if err != nil || !bytes.HasPrefix(e.key, []byte(txnEnd)) || open[version] == nil {
				l.bad++
				continue
			}
			l.entries = append(l.entries, open[version]...)
			delete(open, version)
		case meta&bitTxn != 0:
			open[e.version] = append(open[e.version], e)
		default:
			l.entries = append(l.entries, e)
		}
	}
	// Transactions are written one after the other: more than one without an end
	// means that an end was lost.
	if len(open) > 1 {
		l.bad++
	}
}

// errCut is of an entry that goes on where the log has nothing but zeros.
var errCut = errors.New("cut short")

// logEntry reads the entry at a place: meta bits, lengths, then key and value
// encrypted, and a checksum of all.
func logEntry(data []byte, at int, key, base []byte) (e entry, meta byte, size int, err error) {
	b := data[at:]
	if len(b) < 2 {
		return e, 0, 0, errBad
	}
	meta = b[0]
	n := 2
	var numbers [3]uint64
	for i := range numbers {
		v, used := binary.Uvarint(b[n:])
		if used <= 0 {
			return e, 0, 0, errBad
		}
		numbers[i], n = v, n+used
	}
	keyLen, valueLen := numbers[0], numbers[1]
	if meta&^(bitDelete|bitTxn|bitFin) != 0 || b[1] != 0 || numbers[2] != 0 ||
		keyLen <= 8 || keyLen > store.MaxKey+8 || valueLen > store.MaxValue {
		return e, 0, 0, errBad
	}
	sum := n + int(keyLen+valueLen)
	if sum+4 > len(b) {
		return e, 0, 0, fmt.Errorf("log ends within an entry: %w", errBad)
	}
	if crc32.Checksum(b[:sum], castagnoli) != binary.BigEndian.Uint32(b[sum:]) {
		if len(bytes.TrimRight(b, "\x00")) < sum {
			return e, 0, 0, errCut
		}
		return e, 0, 0, errBad
	}
	iv := make([]byte, aes.BlockSize)
	copy(iv, base)
	binary.BigEndian.PutUint32(iv[12:], uint32(at))
	text, err := y.XORBlockAllocate(b[n:sum], key, iv)
	if err != nil {
		return e, 0, 0, err
	}
	full := text[:keyLen]
	return entry{y.ParseKey(full), y.ParseTs(full), text[keyLen:], meta&bitDelete != 0}, meta, sum + 4, nil
}
