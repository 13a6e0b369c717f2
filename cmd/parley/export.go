package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

// manifestFile tells what a folder is an export of.
const manifestFile = "parley-export.json"

// manifest is what an export says of itself.
type manifest struct {
	Format int `json:"format"`
	// Versions name what each connection ran by.
	Versions map[string]string `json:"versions"`
	// Files are the digests of the files, by SHA-256.
	Files map[string]string `json:"files"`
}

const manifestFormat = 1

type exportCommand struct {
	Dir   string `arg:"" help:"The folder; one that is a former export is brought up to date, and what it has besides stays."`
	Force bool   `help:"Write into a folder that is no export, and over files that were edited since."`
}

// exported is what an export wrote.
type exported struct {
	Dir         string   `json:"dir"`
	Connections int      `json:"connections"`
	Written     []string `json:"written"`
	Removed     []string `json:"removed"`
}

// Run implements the command.
func (c *exportCommand) Run(ctx context.Context, a *app) error {
	s, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Setup, error) { return n.Export(ctx) })
	if err != nil {
		return err
	}
	done := exported{Dir: c.Dir, Connections: len(s.Versions), Written: []string{}, Removed: []string{}}
	if len(s.Files) > 0 {
		if err := c.write(s, &done); err != nil {
			return err
		}
	}
	return a.show(done, func(w io.Writer) {
		for _, name := range done.Written {
			fmt.Fprintf(w, "written  %s\n", clean(name))
		}
		for _, name := range done.Removed {
			fmt.Fprintf(w, "removed  %s\n", clean(name))
		}
		fmt.Fprintf(w, "%s holds %s of this node\n", c.Dir, count(done.Connections, "connection"))
	})
}

// write brings the folder up to date, the manifest last.
func (c *exportCommand) write(s admin.Setup, done *exported) (err error) {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	former, err := c.former(root)
	if err != nil {
		return err
	}
	m := manifest{Format: manifestFormat, Versions: s.Versions, Files: map[string]string{}}
	for name, text := range s.Files {
		m.Files[name] = digestOf([]byte(text))
	}
	if err := c.unharmed(root, former, m); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if err := writeIn(root, name, []byte(s.Files[name]), done); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(former.Files)) {
		if _, ok := m.Files[name]; ok || !fs.ValidPath(name) {
			continue
		}
		if err := root.Remove(name); err == nil {
			done.Removed = append(done.Removed, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what is gone: %w", err)
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeIn(root, manifestFile, append(text, '\n'), done)
}

// former is the manifest of the export that the folder is; none if it is empty.
func (c *exportCommand) former(root *os.Root) (manifest, error) {
	text, err := root.ReadFile(manifestFile)
	switch {
	case err == nil:
		return parseManifest(text)
	case !errors.Is(err, fs.ErrNotExist):
		return manifest{}, fmt.Errorf("read %s: %w", manifestFile, err)
	}
	present, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return manifest{}, fmt.Errorf("list the folder: %w", err)
	}
	for _, e := range present {
		// A fresh clone has .git and the like.
		if !c.Force && !strings.HasPrefix(e.Name(), ".") {
			return manifest{}, &failure{
				Kind: admin.KindConflict, Message: fmt.Sprintf("%s is no export and is not empty: it has %s", c.Dir, e.Name()),
				Hint: "name another folder, or add --force: it writes over files of the same names and leaves the rest",
			}
		}
	}
	return manifest{}, nil
}

// unharmed refuses to write over what a person edited since the former export, and
// through links.
func (c *exportCommand) unharmed(root *os.Root, former, next manifest) error {
	all := maps.Clone(next.Files)
	for name := range former.Files {
		if _, ok := all[name]; !ok && fs.ValidPath(name) {
			all[name] = ""
		}
	}
	var edited []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for at := name; at != "."; at = path.Dir(at) {
			if info, err := root.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				return invalid("take the link away", "%s in %s is a link, and an export writes through none", at, c.Dir)
			}
		}
		text, err := root.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if is := digestOf(text); is != all[name] && is != former.Files[name] {
			edited = append(edited, name)
		}
	}
	if len(edited) > 0 && !c.Force {
		return &failure{
			Kind: admin.KindConflict, Message: "edited since the export, and not what the node does: " + strings.Join(edited, ", "),
			Hint: "`parley apply -f " + c.Dir + "` brings them into force; --force writes over them",
		}
	}
	return nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// writeIn writes a file whole or not at all, if it is another one.
func writeIn(root *os.Root, name string, text []byte, done *exported) error {
	if was, err := root.ReadFile(name); err == nil && bytes.Equal(was, text) {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	fresh := path.Join(path.Dir(name), ".parley-new")
	if err := root.WriteFile(fresh, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := root.Rename(fresh, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	done.Written = append(done.Written, name)
	return nil
}

// parseManifest reads a manifest strictly.
func parseManifest(text []byte) (manifest, error) {
	var m manifest
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		before := text[:min(int(d.InputOffset()), len(text))]
		line := bytes.Count(before, []byte("\n")) + 1
		return m, invalid("export again with --force, or take the file away", "%s:%d:%d: %v", manifestFile, line, len(before)-bytes.LastIndexByte(before, '\n'), err)
	}
	if m.Format != manifestFormat {
		return m, invalid("use the version of Parley that made it, or a later one", "%s: format %d is not known, want %d", manifestFile, m.Format, manifestFormat)
	}
	return m, nil
}
