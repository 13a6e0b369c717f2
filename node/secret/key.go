package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// What else keys are derived for; see Key.Derive.
const (
	PurposeStore  = "store"  // encryption of the store on disk
	PurposeBlob   = "blob"   // encryption of attachments on disk
	PurposeMarker = "marker" // markers left in the tracker
	PurposeBackup = "backup" // encryption of backups
	PurposeItem   = "item"   // ids of comments and files on the wire

	purposeVault = "vault"
	purposeCheck = "check"
)

// Where FindKey looks, first to last.
const (
	KeyFileVariable = "PARLEY_MASTER_KEY_FILE" // the path of a file
	KeyFile         = "master.key"             // in the node's folder
	KeyCredential   = "parley-master-key"      // a systemd credential
	KeyVariable     = "PARLEY_MASTER_KEY"      // the key itself, in the environment
)

const keyBytes = 32

const keyPrefix = "parley-master-key-1:"

// Key is a master key. It does not show itself, as Value.
type Key struct{ raw Value }

// NewKey draws a key.
func NewKey() Key {
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw) // never fails: the program ends instead
	return Key{NewValue(string(raw))}
}

// ParseKey reads what Export wrote.
func ParseKey(text string) (Key, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(text), keyPrefix)
	if !ok {
		return Key{}, fmt.Errorf("not a master key: it must start with %q", keyPrefix)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) != keyBytes {
		return Key{}, errors.New("not a master key: 32 bytes in base64 must follow the prefix")
	}
	return Key{NewValue(string(raw))}, nil
}

// Export is the text form, for a file or a systemd credential.
func (k Key) Export() Value {
	return NewValue(keyPrefix + base64.StdEncoding.EncodeToString([]byte(k.raw.Reveal())))
}

// String is Hidden.
func (k Key) String() string { return Hidden }

// Derive returns the key for one purpose; the same master key and purpose
// always give the same key, and none tells anything about another.
func (k Key) Derive(purpose string) [32]byte {
	if k.raw.IsZero() {
		panic("secret: key derived from no master key")
	}
	out, err := hkdf.Key(sha256.New, []byte(k.raw.Reveal()), nil, "parley/1/"+purpose, 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot make
	}
	return [32]byte(out)
}

// CreateKey draws a key and writes it into the node's folder. It never
// overwrites one: without the old key everything sealed with it is lost.
func CreateKey(dir string) (Key, error) {
	key := NewKey()
	name := filepath.Join(dir, KeyFile)
	if err := create(name, []byte(key.Export().Reveal()+"\n")); err != nil {
		return Key{}, fmt.Errorf("write master key %s: %w", name, err)
	}
	return key, nil
}

// FindKey finds the master key of the node whose folder is dir: in the file that the
// environment names, in the folder, among systemd's credentials, in the environment,
// which any program of the same user may read. The first place that is set counts, even
// if what it holds is wrong.
func FindKey(dir string, getenv func(string) string) (Key, error) {
	f, err := locate(dir, getenv)
	return f.key, err
}

// found is a master key and where it was: in a file that is ours to replace, or in a place.
type found struct {
	key         Key
	file, place string
}

func locate(dir string, getenv func(string) string) (found, error) {
	if name := getenv(KeyFileVariable); name != "" {
		key, err := keyFromFile(name, notOthers)
		return found{key: key, file: name}, err
	}
	inFolder := filepath.Join(dir, KeyFile)
	key, missing := keyFromFile(inFolder, ownerOnly)
	if !errors.Is(missing, fs.ErrNotExist) {
		return found{key: key, file: inFolder}, missing
	}
	if folder := getenv("CREDENTIALS_DIRECTORY"); folder != "" {
		key, err := keyFromFile(filepath.Join(folder, KeyCredential), anyone)
		if !errors.Is(err, fs.ErrNotExist) { // other credentials may be there without this one
			return found{key: key, place: "a systemd credential"}, err
		}
	}
	if text := getenv(KeyVariable); text != "" {
		key, err := ParseKey(text)
		if err != nil {
			return found{}, fmt.Errorf("read %s from the environment: %w", KeyVariable, err)
		}
		return found{key: key, place: "the environment"}, nil
	}
	return found{}, missing
}

func keyFromFile(name string, tooMany access) (Key, error) {
	text, err := readPrivate(name, tooMany, 1024)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, &Problem{
			What: "no master key", Err: err,
			Advice: "put the key back from your backup, or make a node with: parley init",
		}
	}
	if err != nil {
		return Key{}, fmt.Errorf("read master key: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("read master key %s: %w", name, err)
	}
	return key, nil
}
