package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/rs/zerolog"

	"parley/sync/store"
)

// Errors of Open. Their texts, as wrapped by it, say what to do.
var (
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store is in use by another process")
	// ErrWrongKey: the store was made with another encryption key.
	ErrWrongKey = errors.New("wrong encryption key")
	// ErrDamaged: the files are not as they were written.
	ErrDamaged = errors.New("store is damaged")
	// ErrNewer: a newer version of the program has written the store.
	ErrNewer = errors.New("store was written by a newer version")
)

// Schema is the version of the layout of keys and values that this program reads.
const Schema = 1

// SchemaKey holds the version of the layout, in decimal.
const SchemaKey = "m/schema"

// Options say where the store is and how it is kept. Dir and Key are needed, the
// zero value of the others is a default.
type Options struct {
	// Dir is a directory of the store's own; it is made if it is not there.
	Dir string
	// Key encrypts everything.
	Key [32]byte
	// MinFree is the free-space mark in bytes; 512 MiB if 0, none if negative.
	MinFree int64
	// Ballast is the size of the ballast file; 64 MiB if 0, none if negative.
	Ballast int64
	// Free returns the free bytes of the disk that holds dir; nil asks the
	// system. Tests put their own here.
	Free func(dir string) (uint64, error)
	// CheckEvery is how often free space is looked at; a second if 0.
	CheckEvery time.Duration
	// ScrubEvery is how often all tables are read and checked at least; six hours if 0.
	ScrubEvery time.Duration
	// Logger gets what an operator would want to know.
	Logger zerolog.Logger

	// commit takes the place of (*badger.Txn).CommitAt in tests.
	commit func(*badger.Txn, uint64) error
}

func (o Options) withDefaults() Options {
	if o.MinFree == 0 {
		o.MinFree = 512 << 20
	}
	if o.Ballast == 0 {
		o.Ballast = 64 << 20
	}
	if o.Free == nil {
		o.Free = freeBytes
	}
	if o.CheckEvery == 0 {
		o.CheckEvery = time.Second
	}
	if o.ScrubEvery == 0 {
		o.ScrubEvery = 6 * time.Hour
	}
	if o.commit == nil {
		o.commit = func(txn *badger.Txn, version uint64) error { return txn.CommitAt(version, nil) }
	}
	return o
}

// Open opens the store in o.Dir, or makes it.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if o.Key == ([32]byte{}) {
		return nil, errors.New("open store: no encryption key given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := lockDir(filepath.Join(o.Dir, "store.lock"))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	s, err := openLocked(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), lock.Close())
	}
	s.lock = lock
	return s, nil
}

func openLocked(o Options) (*Store, error) {
	if err := repair(o.Dir); err != nil {
		return nil, err
	}
	if err := check(o); err != nil {
		return nil, explain(err)
	}
	// From here until Badger has its log again there may be none.
	if err := setRunning(o.Dir, false); err != nil {
		return nil, err
	}
	db, err := openBadger(o)
	if err != nil {
		return nil, explain(err)
	}
	s := &Store{
		db: db, dir: o.Dir, log: o.Logger, commit: o.commit,
		snapshots: newSnapshots(db.MaxVersion()),
		recent:    newRecent(db.MaxVersion()),
		queue:     queue{wake: make(chan struct{}, 1)},
		calls:     sync.Pool{New: func() any { return &call{done: make(chan error, 1)} }},
		failed:    make(chan struct{}),
		ending:    make(chan struct{}),
	}
	db.SetDiscardTs(s.snapshots.committed)
	if s.space, err = watchSpace(o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := setRunning(o.Dir, true); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.startWriter()
	s.scrubbing.Go(func() { s.scrub(o.ScrubEvery) })
	if err := s.checkSchema(); err != nil {
		s.lock = noLock{} // Open releases it
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

type noLock struct{}

func (noLock) Close() error { return nil }

// repair removes the files that a crash leaves between making and filling them:
// Badger refuses to open a log of no bytes, and there is nothing in it.
func repair(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("look for empty logs: %w", err)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				return fmt.Errorf("look for empty logs: %w", err)
			}
			if info.Size() > 0 {
				continue
			}
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove empty log: %w", err)
			}
		}
	}
	return nil
}

