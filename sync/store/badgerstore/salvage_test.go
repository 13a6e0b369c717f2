package badgerstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

// written is what a store was given: every value a row ever had, and the last.
type written struct {
	ever map[string][]string
	last map[string]string
}

// worn makes a store of several tables whose rows were written over and deleted,
// and returns its folder as a stop, and as a kill, leaves it.
func worn(t *testing.T) (closed, killed string, w written) {
	t.Helper()
	w = written{map[string][]string{}, map[string]string{}}
	closed, killed = t.TempDir(), t.TempDir()
	random := rand.New(rand.NewPCG(3, 3))
	round := func(s *badgerstore.Store, n int) {
		for range 40 {
			must(t, s.Update(func(tx store.Tx) error {
				for range 10 {
					key := fmt.Sprintf("x/%03d", random.IntN(600))
					if random.IntN(10) == 0 {
						delete(w.last, key)
						must(t, tx.Delete([]byte(key)))
						continue
					}
					value := fmt.Sprintf("%s in round %d: %x", key, n, random.Uint64())
					for range random.IntN(5) {
						value += value[:30]
					}
					w.ever[key], w.last[key] = append(w.ever[key], value), value
					must(t, tx.Put([]byte(key), []byte(value)))
				}
				return nil
			}))
		}
	}
	for n := range 4 {
		s := open(t, options(closed, &disk{}))
		round(s, n)
		if n == 3 {
			copyStore(t, killed, closed)
		}
		must(t, s.Close())
	}
	return closed, killed, w
}

// copyStore copies the files of a store; zeros at an end cost nothing.
func copyStore(t *testing.T, to, from string) {
	t.Helper()
	names, err := os.ReadDir(from)
	must(t, err)
	for _, e := range names {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		must(t, err)
		put(t, filepath.Join(to, e.Name()), data)
	}
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(name, bytes.TrimRight(data, "\x00"), 0o600))
	must(t, os.Truncate(name, int64(len(data))))
}

// rows are all that a store has of what was written.
func rows(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, s.View(func(r store.Reader) error {
		return r.Scan([]byte("x/"), nil, func(k, v []byte) (bool, error) {
			all[string(k)] = string(v)
			return true, nil
		})
	}))
	return all
}

// harm damages one file of a folder and says how.
func harm(t *testing.T, dir string, random *rand.Rand) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	names = slices.DeleteFunc(names, func(name string) bool {
		base := filepath.Base(name)
		return base == "store.lock" || base == "running" || base == "LOCK"
	})
	name := names[random.IntN(len(names))]
	data, err := os.ReadFile(name)
	must(t, err)
	// Where there is something, mostly: logs are long and nearly empty.
	used := len(data)
	for used > 0 && data[used-1] == 0 {
		used--
	}
	at := random.IntN(max(1, used))
	if random.IntN(8) == 0 {
		at = random.IntN(max(1, len(data)))
	}
	var how string
	switch kind := random.IntN(8); {
	case kind < 4 && at < len(data):
		bit := byte(1) << random.IntN(8)
		data[at] ^= bit
		how = fmt.Sprintf("bit %d of byte %d", bit, at)
	case kind < 5 && at < len(data):
		size := min(len(data)-at, 1+random.IntN(6000))
		for i := range size {
			data[at+i] = byte(random.IntN(256))
		}
		how = fmt.Sprintf("%d bytes at %d", size, at)
	case kind < 7:
		data = data[:min(at, len(data))]
		how = fmt.Sprintf("cut to %d", at)
	default:
		must(t, os.Remove(name))
		return filepath.Base(name) + " removed"
	}
	put(t, name, data)
	return filepath.Base(name) + " " + how
}

// same tells whether two stores have the same rows.
func same(got, want map[string]string) error {
	for k, v := range want {
		if got[k] != v {
			return fmt.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			return fmt.Errorf("%s is back as %q", k, v)
		}
	}
	return nil
}

