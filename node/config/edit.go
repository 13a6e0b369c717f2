package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"parley/node/secret"
)

// Entry is a connection to be added to a file.
type Entry struct {
	Name       string
	Connection Connection
}

// WithConnections is a configuration's text with connections added at the end of
// those that it has. The rest stays as people wrote it.
func WithConnections(text []byte, add []Entry) ([]byte, error) {
	var block bytes.Buffer
	at, indent, err := afterConnections(text)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		block.WriteString("\nconnections:\n")
		at = len(text)
	}
	for _, e := range add {
		entry, err := entryText(e, indent)
		if err != nil {
			return nil, err
		}
		block.WriteString(entry)
	}
	head := text[:at]
	if len(head) > 0 && head[len(head)-1] != '\n' {
		head = append(slices.Clone(head), '\n')
	}
	return slices.Concat(head, block.Bytes(), text[at:]), nil
}

// entryText is one connection as lines of the file.
func entryText(e Entry, indent string) (string, error) {
	out := fmt.Sprintf("%s%s:\n", indent, quoteKey(e.Name))
	for _, one := range []struct {
		key   string
		value any
		none  bool
	}{
		{"template", e.Connection.Template, e.Connection.Template == ""},
		{"vars", e.Connection.Vars, len(e.Connection.Vars) == 0},
		{"scope", e.Connection.Scope, e.Connection.Scope == ""},
		{"query", e.Connection.Query, e.Connection.Query == ""},
		{"conflict", e.Connection.Conflict, e.Connection.Conflict == ""},
		{"owner", e.Connection.Owner, e.Connection.Owner == ""},
		{"tags", e.Connection.Tags, len(e.Connection.Tags) == 0},
	} {
		if one.none {
			continue
		}
		value, err := flow(one.value)
		if err != nil {
			return "", fmt.Errorf("write connection %s: %w", e.Name, err)
		}
		out += fmt.Sprintf("%s  %s: %s\n", indent, one.key, value)
	}
	return out, nil
}

// quoteKey keeps a name from being read as a number or a truth value.
func quoteKey(name string) string {
	if strings.Trim(name, "0123456789-") == "" || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, name) || strings.HasPrefix(name, "-") {
		return `"` + name + `"`
	}
	return name
}

// afterConnections is where the connections of a file end, and how far they are
// indented; -1 if there are none.
func afterConnections(text []byte) (at int, indent string, err error) {
	found, err := connectionsOf(text)
	if err != nil || found == nil {
		return -1, "  ", err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	begin := found.Key.GetToken().Position.Line // the line after, counted from 0
	entries, flow := entriesOf(found.Value)
	if flow {
		return 0, "", errors.New("connections is written in braces: write it as a block, a connection a line, to have some added")
	}
	indent = "  "
	if len(entries) > 0 {
		indent = strings.Repeat(" ", entries[0].Key.GetToken().Position.Column-1)
	}
	end := begin
	for i := begin; i < len(lines); i++ {
		line := strings.TrimRight(string(lines[i]), "\r\n")
		if body := strings.TrimLeft(line, " "); body == "" || strings.HasPrefix(body, "#") {
			continue
		} else if len(body) == len(line) {
			break // the next key of the file
		}
		end = i + 1
	}
	for _, line := range lines[:end] {
		at += len(line)
	}
	return at, indent, nil
}

// connectionsOf is the file's key connections, or nil.
func connectionsOf(text []byte) (*ast.MappingValueNode, error) {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %s", yaml.FormatError(err, false, false))
	}
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		top, _ := entriesOf(doc.Body)
		for _, e := range top {
			if e.Key.GetToken().Value == "connections" {
				return e, nil
			}
		}
	}
	return nil, nil
}

// entriesOf are the pairs of a map, and whether it stands in braces.
func entriesOf(n ast.Node) (_ []*ast.MappingValueNode, flow bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, n.IsFlowStyle
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, n.IsFlowStyle
	}
	return nil, false
}

// WithTemplates is a configuration's text with other templates for connections that
// have one.
func WithTemplates(text []byte, refs map[string]string) ([]byte, error) {
	found, err := connectionsOf(text)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	left := len(refs)
	var entries []*ast.MappingValueNode
	if found != nil {
		entries, _ = entriesOf(found.Value)
	}
	for _, e := range entries {
		ref, wanted := refs[e.Key.GetToken().Value]
		if !wanted {
			continue
		}
		keys, _ := entriesOf(e.Value)
		for _, k := range keys {
			if k.Key.GetToken().Value != "template" {
				continue
			}
			token := k.Value.GetToken()
			i := token.Position.Line - 1
			line, start := lines[i], token.Position.Column-1
			runes := []rune(line)
			if start > len(runes) || !strings.Contains(string(runes[start:]), token.Value) {
				return nil, fmt.Errorf("line %d: the template of %s cannot be found to be replaced", i+1, e.Key.GetToken().Value)
			}
			lines[i] = string(runes[:start]) + strings.Replace(string(runes[start:]), token.Value, ref, 1)
			left--
		}
	}
	if left != 0 {
		return nil, fmt.Errorf("%d connections name no template in the configuration", left)
	}
	return []byte(strings.Join(lines, "")), nil
}

// Edit changes a configuration's file: change makes another text of its text, check
// looks at what Load makes of it, and then it takes the file's place at once. A crash
// leaves the old file or the new one. It fails if the file changes meanwhile.
func Edit(name string, o Options, change func(text []byte) ([]byte, error), check func(*Config) error) error {
	before, err := read(name)
	if err != nil {
		return err
	}
	text, err := change(before)
	if err != nil {
		return err
	}
	if bytes.Equal(text, before) {
		return nil
	}
	if len(text) > maxFile {
		return fmt.Errorf("write the configuration: it would have %d bytes, %d are allowed", len(text), maxFile)
	}
	next, err := stage(name, text)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	err = swap(name, next, before, o, check)
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return secret.SyncFolder(filepath.Dir(name))
}

// stage writes the text beside the file, to the disk.
func stage(name string, text []byte) (_ string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(info.Mode().Perm()), file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// swap checks what was staged and puts it in the file's place.
func swap(name, next string, before []byte, o Options, check func(*Config) error) error {
	cfg, err := Load(next, o)
	if problems := (*Problems)(nil); errors.As(err, &problems) {
		problems.File = name
	}
	if err != nil {
		return fmt.Errorf("the configuration would not load: %w", err)
	}
	if check != nil {
		if err := check(cfg); err != nil {
			return err
		}
	}
	present, err := read(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(present, before) {
		return fmt.Errorf("%s was changed meanwhile, and stays as it is: run the command again", name)
	}
	return os.Rename(next, name)
}
