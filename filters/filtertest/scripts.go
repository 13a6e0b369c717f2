package filtertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"parley/filters"
	"parley/sync/event"
)

// Scripts are the filters of one side as texts, with what they are compiled
// against. A case may bring variables and tables of its own.
type Scripts struct {
	Outgoing, Incoming string
	Env                filters.Env
}

// Result is what became of one case.
type Result struct {
	File string `json:"file,omitempty"`
	Name string `json:"name"`
	// Differences are empty for a case that passed.
	Differences []Difference `json:"differences,omitempty"`
	// Error is set if the case could not be run: the filter does not compile.
	Error string `json:"error,omitempty"`
}

// Passed tells whether the case came out as expected.
func (r Result) Passed() bool { return r.Error == "" && len(r.Differences) == 0 }

// Run runs cases one after the other.
func (s Scripts) Run(ctx context.Context, cases []Case) []Result {
	compiled := map[string]Pair{}
	results := make([]Result, 0, len(cases))
	for _, c := range cases {
		r := Result{Name: c.Name}
		pair, err := s.compile(compiled, &c)
		if err == nil {
			r.Differences = pair.Run(ctx, c)
		} else {
			r.Error = err.Error()
		}
		results = append(results, r)
	}
	return results
}

// compile makes the pair for a case, one for all cases with the same data, and
// gives the case the variables that hold for it.
func (s Scripts) compile(compiled map[string]Pair, c *Case) (Pair, error) {
	env, err := s.env(c)
	if err != nil {
		return Pair{}, err
	}
	c.Vars = env.Vars
	// Maps marshal in key order: equal data have equal names.
	name, err := json.Marshal([]any{env.Vars, env.Tables})
	if err != nil {
		return Pair{}, fmt.Errorf("name the data of a case: %w", err)
	}
	if pair, ok := compiled[string(name)]; ok {
		return pair, nil
	}
	var pair Pair
	if pair.Outgoing, err = filters.CompileOutgoing(s.Outgoing, env); err != nil {
		return Pair{}, fmt.Errorf("outgoing filter: %w", err)
	}
	if pair.Incoming, err = filters.CompileIncoming(s.Incoming, env); err != nil {
		return Pair{}, fmt.Errorf("incoming filter: %w", err)
	}
	compiled[string(name)] = pair
	return pair, nil
}

// env is what a case's filters are compiled against.
func (s Scripts) env(c *Case) (filters.Env, error) {
	env := s.Env
	env.Vars = maps.Clone(env.Vars)
	if env.Vars == nil {
		env.Vars = map[string]any{}
	}
	maps.Copy(env.Vars, c.Vars)
	env.Tables = maps.Clone(env.Tables)
	if env.Tables == nil {
		env.Tables = map[string]filters.Table{}
	}
	for name, raw := range c.Tables {
		table, err := filters.ParseTable(raw)
		if err != nil {
			return env, fmt.Errorf("table %s of the case: %w", name, err)
		}
		env.Tables[name] = table
	}
	if len(env.Key) == 0 {
		env.Key = []byte("test") // what differs per connection must not differ per run
	}
	return env, nil
}

// SchemaFile is the tracker's schema for the test files beside it, so that they
// mean the same on every machine.
const SchemaFile = "schema.json"

// File is one file of cases, and the schema that they are for.
type File struct {
	Name   string
	Cases  []Case
	Schema *event.Schema
}

// Find reads the test files of a folder and of the folders in it, or the one file
// that name is.
func Find(fsys fs.FS, name string) ([]File, error) {
	texts, err := Texts(fsys, name)
	if err != nil {
		return nil, err
	}
	return Read(texts)
}

// Texts are the test files of a folder and of the folders in it, or the one file that
// name is, and the schemas beside them, by their place.
func Texts(fsys fs.FS, name string) (map[string]string, error) {
	texts := map[string]string{}
	err := fs.WalkDir(fsys, name, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || at != name && path.Ext(at) != ".yaml" {
			return nil
		}
		data, err := fs.ReadFile(fsys, at)
		if err != nil {
			return fmt.Errorf("read the test file: %w", err)
		}
		texts[at] = string(data)
		beside := path.Join(path.Dir(at), SchemaFile)
		if _, ok := texts[beside]; ok {
			return nil
		}
		if data, err = fs.ReadFile(fsys, beside); err == nil {
			texts[beside] = string(data)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find test files: %w", err)
	}
	return texts, nil
}

// Read makes files of what Texts found.
func Read(texts map[string]string) ([]File, error) {
	var files []File
	for _, at := range slices.Sorted(maps.Keys(texts)) {
		if path.Base(at) == SchemaFile {
			continue
		}
		file := File{Name: at}
		var err error
		if file.Cases, err = Parse([]byte(texts[at])); err != nil {
			return nil, fmt.Errorf("test file %s: %w", at, err)
		}
		if text, ok := texts[path.Join(path.Dir(at), SchemaFile)]; ok {
			file.Schema = new(event.Schema)
			if err := json.Unmarshal([]byte(text), file.Schema); err != nil {
				return nil, fmt.Errorf("%s of %s: %w", SchemaFile, path.Dir(at), err)
			}
		}
		files = append(files, file)
	}
	return files, nil
}

// RunFiles runs all cases of files, each with the schema beside it, or else with
// that of the scripts.
func (s Scripts) RunFiles(ctx context.Context, files []File) []Result {
	var results []Result
	for _, file := range files {
		scripts := s
		if file.Schema != nil {
			scripts.Env.Schema = *file.Schema
		}
		for _, r := range scripts.Run(ctx, file.Cases) {
			r.File = file.Name
			results = append(results, r)
		}
	}
	return results
}
