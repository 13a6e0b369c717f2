package template

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Files of a template.
const (
	FileHead     = "template.yaml"
	FileOutgoing = "outgoing.parley"
	FileIncoming = "incoming.parley"
	FileScope    = "scope.parley"
	DirTables    = "tables"
	DirTests     = "tests"
)

// Folder is where templates are, beside parley.yaml.
const Folder = "templates"

// Bounds of a template.
const (
	maxFile  = 1 << 20
	maxFiles = 500
	maxVars  = 200
)

var (
	nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	varForm  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// Ref names a template, and one of its versions unless Version is 0.
type Ref struct {
	Name    string
	Version int
}

// ParseRef reads NAME or NAME@VERSION.
func ParseRef(text string) (Ref, error) {
	name, number, versioned := strings.Cut(text, "@")
	r := Ref{Name: name}
	if !nameForm.MatchString(name) {
		return r, fmt.Errorf("%.60q is no template: want NAME or NAME@VERSION, NAME of lower-case letters, digits and -", text)
	}
	if !versioned {
		return r, nil
	}
	var err error
	if r.Version, err = strconv.Atoi(number); err != nil || r.Version < 1 || strconv.Itoa(r.Version) != number {
		return r, fmt.Errorf("%.60q names no version of a template: want a whole number from 1 after the @", text)
	}
	return r, nil
}

// String is the reference as people write it.
func (r Ref) String() string {
	if r.Version == 0 {
		return r.Name
	}
	return r.Name + "@" + strconv.Itoa(r.Version)
}

// Template is one version of a template.
type Template struct {
	Ref         Ref
	Description string
	// Vars are the variables that a connection gives, by name.
	Vars map[string]Var
	// Dir is its folder, in the file system that it was read from.
	Dir string
	// Digest is made of all of the content.
	Digest string
	// Kept tells that Dir is a copy that Keep made.
	Kept bool
	// Scope is what scope.parley says, or "".
	Scope string
	// HasTables and HasTests tell whether there are such folders.
	HasTables, HasTests bool

	files []file
}

type file struct {
	name string
	data []byte
}

// read reads the folder of a template.
func read(fsys fs.FS, dir, name string) (*Template, error) {
	t := &Template{Dir: dir}
	if err := t.gather(fsys); err != nil {
		return nil, fmt.Errorf("read template %s: %w", name, err)
	}
	var head struct {
		Version     int            `yaml:"version"`
		Description string         `yaml:"description"`
		Vars        map[string]Var `yaml:"vars"`
	}
	at := slices.IndexFunc(t.files, func(f file) bool { return f.name == FileHead })
	if at < 0 {
		return nil, fmt.Errorf("read template %s: there is no %s in %s", name, FileHead, dir)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(t.files[at].data), yaml.Strict())
	if err := decoder.Decode(&head); err != nil {
		return nil, fmt.Errorf("read template %s: %s/%s: %s", name, dir, FileHead, yaml.FormatError(err, false, false))
	}
	t.Ref, t.Description, t.Vars = Ref{Name: name, Version: head.Version}, head.Description, head.Vars
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, nil
}

// gather reads the files that count, and makes the digest of them.
func (t *Template) gather(fsys fs.FS) error {
	err := fs.WalkDir(fsys, t.Dir, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(at, t.Dir), "/")
		if entry.IsDir() || !counts(name) {
			return nil
		}
		info, err := entry.Info()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is not a regular file", at)
		case info.Size() > maxFile:
			return fmt.Errorf("%s has %d bytes, %d are allowed", at, info.Size(), maxFile)
		case len(t.files) == maxFiles:
			return fmt.Errorf("%s has more than %d files", t.Dir, maxFiles)
		}
		data, err := fs.ReadFile(fsys, at)
		t.files = append(t.files, file{name, data})
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(t.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	sum := sha256.New()
	for _, f := range t.files {
		fmt.Fprintf(sum, "%d %s\n%d\n", len(f.name), f.name, len(f.data))
		sum.Write(f.data)
		t.HasTables = t.HasTables || strings.HasPrefix(f.name, DirTables+"/")
		t.HasTests = t.HasTests || strings.HasPrefix(f.name, DirTests+"/")
		if f.name == FileScope {
			t.Scope = string(f.data)
		}
	}
	t.Digest = hex.EncodeToString(sum.Sum(nil)[:6])
	return nil
}

// counts tells whether a file is part of a template: notes and an editor's leftovers
// beside it are not.
func counts(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	folder, _, nested := strings.Cut(name, "/")
	if nested {
		return folder == DirTables && path.Ext(name) == ".yaml" || folder == DirTests && slices.Contains([]string{".yaml", ".json"}, path.Ext(name))
	}
	return slices.Contains([]string{FileHead, FileOutgoing, FileIncoming, FileScope}, name)
}

// check looks at the head and at what must be there.
func (t *Template) check() error {
	var problems []error
	if t.Ref.Version < 1 {
		problems = append(problems, errors.New("version: want a whole number from 1"))
	}
	for _, name := range []string{FileOutgoing, FileIncoming} {
		if _, ok := t.File(name); !ok {
			problems = append(problems, fmt.Errorf("there is no %s in %s", name, t.Dir))
		}
	}
	if len(t.Vars) > maxVars {
		problems = append(problems, fmt.Errorf("vars: more than %d", maxVars))
	}
	for _, name := range t.Names() {
		v := t.Vars[name]
		switch {
		case !varForm.MatchString(name):
			problems = append(problems, fmt.Errorf("vars.%s: is no name of a variable: use lower-case letters, digits and _", name))
		case slices.Contains(Columns(), name):
			problems = append(problems, fmt.Errorf("vars.%s: is taken by the column of that name in a file of connections", name))
		}
		if err := v.check(); err != nil {
			problems = append(problems, fmt.Errorf("vars.%s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

// File is the text of a file of the template.
func (t *Template) File(name string) (string, bool) {
	at := slices.IndexFunc(t.files, func(f file) bool { return f.name == name })
	if at < 0 {
		return "", false
	}
	return string(t.files[at].data), true
}

// Files names all files of the template.
func (t *Template) Files() []string {
	names := make([]string, 0, len(t.files))
	for _, f := range t.files {
		names = append(names, f.name)
	}
	return names
}
