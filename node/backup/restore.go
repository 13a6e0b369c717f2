package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"parley/node/secret"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

// The parts of a node's folder.
const (
	StoreFolder      = "store"
	AttachmentFolder = "files"
	stageFolder      = ".restore"
)

// Target is where a backup is restored to.
type Target struct {
	// Folder is the node's, Config the file of its configuration.
	Folder, Config string
	// Key is the node's key for backups.
	Key [32]byte
	// StoreKey tells the key of the store that belongs to the vault in a folder.
	StoreKey func(folder string) ([32]byte, error)
	// Replace puts a store that is there aside; without it, it is ErrOccupied.
	Replace bool
	// Mark makes the rows that tell the node of its restore.
	Mark func(Contents, store.Tx) error
	Now  time.Time
}

// StoreKey tells the key of a store by the vault beside it.
func StoreKey(key secret.Key) func(folder string) ([32]byte, error) {
	return func(folder string) ([32]byte, error) {
		vault, err := secret.Open(folder, key)
		if err != nil {
			return [32]byte{}, err
		}
		return vault.Derive(secret.PurposeStore), nil
	}
}

// ErrOccupied: the folder has a store already.
var ErrOccupied = errors.New("there is a store in it already")

// Restored says what a restore did.
type Restored struct {
	Contents
	// Aside is where what was there before was put, Kept are files of the
	// configuration that were there and differ: the backup's stand beside them.
	Aside string   `json:"aside,omitempty"`
	Kept  []string `json:"kept,omitempty"`
	Wrote []string `json:"wrote"`
}

// Restore makes the node of a backup. The caller holds the folder, so that no
// node runs in it. All of it is read and checked before anything is put in place.
func Restore(ctx context.Context, from io.Reader, t Target, progress func(int64)) (_ Restored, err error) {
	stage := filepath.Join(t.Folder, stageFolder)
	if _, err := os.Stat(filepath.Join(t.Folder, StoreFolder)); err == nil && !t.Replace {
		return Restored{}, ErrOccupied
	}
	if err := os.RemoveAll(stage); err != nil { // of a restore that was interrupted
		return Restored{}, fmt.Errorf("restore: %w", err)
	}
	for _, folder := range []string{stage, filepath.Join(stage, AttachmentFolder), filepath.Join(stage, "config")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return Restored{}, fmt.Errorf("restore: %w", err)
		}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	s := &staging{folder: stage, key: t.StoreKey}
	contents, err := read(ctx, from, t.Key, s, progress)
	if err == nil {
		err = s.flush()
	}
	if err == nil {
		err = s.store.Update(func(tx store.Tx) error { return t.Mark(contents, tx) })
	}
	if err = errors.Join(err, s.close()); err != nil {
		return Restored{}, fmt.Errorf("restore: %w", err)
	}
	return t.place(stage, s, contents)
}

// staging takes a backup into a folder.
type staging struct {
	folder string
	key    func(folder string) ([32]byte, error)
	store  *badgerstore.Store // nil until the first rows: the vault that tells its key comes before them
	files  []fileHead

	rows  []row
	bytes int
	out   *os.File
}

type row struct{ key, value []byte }

// batchBytes leaves a transaction room for one more row of any size.
const batchBytes = store.MaxBytes - store.MaxKey - store.MaxValue

func (s *staging) row(key, value []byte) error {
	s.rows = append(s.rows, row{append([]byte{}, key...), append([]byte{}, value...)})
	s.bytes += len(key) + len(value)
	if s.bytes < batchBytes && len(s.rows) < store.MaxWrites {
		return nil
	}
	return s.flush()
}

// open makes the store.
func (s *staging) open() error {
	if s.store != nil {
		return nil
	}
	key, err := s.key(s.folder)
	if err != nil {
		return err
	}
	s.store, err = badgerstore.Open(badgerstore.Options{
		Dir: filepath.Join(s.folder, StoreFolder), Key: key, Ballast: -1, Logger: zerolog.Nop(),
	})
	return err
}

