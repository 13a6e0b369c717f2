package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/adapters"
	"parley/filters/examples"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/secret"
)

const probeWait = 20 * time.Second

type initCommand struct {
	Name       string            `placeholder:"NAME" help:"What your people call this node."`
	Tracker    string            `placeholder:"KIND" help:"Kind of the tracker, as in adapter list."`
	URL        string            `name:"url" placeholder:"URL" help:"Address of the tracker."`
	Set        map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A setting of the tracker, as in adapter show; not for secrets."`
	SecretFile map[string]string `mapsep:"none" placeholder:"KEY=FILE" help:"A secret setting of the tracker, read from a file that only you may read."`
	Connection string            `placeholder:"NAME" help:"Your name for the first connection, as that of the other organisation."`
	Var        map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A variable of the first connection's filters."`
	Scope      string            `placeholder:"EXPRESSION" help:"Which of our tickets belong on the first connection."`
	Listen     string            `placeholder:"HOST:PORT" help:"Listen for other nodes here; without it, this node dials out."`
	Advertise  string            `placeholder:"HOST:PORT" help:"The address that other nodes reach it by, if it is another one."`
	Example    string            `placeholder:"NAME" help:"Start from this ready-made pair of filters, with its tables, gates and tests; a plain one for the tracker if left out."`
	Side       string            `placeholder:"SIDE" help:"Which side of the example is yours."`
	List       bool              `name:"list-examples" help:"List the ready-made pairs, and make nothing."`
	Offline    bool              `help:"Do not ask the tracker whether all is set up rightly."`
}

// plan is all that init is going to write.
type plan struct {
	config.Answers
	example examples.Example
	secrets map[string]secret.Value // by the name in the vault
}

// Run implements the command.
func (c *initCommand) Run(ctx context.Context, a *app) error {
	if c.List {
		return listExamples(a)
	}
	if err := free(a.file); err != nil {
		return err
	}
	p, err := c.gather(ctx, a)
	if err != nil {
		return err
	}
	made, err := write(ctx, a.file, p)
	if err != nil {
		return err
	}
	var findings []adapters.Finding
	if !c.Offline {
		findings = c.probe(ctx, a)
	}
	next := []string{"parley run", "parley connection invite " + p.Connection}
	if p.Listen == "" {
		next[1] = "parley connection accept CODE"
	}
	if a.file != "parley.yaml" {
		for i := range next {
			next[i] += " --config " + a.file
		}
	}
	result := struct {
		Files   []string           `json:"files"`
		Example string             `json:"example"`
		Notes   []string           `json:"notes,omitempty"`
		Tracker []adapters.Finding `json:"tracker,omitempty"`
		Next    []string           `json:"next"`
	}{made, p.example.Name, notes(p), findings, next}
	return a.show(result, func(w io.Writer) {
		for _, name := range made {
			fmt.Fprintf(w, "made %s\n", name)
		}
		for _, note := range result.Notes {
			fmt.Fprintf(w, "note: %s\n", note)
		}
		showFindings(w, findings)
		fmt.Fprintf(w, "\nNext, here:\n  %s\nand in another window:\n  %s\n", next[0], next[1])
	})
}

// probe asks the tracker. What it says keeps nothing from being written: a
// tracker may be down today.
func (c *initCommand) probe(ctx context.Context, a *app) []adapters.Finding {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	findings, err := a.probe(ctx)
	if err != nil {
		return []adapters.Finding{{Level: adapters.LevelWarning, What: err.Error(), Hint: asFailure(err).Hint}}
	}
	return findings
}

// free refuses to write over a node.
func free(file string) error {
	folder := filepath.Dir(file)
	for _, name := range []string{file, filepath.Join(folder, config.Default().Node.Dir)} {
		if taken(name) {
			return &failure{
				Kind: admin.KindConflict, Message: name + " is there already, and init writes over nothing",
				Hint: "choose another folder with --config FOLDER/parley.yaml, or change the file by hand",
			}
		}
	}
	return nil
}

// taken tells whether something is there that would be lost; an empty folder
// would not.
func taken(name string) bool {
	if entries, err := os.ReadDir(name); err == nil {
		return len(entries) > 0
	}
	_, err := os.Lstat(name)
	return !errors.Is(err, os.ErrNotExist)
}

// gather takes the flags and asks for what is missing.
func (c *initCommand) gather(ctx context.Context, a *app) (*plan, error) {
	g := &gatherer{asker: newAsker(ctx, a), interactive: terminal(a.in)}
	kind := g.kind(c.Tracker)
	example := g.example(c, kind.Name)
	p := &plan{example: example, secrets: map[string]secret.Value{}}
	p.Kind = kind
	p.Name = g.text("--name", c.Name, "Name of this node", "", checkName)
	p.URL = g.text("--url", c.URL, "Address of "+kind.Title, "", checkURL)
	p.Settings = g.settings(c, p)
	p.Connection = g.text("--connection", c.Connection, "Name of the first connection (your word for the other organisation)", "", checkName)
	p.Vars = g.vars(c.Var, example, p.Settings)
	p.Scope = g.optional(c.Scope, "Which tickets belong on it, as an expression", strings.TrimSpace(example.Scope))
	p.Listen = g.optional(c.Listen, "Address to listen on for other nodes, as 0.0.0.0:4222 (empty: this node dials out)", "")
	if p.Listen != "" {
		p.Advertise = g.optional(c.Advertise, "Address that they reach it by, if it is another", "")
	}
	if len(example.Tables) > 0 {
		p.Tables = "tables/" + p.Connection
	}
	for _, name := range []string{"project", "queue"} {
		if project, ok := p.Vars[name].(string); ok {
			p.Projects = append(p.Projects, project)
		}
	}
	if err := g.done(); err != nil {
		return nil, err
	}
	var err error
	p.Rules, err = settled(example.Settings, p.Vars)
	return p, err
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("want an address as https://tickets.example.com")
	}
	return nil
}
