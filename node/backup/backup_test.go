package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/node/backup"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

var (
	backupKey = sha256.Sum256([]byte("backups"))
	storeKey  = sha256.Sum256([]byte("store"))
)

// storeKeyOf is the key of every store here, once the vault has come.
func storeKeyOf(folder string) ([32]byte, error) {
	_, err := os.Stat(filepath.Join(folder, "secrets.vault"))
	return storeKey, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder is a node's folder with a store of n rows, a vault and attachments.
func folder(t *testing.T, n int) (backup.Source, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, backup.StoreFolder))
	t.Cleanup(func() { must(t, s.Close()) })
	rows := map[string]string{"m/schema": "1", "y/0123456789abcdef": `{"name":"globex"}`}
	for i := range n {
		rows[fmt.Sprintf("t/%06d", i)] = strings.Repeat(fmt.Sprint(i, " "), 40)
	}
	rows["e/large"] = strings.Repeat("x", store.MaxValue)
	for key, value := range rows {
		must(t, s.Update(func(tx store.Tx) error { return tx.Put([]byte(key), []byte(value)) }))
	}
	files := filepath.Join(dir, backup.AttachmentFolder)
	must(t, os.Mkdir(files, 0o700))
	whole := strings.Repeat("ab", sha256.Size)
	for name, size := range map[string]int{whole: 200_000, whole + ".part": 10, "put-1.tmp": 10, strings.Repeat("cd", sha256.Size): 0} {
		must(t, os.WriteFile(filepath.Join(files, name), bytes.Repeat([]byte("s"), size), 0o600))
	}
	vault, config := filepath.Join(dir, "secrets.vault"), filepath.Join(dir, "parley.yaml")
	must(t, os.WriteFile(vault, []byte("sealed"), 0o600))
	must(t, os.WriteFile(config, []byte("node: {}"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "out.parley"), []byte("filter"), 0o600))
	return backup.Source{
		Label:   backup.Label{Node: "acme", ID: "abc", Made: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		Program: "1.2", Key: backupKey, Store: s, Vault: vault, Attachments: files,
		Files: []backup.File{
			{Kind: backup.FileConfig, Name: "parley.yaml", Path: config},
			{Kind: backup.FileRule, Name: "filters/out.parley", Path: filepath.Join(dir, "out.parley")},
		},
	}, rows
}

func openStore(t *testing.T, dir string) *badgerstore.Store {
	t.Helper()
	s, err := badgerstore.Open(badgerstore.Options{Dir: dir, Key: storeKey, MinFree: -1, Ballast: -1, Logger: zerolog.Nop()})
	must(t, err)
	return s
}

func write(t *testing.T, src backup.Source) ([]byte, backup.Contents) {
	t.Helper()
	var out bytes.Buffer
	c, err := backup.Write(t.Context(), &out, src, nil)
	must(t, err)
	return out.Bytes(), c
}

func TestBackup_ComesBackWhole(t *testing.T) {
	t.Parallel()
	src, rows := folder(t, 3000)
	raw, wrote := write(t, src)
	if wrote.Rows != len(rows) || wrote.Twins != 3000 || wrote.Attachments != 2 || wrote.AttachmentBytes != 200_000 ||
		!cmp.Equal(wrote.Connections, []string{"globex"}) || wrote.Schema != "1" {
		t.Errorf("it says that it holds %+v", wrote)
	}
	seen, err := backup.Verify(t.Context(), bytes.NewReader(raw), backupKey, nil)
	must(t, err)
	if diff := cmp.Diff(wrote, seen); diff != "" {
		t.Errorf("verified (-written +read):\n%s", diff)
	}

	to := t.TempDir()
	target := backup.Target{
		Folder: filepath.Join(to, "data"), Config: filepath.Join(to, "parley.yaml"), Key: backupKey, StoreKey: storeKeyOf, Now: time.Now(),
		Mark: func(_ backup.Contents, tx store.Tx) error { return tx.Put([]byte("m/restored"), []byte("yes")) },
	}
	_, err = backup.Restore(t.Context(), bytes.NewReader(raw), target, nil)
	must(t, err)
	rows["m/restored"] = "yes"
	if diff := cmp.Diff(rows, all(t, filepath.Join(target.Folder, backup.StoreFolder))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"data/secrets.vault": "sealed", "parley.yaml": "node: {}", "filters/out.parley": "filter",
		"data/files/" + strings.Repeat("ab", sha256.Size): strings.Repeat("s", 200_000),
	} {
		got, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		info, err := os.Stat(filepath.Join(to, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if entries, err := os.ReadDir(filepath.Join(target.Folder, backup.AttachmentFolder)); err != nil || len(entries) != 2 {
		t.Errorf("attachments restored: %v %v", entries, err)
	}
}

func all(t *testing.T, dir string) map[string]string {
	t.Helper()
	s := openStore(t, dir)
	defer func() { must(t, s.Close()) }()
	rows := map[string]string{}
	must(t, s.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(k, v []byte) (bool, error) { rows[string(k)] = string(v); return true, nil })
	}))
	return rows
}

