package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	"time"
	"unicode/utf8"

	"parley/filters"
	"parley/node/admin"
	"parley/node/config"
	"parley/sync/event"
)

// Bounds of a setup.
const (
	maxSetupFiles = 10_000
	maxSetupName  = 250
)

// stageFolder is where a setup is looked at, in the node's folder.
const stageFolder = "apply"

// applying is a setup on its way into force.
type applying struct {
	request admin.ApplyRequest
	// file is parley.yaml as it is on the disk, target the setup's one.
	file, target *config.Config
	names        []string
	// force is what connections do, disk what files say, want what the setup says.
	force, disk, want setup
	publications      map[string]*publication
	result            admin.ApplyResult
}

// Apply makes the connections do what a setup says, if all of it is right. What was
// cut off by a crash is completed by the same request.
func (n *Node) Apply(ctx context.Context, r admin.ApplyRequest) (_ admin.ApplyResult, err error) {
	n.publishing.Lock()
	defer n.publishing.Unlock()
	a := &applying{request: r, publications: map[string]*publication{}, result: admin.ApplyResult{Connections: []admin.ApplyConnection{}}}
	if a.result.Problems = wrongFiles(r.Setup.Files); len(a.result.Problems) > 0 {
		return a.result, nil
	}
	if a.file, err = n.onDisk(); err != nil {
		return a.result, err
	}
	stage := filepath.Join(a.file.Path(a.file.Node.Dir), stageFolder)
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := a.read(stage); err != nil || len(a.result.Problems) > 0 && a.target == nil {
		return a.result, err
	}
	if err := n.check(ctx, a); err != nil || len(a.result.Problems) > 0 {
		return a.result, err
	}
	if err := n.compareSetup(ctx, a); err != nil {
		return a.result, err
	}
	if a.result.Same || r.DryRun {
		return a.result, nil
	}
	if err := a.allowed(); err != nil {
		return a.result, err
	}
	return a.result, n.putInForce(ctx, a)
}

// onDisk is the configuration as its file says at this moment.
func (n *Node) onDisk() (*config.Config, error) {
	cfg := n.configured()
	if n.options.Reload == nil || cfg.File() == "" {
		return nil, &admin.Error{Kind: admin.KindConflict, Message: "this node's configuration comes from no file"}
	}
	return n.options.Reload()
}

// wrongFiles finds what cannot be part of a setup, whatever it says.
func wrongFiles(files map[string]string) []string {
	var out []string
	if len(files) > maxSetupFiles {
		return []string{fmt.Sprintf("there are %d files, and %d are allowed", len(files), maxSetupFiles)}
	}
	if _, ok := files[setupConfig]; !ok {
		out = append(out, "there is no "+setupConfig)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch text := files[name]; {
		case !placeOfSetup(name):
			out = append(out, fmt.Sprintf("%.100q is no place for a file of a setup", name))
		case len(text) > maxFilter:
			out = append(out, fmt.Sprintf("%s has %d bytes, %d are allowed", name, len(text), maxFilter))
		case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
			out = append(out, name+" is no text")
		}
	}
	return out
}

// placeOfSetup tells whether a file may stand at a place: in one of the folders, and
// nowhere that a path could lead out of it.
func placeOfSetup(name string) bool {
	if name == setupConfig {
		return true
	}
	top, rest, ok := strings.Cut(name, "/")
	odd := func(r rune) bool { return r < ' ' || r == '\\' || r == ':' || r == 0x7f }
	return ok && rest != "" && len(name) <= maxSetupName && fs.ValidPath(name) && !strings.Contains("/"+name, "/.") && !strings.ContainsFunc(name, odd) &&
		slices.Contains([]string{"filters", setupTables, setupTests, setupTemplates}, top)
}

// read puts the setup's files into a folder of their own, and reads them there.
func (a *applying) read(stage string) error {
	if err := os.RemoveAll(stage); err != nil {
		return fmt.Errorf("look at the setup: %w", err)
	}
	for name, text := range a.request.Setup.Files {
		to := filepath.Join(stage, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("look at the setup: %w", err)
		}
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return fmt.Errorf("look at the setup: %w", err)
		}
	}
	base := *a.file
	if a.request.Prune {
		base.Connections = nil
	}
	var err error
	a.target, a.names, err = config.ReadConnections([]byte(a.request.Setup.Files[setupConfig]), stage, &base)
	if problems := (*config.Problems)(nil); errors.As(err, &problems) {
		a.result.Problems = append(a.result.Problems, problems.Lines()...)
		return nil
	}
	return err
}

