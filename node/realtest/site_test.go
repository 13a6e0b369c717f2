//go:build real

package realtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/filters/examples"
	"parley/node"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/secret"
)

// site is one organisation: a tracker with people, and a node in front of it.
type site struct {
	name, dir string
	binary    string
	server    *server
	desk      desk
	// links are its connections: what the scope and additions to the filters are.
	links map[string]link
	url   string // how the node reaches its tracker, "" for the tracker's own address
	port  string // of its NATS server, "" if it dials out
	admin *client.Client

	cmd   *exec.Cmd
	ended chan error
}

// link is a connection in parley.yaml: the ready-made filters of the tracker's
// kind, and what this scenario adds to them.
type link struct {
	scope   string
	out, in string
	tables  map[string]string
	vars    string
	accept  string
}

// build makes the program that the nodes run.
func build(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "parley")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/parley").CombinedOutput()
	if err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return binary
}

// open makes a node's folder below dir and starts it for the test.
func (s *site) open(t *testing.T, dir, binary string) error {
	t.Helper()
	s.dir, s.binary = filepath.Join(dir, s.name), binary
	credential := s.server.Env["BOT_API_KEY"]
	if s.server.Kind == "rt" {
		credential = s.server.Env["BOT_TOKEN"]
	}
	if err := s.write(credential); err != nil {
		return err
	}
	t.Cleanup(func() { must(t, s.kill()) })
	return s.start(t.Context())
}

// write makes the node's folder: keys, the tracker's credential, filters and
// parley.yaml.
func (s *site) write(credential string) error {
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	key, err := secret.CreateKey(data)
	if err != nil {
		return err
	}
	vault, err := secret.Open(data, key)
	if err != nil {
		return err
	}
	if err := errors.Join(vault.Set("credential", secret.NewValue(credential)), node.CreateIdentity(vault)); err != nil {
		return err
	}
	text := fmt.Sprintf("node: {name: %s, dir: data}\nmetrics: {listen: \"off\"}\nlog: {level: info}\n%s", s.name, s.tracker())
	if s.port != "" {
		text += "listen: {nats: \"127.0.0.1:" + s.port + "\"}\n"
	}
	text += "connections:\n"
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		l := s.links[name]
		if err := s.filters(name, l); err != nil {
			return err
		}
		text += fmt.Sprintf("  %s:\n    scope: '%s'\n    out: %s/outgoing.parley\n    in: %s/incoming.parley\n    tables: %s/tables\n    vars: %s\n    accept: %s\n",
			name, l.scope, name, name, name, l.vars, l.accept)
	}
	s.admin = client.New(data)
	return os.WriteFile(s.file(), []byte(text), 0o600)
}

func (s *site) file() string { return filepath.Join(s.dir, "parley.yaml") }

func (s *site) tracker() string {
	setting := `api_key: "${secret:credential}", projects: sync, tracker: Bug, text_formatting: textile, marker_field: Remote key, field_types: "Affected systems=options"`
	if s.name == initech {
		setting = strings.Replace(setting, "textile", "common_mark", 1)
	}
	if s.server.Kind == "rt" {
		setting = `token: "${secret:credential}", queues: Sync, marker_field: Remote key`
	}
	return fmt.Sprintf("tracker:\n  kind: %s\n  url: %s\n  poll: 2s\n  settings: {%s}\n", s.server.Kind, cmp.Or(s.url, s.server.Env["URL"]), setting)
}

// filters writes a connection's scripts and tables.
func (s *site) filters(name string, l link) error {
	example, err := examples.Get(s.server.Kind)
	if err != nil {
		return err
	}
	files := map[string]string{"outgoing.parley": example.Outgoing + l.out, "incoming.parley": example.Incoming + l.in}
	tables, err := fs.Glob(example.Files, "tables/*.yaml")
	if err != nil {
		return err
	}
	for _, table := range tables {
		raw, err := fs.ReadFile(example.Files, table)
		if err != nil {
			return err
		}
		files[table] = string(raw)
	}
	for table, text := range l.tables {
		files["tables/"+table+".yaml"] = text
	}
	for file, text := range files {
		path := filepath.Join(s.dir, name, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start runs the node as a process and waits until it answers.
func (s *site) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// Not the test's context: the node is to end by kill alone.
	s.cmd = exec.Command(s.binary, "run", "--config", s.file())
	s.cmd.Stdout, s.cmd.Stderr = log, log
	err = s.cmd.Start()
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	ended, cmd := make(chan error, 1), s.cmd
	go func() { ended <- cmd.Wait() }()
	s.ended = ended
	return poll(ctx, time.Minute, func() error {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("node %s ended: %w; see its log:\n%s", s.name, err, s.tail("", 10))
		default:
		}
		_, err := s.admin.Status(ctx)
		return err
	})
}

// kill ends the node at once.
func (s *site) kill() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	<-s.ended //nolint:errcheck // it says that it was killed
	s.cmd = nil
	return err
}

// tail is the last lines of the node's log that hold a text.
func (s *site) tail(with string, n int) string {
	raw, err := os.ReadFile(filepath.Join(s.dir, "node.log"))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, with) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// join makes a connection: ours invites, the other accepts, both let it work.
func join(ctx context.Context, ours, other *site) error {
	code, err := ours.admin.Invite(ctx, admin.InviteRequest{Name: other.name})
	if err != nil {
		return fmt.Errorf("invite %s: %w", other.name, err)
	}
	if _, err := other.admin.Accept(ctx, admin.AcceptRequest{Code: code.Code, Name: ours.name}); err != nil {
		return fmt.Errorf("accept at %s: %w", other.name, err)
	}
	if err := admin.Introduce(ctx, ours.admin, other.name, other.admin, ours.name); err != nil {
		return err
	}
	for at, name := range map[*site]string{ours: other.name, other: ours.name} {
		if _, err := at.admin.Resume(ctx, name); err != nil {
			return fmt.Errorf("resume %s at %s: %w", name, at.name, err)
		}
	}
	return nil
}

// connect joins the first site with every other, and waits until all work and
// until a ticket that is made counts as newer than the connections.
func connect(t *testing.T, first *site, others ...*site) error {
	t.Helper()
	for _, other := range others {
		if err := join(t.Context(), first, other); err != nil {
			return err
		}
	}
	approved := time.Now()
	for _, s := range append([]*site{first}, others...) {
		if err := s.working(t.Context()); err != nil {
			return err
		}
	}
	// Tickets of the second in which a connection was approved count as older.
	return poll(t.Context(), time.Minute, func() error {
		if time.Since(approved) < 2*time.Second {
			return errors.New("the second of the approval is not over")
		}
		return nil
	})
}

// working waits until every connection of the node works.
func (s *site) working(ctx context.Context) error {
	return poll(ctx, 2*time.Minute, func() error {
		all, err := s.admin.Connections(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.State != "working" || c.Contact.IsZero() {
				return fmt.Errorf("connection %s at %s is %s, contact %s: %s", c.Name, s.name, c.State, c.Contact, c.Reason)
			}
		}
		if len(all) != len(s.links) {
			return fmt.Errorf("%s has %d connections", s.name, len(all))
		}
		return nil
	})
}

// poll asks fn until it is satisfied.
func poll(ctx context.Context, limit time.Duration, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-tick.C:
		}
	}
}
