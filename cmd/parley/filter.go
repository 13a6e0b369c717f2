package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/filters"
	"parley/node"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/sync/event"
)

const (
	maxFilter  = 1 << 20
	schemaWait = 10 * time.Second
)

type filterCommand struct {
	Check  filterCheck  `cmd:"" help:"Say every mistake in the filters and scopes."`
	Test   filterTest   `cmd:"" help:"Run filter tests: files that say what goes in and what must come out."`
	Record filterRecord `cmd:"" help:"Make filter tests of a real ticket, with what is personal or secret replaced."`
	Try    filterTry    `cmd:"" help:"Run filters on a ticket and show what each line did; nothing is written."`

	Publish  filterPublish  `cmd:"" help:"Put the files of a connection in force as a version, after checks and tests; shows what it changes first."`
	History  filterHistory  `cmd:"" help:"Which versions of the filters were in force, since when, by whom and why."`
	Diff     filterDiff     `cmd:"" help:"How two versions of the filters differ, or one and the files."`
	Rollback filterRollback `cmd:"" help:"Put a version in force that was before; the files stay as they are."`
}

type filterCheck struct {
	Connections []string `arg:"" optional:"" help:"Connections; all if left out."`
	Offline     bool     `help:"Do not ask the running node for the tracker's fields and options."`
}

// report is what is wrong in one filter.
type report struct {
	File     string           `json:"file"`
	Problems filters.Problems `json:"problems"`
	// Held is what the filter reads that the connection's gate does not let out as
	// it is. Text that is copied from it looks like any other.
	Held []filters.Finding `json:"held,omitempty"`
	// Shared are fields that another connection's filter sets too, with its name, and
	// that no side owns: whose change comes last stands.
	Shared []shared `json:"shared,omitempty"`
	// Error is what is wrong with the file itself.
	Error string `json:"error,omitempty"`
}

// shared is a field of ours that two incoming filters set.
type shared struct {
	Field      string `json:"field"`
	Connection string `json:"connection"`
}

// writers remembers which connection's filter sets which single-valued field.
type writers struct {
	schema event.Schema
	owned  map[string]bool
	first  map[string]string
}

func newWriters(cfg *config.Config, schema event.Schema) *writers {
	w := &writers{schema: schema, owned: map[string]bool{}, first: map[string]string{}}
	for _, c := range cfg.Connections {
		for field, owner := range c.Fields {
			if owner != config.OwnerBoth {
				w.owned[field], w.owned["fields."+field] = true, true
			}
		}
	}
	return w
}

// note returns the fields of a filter that one of another connection set before it.
func (w *writers) note(connection string, fields []string) (out []shared) {
	for _, field := range fields {
		known, ok := w.schema.Fields[field]
		isSet := known.Type == event.TypeSet || known.Type == event.TypeOptions || known.Type == event.TypeUsers || !ok && field == event.FieldLabels
		if w.owned[field] || isSet {
			continue
		}
		if before, ok := w.first[field]; ok {
			out = append(out, shared{field, before})
		} else {
			w.first[field] = connection
		}
	}
	return out
}

// Run implements the command.
func (c *filterCheck) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	for _, name := range c.Connections {
		if _, ok := cfg.Connections[name]; !ok {
			return &failure{Kind: admin.KindNotFound, Message: fmt.Sprintf("%s has no connection %s", a.file, name), Hint: "it has " + strings.Join(names(cfg), ", ")}
		}
	}
	if len(c.Connections) == 0 {
		c.Connections = names(cfg)
	}
	schema, peers := noSchema(), noPeers()
	if !c.Offline {
		schema, peers = a.schema(ctx), a.peers(ctx, c.Connections)
	}
	reports := checkConnections(ctx, cfg, c.Connections, schema, peers)
	if err := a.show(reports, func(w io.Writer) { showReports(w, reports) }); err != nil {
		return err
	}
	if n := mistakes(reports); n > 0 {
		return invalid("mend them, then check again", "%s in filters", count(n, "mistake"))
	}
	return nil
}

func names(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Connections)) }

func noSchema() event.Schema { return event.Schema{} }

func noPeers() map[string]event.Schema { return nil }

// schema asks the running node what the tracker has.
func (a *app) schema(ctx context.Context) event.Schema {
	ctx, cancel := context.WithTimeout(ctx, schemaWait)
	defer cancel()
	schema, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (event.Schema, error) { return n.Schema(ctx) })
	if err != nil {
		a.say("warning: %v: names of fields and options are not checked", err)
		return noSchema()
	}
	return schema
}