// check compiles and tests all of the setup.
func (n *Node) check(ctx context.Context, a *applying) error {
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return trackerFailed("read the tracker's fields", err)
	}
	only := *a.target
	only.Connections = map[string]config.Connection{}
	for _, name := range a.names {
		c := a.target.Connections[name]
		v, err := draft(a.target, c)
		if err != nil {
			if len(a.result.Problems) == 0 || !errors.Is(err, fs.ErrNotExist) {
				a.result.Problems = append(a.result.Problems, "connection "+name+": "+err.Error())
			}
			continue
		}
		only.Connections[name] = c
		if wrong := n.wrongFilters(name, c, v, schema); len(wrong) > 0 {
			a.result.Problems = append(a.result.Problems, wrong...)
			continue
		}
		v.name, err = v.id()
		if err != nil {
			return err
		}
		p := &publication{link: n.named(name), config: a.target, next: v}
		if p.link == nil {
			p.link = &link{record: record{Name: name}}
		}
		p.result.Version = v.name
		if p.rules, err = n.compile(c, p.link.record, schema, v); err != nil {
			a.result.Problems = append(a.result.Problems, err.Error())
			continue
		}
		var failed *admin.Error
		if err := n.test(ctx, p, false); errors.As(err, &failed) && failed.Kind == admin.KindInvalid {
			a.result.Problems = append(a.result.Problems, "connection "+name+": "+failed.Error())
		} else if err != nil {
			return err
		}
		a.publications[name] = p
	}
	return a.account(&only)
}

// account wants every file of the setup to be one of a connection's, or a template's.
func (a *applying) account(cfg *config.Config) (err error) {
	if len(a.result.Problems) > 0 {
		return nil
	}
	if a.want, err = setupOfFiles(cfg); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(a.request.Setup.Files)) {
		if _, ok := a.want.files[name]; !ok && name != setupConfig {
			a.result.Problems = append(a.result.Problems, name+" belongs to no connection of "+setupConfig)
		}
	}
	return nil
}

// wrongFilters are all mistakes in the scripts of one connection.
func (n *Node) wrongFilters(name string, c config.Connection, v version, schema event.Schema) []string {
	env := filters.Env{Schema: schema, Vars: c.Vars, Tables: v.Tables, Hosts: c.Gate.Hosts, OwnName: !c.Accept.Impersonate, Create: c.Accept.Create}
	var out []string
	add := func(file string, err error) {
		var all filters.Problems
		if !errors.As(err, &all) {
			if err != nil {
				out = append(out, file+": "+err.Error())
			}
			return
		}
		for _, p := range all {
			out = append(out, fmt.Sprintf("%s:%d:%d: %s", file, p.Line, p.Col, strings.TrimPrefix(p.String(), fmt.Sprintf("line %d, column %d: ", p.Line, p.Col))))
		}
	}
	_, err := filters.CompileScope(c.Scope, env)
	add("scope of "+name, err)
	_, err = filters.CompileOutgoing(v.Out, env)
	add(c.Out, err)
	_, err = filters.CompileIncoming(v.In, env)
	add(c.In, err)
	return out
}

// compareSetup finds all that the setup changes.
func (n *Node) compareSetup(ctx context.Context, a *applying) error {
	var err error
	if a.force, err = n.setupInForce(n.configured()); err != nil {
		return err
	}
	if a.disk, err = setupOfFiles(a.file); err != nil {
		return err
	}
	a.missing(n.all())
	for _, name := range a.names {
		one, err := n.compareOne(ctx, a, name)
		if err != nil {
			return err
		}
		if one != nil {
			a.result.Connections = append(a.result.Connections, *one)
		}
	}
	left, err := n.leftToGo()
	if err != nil {
		return err
	}
	a.compareFiles(left)
	a.result.Same = len(a.result.Connections)+len(a.result.Files) == 0 && (len(a.result.Missing) == 0 || !a.request.Prune)
	force, err := a.force.export()
	if err != nil {
		return err
	}
	disk, err := a.disk.export()
	if err != nil {
		return err
	}
	raw, err := json.Marshal([]any{a.request.Setup, force, disk, a.request.Prune, left})
	sum := sha256.Sum256(raw)
	a.result.Digest = hex.EncodeToString(sum[:])
	return err
}

