package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/node"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/backup"
	"parley/node/config"
	"parley/node/secret"
)

type backupCommand struct {
	Create backupCreate `cmd:"" default:"withargs" help:"Back the node up, running or stopped; the word create can be left out."`
	Verify backupVerify `cmd:"" help:"Check a backup whole, and say what is in it; nothing is restored."`
}

type backupCreate struct {
	To string `arg:"" help:"The file to make; or a folder, for a name with node and time."`
}

// keyNote is said with every backup.
const keyNote = "The master key is needed to restore it and is NOT in it: keep the key elsewhere, safe."

// made is what a backup command shows.
type made struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	// MasterKeyNeeded and MasterKeyIncluded say it to programs, too.
	MasterKeyNeeded   bool `json:"masterKeyNeeded"`
	MasterKeyIncluded bool `json:"masterKeyIncluded"`
	backup.Contents
}

// Run implements the command.
func (c *backupCreate) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	name := c.To
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "parley-"+cfg.Node.Name+"-"+time.Now().UTC().Format("20060102T150405Z")+".backup")
	}
	if taken(name) {
		return &failure{Kind: admin.KindConflict, Message: name + " is there already, and a backup writes over nothing", Hint: "choose another name, or a folder"}
	}
	out := made{File: name, MasterKeyNeeded: true}
	err = backup.Create(name, func(w io.Writer) error {
		meter := a.meter("backed up", 0)
		counted := &counter{to: w, tell: meter.tell}
		out.Contents, err = a.backUp(ctx, cfg, counted)
		meter.end()
		out.Size = counted.n
		return err
	})
	if err != nil {
		return err
	}
	return a.show(out, func(w io.Writer) { showBackup(w, out) })
}

// backUp asks the running node, or reads the store of a stopped one.
func (a *app) backUp(ctx context.Context, cfg *config.Config, w io.Writer) (backup.Contents, error) {
	dir := cfg.Path(cfg.Node.Dir)
	running := client.New(dir)
	contents, err := running.Backup(ctx, w)
	err = errors.Join(err, running.Close())
	if none := (*client.NoNode)(nil); !errors.As(err, &none) {
		return contents, err
	}
	if _, err := os.Stat(dir); err != nil {
		return contents, &failure{Kind: admin.KindConflict, Message: "there is no node in " + dir, Hint: "name the node's configuration with --config"}
	}
	socket, err := admin.Listen(dir)
	if err != nil {
		return contents, err // it has just been started, for example
	}
	contents, err = node.BackupStopped(ctx, w, cfg, a.getenv, readBuild().Version, nil)
	return contents, errors.Join(err, socket.Close())
}

func showBackup(w io.Writer, m made) {
	c := m.Contents
	lines(w,
		"backup", fmt.Sprintf("%s (%s)", m.File, size(m.Size)),
		"node", fmt.Sprintf("%s (%s)", c.Node, c.ID),
		"made", fmt.Sprintf("%s, %s, by version %s", when(c.Made), ago(c.Made), c.Program),
		"connections", strings.Join(c.Connections, ", "),
		"store", fmt.Sprintf("%d rows, %d twins", c.Rows, c.Twins),
		"attachments", fmt.Sprintf("%d, %s", c.Attachments, size(c.AttachmentBytes)),
		"files", strings.Join(c.Files, ", "),
	)
	fmt.Fprintln(w, keyNote)
}

type backupVerify struct {
	File string `arg:"" help:"The backup."`
}

