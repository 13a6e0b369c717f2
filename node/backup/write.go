package backup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/node/secret"
	"parley/sync/store"
)

// Contents says what is in a backup.
type Contents struct {
	Label
	// Program is the version that made it, Schema that of the store's layout.
	Program string `json:"program"`
	Schema  string `json:"schema,omitempty"`
	// Connections are named; Twins are pairs of tickets, ended ones too.
	Connections     []string `json:"connections"`
	Twins           int      `json:"twins"`
	Rows            int      `json:"rows"`
	Files           []string `json:"files"` // configuration, filters, tables
	Attachments     int      `json:"attachments"`
	AttachmentBytes int64    `json:"attachmentBytes"`
	Bytes           int64    `json:"bytes"` // of rows and files together
}

// File is a file of the configuration.
type File struct {
	Kind FileKind
	// Name is its place beside the configuration; Path where it is at present.
	Name, Path string
}

// Source is what a backup is made of.
type Source struct {
	Label   Label
	Program string
	// Key is the node's key for backups.
	Key   [32]byte
	Store store.Store
	Files []File
	// Vault is the vault's file, Attachments the folder of sealed files.
	Vault, Attachments string
}

// Write writes a backup. progress, which may be nil, is told how many bytes of
// rows and files went in.
func Write(ctx context.Context, w io.Writer, src Source, progress func(int64)) (Contents, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	b := &writing{
		ctx: ctx, src: src, progress: progress,
		contents: Contents{Label: src.Label, Program: src.Program, Connections: []string{}, Files: []string{}},
	}
	sealed, err := newSealer(w, src.Key, src.Label)
	if err != nil {
		return Contents{}, fmt.Errorf("write backup: %w", err)
	}
	b.records = newRecorder(sealed)
	// All of it inside one View: the rows are of the moment at which it begins.
	if err := src.Store.View(b.all); err != nil {
		return Contents{}, fmt.Errorf("write backup: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return Contents{}, fmt.Errorf("write backup: %w", err)
	}
	return b.contents, nil
}

// writing is a backup being written.
type writing struct {
	ctx      context.Context
	src      Source
	progress func(int64)
	records  *recorder
	contents Contents
}

func (b *writing) all(r store.Reader) error {
	if err := b.records.json(recordInfo, b.contents); err != nil {
		return err
	}
	for _, f := range b.src.Files {
		if err := b.file(f); err != nil {
			return err
		}
		b.contents.Files = append(b.contents.Files, f.Name)
	}
	if err := b.file(File{Kind: FileVault, Name: filepath.Base(b.src.Vault), Path: b.src.Vault}); err != nil {
		return err
	}
	if err := b.rows(r); err != nil {
		return err
	}
	if err := b.attachments(); err != nil {
		return err
	}
	return b.records.json(recordEnd, end{Contents: b.contents, Digest: b.records.sum.Sum(nil)})
}

func (b *writing) count(n int) error {
	b.contents.Bytes += int64(n)
	b.progress(b.contents.Bytes)
	return b.ctx.Err()
}

func (b *writing) rows(r store.Reader) error {
	err := r.Scan(nil, nil, func(key, value []byte) (bool, error) {
		b.contents.note(key, value)
		if err := b.records.row(key, value); err != nil {
			return false, err
		}
		return true, b.count(len(key) + len(value))
	})
	if err != nil {
		return err
	}
	// An iterator of the disk's store ends silently at a block that went bad.
	if v, ok := b.src.Store.(interface{ Verify() error }); ok {
		return v.Verify()
	}
	return nil
}

// note counts a row.
func (c *Contents) note(key, value []byte) {
	c.Rows++
	switch {
	case string(key) == string(store.MetaKey("schema")):
		c.Schema = string(value)
	case strings.HasPrefix(string(key), "t/"):
		c.Twins++
	case strings.HasPrefix(string(key), string(store.AgreementPrefix())):
		var named struct{ Name string }
		if json.Unmarshal(value, &named) == nil {
			c.Connections = append(c.Connections, named.Name)
		}
	}
}

// attachments are read after the rows' moment: what the rows speak of is there.
func (b *writing) attachments() error {
	entries, err := os.ReadDir(b.src.Attachments)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !isAttachment(e.Name()) || !e.Type().IsRegular() {
			continue // a part: it will be fetched again
		}
		before := b.contents.Bytes
		if err := b.file(File{Kind: FileAttachment, Name: e.Name(), Path: filepath.Join(b.src.Attachments, e.Name())}); err != nil {
			return err
		}
		b.contents.Attachments++
		b.contents.AttachmentBytes += b.contents.Bytes - before
	}
	return nil
}

// isAttachment tells a whole file of package blob, a keyed digest, from its parts.
func isAttachment(name string) bool {
	return len(name) == 2*sha256.Size && !strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdef", r)
	})
}

func (b *writing) file(f File) (err error) {
	from, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := b.records.json(recordFile, fileHead{Kind: f.Kind, Name: f.Name}); err != nil {
		return err
	}
	sum := sha256.New()
	buf := make([]byte, piece)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			_, _ = sum.Write(buf[:n]) // a hash never fails
			if err := errors.Join(b.records.record(recordData, buf[:n]), b.count(n)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return b.records.record(recordDone, sum.Sum(nil))
		}
		if err != nil {
			return err
		}
	}
}

// Create makes the file name out of what write writes: whole, on disk and
// readable by its owner only, or not at all. It replaces nothing.
func Create(name string, write func(io.Writer) error) (err error) {
	folder := filepath.Dir(name)
	half, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*") // 0600
	if err != nil {
		return fmt.Errorf("make the backup's file: %w", err)
	}
	defer func() { err = errors.Join(err, drop(half.Name())) }()
	err = write(half)
	if err == nil {
		err = half.Sync()
	}
	if err = errors.Join(err, half.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, fails if the name is taken.
	if err := os.Link(half.Name(), name); err != nil {
		return fmt.Errorf("put the backup in its place: %w", err)
	}
	return secret.SyncFolder(folder)
}

func drop(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