// missing names the connections that the setup lacks, configured or joined.
func (a *applying) missing(links []*link) {
	all := map[string]bool{}
	for name := range a.file.Connections {
		all[name] = true
	}
	for _, l := range links {
		all[l.record.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(a.names, name) {
			a.result.Missing = append(a.result.Missing, name)
		}
	}
}

// compareOne finds how one connection differs; nil if it does not.
func (n *Node) compareOne(ctx context.Context, a *applying, name string) (*admin.ApplyConnection, error) {
	l, p := n.named(name), a.publications[name]
	was, known := a.force.connections[name]
	_, written := a.disk.connections[name]
	one := &admin.ApplyConnection{Name: name, New: !written, Joined: l != nil}
	from, to, err := bothSettings(was, a.want.connections[name], known)
	if err != nil {
		return nil, err
	}
	one.Settings = diffSettings(from, to)
	one.Parts = slices.DeleteFunc(diffParts(a.force.versions[name].parts(), p.next.parts()), func(d admin.PartDiff) bool {
		return d.Part != "out" && d.Part != "in" && path.Dir(d.Part) != setupTables
	})
	before, err := a.force.versions[name].id()
	if err != nil {
		return nil, err
	}
	onDisk, _, err := bothSettings(a.disk.connections[name], was, known)
	if err != nil {
		return nil, err
	}
	one.Drafts = written && (len(diffSettings(onDisk, from)) > 0 || differ(a.disk.files, a.force.files, a.filesOf(name)))
	if known && l != nil && before != p.result.Version {
		if err := n.weighApply(ctx, a, one, before); err != nil {
			return nil, err
		}
	}
	if one.Publish == nil && !one.New && !one.Drafts && len(one.Settings)+len(one.Parts) == 0 {
		return nil, nil //nolint:nilnil // no difference is no error
	}
	return one, nil
}

// weighApply finds what a version changes that is to come into force, and whose it replaces.
func (n *Node) weighApply(ctx context.Context, a *applying, one *admin.ApplyConnection, before string) error {
	p := a.publications[one.Name]
	history, err := n.history(p.link.record.Agreement.Connection)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		last := history[len(history)-1]
		p.result.Before = last.Version
		base := a.request.Setup.Versions[one.Name]
		one.InForce = &admin.FilterVersion{Version: last.Version, Author: last.Author, Reason: last.Reason, At: last.At, Rollback: last.Rollback, InForce: true}
		one.Moved = base != "" && !sameVersion(base, before)
	}
	if p.link.flow != nil {
		p.before = p.link.flow.Rules()
	}
	err = n.weigh(ctx, p, a.request.Most)
	one.Publish = &p.result
	return err
}

func bothSettings(a, b config.Connection, known bool) (from, to map[string]string, err error) {
	from = map[string]string{}
	if known {
		if from, err = settings(a); err != nil {
			return nil, nil, err
		}
	}
	to, err = settings(b)
	return from, to, err
}

func diffSettings(from, to map[string]string) []admin.SettingDiff {
	names := maps.Clone(from)
	maps.Copy(names, to)
	var out []admin.SettingDiff
	for _, key := range slices.Sorted(maps.Keys(names)) {
		if from[key] != to[key] {
			out = append(out, admin.SettingDiff{Key: key, From: from[key], To: to[key]})
		}
	}
	return out
}

// filesOf are the places of a connection's filters and tables.
func (a *applying) filesOf(name string) func(string) bool {
	at := config.Placed(name, config.Connection{}, true)
	return func(file string) bool { return file == at.Out || file == at.In || path.Dir(file) == at.Tables }
}

func differ(a, b map[string]string, take func(string) bool) bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for name := range all {
		was, ok := a[name]
		is, ok2 := b[name]
		if take(name) && (ok != ok2 || was != is) {
			return true
		}
	}
	return false
}

// compareFiles lists the files that are written or removed; left are those that an
// application before was cut off from removing.
func (a *applying) compareFiles(left []string) {
	all := maps.Clone(a.want.files)
	for name := range a.disk.files {
		if a.ours(name) {
			all[name] = ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, ok := a.disk.files[name]
		is, ok2 := a.want.files[name]
		if ok != ok2 || was != is {
			a.result.Files = append(a.result.Files, name)
		}
	}
	for _, name := range left {
		_, err := os.Stat(a.file.Path(filepath.FromSlash(name)))
		if _, ok := all[name]; err == nil && !ok && a.ours(name) {
			a.result.Files = append(a.result.Files, name)
		}
	}
}

// ours tells whether a file of the node is one that the setup decides about: a
// connection that it lacks keeps its own.
func (a *applying) ours(name string) bool {
	top, rest, _ := strings.Cut(name, "/")
	switch top {
	case setupTemplates:
		return true
	case setupTables, setupTests:
		connection, _, _ := strings.Cut(rest, "/")
		return slices.Contains(a.names, connection)
	}
	return slices.ContainsFunc(a.names, func(c string) bool { return a.filesOf(c)(name) })
}

// allowed refuses what was not seen, or not said to be wanted.
func (a *applying) allowed() error {
	r := a.request
	if r.Expect != "" && r.Expect != a.result.Digest {
		return &admin.Error{Kind: admin.KindConflict, Message: "the node or the directory changed since they were shown", Hint: "look again, then apply"}
	}
	for _, one := range a.result.Connections {
		if one.Publish == nil {
			continue
		}
		if r.Reason == "" {
			return &admin.Error{Kind: admin.KindInvalid, Message: "no reason given", Hint: "say with --reason why the filters change"}
		}
		if len(one.Publish.Wider) > 0 && !r.Wider {
			return &admin.Error{
				Kind: admin.KindConflict, Message: fmt.Sprintf("more would pass than before at %s, and nothing was applied: %s", one.Name, strings.Join(one.Publish.Wider, "; ")),
				Hint: "add --wider if that is meant",
			}
		}
	}
	return nil
}

// entry is the history's line of what comes into force.
func (a *applying) entry(version string) published {
	author := a.request.Author
	if author == "" {
		author = whoRuns()
	}
	return published{Version: version, Author: author, Reason: a.request.Reason, At: time.Now().UTC().Truncate(time.Second)}
}
