package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/node/secret"
)

func TestKeeper_KeepsSealedAcrossARestart(t *testing.T) {
	t.Parallel()
	v, dir, key := open(t)
	k := secret.Keeper{Vault: v}
	if got, err := k.Kept("refresh-token"); err != nil || got != "" {
		t.Fatalf("got %q, %v before anything was kept", got, err)
	}
	for _, value := range []string{"first s3cret", "second s3cret"} {
		if err := k.Keep("refresh-token", value); err != nil {
			t.Fatal(err)
		}
	}
	v, err := secret.Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (secret.Keeper{Vault: v}).Kept("refresh-token"); err != nil || got != "second s3cret" {
		t.Errorf("got %q, %v after a restart", got, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, secret.VaultFile))
	if err != nil || strings.Contains(string(raw), "s3cret") || !strings.Contains(string(raw), "node.tracker.refresh-token") {
		t.Errorf("got %v and a file that shows the secret or not its name: %s", err, raw)
	}
}