// Run implements the command.
func (c *backupVerify) Run(ctx context.Context, a *app) (err error) {
	from, err := openBackup(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	dir, _ := a.backupFolder("")
	key, err := a.backupKey(dir, from.label)
	if err != nil {
		return err
	}
	meter := a.meter("checked", from.size)
	contents, err := backup.Verify(ctx, from, key.Derive(secret.PurposeBackup), meter.tell)
	meter.end()
	if err != nil {
		return backupProblem(err, c.File)
	}
	out := made{File: c.File, Size: from.size, MasterKeyNeeded: true, Contents: contents}
	return a.show(out, func(w io.Writer) {
		showBackup(w, out)
		fmt.Fprintln(w, "whole: every piece, digest and row was read")
	})
}

type restoreCommand struct {
	File    string `arg:"" help:"The backup."`
	Dir     string `placeholder:"DIR" help:"The node's folder, if there is no configuration that names it; data beside the configuration otherwise."`
	Replace bool   `help:"Restore where a store is already: it is put aside, not removed."`
}

// restored is what a restore shows.
type restored struct {
	backup.Restored
	Folder string `json:"folder"`
	Config string `json:"config"`
}

// Run implements the command.
func (c *restoreCommand) Run(ctx context.Context, a *app) (err error) {
	from, err := openBackup(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	dir, err := a.backupFolder(c.Dir)
	if err != nil {
		return err
	}
	key, err := a.backupKey(dir, from.label)
	if err != nil {
		return err
	}
	socket, err := admin.Listen(dir)
	if errors.Is(err, admin.ErrRunning) {
		return &failure{Kind: admin.KindConflict, Message: "a node is running in " + dir, Hint: "stop the node, restore, start it"}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	meter := a.meter("restored", from.size)
	done, err := backup.Restore(ctx, from, backup.Target{
		Folder: dir, Config: a.file, Key: key.Derive(secret.PurposeBackup), StoreKey: backup.StoreKey(key),
		Replace: c.Replace, Mark: node.MarkRestored, Now: time.Now(),
	}, meter.tell)
	meter.end()
	if err != nil {
		return backupProblem(err, c.File)
	}
	out := restored{Restored: done, Folder: dir, Config: a.file}
	return a.show(out, func(w io.Writer) { showRestored(w, out) })
}

func showRestored(w io.Writer, r restored) {
	fmt.Fprintf(w, "%s is as it was %s (%s)\n", r.Folder, when(r.Made), ago(r.Made))
	if r.Aside != "" {
		fmt.Fprintf(w, "what was there is in %s: remove it when all is well\n", r.Aside)
	}
	for _, name := range r.Kept {
		fmt.Fprintf(w, "%s was there and differs: it stays, and the backup's is %s.restored\n", name, name)
	}
	fmt.Fprintln(w, "next: `parley config check`, then `parley run`; every connection begins anew, and nothing is done twice")
}

// backupFolder is the folder of the node: as said, as the configuration says, or
// where init makes it.
func (a *app) backupFolder(said string) (string, error) {
	if said != "" {
		return said, nil
	}
	if !taken(a.file) {
		return filepath.Join(filepath.Dir(a.file), config.Default().Node.Dir), nil
	}
	return a.dir()
}

// backupKey finds the master key of the node that a backup is of.
func (a *app) backupKey(dir string, label backup.Label) (secret.Key, error) {
	key, err := secret.FindKey(dir, a.getenv)
	if err == nil {
		return key, nil
	}
	return key, invalid(
		fmt.Sprintf("put it into %s (mode 0600), or name its file in %s", filepath.Join(dir, secret.KeyFile), secret.KeyFileVariable),
		"the master key of node %s (%s) is needed, and is not in the backup: %s", label.Node, label.ID, asFailure(err).Message)
}

// backupFile is an open backup.
type backupFile struct {
	*os.File
	label backup.Label
	size  int64
}

func openBackup(name string) (*backupFile, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{Kind: admin.KindNotFound, Message: "there is no " + name}
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	label, err := backup.ReadLabel(file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(backupProblem(err, name), file.Close())
	}
	return &backupFile{File: file, label: label, size: info.Size()}, nil
}

// backupProblem says what to do about an error of reading a backup.
func backupProblem(err error, name string) error {
	hint := ""
	switch {
	case errors.Is(err, backup.ErrOccupied):
		return &failure{Kind: admin.KindConflict, Message: err.Error(), Hint: "--replace puts it aside and restores; nothing is removed"}
	case errors.Is(err, backup.ErrDamaged):
		hint = "nothing was restored: take another backup, and look after the disk that this one is on"
	case errors.Is(err, backup.ErrWrongKey):
		hint = "give the master key of the node and time that the backup is of"
	case errors.Is(err, backup.ErrNewer):
		hint = "use the version of Parley that made it, or a newer one"
	case errors.Is(err, backup.ErrNoBackup):
	default:
		return err
	}
	return invalid(hint, "%s: %v", name, err)
}

// meter shows how far a long piece of work is, on a terminal.
type meter struct {
	a     *app
	what  string
	whole int64
	next  time.Time
	shown bool
}

func (a *app) meter(what string, whole int64) *meter {
	return &meter{a: a, what: what, whole: whole, next: time.Now().Add(time.Second)}
}

func (m *meter) tell(n int64) {
	if m.a.json || !terminal(m.a.err) || time.Now().Before(m.next) {
		return
	}
	m.next, m.shown = time.Now().Add(time.Second/2), true
	of := ""
	if m.whole > 0 {
		of = fmt.Sprintf(" of %s (%d%%)", size(m.whole), min(100, n*100/m.whole))
	}
	fmt.Fprintf(m.a.err, "\r\x1b[K%s: %s%s", m.what, size(n), of)
}

func (m *meter) end() {
	if m.shown {
		fmt.Fprint(m.a.err, "\r\x1b[K")
	}
}

// counter counts what is written.
type counter struct {
	to   io.Writer
	n    int64
	tell func(int64)
}

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
