package filters

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
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
	// Line and Col say where the pair stands in its file, from 1; zero if it was
	// not read from one. They are no part of what the table says.
	Line int `json:"-"`
	Col  int `json:"-"`
}

// Equal tells whether both tables say the same, wherever their pairs stand.
func (t Table) Equal(other Table) bool {
	return t.Policy == other.Policy && slices.EqualFunc(t.Pairs, other.Pairs, func(a, b Pair) bool { return a.Ours == b.Ours && a.Wire == b.Wire })
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
