package node

import (
	"errors"
	"fmt"

	"parley/sync/store"
)

// home is where a store is, as far as it can be told from where a copy of it would be: the
// machine since it was started, and the folder on its disk. A process that finds its store
// at home, and open to nobody else, comes after the one that had it last: no copy was made
// of it that this process could be.
type home struct {
	machine     string // since its start; "" cannot be told
	disk, inode uint64
}

func (h home) row() []byte {
	if h.machine == "" {
		return nil
	}
	return fmt.Appendf(nil, "%s %d %d", h.machine, h.disk, h.inode)
}

// atHome keeps where the store is, and tells whether it was there when the last process began.
func (n *Node) atHome(tx store.Tx, present home) (bool, error) {
	key, row := store.MetaKey("home"), present.row()
	was, err := tx.Get(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if row == nil {
		return false, tx.Delete(key)
	}
	return string(was) == string(row), tx.Put(key, row)
}
