package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/filters/template"
	"parley/node/admin"
	"parley/node/audit"
	"parley/node/config"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
	"parley/sync/work"
)

// publication is a version on its way into force.
type publication struct {
	link   *link
	config *config.Config
	next   version
	rules  *flow.Rules
	// back is set if the version was in force before, with the list of its tests.
	back      bool
	backTests string
	// tests are the test files that go with the version.
	tests map[string]string
	// before are the rules in force, nil if the connection does not work.
	before *flow.Rules
	result admin.PublishResult
	// changed are the tickets that would be sent something else than before.
	changed []event.Change
}

// Publish puts the files of a connection in force, or a version that was before:
// checked, tested, compared with what is in force.
func (n *Node) Publish(ctx context.Context, r admin.PublishRequest) (admin.PublishResult, error) {
	n.publishing.Lock()
	defer n.publishing.Unlock()
	p, err := n.prepare(ctx, r)
	if err != nil {
		return admin.PublishResult{}, err
	}
	if p.result.Same {
		return p.result, nil
	}
	if err := n.test(ctx, p, r.Force); err != nil {
		return p.result, err
	}
	if err := n.weigh(ctx, p, r.Most); err != nil || r.DryRun {
		return p.result, err
	}
	if err := p.allowed(r); err != nil {
		return p.result, err
	}
	entry := published{Version: p.result.Version, Author: r.Author, Reason: r.Reason, At: time.Now().UTC().Truncate(time.Second), Rollback: r.Version != ""}
	if entry.Author == "" {
		entry.Author = whoRuns()
	}
	if entry.Parked, err = n.parkedNow(p.link); err != nil {
		return p.result, err
	}
	if entry.Tests, err = n.keepTests(p.link.record.Agreement.Connection, p.tests); err != nil {
		return p.result, err
	}
	if err := n.putVersion(p.link.record.Agreement.Connection, p.next, entry); err != nil {
		return p.result, err
	}
	p.result.Published = true
	audit.Changed(ctx, "filters", p.result.Before, p.result.Version)
	audit.Changed(ctx, "tests that fail", "", strings.Join(p.result.Failures, "; "))
	audit.Changed(ctx, "passes that did not", "", strings.Join(p.result.Wider, "; "))
	n.log.Info().Str("connection", p.link.record.Name).Str("version", entry.Version).Str("author", entry.Author).Msg("filters published")
	return n.enforce(ctx, p, r)
}

// prepare reads and compiles what is to be published.
func (n *Node) prepare(ctx context.Context, r admin.PublishRequest) (*publication, error) {
	l := n.named(r.Connection)
	if l == nil {
		return nil, noConnection(r.Connection)
	}
	if r.Version == "" && r.Force {
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: "files whose tests fail cannot be published", Hint: "mend the filter or the test"}
	}
	p := &publication{link: l, config: n.configured()}
	if n.options.Reload != nil && r.Version == "" {
		var err error
		if p.config, err = n.options.Reload(); err != nil {
			return nil, err
		}
	}
	c, ok := p.config.Connections[r.Connection]
	if !ok {
		return nil, &admin.Error{Kind: admin.KindConflict, Message: r.Connection + " is " + errNotConfigured.Error()}
	}
	if r.Template != "" {
		var err error
		if p.config, err = otherTemplate(p.config, r.Connection, r.Template); err != nil {
			return nil, err
		}
		c = p.config.Connections[r.Connection]
		if !r.DryRun {
			err = template.Keep(p.config.Home(), c.From())
		}
		if err != nil {
			return nil, err
		}
	}
	con := l.record.Agreement.Connection
	history, err := n.history(con)
	if err != nil {
		return nil, err
	}
	if len(history) > 0 {
		p.result.Before = history[len(history)-1].Version
	}
	if p.next, err = n.versionOf(p, c, history, r.Version); err != nil {
		return nil, err
	}
	if p.result.Version, err = p.next.id(); err != nil {
		return nil, err
	}
	p.next.name = p.result.Version
	p.result.Same = sameVersion(p.result.Version, p.result.Before)
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return nil, trackerFailed("read the tracker's fields", err)
	}
	if p.rules, err = n.compile(c, l.record, schema, p.next); err != nil {
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: "the filters do not compile", Hint: "`parley filter check` shows each place; what is in force stays", Err: err}
	}
	p.result.Unread = unread(p.rules)
	if l.flow != nil {
		p.before = l.flow.Rules()
	}
	return p, nil
}

// versionOf is the version asked for, or the files.
func (n *Node) versionOf(p *publication, c config.Connection, history []published, asked string) (version, error) {
	if asked == "" {
		v, err := draft(p.config, c)
		if err != nil {
			err = &admin.Error{Kind: admin.KindInvalid, Message: "the filters cannot be read", Err: err}
		}
		return v, err
	}
	name, err := whole(history, asked)
	if err != nil {
		return version{}, &admin.Error{Kind: admin.KindNotFound, Message: fmt.Sprintf("%s was never run by version %s", p.link.record.Name, asked), Hint: "`parley filter history` shows the versions"}
	}
	p.back, p.backTests = true, testsIn(history, name)
	return n.stored(p.link.record.Agreement.Connection, name)
}

