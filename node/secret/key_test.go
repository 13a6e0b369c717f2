package secret_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/node/secret"
)

// env is an environment of its own.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// write puts text into a file of its own folder.
func write(t *testing.T, name, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// hint returns what err says to do, or "".
func hint(err error) string {
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	return ""
}

func TestKey_IsFoundWhereItWasPut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inFolder, err := secret.CreateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	inEnv, inFile, asCredential := secret.NewKey(), secret.NewKey(), secret.NewKey()
	file := write(t, "k", inFile.Export().Reveal()+"\n", 0o640)
	credential := write(t, secret.KeyCredential, asCredential.Export().Reveal(), 0o444)
	const credentials = "CREDENTIALS_DIRECTORY"
	empty, text := t.TempDir(), inEnv.Export().Reveal()
	for _, tt := range []struct {
		name, dir string
		env       []string
		want      secret.Key
	}{
		{"file", dir, []string{secret.KeyFileVariable, file, credentials, filepath.Dir(credential), secret.KeyVariable, text}, inFile},
		{"folder", dir, []string{credentials, filepath.Dir(credential), secret.KeyVariable, text}, inFolder},
		{"credential", empty, []string{credentials, filepath.Dir(credential), secret.KeyVariable, text}, asCredential},
		{"variable", empty, []string{secret.KeyVariable, text}, inEnv},
		{"other credentials only", empty, []string{credentials, t.TempDir(), secret.KeyVariable, text}, inEnv},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := secret.FindKey(tt.dir, env(tt.env...))
			if err != nil {
				t.Fatal(err)
			}
			if got.Derive("x") != tt.want.Derive("x") {
				t.Error("another key was found")
			}
		})
	}
}

func TestKey_AWrongOneIsNotReplacedByTheNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, environment := range [][]string{
		{secret.KeyVariable, "not a key"},
		{secret.KeyFileVariable, write(t, "k", "parley-master-key-1:AAAA", 0o600)},
		{secret.KeyFileVariable, filepath.Join(dir, "missing")},
		{"CREDENTIALS_DIRECTORY", filepath.Dir(write(t, secret.KeyCredential, "", 0o600))},
	} {
		if _, err := secret.FindKey(dir, env(environment...)); err == nil {
			t.Errorf("%v: taken", environment)
		} else if strings.Contains(err.Error(), "not a key:") {
			t.Errorf("%v: the error repeats what was given: %v", environment, err)
		}
	}
}

func TestKey_IsNeverOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := secret.CreateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secret.CreateKey(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second CreateKey: got %v, want ErrExist", err)
	}
	found, err := secret.FindKey(dir, env())
	if err != nil {
		t.Fatal(err)
	}
	if found.Derive("x") != first.Derive("x") {
		t.Error("the first key is gone")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v; want the key alone", entries, err)
	}
	info, err := os.Stat(filepath.Join(dir, secret.KeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestKey_ReadableByOthersIsRefusedWithAHint(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o620, 0o602} {
		file := write(t, secret.KeyFile, secret.NewKey().Export().Reveal(), mode)
		_, err := secret.FindKey(filepath.Dir(file), env())
		if err == nil || !strings.Contains(hint(err), "chmod 600 "+file) {
			t.Errorf("mode %o: got %v, hint %q", mode, err, hint(err))
		}
	}
}

func TestKey_MissingSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, err := secret.FindKey(t.TempDir(), env())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(hint(err), "parley init") {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
}

func TestKey_PurposesDoNotShareKeys(t *testing.T) {
	t.Parallel()
	key, other := secret.NewKey(), secret.NewKey()
	seen := map[[32]byte]string{}
	for _, purpose := range []string{secret.PurposeStore, secret.PurposeBlob, secret.PurposeMarker, secret.PurposeItem, "x", ""} {
		derived := key.Derive(purpose)
		if before, ok := seen[derived]; ok {
			t.Errorf("%q and %q have one key", purpose, before)
		}
		seen[derived] = purpose
		if derived == other.Derive(purpose) {
			t.Errorf("%q: two master keys give one key", purpose)
		}
		if derived != key.Derive(purpose) {
			t.Errorf("%q: not the same key twice", purpose)
		}
	}
}

func TestKey_DerivesAsEver(t *testing.T) {
	t.Parallel()
	key, err := secret.ParseKey("parley-master-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	// A node's files must open under every later version: this must not change.
	const want = "6671d6e2e8566267ab1184906513938ff6aa888f79df173c568afd95281cabd3"
	if got := fmt.Sprintf("%x", key.Derive(secret.PurposeStore)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