// TestSalvage_NoDamageIsSilent: whatever is done to one file, the store opens with
// every row as it was last written; or it does not open, and what is salvaged of
// it are rows as they were once written, all of them if nothing is said to be
// lost; or it is said that nothing can be done.
func TestSalvage_NoDamageIsSilent(t *testing.T) {
	t.Parallel()
	closed, killed, w := worn(t)
	outcomes := map[string]int{}
	for seed := range uint64(48) {
		random := rand.New(rand.NewPCG(seed, 7))
		o := options(t.TempDir(), &disk{})
		copyStore(t, o.Dir, []string{closed, killed}[seed%2])
		how := harm(t, o.Dir, random)
		outcome, err := reopened(t, o, w)
		if err != nil {
			t.Errorf("seed %d, %s: %s: %v", seed, how, outcome, err)
		}
		outcomes[outcome]++
	}
	t.Log(outcomes)
	for _, want := range []string{"whole", "salvaged", "salvaged whole", "refused"} {
		if outcomes[want] == 0 {
			t.Errorf("no damage ended %s", want)
		}
	}
}

// reopened opens a store that was harmed, or salvages it.
func reopened(t *testing.T, o badgerstore.Options, w written) (string, error) {
	t.Helper()
	s, err := badgerstore.Open(o)
	if err == nil {
		err := same(rows(t, s), w.last)
		return "whole", errors.Join(err, s.Close())
	}
	if errors.Is(err, badgerstore.ErrWrongKey) {
		return "refused", nil // a bit of the proof of the key
	}
	if !errors.Is(err, badgerstore.ErrDamaged) {
		return "refused", err
	}
	fresh := open(t, options(t.TempDir(), &disk{}))
	defer func() { must(t, fresh.Close()) }()
	found, err := badgerstore.Salvage(o, fresh, func([]byte) badgerstore.Choice { return badgerstore.Newest })
	if err != nil {
		if !errors.Is(err, badgerstore.ErrDamaged) && !errors.Is(err, badgerstore.ErrWrongKey) {
			return "refused", err
		}
		return "refused", nil
	}
	all := rows(t, fresh)
	for k, v := range all {
		if !slices.Contains(w.ever[k], v) {
			return "salvaged", fmt.Errorf("%s was never %q", k, v)
		}
	}
	if found.Lost() {
		return "salvaged", nil
	}
	return "salvaged whole", same(all, w.last)
}

// TestScrub_ATableThatGoesBadWhileTheStoreIsOpenStopsIt: no wrong value is returned
// meanwhile, and the next start finds the damage.
func TestScrub_ATableThatGoesBadWhileTheStoreIsOpenStopsIt(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &disk{})
	fillAndClose(t, o)
	o.ScrubEvery = time.Millisecond
	s, err := badgerstore.Open(o)
	must(t, err)
	defer func() { _ = s.Close() }()
	f, err := os.OpenFile(one(t, o.Dir, "*.sst"), os.O_RDWR, 0)
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	// In place: Badger has the file mapped. The index, at the end, stays.
	_, err = f.WriteAt(bytes.Repeat([]byte{0x5a}, int(info.Size())/2), 0)
	must(t, errors.Join(err, f.Close()))
	for i := range 100 {
		err := s.View(func(r store.Reader) error {
			v, err := r.Get(fmt.Appendf(nil, "x/%d", i))
			if err == nil && string(v) != string(make([]byte, 1000)) {
				t.Errorf("x/%d is %q", i, v)
			}
			return nil
		})
		if err != nil && !errors.Is(err, store.ErrStopped) {
			t.Error(err)
		}
	}
	select {
	case <-s.Failed():
	case <-time.After(10 * time.Second):
		t.Fatal("the damage was not found")
	}
	if !errors.Is(s.Err(), badgerstore.ErrDamaged) {
		t.Errorf("the store says %v", s.Err())
	}
	must(t, s.Close())
	if _, err := badgerstore.Open(o); !errors.Is(err, badgerstore.ErrDamaged) {
		t.Errorf("opened again: %v", err)
	}
}
