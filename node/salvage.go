package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"parley/node/backup"
	"parley/node/secret"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

// The folders of a salvage, beside the store: where it is made, where it waits
// whole for its place, and what the damaged store is called then.
const (
	salvageFolder  = ".salvage"
	salvagedFolder = ".salvaged"
	damagedFolder  = "store-damaged-"
)

// damage is what is kept of a salvage, as long as the damaged store is there.
type damage struct {
	At    time.Time            `json:"at"`
	Aside string               `json:"aside"` // the damaged store, beside the store
	Files badgerstore.Salvaged `json:"files"`
	Twins flow.Mended          `json:"twins"`
	// Connections have rows and no agreement: it is lost, or was ended before.
	Connections []string `json:"connections,omitempty"`
}

func damageKey() []byte { return store.MetaKey("damage") }

// openOrSalvage opens the store. Of a damaged one it takes what is whole into a new
// one, puts the damaged one aside and goes on, as after a restore.
func (n *Node) openOrSalvage(o badgerstore.Options) (*badgerstore.Store, error) {
	if err := finishSalvage(n.dir); err != nil {
		return nil, err
	}
	s, err := badgerstore.Open(o)
	if !errors.Is(err, badgerstore.ErrDamaged) {
		return s, err
	}
	n.log.Error().Err(err).Msg("the store is damaged: what is whole in it is taken into a new one")
	if failed := salvage(n.dir, o, time.Now()); failed != nil {
		return nil, fmt.Errorf("%w; it could not be salvaged: %w; nothing was changed: restore a backup with `parley restore --replace`", err, failed)
	}
	return badgerstore.Open(o)
}

// salvage makes a new store of what is whole in the one of a node's folder, and
// puts it in its place. Nothing of the old one is changed or removed.
func salvage(dir string, o badgerstore.Options, now time.Time) (err error) {
	made := filepath.Join(dir, salvageFolder)
	if err := os.RemoveAll(made); err != nil { // one that was interrupted
		return err
	}
	to := o
	to.Dir, to.Ballast = made, -1
	fresh, err := badgerstore.Open(to)
	if err != nil {
		return err
	}
	d := damage{At: now.UTC().Truncate(time.Second), Aside: damagedFolder + now.UTC().Format("20060102T150405Z")}
	err = d.fill(o, fresh)
	if err = errors.Join(err, fresh.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	if err := os.RemoveAll(filepath.Join(dir, salvagedFolder)); err != nil {
		return err
	}
	if err := rename(dir, salvageFolder, salvagedFolder); err != nil {
		return err
	}
	if err := rename(dir, backup.StoreFolder, d.Aside); err != nil {
		return err
	}
	return finishSalvage(dir)
}

// finishSalvage puts a salvaged store in the place of one that was put aside; a
// crash may have come between the two.
func finishSalvage(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, backup.StoreFolder)); err == nil {
		return nil
	}
	err := rename(dir, salvagedFolder, backup.StoreFolder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func rename(dir, from, to string) error {
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		return fmt.Errorf("put %s in place: %w", to, err)
	}
	return secret.SyncFolder(dir)
}

// fill makes the new store, with the mark that makes every connection begin anew.
func (d *damage) fill(o badgerstore.Options, fresh *badgerstore.Store) error {
	rows := flow.NewSalvage()
	seen := map[event.ConnectionID]bool{}
	var err error
	d.Files, err = badgerstore.Salvage(o, fresh, func(key []byte) badgerstore.Choice {
		if con, ok := store.HeadOf(key); ok {
			seen[con] = true
		}
		switch {
		case !rows.Wants(key):
			return badgerstore.Drop
		case key[0] == 'c':
			// Work that the poll stored may be lost: the oldest cursor finds most of it
			// once more.
			return badgerstore.Oldest
		}
		return badgerstore.Newest
	})
	if err != nil {
		return err
	}
	var records []record
	err = fresh.View(func(r store.Reader) (err error) {
		records, err = readRecords(r)
		return err
	})
	if err != nil {
		return err
	}
	if len(records) == 0 && (len(seen) > 0 || d.Files.Lost()) {
		return errors.New("no agreement with a peer can be read in it")
	}
	for _, rec := range records {
		delete(seen, rec.Agreement.Connection)
		m, err := rows.Mend(fresh, rec.Agreement.Connection, d.At)
		if err != nil {
			return err
		}
		d.Twins.Twins += m.Twins
		d.Twins.Forgotten += m.Forgotten
		d.Twins.Short += m.Short
	}
	for con := range seen {
		d.Connections = append(d.Connections, con.String())
	}
	slices.Sort(d.Connections)
	return fresh.Finish(func(tx store.Tx) error {
		mark, err := json.Marshal(restoredMark{Why: "damage", At: d.At})
		if err != nil {
			return err
		}
		told, err := json.Marshal(d)
		if err != nil {
			return err
		}
		return errors.Join(tx.Put(restoredKey(), mark), tx.Put(damageKey(), told))
	})
}

// readDamage is the last salvage, nil if there was none or the damaged store is
// not there any more: removing it says that a person has seen it.
func (n *Node) readDamage() (*damage, error) {
	var raw []byte
	err := n.store.View(func(r store.Reader) (err error) {
		raw, err = r.Get(damageKey())
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	d := &damage{}
	if err == nil {
		err = json.Unmarshal(raw, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was salvaged: %w", err)
	}
	_, err = os.Stat(filepath.Join(n.dir, filepath.Base(d.Aside)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return d, err
}

// sayDamage logs what a salvage has lost.
func (n *Node) sayDamage() error {
	d, err := n.readDamage()
	if err != nil || d == nil {
		return err
	}
	n.log.Warn().Time("at", d.At).Str("aside", filepath.Join(n.dir, d.Aside)).Int("rows", d.Files.Rows).
		Int("lost_tables", d.Files.LostTables).Int("lost_blocks", d.Files.LostBlocks).Int("blocks", d.Files.Blocks).
		Int("lost_logs", d.Files.LostLogs).Int("lost_places", d.Files.LostPlaces).
		Int("twins", d.Twins.Twins).Int("forgotten", d.Twins.Forgotten).Int("short", d.Twins.Short).Strs("without_agreement", d.Connections).
		Msg("the store was damaged, and goes on with what was whole; remove the damaged one when you do not need it")
	return nil
}
