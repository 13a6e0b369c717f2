package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
)

// VaultFile is the vault's name in the node's folder.
const VaultFile = "secrets.vault"

// Bounds of a vault.
const (
	MaxSecret  = 64 << 10 // bytes of one secret
	MaxSecrets = 256
	maxVault   = 32 << 20 // bytes of the file
)

// Errors of a Vault.
var (
	// ErrNotFound: there is no secret of that name.
	ErrNotFound = errors.New("no such secret")
	// ErrWrongKey: the vault was sealed with another master key.
	ErrWrongKey = errors.New("the master key does not fit the vault")
	// ErrDamaged: a secret or the file is not what was sealed.
	ErrDamaged = errors.New("the vault is damaged")
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,79}$`)

// Vault is a file of sealed secrets. Its methods may be called from several goroutines.
type Vault struct {
	name string
	key  Key
	seal cipher.AEAD
	// root is what other keys are derived from: the first master key.
	root Key

	mu sync.Mutex // one reader or writer of the file at a time
}

// contents is the file.
type contents struct {
	Version int    `json:"version"`
	Check   []byte `json:"check"` // tells a wrong key from damage
	// Root is there once the master key was changed.
	Root    []byte            `json:"root,omitempty"`
	Secrets map[string][]byte `json:"secrets"`
}

// The versions of the file: without a root, and with one.
const (
	versionPlain = 1
	versionRoot  = 2
)

// rootName is what the root is sealed for; no secret can have the name.
const rootName = "ROOT"

// Open opens the vault in the node's folder. A vault that is not there is empty.
func Open(dir string, key Key) (*Vault, error) {
	v, err := newVault(filepath.Join(dir, VaultFile), key)
	if err != nil {
		return nil, err
	}
	all, err := v.read()
	if err != nil {
		return nil, err
	}
	if v.root = key; all.Root != nil {
		raw, err := v.seal.Open(nil, nil, all.Root, []byte(rootName))
		if err != nil || len(raw) != keyBytes {
			return nil, fmt.Errorf("open the root of %s: %w", v.name, ErrDamaged)
		}
		v.root = Key{NewValue(string(raw))}
	}
	return v, nil
}

func newVault(name string, key Key) (*Vault, error) {
	own := key.Derive(purposeVault)
	block, err := aes.NewCipher(own[:])
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return &Vault{name: name, key: key, seal: seal}, nil
}

// Derive returns the node's key for one purpose; see Key.Derive. All but that of backups
// stay the same when the master key is changed: a backup is to be opened by who has the
// master key and nothing else.
func (v *Vault) Derive(purpose string) [32]byte {
	if purpose == PurposeBackup {
		return v.key.Derive(purpose)
	}
	return v.root.Derive(purpose)
}

// Get returns one secret, or ErrNotFound.
func (v *Vault) Get(name string) (Value, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return Value{}, err
	}
	sealed, ok := all.Secrets[name]
	if !ok {
		return Value{}, &Problem{
			What: fmt.Sprintf("secret %q", name), Err: ErrNotFound,
			Advice: "put it into the vault with: parley secret set " + name,
		}
	}
	text, err := v.seal.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return Value{}, fmt.Errorf("open secret %q: %w", name, ErrDamaged)
	}
	return NewValue(string(text)), nil
}

// Set seals a secret under a name, replacing one that was there.
func (v *Vault) Set(name string, value Value) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("secret name %q: want %s", name, namePattern)
	}
	if n := len(value.Reveal()); n == 0 || n > MaxSecret {
		return fmt.Errorf("secret %q has %d bytes, want 1 to %d", name, n, MaxSecret)
	}
	return v.change(func(all *contents) error {
		all.Secrets[name] = v.seal.Seal(nil, nil, []byte(value.Reveal()), []byte(name))
		if len(all.Secrets) > MaxSecrets {
			return fmt.Errorf("secret %q: the vault holds %d already", name, MaxSecrets)
		}
		return nil
	})
}

// Delete removes a secret, or returns ErrNotFound.
func (v *Vault) Delete(name string) error {
	return v.change(func(all *contents) error {
		if _, ok := all.Secrets[name]; !ok {
			return fmt.Errorf("secret %q: %w", name, ErrNotFound)
		}
		delete(all.Secrets, name)
		return nil
	})
}

// Names lists the secrets in order; there is no way to list their values.
func (v *Vault) Names() ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(all.Secrets)), nil
}

// change reads the file, lets fn change it and puts it in place.
func (v *Vault) change(fn func(*contents) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.read()
	if err != nil {
		return err
	}
	if err := fn(&all); err != nil {
		return err
	}
	return v.write(all)
}

// write puts the file in place; v.mu is held.
func (v *Vault) write(all contents) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write vault: %w", err)
	}
	if err := replace(v.name, append(text, '\n')); err != nil {
		return fmt.Errorf("write vault: %w", err)
	}
	return nil
}

// read returns the file's contents, checked; v.mu is held.
func (v *Vault) read() (contents, error) {
	check := v.key.Derive(purposeCheck)
	text, err := readPrivate(v.name, ownerOnly, maxVault)
	if errors.Is(err, fs.ErrNotExist) {
		return contents{Version: versionPlain, Check: check[:], Secrets: map[string][]byte{}}, nil
	}
	if err != nil {
		return contents{}, fmt.Errorf("read vault: %w", err)
	}
	var all contents
	if err := decodeStrict(text, &all); err != nil {
		return contents{}, &Problem{
			What: "read vault " + v.name, Err: fmt.Errorf("%w: %w", ErrDamaged, err),
			Advice: "put the file back from your backup, or remove it and set the secrets again",
		}
	}
	if all.Version != versionPlain && all.Version != versionRoot || (all.Root != nil) != (all.Version == versionRoot) {
		return contents{}, fmt.Errorf("read vault %s: version %d is not known here", v.name, all.Version)
	}
	if !hmac.Equal(all.Check, check[:]) {
		return contents{}, &Problem{
			What: "read vault " + v.name, Err: ErrWrongKey,
			Advice: "put the master key back that belongs to this folder",
		}
	}
	if all.Secrets == nil {
		all.Secrets = map[string][]byte{}
	}
	return all, nil
}

func decodeStrict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows the end")
	}
	return nil
}