// checkConnections compiles scope and filters of connections; peers is what the other
// sides of some say that they send.
func checkConnections(ctx context.Context, cfg *config.Config, names []string, schema event.Schema, peers map[string]event.Schema) []report {
	reports := []report{}
	writers := newWriters(cfg, schema)
	for _, name := range names {
		c := cfg.Connections[name]
		env := filters.Env{Schema: schema, Peer: peers[name], Vars: c.Vars, OwnName: !c.Accept.Impersonate, Create: c.Accept.Create}
		if c.Tables != "" {
			var err error
			if env.Tables, err = tablesIn(cfg.Path(c.Tables)); err != nil {
				reports = append(reports, report{File: cfg.Path(c.Tables), Problems: filters.Problems{}, Error: err.Error()})
			}
		}
		_, err := filters.CompileScope(c.Scope, env)
		reports = append(reports, newReport("scope of "+name, nil, err))
		var held []filters.Finding
		var outgoing *filters.Outgoing
		out := checkFile(cfg.Path(c.Out), func(src string) (filters.Problems, error) {
			f, err := filters.CompileOutgoing(src, env)
			if err != nil {
				return nil, err
			}
			outgoing, held = f, node.Egress(c, f).CheckScript(f)
			return f.Warnings(), nil
		})
		out.Held = held
		reports = append(reports, out)
		var both []shared
		in := checkFile(cfg.Path(c.In), func(src string) (filters.Problems, error) {
			f, err := filters.CompileIncoming(src, env)
			if err != nil {
				return nil, err
			}
			both = writers.note(name, f.Targets())
			if outgoing == nil {
				return f.Warnings(), nil
			}
			info := filters.Context{Connection: filters.ConnectionInfo{Name: name, Tags: c.Tags}, Vars: c.Vars}
			return append(f.Warnings(), filters.RoundTrip(ctx, outgoing, f, schema, info)...), nil
		})
		in.Shared = both
		reports = append(reports, in)
	}
	return reports
}

func tablesIn(folder string) (map[string]filters.Table, error) {
	return filters.LoadTables(os.DirFS(filepath.Dir(folder)), filepath.Base(folder))
}

func checkFile(name string, compile func(string) (filters.Problems, error)) report {
	src, err := readFilter(name)
	if err != nil {
		return newReport(name, nil, err)
	}
	warnings, err := compile(src)
	return newReport(name, warnings, err)
}

func newReport(file string, warnings filters.Problems, err error) report {
	r := report{File: file, Problems: slices.Concat(filters.Problems{}, warnings)}
	if found := filters.Problems(nil); errors.As(err, &found) {
		r.Problems = append(r.Problems, found...)
	} else if err != nil {
		r.Error = err.Error()
	}
	return r
}

// readFilter reads a filter's file.
func readFilter(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxFilter+1))
	if err == nil && len(text) > maxFilter {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFilter)
	}
	return string(text), err
}

// mistakes counts what keeps filters from being used.
func mistakes(reports []report) int {
	n := 0
	for _, r := range reports {
		if r.Error != "" {
			n++
		}
		for _, p := range r.Problems {
			if !p.Warning {
				n++
			}
		}
	}
	return n
}

// showReports prints each problem with its place, the line and a caret.
func showReports(w io.Writer, reports []report) {
	for _, r := range reports {
		if r.Error != "" {
			fmt.Fprintf(w, "%s: %s\n", r.File, r.Error)
		}
		for _, p := range r.Problems {
			text := strings.TrimPrefix(p.String(), fmt.Sprintf("line %d, column %d: ", p.Line, p.Col))
			fmt.Fprintf(w, "%s:%d:%d: %s\n", r.File, p.Line, p.Col, text)
		}
		for _, f := range r.Held {
			fmt.Fprintf(w, "%s: warning: reads issue.%s (%s), which the gate does not let out; text that is copied from it leaves all the same\n", r.File, f.Field, f.Code)
		}
		for _, f := range r.Shared {
			fmt.Fprintf(w, "%s: warning: sets issue.%s, and so does the incoming filter of %s: of a ticket on both, the last change stands; name an owner under fields\n", r.File, f.Field, f.Connection)
		}
	}
}
