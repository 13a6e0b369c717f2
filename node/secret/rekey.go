package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// newKey ends the name of the file in which a master key waits for its vault.
const newKey = ".new"

// OpenNode finds the master key of the node whose folder is dir and opens its vault.
// A change of the key that was cut short is finished, or was not begun.
func OpenNode(dir string, getenv func(string) string) (*Vault, error) {
	found, err := locate(dir, getenv)
	if err != nil {
		return nil, fmt.Errorf("find the node's master key: %w", err)
	}
	vault, err := Open(dir, found.key)
	if !errors.Is(err, ErrWrongKey) || found.file == "" {
		return vault, err
	}
	next, unread := keyFromFile(found.file+newKey, ownerOnly)
	if unread != nil {
		return nil, err
	}
	if vault, unread = Open(dir, next); unread != nil {
		return nil, err
	}
	return vault, found.exchange(time.Now())
}

// Rekeyed says where the master keys are after a change.
type Rekeyed struct {
	// Key is the file of the new key, Old that of the one before: backups made under it
	// need it. Old is empty where the old key is in no file.
	Key string `json:"key"`
	Old string `json:"old,omitempty"`
	// Outside tells that the node is given its key from outside of its folder, and does
	// not start before it is given the new one.
	Outside bool `json:"outside"`
}

// Rekey draws a new master key and has the vault of the node sealed with it; no node may
// run. The key is put into the file to, which must not be there yet, or if that is empty
// in the place of the old one. A crash leaves the old key in force or the new one, and
// whichever it is in its place.
func Rekey(dir string, getenv func(string) string, to string) (Rekeyed, error) {
	vault, err := OpenNode(dir, getenv)
	if err != nil {
		return Rekeyed{}, err
	}
	found, err := locate(dir, getenv)
	if err != nil {
		return Rekeyed{}, fmt.Errorf("find the node's master key: %w", err)
	}
	key := NewKey()
	text := []byte(key.Export().Reveal() + "\n")
	if to != "" {
		if err := create(to, text); err != nil {
			return Rekeyed{}, fmt.Errorf("write the new master key: %w", err)
		}
		return Rekeyed{Key: to, Old: found.file, Outside: true}, vault.reseal(key)
	}
	if found.file == "" {
		return Rekeyed{}, &Problem{
			What: "the master key is not in a file of this node, but in " + found.place, Err: errors.ErrUnsupported,
			Advice: "say with --to where the new one is to be put, and give it to the node from there",
		}
	}
	if err := replace(found.file+newKey, text); err != nil {
		return Rekeyed{}, fmt.Errorf("write the new master key: %w", err)
	}
	if err := vault.reseal(key); err != nil {
		return Rekeyed{}, err
	}
	now := time.Now()
	return Rekeyed{Key: found.file, Old: found.old(now)}, found.exchange(now)
}

// old is where a key goes that was replaced at a time.
func (f found) old(at time.Time) string {
	return f.file + ".until-" + at.UTC().Format("20060102T150405Z")
}

// exchange puts the key that waits into its place; the file is never missing.
func (f found) exchange(at time.Time) error {
	if err := os.Link(f.file, f.old(at)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep the old master key: %w", err)
	}
	if err := os.Rename(f.file+newKey, f.file); err != nil {
		return fmt.Errorf("put the new master key in place: %w", err)
	}
	return SyncFolder(filepath.Dir(f.file))
}

// reseal has all secrets sealed with another master key, in one exchange of the file.
// Keys of the store, of files, markers and ids go on as they are: they are derived from
// the root, which is sealed too.
func (v *Vault) reseal(key Key) error {
	next, err := newVault(v.name, key)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return err
	}
	for name, sealed := range all.Secrets {
		text, err := v.seal.Open(nil, nil, sealed, []byte(name))
		if err != nil {
			return fmt.Errorf("open secret %q: %w", name, ErrDamaged)
		}
		all.Secrets[name] = next.seal.Seal(nil, nil, text, []byte(name))
	}
	all.Version, all.Root = versionRoot, next.seal.Seal(nil, nil, []byte(v.root.raw.Reveal()), []byte(rootName))
	check := key.Derive(purposeCheck)
	all.Check = check[:]
	return v.write(all)
}
