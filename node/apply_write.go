package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/audit"
	"parley/node/config"
	"parley/sync/store"
)

// newFile is how a file is called until it is whole.
const newFile = ".parley-new"

// goneKey holds the files that an application is about to remove. Once parley.yaml is
// written, nothing else tells that they were the node's.
func goneKey() []byte { return store.MetaKey("apply gone") }

// leftToGo are the files that an application was cut off from removing.
func (n *Node) leftToGo() ([]string, error) {
	var left []string
	err := n.store.View(func(r store.Reader) error {
		raw, err := r.Get(goneKey())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &left)
	})
	if err != nil {
		return nil, fmt.Errorf("read what an application left: %w", err)
	}
	return left, nil
}

// goes are the files that are removed.
func (a *applying) goes() []string {
	return slices.DeleteFunc(slices.Clone(a.result.Files), func(name string) bool {
		_, stays := a.want.files[name]
		return stays
	})
}

// maxGone bounds what is kept of what goes: more does not fit into one value.
const maxGone = 1000

// forgotten are the files that go and that no look would find again: tests and
// templates are found by their folders, filters and tables by parley.yaml.
func (a *applying) forgotten() []string {
	gone := slices.DeleteFunc(a.goes(), func(name string) bool {
		top, _, _ := strings.Cut(name, "/")
		return top == setupTests || top == setupTemplates
	})
	return gone[:min(len(gone), maxGone)]
}

// putInForce does what was compared. The versions come first, in one transaction:
// what is cut off after it leaves connections that run by versions, whatever half of
// the files is written, and a setup that differs still.
func (n *Node) putInForce(ctx context.Context, a *applying) error {
	text, err := a.configuration()
	if err != nil {
		return err
	}
	if err := n.step("publish"); err != nil {
		return err
	}
	if err := n.publishAll(a); err != nil {
		return err
	}
	if err := n.placeFiles(a, text); err != nil {
		return fmt.Errorf("write the node's files; applying the same again goes on: %w", err)
	}
	if a.request.Prune {
		for _, name := range a.result.Missing {
			if n.named(name) == nil {
				continue
			}
			if err := n.step("remove " + name); err != nil {
				return err
			}
			if err := n.RemoveConnection(ctx, name); err != nil {
				return fmt.Errorf("end connection %s: %w", name, err)
			}
		}
	}
	if err := n.step("reload"); err != nil {
		return err
	}
	if err := n.Reload(ctx); err != nil {
		return err
	}
	a.result.Applied = true
	for _, one := range a.result.Connections {
		is := "changed"
		if one.Publish != nil {
			is = one.Publish.Version
			audit.Changed(ctx, "filters of "+one.Name, one.Publish.Before, is)
			continue
		}
		audit.Changed(ctx, "connection "+one.Name, "", is)
	}
	audit.Changed(ctx, "files", "", strings.Join(a.result.Files, ", "))
	n.log.Info().Int("connections", len(a.result.Connections)).Int("files", len(a.result.Files)).Str("author", a.request.Author).Msg("setup applied")
	return nil
}

// step is where a test cuts an application off.
func (n *Node) step(name string) error {
	if n.applyStep == nil {
		return nil
	}
	return n.applyStep(name)
}

// configuration is parley.yaml with the setup's connections; those that it lacks stay.
func (a *applying) configuration() ([]byte, error) {
	all := maps.Clone(a.want.connections)
	taken := map[string]string{}
	for name, c := range all {
		for _, file := range ownFiles(c) {
			taken[filepath.Clean(a.file.Path(file))] = name
		}
	}
	for _, name := range a.result.Missing {
		c, ok := a.file.Connections[name]
		if !ok || a.request.Prune {
			continue
		}
		for _, file := range ownFiles(c) {
			if other, ok := taken[filepath.Clean(a.file.Path(file))]; ok {
				return nil, &admin.Error{
					Kind: admin.KindConflict, Message: fmt.Sprintf("connection %s, which the directory lacks, has its filter where that of %s belongs: %s", name, other, file),
					Hint: "give it a file of its own, or add it to the directory",
				}
			}
		}
		all[name] = c
	}
	raw, err := a.file.Raw()
	if err != nil {
		return nil, err
	}
	was, err := config.WriteConnections(a.file.Connections)
	if err != nil {
		return nil, err
	}
	// What is the same keeps its comments.
	if is, err := config.WriteConnections(all); err != nil || bytes.Equal(was, is) {
		return raw, err
	}
	return config.ReplaceConnections(raw, all)
}

// ownFiles are the filters that only this connection has.
func ownFiles(c config.Connection) []string {
	if c.From() != nil {
		return nil
	}
	return []string{c.Out, c.In}
}

// publishAll puts all versions in force, or none. Their tests come before: nothing
// names those of an application that ends in between.
func (n *Node) publishAll(a *applying) error {
	entries := map[string]published{}
	for _, one := range a.result.Connections {
		if one.Publish == nil {
			continue
		}
		p := a.publications[one.Name]
		entry := a.entry(p.result.Version)
		var err error
		if entry.Tests, err = n.keepTests(p.link.record.Agreement.Connection, p.tests); err != nil {
			return err
		}
		if entry.Parked, err = n.parkedNow(p.link); err != nil {
			return err
		}
		entries[one.Name] = entry
	}
	return n.store.Update(func(tx store.Tx) error {
		for i := range a.result.Connections {
			one := &a.result.Connections[i]
			if one.Publish == nil {
				continue
			}
			p := a.publications[one.Name]
			if err := writeVersion(tx, p.link.record.Agreement.Connection, p.next, entries[one.Name]); err != nil {
				return fmt.Errorf("store a version of filters: %w", err)
			}
			one.Publish.Published = true
		}
		if gone := a.forgotten(); len(gone) > 0 {
			raw, err := json.Marshal(gone)
			if err != nil {
				return err
			}
			return tx.Put(goneKey(), raw)
		}
		return nil
	})
}

// placeFiles writes what differs, parley.yaml last: what it names is there. A file is
// whole or as it was.
func (n *Node) placeFiles(a *applying, text []byte) error {
	for _, name := range slices.Sorted(maps.Keys(a.want.files)) {
		to := a.file.Path(filepath.FromSlash(name))
		if raw, err := os.ReadFile(to); err == nil && string(raw) == a.want.files[name] {
			continue
		}
		if err := n.step("write " + name); err != nil {
			return err
		}
		if err := placeFile(to, []byte(a.want.files[name])); err != nil {
			return err
		}
	}
	if err := n.step("write parley.yaml"); err != nil {
		return err
	}
	if err := placeFile(a.file.File(), text); err != nil {
		return err
	}
	gone := a.goes()
	for _, name := range gone {
		if err := n.step("remove " + name); err != nil {
			return err
		}
		if err := os.Remove(a.file.Path(filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return n.store.Update(func(tx store.Tx) error { return tx.Delete(goneKey()) })
}

// placeFile writes a file whole or not at all; it is on the disk then.
func placeFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	// What a link names is written, not the link.
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	fresh := filepath.Join(filepath.Dir(name), newFile)
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, name); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
