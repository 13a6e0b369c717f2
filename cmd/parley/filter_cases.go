package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"parley/filters"
	"parley/filters/filtertest"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/sync/event"
)

type filterTest struct {
	Paths      []string          `arg:"" optional:"" placeholder:"PATH" type:"path" help:"Test files, or folders of them; the tests of every connection if left out."`
	Connection string            `short:"c" placeholder:"NAME" help:"The connection whose filters are tested. Beside an outgoing.parley and incoming.parley those are."`
	Var        map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A variable that stands over the connection's; may be repeated."`
	Offline    bool              `help:"Do not ask the running node for the tracker's fields and options. A schema.json beside a test counts in any case."`
}

// suite is test files and the scripts that they are for.
type suite struct {
	scripts filtertest.Scripts
	files   []filtertest.File
}

// Run implements the command.
func (c *filterTest) Run(ctx context.Context, a *app) error {
	suites, err := c.suites(ctx, a)
	if err != nil {
		return err
	}
	results := []filtertest.Result{}
	for _, s := range suites {
		results = append(results, s.scripts.RunFiles(ctx, s.files)...)
	}
	if len(results) == 0 {
		return &failure{Kind: admin.KindNotFound, Message: "there are no filter tests", Hint: "make one of a ticket: parley filter record KEY"}
	}
	failed := 0
	for _, r := range results {
		if !r.Passed() {
			failed++
		}
	}
	if err := a.show(results, func(w io.Writer) { showResults(w, results, failed) }); err != nil {
		return err
	}
	if failed > 0 {
		return invalid("mend the filter, or what the test expects", "%s", count(failed, "filter test")+" failed")
	}
	return nil
}

