package config

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"

	"parley/filters/template"
)

// filled is what a template brought into a connection, and what stood there.
type filled struct {
	template *template.Template
	scope    string
	vars     map[string]any
}

// From is the template that a connection was filled from, or nil.
func (con Connection) From() *template.Template {
	if con.filled == nil {
		return nil
	}
	return con.filled.template
}

// Given is a connection as its file has it, without what its template brought.
func (con Connection) Given() Connection {
	if con.filled == nil {
		return con
	}
	con.Scope, con.Vars = con.filled.scope, con.filled.vars
	con.Out, con.In, con.Tables, con.Tests, con.filled = "", "", "", "", nil
	return con
}

// Untied is a connection that has as its own what a template brought.
func (con Connection) Untied() Connection {
	con.Template, con.filled = "", nil
	return con
}

// fill puts what a template has into a connection.
func (con Connection) fill(t *template.Template) (Connection, []template.Problem) {
	con.filled = &filled{template: t, scope: con.Scope, vars: con.Vars}
	at := func(name string) string { return filepath.FromSlash(path.Join(t.Dir, name)) }
	con.Out, con.In = at(template.FileOutgoing), at(template.FileIncoming)
	if t.HasTables {
		con.Tables = at(template.DirTables)
	}
	if t.HasTests {
		con.Tests = at(template.DirTests)
	}
	if con.Scope == "" {
		con.Scope = t.Scope
	}
	var problems []template.Problem
	con.Vars, problems = t.Values(con.Vars)
	return con, problems
}

// Filled is a connection with another template, or another version of its own, and
// what is wrong with its variables then.
func (con Connection) Filled(t *template.Template) (Connection, []template.Problem) {
	con = con.Given()
	con.Template = t.Ref.String()
	return con.fill(t)
}

// With is the configuration with one connection in the place of what it says of it.
func (c *Config) With(name string, con Connection) *Config {
	other := *c
	other.Connections = maps.Clone(c.Connections)
	other.Connections[name] = con
	return &other
}

// files is the folder of the configuration.
func (c *Config) files() fs.FS { return os.DirFS(c.Home()) }

// Home is the folder in which templates are looked for, for package template.
func (c *Config) Home() string {
	if c.folder == "" {
		return "."
	}
	return c.folder
}

// unfilled is the configuration without what templates brought.
func (c *Config) unfilled() *Config {
	shown := *c
	shown.Connections = maps.Clone(c.Connections)
	for name, con := range shown.Connections {
		shown.Connections[name] = con.Given()
	}
	return &shown
}

// templates fills connections from their templates.
func (v *validator) templates(names []string) {
	known := map[template.Ref]*template.Template{}
	for _, name := range names {
		con := v.config.Connections[name]
		key := "connections." + name
		if con.Template == "" {
			continue
		}
		ref, err := template.ParseRef(con.Template)
		if err == nil && ref.Version == 0 {
			v.add(key+".template", "names no version", "write it as "+ref.Name+"@1")
			continue
		}
		t := known[ref]
		if err == nil && t == nil {
			t, err = template.Find(v.config.files(), ref)
		}
		if err != nil {
			v.add(key+".template", err.Error(), "")
			continue
		}
		known[ref] = t
		for own, text := range map[string]string{"out": con.Out, "in": con.In, "tables": con.Tables, "tests": con.Tests} {
			if text != "" {
				v.add(key+"."+own, "stands beside template", "take it out: the template has it")
			}
		}
		con, problems := con.fill(t)
		for _, p := range problems {
			v.add(key+".vars."+p.Name, p.What, "")
		}
		v.config.Connections[name] = con
	}
}
