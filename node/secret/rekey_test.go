package secret_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/node/secret"
)

// folder is a node's, with a key and one secret.
func folder(t *testing.T) (dir string, vault *secret.Vault) {
	t.Helper()
	dir = t.TempDir()
	key, err := secret.CreateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if vault, err = secret.Open(dir, key); err != nil {
		t.Fatal(err)
	}
	set(t, vault, "smtp", text)
	return dir, vault
}

// files are what stands in a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

// opens fails unless the node's vault opens, has its secret and derives what it did.
func opens(t *testing.T, dir string, as *secret.Vault, getenv func(string) string) *secret.Vault {
	t.Helper()
	v, err := secret.OpenNode(dir, getenv)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get("smtp"); err != nil || got.Reveal() != text {
		t.Errorf("the secret: %q, %v", got.Reveal(), err)
	}
	for _, purpose := range []string{secret.PurposeStore, secret.PurposeBlob, secret.PurposeMarker, secret.PurposeItem, "filters x"} {
		if v.Derive(purpose) != as.Derive(purpose) {
			t.Errorf("the key for %s is another one", purpose)
		}
	}
	return v
}

// TestRekey_SealsEverythingWithTheNewKey: the old key opens nothing any more, and what
// was written under keys derived from it is read as before; also the second time.
func TestRekey_SealsEverythingWithTheNewKey(t *testing.T) {
	t.Parallel()
	dir, first := folder(t)
	for range 2 {
		old, err := secret.FindKey(dir, env())
		if err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		done, err := secret.Rekey(dir, env(), "")
		if err != nil {
			t.Fatal(err)
		}
		after := files(t, dir)
		if done.Outside || done.Key != filepath.Join(dir, secret.KeyFile) || after[filepath.Base(done.Old)] != before[secret.KeyFile] {
			t.Errorf("got %+v; the old key has to be in the file named", done)
		}
		if err := os.Remove(done.Old); err != nil { // two in one second have one name
			t.Fatal(err)
		}
		if _, err := secret.Open(dir, old); !errors.Is(err, secret.ErrWrongKey) {
			t.Errorf("the old key: got %v, want ErrWrongKey", err)
		}
		v := opens(t, dir, first, env())
		if v.Derive(secret.PurposeBackup) == old.Derive(secret.PurposeBackup) {
			t.Error("the old key opens new backups")
		}
		if strings.Contains(after[secret.VaultFile], before[secret.VaultFile][40:80]) {
			t.Error("the vault is not sealed anew")
		}
	}
	set(t, opens(t, dir, first, env()), "other", "x")
	opens(t, dir, first, env())
}

// TestRekey_ACrashLeavesOneKeyInItsPlace: wherever it comes, the node starts with what is
// there, and the key that counts ends in the place of the key.
func TestRekey_ACrashLeavesOneKeyInItsPlace(t *testing.T) {
	t.Parallel()
	dir, first := folder(t)
	before := files(t, dir)
	done, err := secret.Rekey(dir, env(), "")
	if err != nil {
		t.Fatal(err)
	}
	after := files(t, dir)
	waiting, old := secret.KeyFile+".new", filepath.Base(done.Old)
	for name, left := range map[string]map[string]string{
		"the new key is written": {secret.KeyFile: before[secret.KeyFile], waiting: after[secret.KeyFile], secret.VaultFile: before[secret.VaultFile]},
		"the vault is sealed":    {secret.KeyFile: before[secret.KeyFile], waiting: after[secret.KeyFile], secret.VaultFile: after[secret.VaultFile]},
		"the old key is kept":    {secret.KeyFile: before[secret.KeyFile], waiting: after[secret.KeyFile], secret.VaultFile: after[secret.VaultFile], old: before[secret.KeyFile]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range left {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			opens(t, dir, first, env())
			key, err := secret.FindKey(dir, env())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := secret.Open(dir, key); err != nil {
				t.Errorf("the key in its place: %v", err)
			}
			if _, err := secret.Rekey(dir, env(), ""); err != nil {
				t.Errorf("said again: %v", err)
			}
			opens(t, dir, first, env())
		})
	}
}

// TestRekey_AKeyFromOutsideIsPutWhereItIsSaid: and over nothing that is there.
func TestRekey_AKeyFromOutsideIsPutWhereItIsSaid(t *testing.T) {
	t.Parallel()
	dir, first := folder(t)
	old := files(t, dir)[secret.KeyFile]
	if err := os.Remove(filepath.Join(dir, secret.KeyFile)); err != nil {
		t.Fatal(err)
	}
	given := env(secret.KeyVariable, old)
	if _, err := secret.Rekey(dir, given, ""); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(hint(err), "--to") {
		t.Errorf("without a place: got %v, hint %q", err, hint(err))
	}
	opens(t, dir, first, given)
	to := filepath.Join(t.TempDir(), "next")
	if done, err := secret.Rekey(dir, given, to); err != nil || !done.Outside || done.Old != "" {
		t.Fatalf("got %+v, %v", done, err)
	}
	if _, err := secret.OpenNode(dir, given); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("the old key: got %v, want ErrWrongKey", err)
	}
	given = env(secret.KeyFileVariable, to)
	opens(t, dir, first, given)
	if _, err := secret.Rekey(dir, given, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: got %v, want ErrExist", err)
	}
	opens(t, dir, first, given)
}
