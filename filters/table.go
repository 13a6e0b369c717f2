package filters

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Table maps our values to those on the wire; one table serves both directions.
type Table struct {
	// Pairs in order. Where several have the same value on one side, the first
	// is taken when mapping from that side.
	Pairs []Pair `json:"pairs"`
	// Policy says what a value without a pair gives.
	Policy TablePolicy `json:"policy,omitempty"`
}

// Pair is one line of a Table.
type Pair struct {
	Ours string `json:"ours"`
	Wire string `json:"wire"`
}

// TablePolicy is what lookup gives for a value that is not in the table.
type TablePolicy string

// The policies. "" is TablePark.
const (
	TablePark  TablePolicy = "park"  // an error: the ticket waits for a person
	TableKeep  TablePolicy = "keep"  // the field stays as it is
	TableEmpty TablePolicy = "empty" // the field is emptied
	TablePass  TablePolicy = "pass"  // the value itself
)

// compiledTable is a Table in one direction.
type compiledTable struct {
	name   string
	to     map[string]string
	policy TablePolicy
}

func compileTable(name string, t Table, incoming bool) *compiledTable {
	c := &compiledTable{name: name, to: make(map[string]string, len(t.Pairs)), policy: cmp.Or(t.Policy, TablePark)}
	for _, p := range slices.Backward(t.Pairs) {
		if incoming {
			c.to[p.Wire] = p.Ours
		} else {
			c.to[p.Ours] = p.Wire
		}
	}
	return c
}

// maxTable bounds a table's file, in bytes.
const maxTable = 256 << 10

// ParseTable reads a table as people write it:
//
//	policy: park         # park, keep, empty or pass; park if left out
//	pairs:
//	  - [Open, new]      # ours, on the wire
//	  - [Done, closed]
func ParseTable(data []byte) (Table, error) {
	if len(data) > maxTable {
		return Table{}, fmt.Errorf("the table has %d bytes; at most %d are allowed", len(data), maxTable)
	}
	var file struct {
		Policy TablePolicy `yaml:"policy"`
		Pairs  [][]string  `yaml:"pairs"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return Table{}, fmt.Errorf("read the table: %w", err)
	}
	t := Table{Policy: file.Policy}
	problems := []error{t.checkPolicy()}
	for i, pair := range file.Pairs {
		if len(pair) != 2 {
			problems = append(problems, fmt.Errorf("pair %d has %d values; a pair is [ours, wire]", i+1, len(pair)))
			continue
		}
		p := Pair{Ours: pair[0], Wire: pair[1]}
		if slices.Contains(t.Pairs, p) {
			problems = append(problems, fmt.Errorf("pair %d, [%s, %s], stands twice", i+1, p.Ours, p.Wire))
		}
		t.Pairs = append(t.Pairs, p)
	}
	return t, errors.Join(problems...)
}

func (t Table) checkPolicy() error {
	switch t.Policy {
	case "", TablePark, TableKeep, TableEmpty, TablePass:
		return nil
	}
	return fmt.Errorf("the policy %q is none of park, keep, empty, pass", t.Policy)
}

// LoadTables reads every table (name.yaml) of a folder; a folder that is not
// there has none.
func LoadTables(fsys fs.FS, dir string) (map[string]Table, error) {
	files, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Table{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	tables := map[string]Table{}
	var problems []error
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), ".yaml")
		if !ok || file.IsDir() {
			continue
		}
		data, err := fs.ReadFile(fsys, path.Join(dir, file.Name()))
		if err == nil {
			tables[name], err = ParseTable(data)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("table %s: %w", name, err))
		}
	}
	return tables, errors.Join(problems...)
}
