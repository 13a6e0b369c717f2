package badgerstore

import (
	"reflect"
	"unsafe"

	"github.com/dgraph-io/badger/v4"
)

// keepNoBuilders makes Badger give back what it built a table in as soon as the
// table is on disk, and tells whether it found where.
//
// Badger keeps up to eight such buffers for the next tables. Each has grown to the
// largest table that it ever held, which is one made of a whole memtable: some
// 60 MiB here, so that after eight of them nearly 500 MiB are held for good, above
// what the node may use altogether, and the collector runs without a pause. No
// option says otherwise: so the channel that holds the buffers is replaced by one
// that takes none (checked with badger 4.9.6 and ristretto 2.2).
//
// Badger's own goroutines may be reading the channel at this moment. Either of the
// two is right at any time, and a pointer is written whole.
//
//go:norace
func keepNoBuilders(db *badger.DB) bool {
	pool := reflect.ValueOf(db).Elem().FieldByName("allocPool")
	if pool.Kind() != reflect.Pointer || pool.IsNil() || pool.Elem().Kind() != reflect.Struct {
		return false
	}
	kept := pool.Elem().FieldByName("allocCh")
	if kept.Kind() != reflect.Chan {
		return false
	}
	none := reflect.MakeChan(kept.Type(), 0)
	*(*unsafe.Pointer)(kept.Addr().UnsafePointer()) = none.UnsafePointer()
	return true
}