// TestBackup_IsOfOneMoment: what is committed while it is being written is not in it.
func TestBackup_IsOfOneMoment(t *testing.T) {
	t.Parallel()
	src, rows := folder(t, 100)
	var out bytes.Buffer
	late := false
	c, err := backup.Write(t.Context(), &out, src, func(int64) {
		if late {
			return
		}
		late = true
		must(t, src.Store.Update(func(tx store.Tx) error {
			return errors.Join(tx.Put([]byte("z/late"), []byte("1")), tx.Delete([]byte("t/000099")), tx.Put([]byte("t/000098"), []byte("other")))
		}))
	})
	must(t, err)
	if !late || c.Rows != len(rows) {
		t.Errorf("%d rows, want %d", c.Rows, len(rows))
	}
	to := t.TempDir()
	_, err = backup.Restore(t.Context(), &out, backup.Target{
		Folder: to, Config: filepath.Join(to, "parley.yaml"), Key: backupKey, StoreKey: storeKeyOf,
		Mark: func(backup.Contents, store.Tx) error { return nil },
	}, nil)
	must(t, err)
	if diff := cmp.Diff(rows, all(t, filepath.Join(to, backup.StoreFolder))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestVerify_AnyDamageIsFound: a flipped bit, a cut, an exchange of pieces, more at the end.
func TestVerify_AnyDamageIsFound(t *testing.T) {
	t.Parallel()
	src, _ := folder(t, 500)
	raw, _ := write(t, src)
	check := func(what string, damaged []byte) {
		t.Helper()
		if _, err := backup.Verify(t.Context(), bytes.NewReader(damaged), backupKey, nil); err == nil {
			t.Errorf("%s: taken for whole", what)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 150 {
		at := rng.IntN(len(raw))
		if i < 20 {
			at = i * 20 // the head
		}
		damaged := bytes.Clone(raw)
		damaged[at] ^= 1 << rng.IntN(8)
		check(fmt.Sprintf("bit flipped at %d", at), damaged)
	}
	const piece = 64<<10 + 16
	for _, cut := range []int{0, 1, 100, 200, len(raw) / 2, len(raw) - piece, len(raw) - 1} {
		check(fmt.Sprintf("cut at %d", cut), raw[:cut])
	}
	start := bytes.Index(raw, []byte("}\n")) + 2 + 32
	check("cut between pieces", raw[:start+3*piece])
	exchanged := bytes.Clone(raw)
	copy(exchanged[start:], raw[start+piece:start+2*piece])
	copy(exchanged[start+piece:], raw[start:start+piece])
	check("pieces exchanged", exchanged)
	check("more at the end", append(bytes.Clone(raw), 0))
	other, _ := write(t, src)
	check("the end of another", append(bytes.Clone(raw[:start+piece]), other[start+piece:]...))
}

func TestVerify_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	src, _ := folder(t, 1)
	raw, _ := write(t, src)
	for _, tt := range []struct {
		name string
		raw  []byte
		key  [32]byte
		want error
	}{
		{"another key", raw, storeKey, backup.ErrWrongKey},
		{"no backup", []byte("hello\nthere\nagain\n"), backupKey, backup.ErrNoBackup},
		{"nothing", nil, backupKey, backup.ErrNoBackup},
		{"a later version", bytes.Replace(raw, []byte("backup 1\n"), []byte("backup 2\n"), 1), backupKey, backup.ErrNewer},
		{"cut off", raw[:len(raw)-1], backupKey, backup.ErrDamaged},
	} {
		if _, err := backup.Verify(t.Context(), bytes.NewReader(tt.raw), tt.key, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	label, err := backup.ReadLabel(bytes.NewReader(raw))
	if diff := cmp.Diff(src.Label, label); diff != "" || err != nil {
		t.Errorf("label without the key: %v\n%s", err, diff)
	}
}

// TestBackup_HoldsNoKeyAndNoText: the file says that the key is not in it, and
// shows nothing of what it holds.
func TestBackup_HoldsNoKeyAndNoText(t *testing.T) {
	t.Parallel()
	src, _ := folder(t, 10)
	raw, _ := write(t, src)
	if !bytes.Contains(raw[:300], []byte("key is NOT in this file")) {
		t.Errorf("it begins with %q", raw[:200])
	}
	for _, text := range []string{"globex", "parley.yaml", "m/schema", "filter", string(backupKey[:]), string(storeKey[:]), hex.EncodeToString(backupKey[:])} {
		if bytes.Contains(raw, []byte(text)) {
			t.Errorf("%q can be read in it", text)
		}
	}
}

// TestRestore_OverwritesNothing: neither a store, nor a vault, nor a filter.
func TestRestore_OverwritesNothing(t *testing.T) {
	t.Parallel()
	src, _ := folder(t, 1)
	raw, _ := write(t, src)
	to := t.TempDir()
	target := backup.Target{
		Folder: to, Config: filepath.Join(to, "parley.yaml"), Key: backupKey, StoreKey: storeKeyOf, Now: time.Now(),
		Mark: func(backup.Contents, store.Tx) error { return nil },
	}
	must(t, os.WriteFile(target.Config, []byte("mine"), 0o600))
	must(t, os.WriteFile(filepath.Join(to, "secrets.vault"), []byte("mine"), 0o600))
	mine := openStore(t, filepath.Join(to, backup.StoreFolder))
	must(t, mine.Update(func(tx store.Tx) error { return tx.Put([]byte("t/mine"), []byte("1")) }))
	must(t, mine.Close())
	before := tree(t, to)
	if _, err := backup.Restore(t.Context(), bytes.NewReader(raw), target, nil); !errors.Is(err, backup.ErrOccupied) {
		t.Fatalf("over a store: %v", err)
	}
	target.Replace = true
	damaged := bytes.Clone(raw)
	damaged[len(damaged)-1] ^= 1
	for name, from := range map[string]io.Reader{"damaged": bytes.NewReader(damaged), "cut": bytes.NewReader(raw[:len(raw)-100_000])} {
		if _, err := backup.Restore(t.Context(), from, target, nil); !errors.Is(err, backup.ErrDamaged) {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, tree(t, to)); diff != "" {
			t.Fatalf("%s: the folder changed (-before +after):\n%s", name, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Restore(ctx, bytes.NewReader(raw), target, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	done, err := backup.Restore(t.Context(), bytes.NewReader(raw), target, nil)
	must(t, err)
	if got := all(t, filepath.Join(done.Aside, backup.StoreFolder)); got["t/mine"] != "1" {
		t.Errorf("put aside: %v", got)
	}
	for name, want := range map[string]string{
		filepath.Join(done.Aside, "secrets.vault"): "mine", filepath.Join(to, "secrets.vault"): "sealed",
		target.Config: "mine", target.Config + ".restored": "node: {}",
	} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if diff := cmp.Diff([]string{target.Config}, done.Kept); diff != "" {
		t.Errorf("kept:\n%s", diff)
	}
}

// tree lists the files below a folder with their contents' digests.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		files[name] = fmt.Sprintf("%x", sha256.Sum256(raw))
		return err
	}))
	return files
}

// TestCreate_LeavesAWholeFileOrNone: and never another's overwritten.
func TestCreate_LeavesAWholeFileOrNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a.backup")
	broken := errors.New("broken")
	if err := backup.Create(name, func(w io.Writer) error { _, _ = w.Write([]byte("half")); return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if left := tree(t, dir); len(left) != 0 {
		t.Fatalf("left behind: %v", left)
	}
	must(t, backup.Create(name, func(w io.Writer) error { _, err := w.Write([]byte("whole")); return err }))
	info, err := os.Stat(name)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := backup.Create(name, func(w io.Writer) error { return nil }); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "whole" {
		t.Errorf("%q %v", got, err)
	}
}
