package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// connectionsOnly is a file that has the connections and nothing else.
type connectionsOnly struct {
	Connections map[string]Connection `yaml:"connections"`
}

// Placed is a connection with its files where a folder of connections has them.
func Placed(name string, c Connection, tables bool) Connection {
	c.Out, c.In, c.Tables, c.Tests = path.Join("filters", name+".out.parley"), path.Join("filters", name+".in.parley"), "", ""
	if tables {
		c.Tables = path.Join("tables", name)
	}
	return c
}

// WriteConnections is connections as YAML, without what templates brought into them:
// the same text for the same connections.
func WriteConnections(all map[string]Connection) ([]byte, error) {
	given := make(map[string]Connection, len(all))
	for name, c := range all {
		c = c.Given()
		c.Gate.Name = "" // the gate itself is written: gates that have names are the node's
		given[name] = c
	}
	text, err := encode(connectionsOnly{given})
	if err != nil {
		return nil, fmt.Errorf("write connections: %w", err)
	}
	return text, nil
}

// ReadConnections reads a folder's parley.yaml that has connections and nothing else,
// into a copy of base, beside what base has. What the text says wrong is a *Problems;
// files have to be where Placed says.
func ReadConnections(text []byte, folder string, base *Config) (*Config, []string, error) {
	const name = "parley.yaml"
	if len(text) > maxFile {
		return nil, nil, fmt.Errorf("read connections: %s is larger than %d bytes", name, maxFile)
	}
	var read connectionsOnly
	d := &decoder{at: map[string]position{}}
	d.file(text, &read)
	if len(d.problems) == 1 && len(d.at) == 0 {
		return nil, nil, asError(name, d.problems)
	}
	c := *base
	c.folder, c.file = folder, name
	c.Connections = maps.Clone(base.Connections)
	if c.Connections == nil {
		c.Connections = map[string]Connection{}
	}
	maps.Copy(c.Connections, read.Connections)
	c.fillConnections()
	names := slices.Sorted(maps.Keys(read.Connections))
	v := &validator{decoder: d, config: &c}
	if len(c.Connections) > maxConnections {
		v.add("connections", fmt.Sprintf("more than %d", maxConnections), "")
	}
	v.templates(names)
	for _, name := range names {
		v.placed("connections."+name, name, c.Connections[name])
		v.connection(name, c.Connections[name])
	}
	return &c, names, asError(name, d.problems)
}

// placed wants the files of a connection where Placed says.
func (v *validator) placed(key, name string, c Connection) {
	if !namePattern.MatchString(name) || c.Template != "" {
		return // which connection reports, or whose files the template has
	}
	want := Placed(name, c, c.Tables != "")
	for _, one := range []struct{ key, is, want string }{
		{".out", c.Out, want.Out}, {".in", c.In, want.In}, {".tables", c.Tables, want.Tables}, {".tests", c.Tests, want.Tests},
	} {
		advice := "write " + one.want
		if one.want == "" {
			advice = "take the key out: the tests are in tests/" + name
		}
		if one.is != one.want {
			v.add(key+one.key, "stands elsewhere in a folder that is applied", advice)
		}
	}
}

// Raw is the file that the configuration came from, as it is on the disk.
func (c *Config) Raw() ([]byte, error) {
	if c.file == "" {
		return nil, errors.New("the configuration came from no file")
	}
	return read(c.file)
}

// ReplaceConnections puts other connections into the text of a parley.yaml. All else
// stays as it is, comments too; it refuses if it cannot make sure of that.
func ReplaceConnections(text []byte, all map[string]Connection) ([]byte, error) {
	written, err := WriteConnections(all)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("replace the connections: %w", err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	begin, end := connectionLines(tree, lines)
	head, tail := strings.Join(lines[:begin], ""), strings.Join(lines[end:], "")
	if head != "" && !strings.HasSuffix(head, "\n") {
		head += "\n"
	}
	out := []byte(head + string(written) + tail)
	if !onlyConnectionsDiffer(text, out, written) {
		return nil, errors.New("replace the connections: parley.yaml is written in a way that this cannot be done in; begin connections: on a line of its own")
	}
	return out, nil
}

// connectionLines finds the lines from the key connections to the next one. Blank
// lines and comments before that belong to it.
func connectionLines(tree *ast.File, lines []string) (begin, end int) {
	begin, end = len(lines), len(lines)
	for _, doc := range tree.Docs {
		top, ok := doc.Body.(*ast.MappingNode)
		if !ok {
			continue
		}
		for i, e := range top.Values {
			if e.Key.GetToken().Value != "connections" {
				continue
			}
			begin = positionOf(e.Key).line - 1
			if i+1 < len(top.Values) {
				end = positionOf(top.Values[i+1].Key).line - 1
			}
		}
	}
	for ; end > begin; end-- {
		if text := strings.TrimRight(lines[end-1], "\r\n"); text != "" && text[0] != '#' {
			break
		}
	}
	return begin, end
}

// onlyConnectionsDiffer tells whether two files say the same, but for the connections.
func onlyConnectionsDiffer(before, after, connections []byte) bool {
	var both [2][]byte
	for i, text := range [][]byte{before, after} {
		c, d := Default(), &decoder{at: map[string]position{}}
		d.file(text, c)
		if len(d.problems) > 0 {
			return false
		}
		c.fillConnections()
		if i == 1 {
			if got, err := WriteConnections(c.Connections); err != nil || !bytes.Equal(got, connections) {
				return false
			}
		}
		c.Connections = nil
		var err error
		if both[i], err = c.text(); err != nil {
			return false
		}
	}
	return bytes.Equal(both[0], both[1])
}

// PlainConnection is the one connection c of a text of WriteConnections, as maps, lists and values.
func PlainConnection(text []byte) (map[string]any, error) {
	var plain struct {
		Connections map[string]map[string]any `yaml:"connections"`
	}
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("read a connection: %w", err)
	}
	return plain.Connections["c"], nil
}
