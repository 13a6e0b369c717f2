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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/filters"
	"parley/filters/filtertest"
	"parley/node/admin"
	"parley/node/config"
)

// Where the files of a setup are.
const (
	setupConfig    = "parley.yaml"
	setupTables    = "tables"
	setupTests     = "tests"
	setupTemplates = "templates"
)

// setup is what connections do, and the files that say so, by their place.
type setup struct {
	connections map[string]config.Connection
	versions    map[string]version
	files       map[string]string
}

// Export is what the connections do, whatever drafts say.
func (n *Node) Export(context.Context) (_ admin.Setup, err error) {
	s, err := n.setupInForce(n.configured())
	if err != nil {
		return admin.Setup{}, err
	}
	return s.export()
}

func (s setup) export() (admin.Setup, error) {
	text, err := config.WriteConnections(s.connections)
	if err != nil {
		return admin.Setup{}, err
	}
	out := admin.Setup{Files: maps.Clone(s.files), Versions: map[string]string{}}
	out.Files[setupConfig] = string(text)
	for name, v := range s.versions {
		if out.Versions[name], err = v.id(); err != nil {
			return admin.Setup{}, err
		}
	}
	return out, nil
}

// setupInForce is what the connections run by: published versions, or files.
func (n *Node) setupInForce(cfg *config.Config) (setup, error) {
	return readSetup(cfg, func(name string, c config.Connection) (version, error) {
		if l := n.named(name); l != nil {
			return n.inForce(cfg, c, l.record)
		}
		return draft(cfg, c)
	})
}

// setupOfFiles is what the files say.
func setupOfFiles(cfg *config.Config) (setup, error) {
	return readSetup(cfg, func(_ string, c config.Connection) (version, error) { return draft(cfg, c) })
}

func readSetup(cfg *config.Config, versionOf func(string, config.Connection) (version, error)) (setup, error) {
	s := setup{connections: map[string]config.Connection{}, versions: map[string]version{}, files: map[string]string{}}
	for name, c := range cfg.Connections {
		v, err := versionOf(name, c)
		if err != nil {
			return s, fmt.Errorf("connection %s: %w", name, err)
		}
		tied, err := runsItsTemplate(cfg, c, v)
		if err != nil {
			return s, fmt.Errorf("connection %s: %w", name, err)
		}
		if tied {
			s.connections[name], s.versions[name] = c, v
			continue
		}
		at := config.Placed(name, v.over(c.Untied()), len(v.Tables) > 0)
		s.connections[name], s.versions[name] = at, v
		s.files[at.Out], s.files[at.In] = v.Out, v.In
		for table, content := range v.Tables {
			if s.files[path.Join(setupTables, name, table+".yaml")], err = tableText(cfg, c, table, content); err != nil {
				return s, fmt.Errorf("connection %s: table %s: %w", name, table, err)
			}
		}
		if err := addFolder(s.files, path.Join(setupTests, name), cfg.TestsOf(name), isTest); err != nil {
			return s, fmt.Errorf("tests of connection %s: %w", name, err)
		}
	}
	return s, addFolder(s.files, setupTemplates, cfg.Path(setupTemplates), func(string) bool { return true })
}

// runsItsTemplate tells whether a version is what the connection's template says, so
// that naming the template is all there is to say.
func runsItsTemplate(cfg *config.Config, c config.Connection, v version) (bool, error) {
	if c.From() == nil {
		return false, nil
	}
	says, err := draft(cfg, c)
	if err != nil {
		return false, err
	}
	is, err := v.id()
	if err != nil {
		return false, err
	}
	should, err := says.id()
	return is == should, err
}

func isTest(name string) bool {
	return path.Ext(name) == ".yaml" || path.Base(name) == filtertest.SchemaFile
}

// tableText is a table as its file has it, comments too, if that says the same. Pairs
// that are never used are left out: no file may have them.
func tableText(cfg *config.Config, c config.Connection, name string, t filters.Table) (string, error) {
	t = t.Used()
	if c.Tables != "" {
		text, err := readText(filepath.Join(cfg.Path(c.Tables), name+".yaml"))
		if err == nil {
			if on, err := filters.ParseTable([]byte(text)); err == nil && on.Equal(t) {
				return text, nil
			}
		}
	}
	var out strings.Builder
	if t.Policy != "" {
		fmt.Fprintf(&out, "policy: %s\n", t.Policy)
	}
	out.WriteString("pairs:\n")
	for _, p := range t.Pairs {
		var pair bytes.Buffer
		e := json.NewEncoder(&pair)
		e.SetEscapeHTML(false)
		if err := e.Encode([]string{p.Ours, p.Wire}); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "  - %s", pair.String())
	}
	if back, err := filters.ParseTable([]byte(out.String())); err != nil || !back.Equal(t) {
		return "", errors.New("it cannot be written as a file")
	}
	return out.String(), nil
}

// addFolder adds the regular files of a folder, which need not be there. Links are
// passed over: what they lead to is not this folder's.
func addFolder(into map[string]string, place, folder string, take func(string) bool) error {
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(at string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at == "." {
			return fs.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() || strings.Contains("/"+at, "/.") || !take(at) {
			return err
		}
		text, err := readText(filepath.Join(folder, filepath.FromSlash(at)))
		if err == nil && !utf8.ValidString(text) {
			err = fmt.Errorf("%s is no text", at)
		}
		into[path.Join(place, at)] = text
		return err
	})
	return err
}

// settings are a connection's keys with their values as JSON; those that only say
// where its files are are left out.
func settings(c config.Connection) (map[string]string, error) {
	c.Out, c.In, c.Tables, c.Tests = "", "", "", ""
	text, err := config.WriteConnections(map[string]config.Connection{"c": c})
	if err != nil {
		return nil, err
	}
	plain, err := config.PlainConnection(text)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	err = flatten(out, "", plain)
	delete(out, "out")
	delete(out, "in")
	return out, err
}

func flatten(into map[string]string, key string, v any) error {
	if m, ok := v.(map[string]any); ok && (key == "" || len(m) > 0) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if err := flatten(into, strings.TrimPrefix(key+"."+name, "."), m[name]); err != nil {
				return err
			}
		}
		return nil
	}
	raw, err := json.Marshal(v)
	into[key] = string(raw)
	return err
}
