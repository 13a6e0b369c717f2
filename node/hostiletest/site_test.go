package hostiletest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/all"
	"parley/adapters/desk"
	"parley/node"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/secret"
	"parley/sync/event"
)

// log is a node's log that a test reads while it is written.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// site is one organisation: a desk, and a node in front of it.
type site struct {
	t      *testing.T
	dir    string
	vault  *secret.Vault
	people *desk.Tracker
	node   *node.Node
	log    log
}

const token = "a-token-for-the-desk"

const outgoing = `
replica.key = issue.key
replica.summary = issue.summary
replica.description = issue.description
replica.comments = issue.comments
replica.attachments = issue.attachments
`

const incoming = `
if firstSync {
  issue.project = "%s"
  issue.type = "Request"
}
issue.summary = replica.summary
issue.description = replica.description
issue.comments = replica.comments
issue.attachments = replica.attachments
`

// newSite starts a desk and a node with connections of these names; listen are lines of
// its configuration.
func newSite(t *testing.T, name, listen string, connections ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	project := strings.ToUpper(name)
	server, err := desk.Open(filepath.Join(s.dir, "desk"), desk.Options{
		Name: name, Token: token, Projects: []string{project}, Tokens: map[string]string{"alice-token": "alice"},
	})
	must(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(func() { web.Close(); must(t, server.Close()) })
	s.people = openDesk(t, web.URL, project)

	data := filepath.Join(s.dir, "data")
	must(t, os.MkdirAll(data, 0o700))
	key, err := secret.CreateKey(data)
	must(t, err)
	s.vault, err = secret.Open(data, key)
	must(t, err)
	must(t, s.vault.Set("tracker-token", secret.NewValue(token)))
	must(t, node.CreateIdentity(s.vault))
	must(t, os.WriteFile(filepath.Join(s.dir, "out.parley"), []byte(outgoing), 0o600))
	must(t, os.WriteFile(filepath.Join(s.dir, "in.parley"), fmt.Appendf(nil, incoming, project), 0o600))
	var text strings.Builder
	fmt.Fprintf(&text, "node: {name: %s, dir: data}\n%stracker:\n  kind: desk\n  url: %s\n  poll: 1s\n  settings: {token: \"${secret:tracker-token}\"}\n", name, listen, web.URL)
	text.WriteString("metrics: {listen: \"off\"}\nconnections:\n")
	for _, c := range connections {
		// A ticket is on the connection that its text begins with. What stands behind
		// the name is said of it besides.
		name, more, _ := strings.Cut(c, " ")
		if more != "" {
			more = ", " + more
		}
		fmt.Fprintf(&text, "  %s: {scope: 'issue.summary startsWith \"%s\"', out: out.parley, in: in.parley%s}\n", name, name, more)
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "parley.yaml"), []byte(text.String()), 0o600))
	return s
}

func openDesk(t *testing.T, address, project string) *desk.Tracker {
	t.Helper()
	at, err := url.Parse(address)
	must(t, err)
	tracker, err := desk.New(adapters.Options{
		URL: at, Settings: map[string]string{"token": "alice-token", "project": project},
	})
	must(t, err)
	t.Cleanup(func() { must(t, tracker.Close()) })
	return tracker
}

// run starts the node.
func (s *site) run() {
	s.t.Helper()
	kinds := all.Kinds()
	load := func() (*config.Config, error) {
		return config.Load(filepath.Join(s.dir, "parley.yaml"), config.Options{Kinds: kinds})
	}
	cfg, err := load()
	must(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s.node, err = node.Open(ctx, cfg, node.Options{Kinds: kinds, Version: "test", Log: &s.log, MinFree: -1, Reload: load})
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.node.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("node ended with %v", err)
		}
	})
}

// join connects two sites under a name.
func join(t *testing.T, a, b *site, name string) {
	t.Helper()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: name})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: name})
	must(t, err)
	must(t, admin.Introduce(t.Context(), a.node, name, b.node, name))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), name)
		must(t, err)
	}
}

func (s *site) create(summary string) event.Written {
	s.t.Helper()
	w, err := s.people.Write(s.t.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{
		"summary": summary, "type": "Request",
	}}, nil)
	must(s.t, err)
	return w
}

// tickets are all of the desk's.
func (s *site) tickets() (all []event.Ticket, err error) {
	changes, _, err := s.people.List(s.t.Context(), "", "", 1000)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		ticket, err := s.people.Read(s.t.Context(), c.Ref)
		if err != nil {
			return nil, err
		}
		all = append(all, ticket)
	}
	return all, nil
}

// find is the one ticket whose summary begins so.
func (s *site) find(summary string) (event.Ticket, error) {
	all, err := s.tickets()
	if err != nil {
		return event.Ticket{}, err
	}
	var found []event.Ticket
	for _, t := range all {
		if text, _ := t.Fields["summary"].(string); strings.HasPrefix(text, summary) {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return event.Ticket{}, fmt.Errorf("%d tickets %q", len(found), summary)
	}
	return found[0], nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually polls until fn is satisfied.
func eventually(t *testing.T, what string, fn func() error) {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
