package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"parley/filters"
	"parley/filters/template"
	"parley/node/admin"
	"parley/node/config"
	"parley/sync/flow"
	"parley/sync/store"
)

// from takes what a template has, exactly as its digest was made of it.
func (v *version) from(t *template.Template) error {
	v.Template, v.Digest = t.Ref.String(), t.Digest
	v.Out, _ = t.File(template.FileOutgoing)
	v.In, _ = t.File(template.FileIncoming)
	var err error
	v.Tables, err = TemplateTables(t)
	return err
}

// TemplateTables reads the tables of a template.
func TemplateTables(t *template.Template) (map[string]filters.Table, error) {
	tables := map[string]filters.Table{}
	var problems []error
	for _, name := range t.Files() {
		short, inside := strings.CutPrefix(name, template.DirTables+"/")
		if !inside || path.Dir(short) != "." {
			continue
		}
		text, _ := t.File(name)
		table, err := filters.ParseTable([]byte(text))
		if err != nil {
			problems = append(problems, fmt.Errorf("%s of template %s: %w", name, t.Ref, err))
		}
		tables[strings.TrimSuffix(short, ".yaml")] = table
	}
	return tables, errors.Join(problems...)
}

// findTemplate reads a version of a template, in the words of the administration.
func findTemplate(cfg *config.Config, text string) (*template.Template, error) {
	ref, err := template.ParseRef(text)
	if err == nil && ref.Version == 0 {
		err = fmt.Errorf("%s names no version of the template", text)
	}
	if err != nil {
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: err.Error(), Hint: "write it as NAME@VERSION"}
	}
	t, err := template.Find(os.DirFS(cfg.Home()), ref)
	switch {
	case errors.Is(err, template.ErrNone):
		return nil, &admin.Error{Kind: admin.KindNotFound, Message: err.Error(), Hint: "`parley template list` shows them"}
	case err != nil:
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: "the template cannot be read", Err: err}
	}
	return t, nil
}

// filled is a connection with a template, if its variables fit.
func filled(c config.Connection, t *template.Template) (config.Connection, error) {
	c, problems := c.Filled(t)
	var what []string
	for _, p := range problems {
		what = append(what, "vars."+p.Name+": "+p.What)
	}
	if len(what) > 0 {
		return c, &admin.Error{Kind: admin.KindInvalid, Message: "the variables do not fit " + t.Ref.String() + ": " + strings.Join(what, "; "), Hint: "mend vars in parley.yaml"}
	}
	return c, nil
}

// otherTemplate is the configuration with another version of a connection's template.
func otherTemplate(cfg *config.Config, name, text string) (*config.Config, error) {
	t, err := findTemplate(cfg, text)
	if err != nil {
		return nil, err
	}
	c := cfg.Connections[name]
	if c.Template == "" {
		return nil, &admin.Error{Kind: admin.KindConflict, Message: name + " has no template", Hint: "write template: in its place in parley.yaml first"}
	}
	if c, err = filled(c, t); err != nil {
		return nil, err
	}
	return cfg.With(name, c), nil
}

var errPublished = errors.New("a version was published meanwhile")