// allowed refuses what was not seen, or not said to be wanted.
func (p *publication) allowed(r admin.PublishRequest) error {
	switch {
	case r.Reason == "":
		return &admin.Error{Kind: admin.KindInvalid, Message: "no reason given", Hint: "say with --reason why the filters change"}
	case r.Expect != "" && r.Expect != p.result.Version:
		return &admin.Error{Kind: admin.KindConflict, Message: "the files changed since they were shown", Hint: "look again, then publish"}
	case r.MostHeld != nil && p.result.Held > *r.MostHeld:
		return &admin.Error{
			Kind: admin.KindConflict, Message: fmt.Sprintf("%d tickets of %d looked at would be held, and nothing was published", p.result.Held, p.result.Looked),
			Hint: "`parley filter try KEY` shows why",
		}
	case len(p.result.Wider) > 0 && !r.Wider:
		return &admin.Error{
			Kind: admin.KindConflict, Message: "more would pass than before, and nothing was published: " + strings.Join(p.result.Wider, "; "),
			Hint: "add --wider if that is meant",
		}
	}
	return nil
}

// enforce lets the connection run by the version that was stored.
func (n *Node) enforce(ctx context.Context, p *publication, r admin.PublishRequest) (admin.PublishResult, error) {
	if p.link.flow == nil {
		n.bring(ctx, p.link)
		return p.result, nil
	}
	if err := n.refresh(ctx, p.link); err != nil {
		return p.result, err
	}
	if !r.Apply {
		return p.result, nil
	}
	all := p.changed
	if p.result.Looked < p.result.Twins {
		var err error
		if all, err = n.inStep(p.link.flow); err != nil {
			return p.result, err
		}
	}
	for page := range slices.Chunk(all, 200) {
		if err := n.path.Touch(p.link.record.Agreement.Connection, page, work.Seen{Cause: event.CauseFilter, Bulk: true}); err != nil {
			return p.result, err
		}
		p.result.Applied += len(page)
	}
	return p.result, nil
}

// inStep lists the tickets of a connection that have a live twin.
func (n *Node) inStep(con *flow.Connection) ([]event.Change, error) {
	var all []event.Change
	err := n.path.Twins(con, func(_ event.TwinID, row twin.Row) bool {
		if row.State == twin.Live && !row.Ref.IsZero() {
			all = append(all, event.Change{Ref: row.Ref, Key: row.Key})
		}
		return true
	})
	return all, err
}

// FilterHistory lists the versions of a connection that were in force.
func (n *Node) FilterHistory(_ context.Context, name string) (admin.FilterHistory, error) {
	out := admin.FilterHistory{Connection: name, Versions: []admin.FilterVersion{}}
	l := n.named(name)
	if l == nil {
		return out, noConnection(name)
	}
	history, err := n.history(l.record.Agreement.Connection)
	if err != nil || len(history) == 0 {
		return out, err
	}
	for i, e := range slices.Backward(history) {
		out.Versions = append(out.Versions, admin.FilterVersion{
			Version: e.Version, Author: e.Author, Reason: e.Reason, At: e.At, Rollback: e.Rollback, InForce: i == len(history)-1,
		})
	}
	files, err := n.files(name)
	if err != nil {
		out.Problem, out.Drift = err.Error(), true
		return out, nil //nolint:nilerr // people are shown it beside what is in force
	}
	present, err := n.stored(l.record.Agreement.Connection, history[len(history)-1].Version)
	if err != nil {
		return out, err
	}
	// By content as this program writes it: a later one may have a key more.
	was, err := present.id()
	is, err2 := files.id()
	out.Drift = was != is
	return out, errors.Join(err, err2)
}

// files is what a connection's files say at this moment.
func (n *Node) files(name string) (version, error) {
	cfg := n.configured()
	if n.options.Reload != nil {
		var err error
		if cfg, err = n.options.Reload(); err != nil {
			return version{}, err
		}
	}
	c, ok := cfg.Connections[name]
	if !ok {
		return version{}, errNotConfigured
	}
	return draft(cfg, c)
}

// fromFiles names the files where a version is asked for.
const fromFiles = "files"

// FilterDiff compares two versions of a connection, or one and the files.
func (n *Node) FilterDiff(_ context.Context, name, from, to string) (admin.FilterDiff, error) {
	l := n.named(name)
	if l == nil {
		return admin.FilterDiff{}, noConnection(name)
	}
	history, err := n.history(l.record.Agreement.Connection)
	if err != nil {
		return admin.FilterDiff{}, err
	}
	if from == "" {
		if len(history) == 0 {
			return admin.FilterDiff{}, &admin.Error{Kind: admin.KindNotFound, Message: name + " runs by its files; no version was published", Hint: "parley filter publish"}
		}
		from = history[len(history)-1].Version
	}
	if to == "" {
		to = fromFiles
	}
	var both [2]version
	for i, one := range []string{from, to} {
		if one == fromFiles {
			both[i], err = n.files(name)
		} else if one, err = whole(history, one); err == nil {
			both[i], err = n.stored(l.record.Agreement.Connection, one)
		}
		if errors.Is(err, errNoVersion) {
			err = &admin.Error{Kind: admin.KindNotFound, Message: err.Error(), Hint: "`parley filter history` shows the versions"}
		}
		if err != nil {
			return admin.FilterDiff{}, err
		}
	}
	return admin.FilterDiff{From: from, To: to, Parts: diffParts(both[0].parts(), both[1].parts())}, nil
}

func diffParts(from, to map[string]string) []admin.PartDiff {
	names := maps.Clone(from)
	maps.Copy(names, to)
	parts := []admin.PartDiff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if lines := diffLines(from[name], to[name]); len(lines) > 0 {
			parts = append(parts, admin.PartDiff{Part: name, Lines: lines})
		}
	}
	return parts
}
