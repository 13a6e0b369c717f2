package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNone is returned if there is no such template, or no such version.
var ErrNone = errors.New("there is no such template")

// Present reads the folder that people edit.
func Present(fsys fs.FS, name string) (*Template, error) {
	dir := path.Join(Folder, name)
	if info, err := fs.Stat(fsys, dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is no folder beside parley.yaml", ErrNone, dir)
	}
	return read(fsys, dir, name)
}

// Find reads a template: the version that the reference names, as it was kept, or else
// as the folder that people edit has it; without a version, what that folder has.
func Find(fsys fs.FS, r Ref) (*Template, error) {
	if r.Version == 0 {
		return Present(fsys, r.Name)
	}
	t, err := kept(fsys, r)
	if t != nil || err != nil {
		return t, err
	}
	t, err = Present(fsys, r.Name)
	if err != nil {
		return nil, err
	}
	if t.Ref != r {
		return nil, fmt.Errorf("%w: %s has version %d, and version %d was not kept", ErrNone, t.Dir, t.Ref.Version, r.Version)
	}
	return t, nil
}

// kept reads the copy of a version; nil if there is none.
func kept(fsys fs.FS, r Ref) (*Template, error) {
	entries, err := fs.ReadDir(fsys, Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the templates: %w", err)
	}
	var found *Template
	for _, e := range entries {
		digest, ok := strings.CutPrefix(e.Name(), r.String()+".")
		if !ok || !e.IsDir() {
			continue
		}
		t, err := read(fsys, path.Join(Folder, e.Name()), r.Name)
		switch {
		case err != nil:
			return nil, err
		case t.Digest != digest || t.Ref != r:
			return nil, fmt.Errorf("%s was changed after it was kept (its content is %s): put it back; changes go into %s, under another version", t.Dir, t.Digest, path.Join(Folder, r.Name))
		case found != nil:
			return nil, fmt.Errorf("%s is kept twice, as %s and %s: take one away", r, found.Dir, t.Dir)
		}
		t.Kept, found = true, t
	}
	return found, nil
}

// Versions lists a template's versions that there are, the oldest first.
func Versions(fsys fs.FS, name string) ([]*Template, error) {
	entries, err := fs.ReadDir(fsys, Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the templates: %w", err)
	}
	var all []*Template
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), name+"@")
		number, _, dotted := strings.Cut(rest, ".")
		if !ok || !dotted || !e.IsDir() {
			continue
		}
		version, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		t, err := kept(fsys, Ref{name, version})
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	present, err := Present(fsys, name)
	switch {
	case errors.Is(err, ErrNone) && len(all) > 0:
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(all, func(t *Template) bool { return t.Ref == present.Ref }):
		all = append(all, present)
	}
	slices.SortFunc(all, func(a, b *Template) int { return a.Ref.Version - b.Ref.Version })
	return all, nil
}

// Names lists the templates that there are.
func Names(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the templates: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "@")
		if e.IsDir() && nameForm.MatchString(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Changed refuses a version whose folder has another content than what was kept of it.
func Changed(fsys fs.FS, t *Template) error {
	present, err := Present(fsys, t.Ref.Name)
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.Kept && present.Ref == t.Ref && present.Digest != t.Digest {
		return fmt.Errorf("%s was changed since %s was used: give it version %d, or put it back", present.Dir, t.Ref, t.Ref.Version+1)
	}
	return nil
}

// Keep copies a version to where it stays as it is. home is the folder of parley.yaml.
func Keep(home string, t *Template) error {
	fsys := os.DirFS(home)
	already, err := kept(fsys, t.Ref)
	if err != nil {
		return err
	}
	if already != nil {
		if already.Digest != t.Digest {
			return fmt.Errorf("keep template %s: it is kept with another content: give it version %d", t.Ref, t.Ref.Version+1)
		}
		return nil
	}
	stage, err := os.MkdirTemp(filepath.Join(home, Folder), ".keep-")
	if err != nil {
		return fmt.Errorf("keep template %s: %w", t.Ref, err)
	}
	err = t.write(stage)
	to := filepath.Join(home, Folder, t.Ref.String()+"."+t.Digest)
	if err == nil {
		err = os.Rename(stage, to)
	}
	if err != nil {
		// Another process may have kept it in the meantime.
		if again, e := kept(fsys, t.Ref); e == nil && again != nil && again.Digest == t.Digest {
			err = nil
		}
		err = errors.Join(err, os.RemoveAll(stage))
	}
	if err != nil {
		return fmt.Errorf("keep template %s: %w", t.Ref, err)
	}
	return nil
}

// write writes the files, each to the disk.
func (t *Template) write(dir string) error {
	for _, f := range t.files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = out.Write(f.data)
		if err == nil {
			err = out.Sync()
		}
		if err = errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
	return nil
}