func openBadger(o Options) (db *badger.DB, err error) {
	// Badger panics on some kinds of damage.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	db, err = badger.OpenManaged(badgerOptions(o))
	if err != nil {
		return nil, err
	}
	if !keepNoBuilders(db) {
		o.Logger.Warn().Msg("this version of Badger keeps the memory that it builds tables in")
	}
	return db, nil
}

func verify(db *badger.DB) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("verify tables: %v", p)
		}
	}()
	return db.VerifyChecksum()
}

// Verify reads every table and checks its sums. Scan ends silently at a block
// that cannot be read: who must have all rows asks this after it.
func (s *Store) Verify() error {
	if err := verify(s.db); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// memTable is what a log holds before it becomes a table.
const memTable = 16 << 20

func badgerOptions(o Options) badger.Options {
	b := badger.DefaultOptions(o.Dir)
	b.Logger = logger{o.Logger}
	b.EncryptionKey = o.Key[:]
	b.SyncWrites = true
	b.BypassLockGuard = true  // lockDir is the guard
	b.DetectConflicts = false // there is one writer
	b.MetricsEnabled = false
	b.MemTableSize = memTable
	b.NumMemtables = 2
	b.NumCompactors = 2
	b.BlockCacheSize = 16 << 20
	b.IndexCacheSize = 32 << 20
	b.ValueLogFileSize = 64 << 20
	b.ValueThreshold = store.MaxValue + 1 // every value stays in the tree
	// Measured with ticket text: Snappy writes a third less for a twentieth more
	// CPU. A first level of this size saves a part of what compaction writes, against
	// Badger's default, which is made for larger memtables; with 256 MiB a long backlog
	// is taken in for a quarter less CPU, but edits of tickets all over a store of
	// 100,000 cost a quarter more.
	b.Compression = options.Snappy
	b.ChecksumVerificationMode = options.OnBlockRead // of each block that comes from the disk
	b.BaseLevelSize = 128 << 20
	// A compaction builds a dozen tables at a time in memory, each at several times
	// its size: with tables of 8 MiB, or with deeper levels of larger ones, a store
	// of one GiB takes 700 MiB of memory when the processor is busy.
	b.BaseTableSize = 1 << 20
	b.TableSizeMultiplier = 1
	return b
}

// explain says what an error of Badger's Open means and what to do.
func explain(err error) error {
	switch {
	case errors.Is(err, badger.ErrEncryptionKeyMismatch):
		return fmt.Errorf("%w: give the key that this store was made with, or restore store and key from the same backup", ErrWrongKey)
	case isAccess(err):
		return err
	case errors.Is(err, ErrDamaged):
	default:
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%w; what is whole in it can be taken over into a new store, or the last backup be restored", err)
}

// isAccess tells whether an error is about who may read and write, and how much,
// not about what was read.
func isAccess(err error) bool {
	return says(err, fs.ErrPermission) || says(err, syscall.EMFILE) || says(err, syscall.EROFS) || isFull(err)
}

// setRunning makes or removes the file that says that a store is open.
func setRunning(dir string, running bool) error {
	name := filepath.Join(dir, runningFile)
	var err error
	if running {
		err = os.WriteFile(name, nil, 0o600)
	} else if err = os.Remove(name); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("note whether the store is open: %w", err)
	}
	return nil
}

// says tells whether err is or was made from cause: Badger puts the text of an
// error into another one, and then only the text tells.
func says(err, cause error) bool {
	return errors.Is(err, cause) || strings.Contains(err.Error(), cause.Error())
}

// checkSchema writes the version of the layout into an empty store and compares
// it in any other.
func (s *Store) checkSchema() error {
	var found []byte
	err := s.View(func(r store.Reader) (err error) {
		found, err = r.Get([]byte(SchemaKey))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return s.Finish(func(tx store.Tx) error {
			return tx.Put([]byte(SchemaKey), strconv.AppendInt(nil, Schema, 10))
		})
	}
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	version, err := strconv.Atoi(string(found))
	switch {
	case err != nil:
		return fmt.Errorf("%w: schema version is no number", ErrDamaged)
	case version > Schema:
		return fmt.Errorf("%w: its schema is %d and this program knows %d; run the version that wrote it, or restore a backup made before the upgrade",
			ErrNewer, version, Schema)
	}
	return nil
}
