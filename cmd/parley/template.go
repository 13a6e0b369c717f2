package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/filters"
	"parley/filters/filtertest"
	"parley/filters/template"
	"parley/node"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/sync/event"
)

type templateCommand struct {
	List     templateList     `cmd:"" help:"The templates, their versions, and which connections run by them."`
	Check    templateCheck    `cmd:"" help:"Say every mistake in a template."`
	Test     templateTest     `cmd:"" help:"Run the tests of a template."`
	Diff     templateDiff     `cmd:"" help:"How two versions differ, and what would leave more, connection by connection."`
	Upgrade  templateUpgrade  `cmd:"" help:"Put a version in force, in waves: a share of the connections, those with a tag, all."`
	Rollback templateRollback `cmd:"" help:"Put the version back in force that connections had before."`
}

// findTemplate reads NAME or NAME@VERSION. A version that was changed after it was used
// is refused.
func findTemplate(cfg *config.Config, text string) (*template.Template, error) {
	home := os.DirFS(cfg.Home())
	ref, err := template.ParseRef(text)
	if err != nil {
		return nil, invalid("", "%v", err)
	}
	t, err := template.Find(home, ref)
	if err == nil && !t.Kept {
		// The folder's version may have been used with another content.
		if t, err = template.Find(home, t.Ref); err == nil {
			err = template.Changed(home, t)
		}
	} else if err == nil {
		err = template.Changed(home, t)
	}
	switch {
	case errors.Is(err, template.ErrNone):
		return nil, &failure{Kind: admin.KindNotFound, Message: err.Error(), Hint: "`parley template list` shows them"}
	case err != nil:
		return nil, invalid("", "%v", err)
	}
	return t, nil
}

// templateVersion is a version in a list.
type templateVersion struct {
	Template    string `json:"template"`
	Digest      string `json:"digest"`
	Description string `json:"description,omitempty"`
	// Kept tells that it was used; Changed why its folder is refused.
	Kept    bool   `json:"kept"`
	Changed string `json:"changed,omitempty"`
	// Connections run by it.
	Connections []string `json:"connections"`
}

// templates are all that `template list` shows.
type templates struct {
	Templates []templateVersion   `json:"templates"`
	Uses      []admin.TemplateUse `json:"uses"`
}

type templateList struct {
	Connections bool `help:"Show each connection."`
}

// Run implements the command.
func (c *templateList) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	out := templates{Templates: []templateVersion{}, Uses: []admin.TemplateUse{}}
	if out.Uses, err = ask(ctx, a, func(ctx context.Context, n *client.Client) ([]admin.TemplateUse, error) { return n.Templates(ctx) }); err != nil {
		a.say("warning: %v: what is in force is not known", err)
		out.Uses = []admin.TemplateUse{}
		for _, name := range names(cfg) {
			if one := cfg.Connections[name]; one.Template != "" {
				out.Uses = append(out.Uses, admin.TemplateUse{Connection: name, Tags: one.Tags, Configured: one.Template})
			}
		}
	}
	home := os.DirFS(cfg.Home())
	all, err := template.Names(home)
	if err != nil {
		return err
	}
	for _, name := range all {
		versions, err := template.Versions(home, name)
		if err != nil {
			out.Templates = append(out.Templates, templateVersion{Template: name, Changed: err.Error(), Connections: []string{}})
			continue
		}
		for _, t := range versions {
			out.Templates = append(out.Templates, versionOf(home, t, out.Uses))
		}
	}
	return a.show(out, func(w io.Writer) { c.print(w, out) })
}

func versionOf(home fs.FS, t *template.Template, uses []admin.TemplateUse) templateVersion {
	v := templateVersion{Template: t.Ref.String(), Digest: t.Digest, Description: t.Description, Kept: t.Kept, Connections: []string{}}
	if err := template.Changed(home, t); err != nil {
		v.Changed = err.Error()
	}
	for _, u := range uses {
		if u.Template == v.Template || u.Template == "" && u.Configured == v.Template {
			v.Connections = append(v.Connections, u.Connection)
		}
	}
	return v
}

func (c *templateList) print(w io.Writer, out templates) {
	if len(out.Templates) == 0 {
		fmt.Fprintln(w, "there are no templates: make templates/NAME with template.yaml, outgoing.parley and incoming.parley")
		return
	}
	var rows [][]string
	for _, t := range out.Templates {
		state := "not used yet"
		if t.Kept {
			state = "kept"
		}
		if t.Changed != "" {
			state = t.Changed
		}
		rows = append(rows, []string{t.Template, t.Digest, fmt.Sprint(len(t.Connections)), state, t.Description})
	}
	table(w, "TEMPLATE|DIGEST|CONNECTIONS|STATE|ABOUT", rows)
	rows = nil
	for _, u := range out.Uses {
		if c.Connections || u.Template != "" && u.Template != u.Configured {
			rows = append(rows, []string{u.Connection, u.Template, u.Configured, u.State, strings.Join(u.Tags, " ")})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		table(w, "CONNECTION|IN FORCE|PARLEY.YAML|STATE|TAGS", rows)
	}
}

type templateCheck struct {
	Template string `arg:"" placeholder:"NAME[@V]" help:"The template."`
	Offline  bool   `help:"Do not ask the running node for the tracker's fields and options."`
}

// Run implements the command.
func (c *templateCheck) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	t, err := findTemplate(cfg, c.Template)
	if err != nil {
		return err
	}
	schema, peers := noSchema(), noPeers()
	if !c.Offline {
		schema, peers = a.schema(ctx), a.peers(ctx, using(cfg, t))
	}
	reports, err := checkTemplate(ctx, cfg, t, schema, peers)
	if err != nil {
		return err
	}
	if err := a.show(reports, func(w io.Writer) {
		showReports(w, reports)
		if mistakes(reports) == 0 {
			fmt.Fprintf(w, "%s (%s) is right, %s\n", t.Ref, t.Digest, count(len(t.Vars), "variable"))
		}
	}); err != nil {
		return err
	}
	if n := mistakes(reports); n > 0 {
		return invalid("mend them, then check again", "%s in template %s", count(n, "mistake"), t.Ref)
	}
	return nil
}