// pin lets a connection whose template comes into force for the first time run by that
// content, whatever becomes of the template's files.
func (n *Node) pin(cfg *config.Config, c config.Connection, rec record, v version) (string, error) {
	id, err := v.id()
	if err != nil {
		return "", err
	}
	raw, err := v.content()
	if err != nil {
		return "", err
	}
	con := rec.Agreement.Connection
	tests, err := n.pinTests(con, cfg.TestsOf(rec.Name))
	if err != nil {
		// They are for going back to this version, which can be forced.
		n.log.Warn().Str("connection", rec.Name).Err(err).Msg("tests of the template are not kept")
	}
	entry, err := json.Marshal(published{Version: id, Tests: tests, Author: whoRuns(), Reason: "added with " + v.Template, At: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	err = n.store.Update(func(tx store.Tx) error {
		err := tx.Scan(store.PublishedPrefix(con), nil, func(_, _ []byte) (bool, error) { return false, errPublished })
		if err == nil {
			err = tx.Put(store.VersionKey(con, id), raw)
		}
		if err != nil {
			return err
		}
		return tx.Put(store.PublishedKey(con, 1), entry)
	})
	if err != nil {
		return "", fmt.Errorf("pin %s of %s: %w", v.Template, rec.Name, err)
	}
	if err := template.Keep(cfg.Home(), c.From()); err != nil {
		// The connection has its content in the store: the copy is for people.
		n.log.Warn().Str("connection", rec.Name).Err(err).Msg("template is not kept")
	}
	return id, nil
}

// Templates tells which connection runs by which template.
func (n *Node) Templates(context.Context) ([]admin.TemplateUse, error) {
	cfg, err := n.read()
	if err != nil {
		return nil, err
	}
	links := map[string]*link{}
	for _, l := range n.all() {
		links[l.record.Name] = l
	}
	out := []admin.TemplateUse{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Connections)) {
		c := cfg.Connections[name]
		u := admin.TemplateUse{Connection: name, Tags: c.Tags, Configured: c.Template}
		if l := links[name]; l != nil {
			if err := n.useOf(l, &u); err != nil {
				return nil, err
			}
		}
		if u.Configured != "" || u.Template != "" {
			out = append(out, u)
		}
	}
	return out, nil
}

// read is the configuration as its file has it at present.
func (n *Node) read() (*config.Config, error) {
	if n.options.Reload != nil {
		return n.options.Reload()
	}
	return n.configured(), nil
}

// useOf fills in what is in force of a connection.
func (n *Node) useOf(l *link, u *admin.TemplateUse) error {
	history, err := n.history(l.record.Agreement.Connection)
	if err != nil {
		return err
	}
	u.Joined = true
	for i, e := range slices.Backward(history) {
		v, err := n.stored(l.record.Agreement.Connection, e.Version)
		switch {
		case err != nil:
			return err
		case i == len(history)-1:
			u.Template, u.Digest, u.Version, u.Since, u.ParkedBefore = v.Template, v.Digest, e.Version, e.At, e.Parked
		case v.Template != "" && !slices.ContainsFunc(u.Before, func(b admin.TemplateVersion) bool { return b.Template == v.Template }):
			u.Before = append(u.Before, admin.TemplateVersion{Template: v.Template, Version: e.Version})
		}
	}
	c, err := n.connectionState(l)
	if err != nil {
		return err
	}
	u.State, u.Twins, u.Parked, u.Under = c.State, c.Twins, c.Parked, c.Waiting+c.Sending+c.Applying+c.Files
	return nil
}

// TemplateDiff compares two versions of a template, and finds for each connection that
// has it what would leave or enter more.
func (n *Node) TemplateDiff(ctx context.Context, from, to string) (admin.TemplateDiff, error) {
	out := admin.TemplateDiff{From: from, To: to, Parts: []admin.PartDiff{}, Connections: []admin.TemplateChange{}}
	cfg, err := n.read()
	if err != nil {
		return out, err
	}
	var both [2]*template.Template
	for i, text := range []string{from, to} {
		if both[i], err = findTemplate(cfg, text); err != nil {
			return out, err
		}
	}
	if both[0].Ref.Name != both[1].Ref.Name {
		return out, &admin.Error{Kind: admin.KindInvalid, Message: from + " and " + to + " are different templates", Hint: "name two versions of one"}
	}
	out.Parts = diffParts(templateParts(both[0]), templateParts(both[1]))
	for _, l := range n.all() {
		c, ok := cfg.Connections[l.record.Name]
		if !ok || c.From() == nil || c.From().Ref.Name != both[0].Ref.Name {
			continue
		}
		change := admin.TemplateChange{Connection: l.record.Name}
		if change.Wider, err = n.templateWider(ctx, l, c, both); err != nil {
			change.Error = err.Error()
		}
		out.Connections = append(out.Connections, change)
	}
	return out, nil
}

func templateParts(t *template.Template) map[string]string {
	parts := map[string]string{}
	for _, name := range t.Files() {
		parts[name], _ = t.File(name)
	}
	return parts
}

// templateWider is what lets a connection more through under the second template.
func (n *Node) templateWider(ctx context.Context, l *link, c config.Connection, both [2]*template.Template) ([]string, error) {
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return nil, trackerFailed("read the tracker's fields", err)
	}
	var rules [2]*flow.Rules
	for i, t := range both {
		one, err := filled(c, t)
		if err != nil {
			return nil, err
		}
		v, err := draft(n.configured(), one)
		if err != nil {
			return nil, err
		}
		if rules[i], err = n.compile(one, l.record, schema, v); err != nil {
			return nil, err
		}
	}
	wider := append(widerOut(rules[0], rules[1]), widerIn(&rules[0].Accept, &rules[1].Accept)...)
	if rules[0].Scope.Version() != rules[1].Scope.Version() {
		wider = append(wider, "the scope is another one: `parley template upgrade --dry-run` looks at tickets")
	}
	return wider, nil
}
