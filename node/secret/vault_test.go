package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/secret"
)

// open makes a vault with a key of its own.
func open(t *testing.T) (vault *secret.Vault, dir string, key secret.Key) {
	t.Helper()
	dir, key = t.TempDir(), secret.NewKey()
	vault, err := secret.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	return vault, dir, key
}

func set(t *testing.T, v *secret.Vault, name, value string) {
	t.Helper()
	if err := v.Set(name, secret.NewValue(value)); err != nil {
		t.Fatal(err)
	}
}

func TestVault_KeepsSecretsAcrossARestart(t *testing.T) {
	t.Parallel()
	v, dir, key := open(t)
	set(t, v, "redmine/api-key", text)
	set(t, v, "smtp", "old")
	set(t, v, "smtp", "new")
	set(t, v, "gone", "x")
	if err := v.Delete("gone"); err != nil {
		t.Fatal(err)
	}
	v, err := secret.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	names, err := v.Names()
	if diff := cmp.Diff(names, []string{"redmine/api-key", "smtp"}); err != nil || diff != "" {
		t.Errorf("names: %v %s", err, diff)
	}
	for name, want := range map[string]string{"redmine/api-key": text, "smtp": "new"} {
		if got, err := v.Get(name); err != nil || got.Reveal() != want {
			t.Errorf("%s: got %q, %v", name, got.Reveal(), err)
		}
	}
	if _, err := v.Get("gone"); !errors.Is(err, secret.ErrNotFound) || !strings.Contains(hint(err), "secret set gone") {
		t.Errorf("deleted: got %v, hint %q", err, hint(err))
	}
	if err := v.Delete("gone"); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("delete twice: got %v", err)
	}
}

func TestVault_FileHoldsNoSecret(t *testing.T) {
	t.Parallel()
	v, dir, _ := open(t)
	set(t, v, "a", text)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("folder holds %v, %v; want the vault alone", entries, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, secret.VaultFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), fmt.Sprintf("%x", text)} {
		if bytes.Contains(data, []byte(form)) {
			t.Errorf("the file holds %q", form)
		}
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// rewrite changes the vault's file as somebody without the key could.
func rewrite(t *testing.T, dir string, change func(secrets map[string][]byte)) {
	t.Helper()
	name := filepath.Join(dir, secret.VaultFile)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Version int               `json:"version"`
		Check   []byte            `json:"check"`
		Secrets map[string][]byte `json:"secrets"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	change(file.Secrets)
	if data, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVault_SecretOpensOnlyUnderItsOwnName(t *testing.T) {
	t.Parallel()
	v, dir, _ := open(t)
	set(t, v, "harmless", "a")
	set(t, v, "tracker", text)
	rewrite(t, dir, func(s map[string][]byte) { s["harmless"], s["tracker"] = s["tracker"], s["harmless"] })
	for _, name := range []string{"harmless", "tracker"} {
		if got, err := v.Get(name); !errors.Is(err, secret.ErrDamaged) {
			t.Errorf("%s: got %q, %v; want ErrDamaged", name, got.Reveal(), err)
		}
	}
}

func TestVault_AnyFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	v, dir, _ := open(t)
	set(t, v, "a", "short")
	sealed := 0
	rewrite(t, dir, func(s map[string][]byte) { sealed = len(s["a"]) })
	for i := range sealed * 8 {
		flip := func(s map[string][]byte) { s["a"][i/8] ^= 1 << (i % 8) }
		rewrite(t, dir, flip)
		if got, err := v.Get("a"); !errors.Is(err, secret.ErrDamaged) {
			t.Fatalf("bit %d: got %q, %v; want ErrDamaged", i, got.Reveal(), err)
		}
		rewrite(t, dir, flip)
	}
	if got, err := v.Get("a"); err != nil || got.Reveal() != "short" {
		t.Errorf("put right again: got %q, %v", got.Reveal(), err)
	}
}

func TestVault_AnotherKeyIsToldFromDamage(t *testing.T) {
	t.Parallel()
	v, dir, key := open(t)
	set(t, v, "a", text)
	if _, err := secret.Open(dir, secret.NewKey()); !errors.Is(err, secret.ErrWrongKey) || hint(err) == "" {
		t.Errorf("another key: got %v, hint %q", err, hint(err))
	}
	name := filepath.Join(dir, secret.VaultFile)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{"", "{", string(data[:len(data)/2]), string(data) + "{}", `{"version":1,"other":1}`} {
		if err := os.WriteFile(name, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.Open(dir, key); !errors.Is(err, secret.ErrDamaged) || hint(err) == "" {
			t.Errorf("%.20q: got %v, hint %q", broken, err, hint(err))
		}
		if err := v.Set("b", secret.NewValue("x")); !errors.Is(err, secret.ErrDamaged) {
			t.Errorf("%.20q: Set wrote over a damaged vault: %v", broken, err)
		}
	}
}

func TestVault_ReadableByOthersIsRefused(t *testing.T) {
	t.Parallel()
	v, dir, key := open(t)
	set(t, v, "a", text)
	if err := os.Chmod(filepath.Join(dir, secret.VaultFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(dir, key); err == nil || !strings.Contains(hint(err), "chmod 600") {
		t.Errorf("got %v, hint %q", err, hint(err))
	}
}

func TestVault_IsBounded(t *testing.T) {
	t.Parallel()
	v, _, _ := open(t)
	for _, name := range []string{"", "A", "a b", "../a\n", strings.Repeat("a", 81), "-a"} {
		if err := v.Set(name, secret.NewValue("x")); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	for _, value := range []string{"", strings.Repeat("x", secret.MaxSecret+1)} {
		if err := v.Set("a", secret.NewValue(value)); err == nil {
			t.Errorf("a secret of %d bytes was taken", len(value))
		}
	}
	set(t, v, "a", strings.Repeat("x", secret.MaxSecret))
}

func TestVault_SettersAtTheSameTimeLoseNothing(t *testing.T) {
	t.Parallel()
	v, _, _ := open(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if err := v.Set(fmt.Sprintf("s%02d", i), secret.NewValue("x")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if names, err := v.Names(); err != nil || len(names) != 20 {
		t.Errorf("got %d names, %v; want 20", len(names), err)
	}
}

func TestVault_AFailedWriteLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	v, dir, _ := open(t)
	set(t, v, "a", text)
	// The temporary file is there before the vault is touched; where it cannot
	// be made, nothing may happen. Root may write anywhere, so the folder is
	// replaced by one that is not there.
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := v.Set("b", secret.NewValue("x")); err == nil {
		t.Error("Set into a missing folder succeeded")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get("a"); err != nil || got.Reveal() != text {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
}