func showResults(w io.Writer, results []filtertest.Result, failed int) {
	for _, r := range results {
		if r.Passed() {
			fmt.Fprintf(w, "ok    %s: %s\n", r.File, clean(r.Name))
			continue
		}
		fmt.Fprintf(w, "FAIL  %s: %s\n", r.File, clean(r.Name))
		for line := range strings.Lines(r.Error) {
			fmt.Fprintf(w, "      %s\n", strings.TrimRight(line, "\n"))
		}
		for _, d := range r.Differences {
			for _, line := range d.Lines() {
				fmt.Fprintf(w, "      %s\n", line) // w takes escapes out
			}
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", len(results)-failed, failed)
}

// suites finds what is to be tested.
func (c *filterTest) suites(ctx context.Context, a *app) ([]suite, error) {
	schema := func() event.Schema { return noSchema() }
	if !c.Offline {
		schema = func() event.Schema { return a.schema(ctx) }
	}
	if len(c.Paths) == 0 {
		return c.ofConnections(a, schema)
	}
	var suites []suite
	for _, at := range c.Paths {
		files, err := testFiles(at)
		if err != nil {
			return nil, err
		}
		s := suite{files: files}
		if folder, ok := pairFolder(at); ok && c.Connection == "" {
			s.scripts, err = folderScripts(folder)
		} else {
			s.scripts, err = c.scriptsFor(a, at, schema)
		}
		if err != nil {
			return nil, err
		}
		s.scripts = c.withVars(s.scripts)
		suites = append(suites, s)
	}
	return suites, nil
}

func (c *filterTest) withVars(s filtertest.Scripts) filtertest.Scripts {
	vars := map[string]any{}
	for name, value := range s.Env.Vars {
		vars[name] = value
	}
	for name, value := range c.Var {
		vars[name] = variable(value)
	}
	s.Env.Vars = vars
	return s
}

// variable is a text as the value that it is in parley.yaml.
func variable(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if is, err := strconv.ParseBool(text); err == nil && len(text) > 1 {
		return is
	}
	return text
}

// ofConnections are the tests of one connection, or of all.
func (c *filterTest) ofConnections(a *app, schema func() event.Schema) ([]suite, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	chosen := names(cfg)
	if c.Connection != "" {
		chosen = []string{c.Connection}
	}
	var suites []suite
	for _, name := range chosen {
		files, err := testFiles(cfg.TestsOf(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		scripts, err := connectionScripts(cfg, name, schema())
		if err != nil {
			return nil, err
		}
		suites = append(suites, suite{c.withVars(scripts), files})
	}
	return suites, nil
}

// scriptsFor are the scripts of the connection that tests are for: the one named,
// the one in whose folder they stand, the only one.
func (c *filterTest) scriptsFor(a *app, at string, schema func() event.Schema) (filtertest.Scripts, error) {
	cfg, err := a.load()
	if err != nil {
		return filtertest.Scripts{}, err
	}
	name := c.Connection
	for _, one := range names(cfg) {
		if folder, err := filepath.Abs(cfg.TestsOf(one)); name == "" && err == nil && (at == folder || strings.HasPrefix(at, folder+string(filepath.Separator))) {
			name = one
		}
	}
	if name, err = a.nameOf(name); err != nil {
		return filtertest.Scripts{}, err
	}
	return connectionScripts(cfg, name, schema())
}

// testFiles reads a test file, or those of a folder.
func testFiles(at string) ([]filtertest.File, error) {
	if _, err := os.Stat(at); err != nil {
		return nil, fmt.Errorf("read filter tests: %w", err)
	}
	files, err := filtertest.Find(os.DirFS(filepath.Dir(at)), filepath.Base(at))
	if err != nil {
		return nil, invalid("docs/filters/README.md has what a test file may say", "%v", err)
	}
	for i := range files {
		files[i].Name = filepath.Join(filepath.Dir(at), files[i].Name)
		if short, err := relative(files[i].Name); err == nil {
			files[i].Name = short
		}
	}
	return files, nil
}

// relative is a path as people in this folder write it.
func relative(name string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.Rel(here, name)
}

const (
	outgoingFile = "outgoing.parley"
	incomingFile = "incoming.parley"
)

// pairFolder is the folder at a path, or just above it, that holds a pair of
// filters, as those of the ready-made ones do.
func pairFolder(at string) (string, bool) {
	for range 3 {
		if _, err := os.Stat(filepath.Join(at, outgoingFile)); err == nil {
			return at, true
		}
		at = filepath.Dir(at)
	}
	return "", false
}

func folderScripts(folder string) (s filtertest.Scripts, err error) {
	if s.Outgoing, err = readFilter(filepath.Join(folder, outgoingFile)); err == nil {
		s.Incoming, err = readFilter(filepath.Join(folder, incomingFile))
	}
	if err != nil {
		return s, fmt.Errorf("read the filters: %w", err)
	}
	if s.Env.Tables, err = tablesIn(filepath.Join(folder, "tables")); err != nil {
		return s, invalid("", "%v", err)
	}
	return s, nil
}

// connectionScripts are the filters of a connection as its files have them.
func connectionScripts(cfg *config.Config, name string, schema event.Schema) (filtertest.Scripts, error) {
	s := filtertest.Scripts{Env: filters.Env{Schema: schema}}
	c, ok := cfg.Connections[name]
	if !ok {
		return s, &failure{Kind: admin.KindNotFound, Message: "there is no connection " + name, Hint: "there are " + strings.Join(names(cfg), ", ")}
	}
	var err error
	if s.Outgoing, err = readFilter(cfg.Path(c.Out)); err == nil {
		s.Incoming, err = readFilter(cfg.Path(c.In))
	}
	if err != nil {
		return s, fmt.Errorf("read the filters: %w", err)
	}
	s.Env.Vars = c.Vars
	if c.Tables != "" {
		if s.Env.Tables, err = tablesIn(cfg.Path(c.Tables)); err != nil {
			return s, invalid("", "%v", err)
		}
	}
	return s, nil
}

type filterRecord struct {
	Key        string `arg:"" help:"Key of a ticket, as people use it."`
	Connection string `short:"c" placeholder:"NAME" help:"The connection; the only one in parley.yaml if left out."`
	File       string `placeholder:"FILE" help:"Where to write; - prints it. The connection's folder of tests if left out."`
	Blank      bool   `help:"Leave of every text its form only, letters as x and digits as 0."`
}

// recorded is what filter record did.
type recorded struct {
	Key   string `json:"key"`
	File  string `json:"file,omitempty"`
	Cases string `json:"cases"`
}

// Run implements the command.
func (c *filterRecord) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Connection)
	if err != nil {
		return err
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	file := c.File
	if file == "" {
		file = filepath.Join(cfg.TestsOf(name), fileName(c.Key)+".yaml")
	}
	if file != "-" && taken(file) {
		return &failure{Kind: admin.KindConflict, Message: file + " is there already", Hint: "remove it, or name another --file"}
	}
	request := admin.RecordRequest{Connection: name, Key: c.Key, Blank: c.Blank}
	r, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.RecordResult, error) { return n.Record(ctx, request) })
	if err != nil {
		return err
	}
	out := recorded{Key: r.Key, File: file}
	if out.Cases, err = fill(ctx, cfg, name, r); err != nil {
		return err
	}
	if file == "-" {
		out.File = ""
		return a.show(out, func(w io.Writer) { fmt.Fprint(w, out.Cases) })
	}
	if err := writeCases(file, out.Cases, r.Schema); err != nil {
		return err
	}
	return a.show(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s\nnames, addresses, hosts and secrets are replaced; read it before you give it to others\n", clean(r.Key), file)
	})
}

// fill lets the recorded cases expect what the filters make of them at present.
func fill(ctx context.Context, cfg *config.Config, name string, r admin.RecordResult) (string, error) {
	cases, err := filtertest.Parse([]byte(r.Cases))
	if err != nil {
		return "", fmt.Errorf("read what the node recorded: %w", err)
	}
	scripts, err := connectionScripts(cfg, name, r.Schema)
	if err != nil {
		return "", err
	}
	for i := range cases {
		if cases[i], err = scripts.Fill(ctx, cases[i]); err != nil {
			return "", invalid("parley filter check", "%v", err)
		}
	}
	text, err := filtertest.Write(cases)
	return string(text), err
}

// writeCases writes a test file, and the schema beside it if there is none.
func writeCases(file, text string, schema event.Schema) error {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of tests: %w", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the test: %w", err)
	}
	beside := filepath.Join(folder, filtertest.SchemaFile)
	if taken(beside) {
		return nil
	}
	raw, err := json.MarshalIndent(schema, "", "  ")
	if err == nil {
		err = os.WriteFile(beside, append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the schema beside the test: %w", err)
	}
	return nil
}

// fileName is a ticket's key as the name of a file.
func fileName(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, key)
}