// using are the connections that have a version of the template.
func using(cfg *config.Config, t *template.Template) []string {
	return slices.DeleteFunc(names(cfg), func(name string) bool {
		from := cfg.Connections[name].From()
		return from == nil || from.Ref.Name != t.Ref.Name
	})
}

// checkTemplate compiles a template as connections run it: those that have it with
// their variables, or else with samples.
func checkTemplate(ctx context.Context, cfg *config.Config, t *template.Template, schema event.Schema, peers map[string]event.Schema) ([]report, error) {
	if _, err := node.TemplateTables(t); err != nil {
		return nil, invalid("", "%v", err)
	}
	all := map[string]config.Connection{}
	reports := []report{}
	for _, name := range using(cfg, t) {
		con, problems := cfg.Connections[name].Filled(t)
		for _, p := range problems {
			reports = append(reports, report{File: "connections." + name + ".vars." + p.Name, Problems: filters.Problems{}, Error: p.What})
		}
		if len(problems) == 0 {
			all[name] = con
		}
	}
	if len(all) == 0 && len(reports) == 0 {
		con, _ := config.Connection{Scope: t.Scope}.Filled(t)
		con.Vars = t.Samples()
		if con.Scope == "" {
			con.Scope = "true" // each connection says its own
		}
		all["sample"] = con
	}
	one := *cfg
	one.Connections = all
	return append(reports, once(checkConnections(ctx, &one, names(&one), schema, peers))...), nil
}

// once leaves reports out that stand already: a mistake of a template is the same with
// each connection.
func once(reports []report) []report {
	seen := map[string]bool{}
	out := []report{}
	for _, r := range reports {
		r.Shared = nil // connections from one template set the same fields; their scopes part them
		var said strings.Builder
		showReports(&said, []report{r})
		if !seen[said.String()] {
			seen[said.String()] = true
			out = append(out, r)
		}
	}
	return out
}

type templateTest struct {
	Template string            `arg:"" placeholder:"NAME[@V]" help:"The template."`
	Var      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A variable; may be repeated. A test may bring its own."`
	Offline  bool              `help:"Do not ask the running node for the tracker's fields and options. A schema.json beside a test counts in any case."`
}

// Run implements the command.
func (c *templateTest) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	t, err := findTemplate(cfg, c.Template)
	if err != nil {
		return err
	}
	files, err := testFiles(filepath.Join(cfg.Home(), filepath.FromSlash(t.Dir), template.DirTests))
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{Kind: admin.KindNotFound, Message: t.Ref.String() + " has no tests", Hint: "write some into " + t.Dir + "/tests"}
	}
	if err != nil {
		return err
	}
	scripts := filtertest.Scripts{Env: filters.Env{Vars: t.Samples()}}
	scripts.Outgoing, _ = t.File(template.FileOutgoing)
	scripts.Incoming, _ = t.File(template.FileIncoming)
	if scripts.Env.Tables, err = node.TemplateTables(t); err != nil {
		return invalid("", "%v", err)
	}
	if !c.Offline {
		scripts.Env.Schema = a.schema(ctx)
	}
	for name, text := range c.Var {
		if scripts.Env.Vars[name], err = t.Vars[name].Parse(text); err != nil {
			return usageError("", "--var %s: %v", name, err)
		}
	}
	results := scripts.RunFiles(ctx, files)
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
		return invalid("mend the template, or what the test expects", "%s", count(failed, "filter test")+" failed")
	}
	return nil
}

type templateDiff struct {
	From string `arg:"" placeholder:"NAME@V" help:"A version."`
	To   string `arg:"" placeholder:"NAME@V" help:"The version to compare with it."`
}

// Run implements the command.
func (c *templateDiff) Run(ctx context.Context, a *app) error {
	d, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.TemplateDiff, error) {
		return n.TemplateDiff(ctx, c.From, c.To)
	})
	if err != nil {
		return err
	}
	return a.show(d, func(w io.Writer) { showTemplateDiff(w, d) })
}

func showTemplateDiff(w io.Writer, d admin.TemplateDiff) {
	if len(d.Parts) == 0 {
		fmt.Fprintf(w, "%s and %s are alike\n", d.From, d.To)
	}
	for _, p := range d.Parts {
		fmt.Fprintf(w, "%s\n", clean(p.Part))
		for _, line := range p.Lines {
			fmt.Fprintf(w, "%s\n", line) // w takes escapes out
		}
	}
	fmt.Fprintln(w)
	// Connections that change alike stand together.
	var order []string
	alike := map[string][]string{}
	for _, c := range d.Connections {
		what := "nothing leaves or enters that does not already"
		switch {
		case c.Error != "":
			what = "cannot be in force: " + c.Error
		case len(c.Wider) > 0:
			what = "more than before: " + strings.Join(c.Wider, "; ")
		}
		if alike[what] == nil {
			order = append(order, what)
		}
		alike[what] = append(alike[what], c.Connection)
	}
	for _, what := range order {
		list := alike[what]
		more := ""
		if len(list) > 10 {
			list, more = list[:10], fmt.Sprintf(" and %d more", len(list)-10)
		}
		fmt.Fprintf(w, "%s: %s%s\n  %s\n", count(len(alike[what]), "connection"), strings.Join(list, ", "), more, clean(what))
	}
}
