package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"parley/node/admin"
	"parley/node/audit"
	"parley/node/backup"
	"parley/node/config"
	"parley/node/secret"
	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/badgerstore"
)

// Backup writes all that the node knows, as it is at this moment.
func (n *Node) Backup(ctx context.Context, w io.Writer) (backup.Contents, error) {
	began := time.Now()
	c, err := writeBackup(ctx, w, n.configured(), n.vault, n.identity, n.store, n.options.Version, nil)
	if err != nil {
		n.log.Warn().Err(err).Msg("backup was not made")
		return c, err
	}
	n.log.Info().Int("rows", c.Rows).Int64("bytes", c.Bytes).Dur("took", time.Since(began)).Msg("backup made")
	return c, nil
}

// BackupStopped is Backup of a node that does not run; the caller holds its folder.
func BackupStopped(ctx context.Context, w io.Writer, cfg *config.Config, getenv func(string) string, version string, progress func(int64)) (_ backup.Contents, err error) {
	dir := cfg.Path(cfg.Node.Dir)
	vault, err := secret.OpenNode(dir, getenv)
	if err != nil {
		return backup.Contents{}, fmt.Errorf("open the vault: %w", err)
	}
	who, err := loadIdentity(vault)
	if err != nil {
		return backup.Contents{}, err
	}
	folder := filepath.Join(dir, backup.StoreFolder)
	if _, err := os.Stat(folder); err != nil {
		return backup.Contents{}, &admin.Error{Kind: admin.KindConflict, Message: "the node has no store yet", Hint: "`parley run` makes it", Err: err}
	}
	s, err := badgerstore.Open(badgerstore.Options{Dir: folder, Key: vault.Derive(secret.PurposeStore), MinFree: -1, Ballast: -1, Logger: zerolog.Nop()})
	if err != nil {
		return backup.Contents{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return writeBackup(ctx, w, cfg, vault, who, s, version, progress)
}

func writeBackup(
	ctx context.Context, w io.Writer, cfg *config.Config, vault *secret.Vault, who identity, s store.Store,
	version string, progress func(int64),
) (backup.Contents, error) {
	dir := cfg.Path(cfg.Node.Dir)
	files, err := configFiles(cfg)
	if err != nil {
		return backup.Contents{}, fmt.Errorf("find the files of the configuration: %w", err)
	}
	return backup.Write(ctx, w, backup.Source{
		Label:   backup.Label{Node: cfg.Node.Name, ID: string(who.document.Node()), Made: time.Now().UTC().Truncate(time.Second)},
		Program: version, Key: vault.Derive(secret.PurposeBackup), Store: s, Files: files,
		Vault: filepath.Join(dir, secret.VaultFile), Attachments: filepath.Join(dir, backup.AttachmentFolder),
	}, progress)
}

// configFiles are parley.yaml and what it names: filters and tables. Files that
// hold secrets are not among them.
func configFiles(cfg *config.Config) ([]backup.File, error) {
	var files []backup.File
	seen := map[string]bool{}
	add := func(kind backup.FileKind, name, path string) {
		if !filepath.IsLocal(name) {
			name = filepath.Join("outside", filepath.Base(name))
		}
		if name = filepath.ToSlash(filepath.Clean(name)); !seen[name] {
			seen[name] = true
			files = append(files, backup.File{Kind: kind, Name: name, Path: path})
		}
	}
	if cfg.File() != "" {
		add(backup.FileConfig, filepath.Base(cfg.File()), cfg.File())
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Connections)) {
		c := cfg.Connections[name]
		for _, rule := range []string{c.Out, c.In} {
			if rule != "" {
				add(backup.FileRule, rule, cfg.Path(rule))
			}
		}
		if c.Tables == "" {
			continue
		}
		tables, err := filepath.Glob(filepath.Join(cfg.Path(c.Tables), "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, path := range tables {
			add(backup.FileRule, filepath.Join(c.Tables, filepath.Base(path)), path)
		}
	}
	templates, err := templateFiles(cfg)
	if err != nil {
		return nil, err
	}
	for _, name := range templates {
		add(backup.FileRule, name, cfg.Path(name))
	}
	present := files[:0]
	for _, f := range files {
		// A connection may be configured before its filters are written.
		if info, err := os.Stat(f.Path); err == nil && info.Mode().IsRegular() {
			present = append(present, f)
		}
	}
	return present, nil
}

// templateFiles are all files of templates, if a connection has one: the node does not
// start without that version of it.
func templateFiles(cfg *config.Config) ([]string, error) {
	if !slices.ContainsFunc(slices.Collect(maps.Values(cfg.Connections)), func(c config.Connection) bool { return c.Template != "" }) {
		return nil, nil
	}
	var names []string
	err := fs.WalkDir(os.DirFS(cfg.Path(setupTemplates)), ".", func(at string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, filepath.Join(setupTemplates, filepath.FromSlash(at)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the templates: %w", err)
	}
	return names, nil
}

// restoredMark is what a restore leaves in the store for the node's next start.
type restoredMark struct {
	// Why is backup, or damage.
	Why string `json:"why"`
	// At is when it was restored, Made when the backup was made.
	At   time.Time `json:"at"`
	Made time.Time `json:"made,omitzero"`
}

func restoredKey() []byte { return store.MetaKey("restored") }

// MarkRestored is what a restore from a backup writes beside its rows.
func MarkRestored(c backup.Contents, tx store.Tx) error {
	raw, err := json.Marshal(restoredMark{Why: "backup", At: time.Now().UTC(), Made: c.Made})
	if err != nil {
		return err
	}
	return tx.Put(restoredKey(), raw)
}

// takeRestored makes every connection begin anew if the store does not hold all
// that it held: what was done since then cannot be told from what was not.
func (n *Node) takeRestored() error {
	var mark restoredMark
	found := false
	err := n.store.Finish(func(tx store.Tx) error {
		found = false
		raw, err := tx.Get(restoredKey())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = json.Unmarshal(raw, &mark)
		}
		if err != nil {
			return fmt.Errorf("read the mark of a restore: %w", err)
		}
		found = true
		records, err := readRecords(tx)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if err := flow.Renew(tx, rec.Agreement.Connection); err != nil {
				return err
			}
		}
		return tx.Delete(restoredKey())
	})
	if found && err == nil {
		if _, err := n.OnRecord(audit.Record{Who: theNode, From: theNode, Action: "restore", Outcome: audit.Done, Said: map[string]string{"why": mark.Why}}); err != nil {
			return err
		}
		line := n.log.Warn().Str("why", mark.Why).Time("at", mark.At)
		if !mark.Made.IsZero() {
			line = line.Time("made", mark.Made)
		}
		line.Msg("the store was restored: every connection begins anew, and what may be done already is looked for first")
	}
	return err
}