func (s *staging) flush() error {
	if err := s.open(); err != nil {
		return err
	}
	err := s.store.Update(func(tx store.Tx) error {
		for _, r := range s.rows {
			if err := tx.Put(r.key, r.value); err != nil {
				return err
			}
		}
		return nil
	})
	s.rows, s.bytes = s.rows[:0], 0
	return err
}

// where a file waits until all have been read.
func (s *staging) where(f fileHead) string {
	name := filepath.FromSlash(f.Name)
	switch f.Kind {
	case FileAttachment:
		return filepath.Join(s.folder, AttachmentFolder, name)
	case FileVault:
		return filepath.Join(s.folder, secret.VaultFile)
	}
	return filepath.Join(s.folder, "config", name)
}

func (s *staging) file(f fileHead) (err error) {
	name := s.where(f)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	s.files = append(s.files, f)
	s.out, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return err
}

func (s *staging) data(b []byte) error {
	_, err := s.out.Write(b)
	return err
}

func (s *staging) done() error {
	err := errors.Join(s.out.Sync(), s.out.Close())
	s.out = nil
	return err
}

func (s *staging) close() error {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if s.out != nil {
		err = errors.Join(err, s.out.Close())
	}
	return err
}

// place moves what was restored to where it belongs, the store last: where it
// is, all is.
func (t Target) place(stage string, s *staging, c Contents) (Restored, error) {
	out := Restored{Contents: c, Wrote: []string{}}
	if err := t.putAside(&out); err != nil {
		return out, err
	}
	for _, f := range s.files {
		if f.Kind != FileConfig && f.Kind != FileRule {
			continue
		}
		to := filepath.Join(filepath.Dir(t.Config), filepath.FromSlash(f.Name))
		if f.Kind == FileConfig {
			to = t.Config
		}
		if err := placeFile(s.where(f), to, &out); err != nil {
			return out, fmt.Errorf("restore %s: %w", to, err)
		}
	}
	for _, name := range []string{secret.VaultFile, AttachmentFolder, StoreFolder} {
		to := filepath.Join(t.Folder, name)
		if err := os.Rename(filepath.Join(stage, name), to); err != nil {
			return out, fmt.Errorf("restore %s: %w", to, err)
		}
		out.Wrote = append(out.Wrote, to)
	}
	return out, secret.SyncFolder(t.Folder)
}

// putAside moves what is there out of the way. Nothing is removed.
func (t Target) putAside(out *Restored) error {
	aside := filepath.Join(t.Folder, "before-restore-"+t.Now.UTC().Format("20060102T150405Z"))
	for _, name := range []string{StoreFolder, AttachmentFolder, secret.VaultFile} {
		from := filepath.Join(t.Folder, name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return fmt.Errorf("put %s aside: %w", from, err)
		}
		if err := os.Rename(from, filepath.Join(aside, name)); err != nil {
			return fmt.Errorf("put %s aside: %w", from, err)
		}
		out.Aside = aside
	}
	return nil
}

// placeFile puts a file in its place; one that is there and differs stays, and
// the backup's is put beside it.
func placeFile(from, to string, out *Restored) error {
	ours, err := os.ReadFile(to)
	if err == nil {
		theirs, err := os.ReadFile(from)
		if err != nil || string(ours) == string(theirs) {
			return err
		}
		out.Kept = append(out.Kept, to)
		to += ".restored"
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out.Wrote = append(out.Wrote, to)
	if err := copyFile(from, to); err != nil {
		return err
	}
	return secret.SyncFolder(filepath.Dir(to))
}

// copyFile copies, since the configuration may be on another disk than the folder.
func copyFile(from, to string) (err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	half := to + ".tmp"
	if err := os.WriteFile(half, text, 0o600); err != nil {
		return errors.Join(err, drop(half))
	}
	return os.Rename(half, to)
}
