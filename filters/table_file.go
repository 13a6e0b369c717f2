package filters

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxTable bounds a table's file, in bytes.
const maxTable = 256 << 10

// ParseTable reads a table as people write it:
//
//	policy: park         # park, keep, empty or pass; park if left out
//	pairs:
//	  - [Open, new]      # ours, on the wire
//	  - [Done, closed]
//
// A pair that would never be used, whichever way a value goes, is an error: it says
// something else than the pairs above it, and they are taken.
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
	above := pairsAbove{ours: map[string]placed{}, wire: map[string]placed{}}
	places := pairPlaces(data)
	for i, pair := range file.Pairs {
		p := placed{number: i + 1}
		if len(places) == len(file.Pairs) {
			p.Line, p.Col = places[i].Line, places[i].Col
		}
		if len(pair) != 2 {
			problems = append(problems, fmt.Errorf("%s has %d values; a pair is [ours, wire]", p, len(pair)))
			continue
		}
		p.Ours, p.Wire = pair[0], pair[1]
		problems = append(problems, above.take(p))
		t.Pairs = append(t.Pairs, p.Pair)
	}
	return t, errors.Join(problems...)
}

// placed is a pair and the how many-th of its file it is.
type placed struct {
	Pair
	number int
}

// String says which pair it is.
func (p placed) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("pair %d", p.number)
	}
	return fmt.Sprintf("pair %d (line %d, column %d)", p.number, p.Line, p.Col)
}

// place says which pair of its table the pair i is.
func (t Table) place(i int) string { return placed{t.Pairs[i], i + 1}.String() }

// pairsAbove are the first pairs of a table that have each value.
type pairsAbove struct{ ours, wire map[string]placed }

// take adds a pair. Two pairs may share a value of ours, or one on the wire: each is
// then used one way. What shares both with pairs above it is used neither way.
func (a pairsAbove) take(p placed) error {
	out, leaves := a.ours[p.Ours]
	in, enters := a.wire[p.Wire]
	if !leaves {
		a.ours[p.Ours] = p
	}
	if !enters {
		a.wire[p.Wire] = p
	}
	switch {
	case !leaves || !enters:
		return nil
	case out.Wire == p.Wire, in.Ours == p.Ours:
		return fmt.Errorf("%s, [%s, %s], stands twice", p, p.Ours, p.Wire)
	}
	return fmt.Errorf("%s, [%s, %s], is never used: %s has %q leave as %q, and %s has %q come in as %q", p, p.Ours, p.Wire, out, p.Ours, out.Wire, in, p.Wire, in.Ours)
}

// Used is the table without the pairs that are used neither way. A version that is kept
// may have such, where a file may not.
func (t Table) Used() Table {
	above := pairsAbove{ours: map[string]placed{}, wire: map[string]placed{}}
	out := Table{Policy: t.Policy}
	for i, pair := range t.Pairs {
		if above.take(placed{pair, i + 1}) == nil {
			out.Pairs = append(out.Pairs, pair)
		}
	}
	return out
}

// pairPlaces are the places of the pairs in a table's file; none if they are not
// written out there.
func pairPlaces(data []byte) []Pair {
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) == 0 {
		return nil
	}
	top, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return nil
	}
	var out []Pair
	for _, entry := range top.Values {
		list, ok := entry.Value.(*ast.SequenceNode)
		if !ok || entry.Key.GetToken().Value != "pairs" {
			continue
		}
		for _, one := range list.Values {
			at := one.GetToken()
			if at == nil || at.Position == nil {
				return nil
			}
			out = append(out, Pair{Line: at.Position.Line, Col: at.Position.Column})
		}
	}
	return out
}
