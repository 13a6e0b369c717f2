// Package examples holds the ready-made pairs of filters: the ones that
// `parley init` writes into a new node's folder and the demo runs with.
//
// Plain are one side each and speak the same language on the wire (the built-in
// desk's names of statuses and priorities), so that any two of them work together.
// Pairs are two sides made for each other, one for each way in which organisations
// work together. Each side has tests in its folder, which run against the scripts
// as they are embedded.
//
// It does not choose among them, and writes no files.
package examples

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"parley/filters"
)

//go:embed desk-to-desk redmine rt pairs
var files embed.FS

// Example is one side of a connection, ready to use.
type Example struct {
	// Name is its folder's: PAIR/SIDE if it is one of a pair.
	Name string
	// Pair and Side are set if it is one of a pair.
	Pair, Side string
	// Tracker is the kind of tracker it is for.
	Tracker string
	// About is one line for a list.
	About string
	// Outgoing, Incoming and Scope are the scripts.
	Outgoing, Incoming, Scope string
	Tables                    map[string]filters.Table
	// Vars are the variables that the scripts use.
	Vars []Var
	// Settings are further keys of its connection in parley.yaml, gates among them, with
	// comments; a variable stands there as "<name>".
	Settings string
	// Projects, Types and Needs are what its tracker must have: projects that no variable
	// names, types of tickets, and custom fields by their name, each with its type or its options.
	Projects, Types []string
	Needs           map[string]any
	// Ticket is the fields of one that belongs on the connection and leaves; only
	// sides of pairs have it.
	Ticket map[string]any
	// Files is the example's folder: outgoing.parley, incoming.parley,
	// scope.parley, connection.yaml, tables/*.yaml and tests/*.yaml.
	Files fs.FS
}

// Var is a variable that a connection with the example declares.
type Var struct {
	Name  string
	About string
	// Default is a text or a number; nil must be asked for.
	Default any
	// Sample is a value that serves in tests and prompts.
	Sample any
}

// List returns all examples: the plain ones, and then the sides of all pairs.
func List() ([]Example, error) {
	list, err := Plain()
	if err != nil {
		return nil, err
	}
	pairs, err := Pairs()
	for _, p := range pairs {
		list = append(list, p.Sides...)
	}
	return list, err
}

// Plain returns the examples of which any two fit together, by name.
func Plain() ([]Example, error) {
	size := Var{Name: "max_attachment_mb", About: "files larger than this stay here, in MB", Default: 20, Sample: 20}
	list := []Example{
		{
			Name: "desk-to-desk", Tracker: "desk", About: "the built-in desk on this side",
			Vars: []Var{
				{Name: "project", About: "the project that new tickets are created in", Sample: "DESK"},
				{Name: "type", About: "the type of new tickets whose own type is not known here", Default: "Request", Sample: "Request"},
				size,
			},
		},
		{
			Name: "redmine", Tracker: "redmine", About: "Redmine on this side",
			Vars: []Var{
				{Name: "project", About: "the project that is kept in step, by its identifier", Sample: "sync"},
				{Name: "tracker", About: "the tracker of new issues", Default: "Bug", Sample: "Bug"},
				size,
			},
		},
		{
			Name: "rt", Tracker: "rt", About: "Request Tracker on this side",
			Vars: []Var{{Name: "queue", About: "the queue that is kept in step", Sample: "Sync"}, size},
		},
	}
	for i := range list {
		if err := list[i].read(list[i].Name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Get returns one example.
func Get(name string) (Example, error) {
	list, err := List()
	if err != nil {
		return Example{}, err
	}
	i := slices.IndexFunc(list, func(e Example) bool { return e.Name == name })
	if i < 0 {
		return Example{}, fmt.Errorf("there is no example %q", name)
	}
	return list[i], nil
}

// read fills in what the example's folder holds.
func (e *Example) read(folder string) error {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return fmt.Errorf("read example %s: %w", e.Name, err)
	}
	e.Files = sub
	for name, into := range map[string]*string{"outgoing.parley": &e.Outgoing, "incoming.parley": &e.Incoming, "scope.parley": &e.Scope} {
		text, err := fs.ReadFile(sub, name)
		if err != nil {
			return fmt.Errorf("read example %s: %w", e.Name, err)
		}
		*into = string(text)
	}
	settings, err := fs.ReadFile(sub, "connection.yaml")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read example %s: %w", e.Name, err)
	}
	e.Settings = string(settings)
	if e.Tables, err = filters.LoadTables(sub, "tables"); err != nil {
		return fmt.Errorf("read example %s: %w", e.Name, err)
	}
	return nil
}

// Env is what the example compiles against, with each variable's sample. The
// schema is the tracker's and left to the caller.
func (e Example) Env() filters.Env {
	env := filters.Env{Tables: e.Tables, Vars: map[string]any{}}
	for _, v := range e.Vars {
		env.Vars[v.Name] = v.Sample
	}
	return env
}
