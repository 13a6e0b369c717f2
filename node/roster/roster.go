package roster

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"parley/filters"
	"parley/filters/template"
	"parley/node"
	"parley/node/config"
	"parley/sync/connection"
	"parley/sync/event"
)

// Roster is a file of connections and what it is for.
type Roster struct {
	Template *template.Template
	Config   *config.Config
	// Schema is the tracker's; an empty one checks no names of fields and options.
	Schema event.Schema
	Rows   []template.Row
}

// Check reads a file and returns all that is wrong with it, by line and column.
func (r *Roster) Check(in io.Reader) []template.Mistake {
	var mistakes []template.Mistake
	r.Rows, mistakes = template.ReadRows(in, r.Template)
	tables, err := node.TemplateTables(r.Template)
	if err != nil {
		return append(mistakes, template.Mistake{Line: 1, Column: 1, What: err.Error()})
	}
	bad := map[int]bool{}
	for _, m := range mistakes {
		bad[m.Line] = true
	}
	for _, row := range r.Rows {
		mistakes = append(mistakes, r.config(row)...)
		// A row that has not all variables would bring the same mistake once more.
		if !bad[row.Line] {
			mistakes = append(mistakes, r.compile(row, tables)...)
		}
	}
	slices.SortStableFunc(mistakes, func(a, b template.Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return mistakes
}

// mistake is one in a cell; in the row's first if it has no such.
func mistake(row template.Row, column, what string) template.Mistake {
	return template.Mistake{Line: row.Line, Column: max(row.Columns[column], 1), Field: column, What: what}
}

// config looks at what a row says beside variables.
func (r *Roster) config(row template.Row) []template.Mistake {
	var out []template.Mistake
	if there, ok := r.Config.Connections[row.Name]; ok && !same(there, r.entry(row).Connection) {
		out = append(out, mistake(row, "name", "parley.yaml has a connection "+row.Name+" already, and it says something else"))
	}
	if row.Code == "" {
		return out
	}
	code, err := connection.ParseCode(row.Code)
	switch {
	case err != nil:
		out = append(out, mistake(row, "code", "is no invitation's code: it is copied whole, from the first character to the last"))
	case time.Now().After(code.Expires):
		out = append(out, mistake(row, "code", "has expired: ask the other side for another one"))
	}
	return out
}

// same tells whether a connection says what a row says.
func same(there, row config.Connection) bool {
	there = there.Given()
	vars := len(there.Vars) == 0 && len(row.Vars) == 0 || reflect.DeepEqual(there.Vars, row.Vars)
	return vars && there.Template == row.Template && there.Scope == row.Scope && there.Query == row.Query &&
		there.Owner == row.Owner && slices.Equal(there.Tags, row.Tags) && there.Conflict == cmp.Or(row.Conflict, config.ConflictNewest)
}

// compile compiles scope and filters as the row's connection would run them.
func (r *Roster) compile(row template.Row, tables map[string]filters.Table) []template.Mistake {
	env := filters.Env{Schema: r.Schema, Vars: row.Vars, Tables: tables, Key: []byte("check")}
	out, _ := r.Template.File(template.FileOutgoing)
	in, _ := r.Template.File(template.FileIncoming)
	scope, where := r.Template.Scope, "scope"
	if row.Scope != "" {
		scope = row.Scope
	}
	var found []template.Mistake
	note := func(column, file string, err error) {
		for _, what := range lines(err) {
			found = append(found, mistake(row, column, file+": "+what))
			found[len(found)-1].Field = ""
		}
	}
	if strings.TrimSpace(scope) == "" {
		return []template.Mistake{mistake(row, where, "is missing: the template has no "+template.FileScope)}
	}
	_, err := filters.CompileScope(scope, env)
	note(where, where, err)
	_, err = filters.CompileOutgoing(out, env)
	note("name", template.FileOutgoing, err)
	_, err = filters.CompileIncoming(in, env)
	note("name", template.FileIncoming, err)
	return found
}

// lines are the problems of an error, without the excerpts.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	problems := filters.Problems(nil)
	if !errors.As(err, &problems) {
		return []string{err.Error()}
	}
	var out []string
	for _, p := range problems {
		text, _, _ := strings.Cut(p.String(), "\n")
		if !p.Warning {
			out = append(out, text)
		}
	}
	return out
}

// entry is the connection of a row as parley.yaml is to have it.
func (r *Roster) entry(row template.Row) config.Entry {
	c := config.Connection{
		Template: r.Template.Ref.String(), Vars: row.Given, Scope: row.Scope, Query: row.Query,
		Conflict: row.Conflict, Owner: row.Owner, Tags: row.Tags,
	}
	return config.Entry{Name: row.Name, Connection: c}
}

// Add keeps the template and puts all rows into the configuration's file; it returns
// how many were not there.
func (r *Roster) Add(o config.Options) (int, error) {
	var add []config.Entry
	for _, row := range r.Rows {
		if _, there := r.Config.Connections[row.Name]; !there {
			add = append(add, r.entry(row))
		}
	}
	if len(add) == 0 {
		return 0, nil
	}
	if err := template.Keep(r.Config.Home(), r.Template); err != nil {
		return 0, err
	}
	err := config.Edit(r.Config.File(), o, func(text []byte) ([]byte, error) {
		return config.WithConnections(text, add)
	}, func(cfg *config.Config) error {
		for _, e := range add {
			if got, ok := cfg.Connections[e.Name]; !ok || !same(got, e.Connection) {
				return fmt.Errorf("connection %s would not be read back as it was written", e.Name)
			}
		}
		if len(cfg.Connections) != len(r.Config.Connections)+len(add) {
			return errors.New("other connections than those of the file would be changed")
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("add connections to %s: %w", r.Config.File(), err)
	}
	return len(add), nil
}
