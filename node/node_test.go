package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
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

// site is one organisation: a desk, and a node in front of it.
type site struct {
	t      *testing.T
	dir    string
	desk   *desk.Server
	web    *httptest.Server
	people *desk.Tracker
	node   *node.Node
	stop   func()
	// writes counts what the node asked its desk to write.
	writes atomic.Int64
	// kinds are those of trackers that the node knows; nil is all.
	kinds []adapters.Kind
	// log takes the node's log; nil is standard error.
	log io.Writer
}

const token = "a-token-for-the-desk"

// newSite writes a node's folder and starts its desk; listen may be "".
func newSite(t *testing.T, name, listen string) *site {
	t.Helper()
	return newSiteOf(t, name, listen, desk.Options{Name: name, Token: token, Projects: []string{strings.ToUpper(name)}, Tokens: map[string]string{"alice-token": "alice"}})
}

// newSiteOf is newSite with a desk of its own making.
func newSiteOf(t *testing.T, name, listen string, o desk.Options) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	project := o.Projects[0]
	var err error
	if s.desk, err = desk.Open(filepath.Join(s.dir, "desk"), o); err != nil {
		t.Fatal(err)
	}
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Header.Get("Authorization") == "Bearer "+token {
			s.writes.Add(1)
		}
		s.desk.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.web.Close(); must(t, s.desk.Close()) })
	s.people = openDesk(t, s.web.URL, "alice-token", project)

	data := filepath.Join(s.dir, "data")
	must(t, os.MkdirAll(data, 0o700))
	key, err := secret.CreateKey(data)
	must(t, err)
	vault, err := secret.Open(data, key)
	must(t, err)
	must(t, vault.Set("tracker-token", secret.NewValue(token)))
	must(t, node.CreateIdentity(vault))
	must(t, os.WriteFile(filepath.Join(s.dir, "out.parley"), []byte(outgoing), 0o600))
	must(t, os.WriteFile(filepath.Join(s.dir, "in.parley"), []byte(fmt.Sprintf(incoming, project)), 0o600))
	listening := ""
	if listen != "" {
		listening = "listen:\n  nats: " + listen + "\n"
	}
	must(t, os.WriteFile(s.file(), []byte(fmt.Sprintf(configuration, name, listening, s.web.URL)), 0o600))
	return s
}

func (s *site) file() string { return filepath.Join(s.dir, "parley.yaml") }

const configuration = `
node: {name: %s, dir: data}
%stracker:
  kind: desk
  url: %s
  poll: 1s
  settings: {token: "${secret:tracker-token}"}
metrics: {listen: "off"}
connections:
  peer: {scope: "true", out: out.parley, in: in.parley}
`

const outgoing = `
replica.key = issue.key
replica.summary = issue.summary
replica.status = issue.status
replica.comments = issue.comments
replica.attachments = issue.attachments
`

const incoming = `
if firstSync {
  issue.project = "%s"
  issue.type = "Request"
}
issue.summary = replica.summary
issue.status = replica.status
issue.comments = replica.comments
issue.attachments = replica.attachments
`

// run starts the node.
func (s *site) run() {
	s.t.Helper()
	kinds := s.kinds
	if kinds == nil {
		kinds = all.Kinds()
	}
	cfg, err := config.Load(s.file(), config.Options{Kinds: kinds})
	must(s.t, err)
	log := s.log
	if log == nil {
		log = os.Stderr
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.node, err = node.Open(ctx, cfg, node.Options{
		Kinds: kinds, Version: "test", Log: log, MinFree: -1, ConfirmGone: 100 * time.Millisecond,
		Reload: func() (*config.Config, error) { return config.Load(s.file(), config.Options{Kinds: kinds}) },
	})
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	running := s.node
	go func() { done <- running.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("node ended with %v", err)
		}
		s.stop = func() {}
	}
	s.t.Cleanup(func() { s.stop() })
}

func openDesk(t *testing.T, address, as, project string) *desk.Tracker {
	t.Helper()
	tracker, err := desk.New(options(t, address, as, project))
	must(t, err)
	t.Cleanup(func() { must(t, tracker.Close()) })
	return tracker
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
	deadline := time.Now().Add(60 * time.Second)
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

func (s *site) create(summary string) event.Written {
	s.t.Helper()
	w, err := s.people.Write(s.t.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{
		"summary": summary, "type": "Request",
	}}, nil)
	must(s.t, err)
	return w
}

// find is the one ticket with a summary.
func (s *site) find(summary string) (event.Ticket, error) {
	changes, _, err := s.people.List(s.t.Context(), "", "", 100)
	if err != nil {
		return event.Ticket{}, err
	}
	var found []event.Ticket
	for _, c := range changes {
		ticket, err := s.people.Read(s.t.Context(), c.Ref)
		if err != nil {
			return event.Ticket{}, err
		}
		if ticket.Fields["summary"] == summary {
			found = append(found, ticket)
		}
	}
	if len(found) != 1 {
		return event.Ticket{}, fmt.Errorf("%d tickets %q", len(found), summary)
	}
	return found[0], nil
}

func join(t *testing.T, a, b *site) {
	t.Helper()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	must(t, admin.Introduce(t.Context(), a.node, "peer", b.node, "peer"))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), "peer")
		must(t, err)
	}
}

// joined are two nodes that run and work together; says is what the second one's
// configuration says of the connection besides.
func joined(t *testing.T, says string) (a, b *site) {
	t.Helper()
	a, b = newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	if says != "" {
		b.says(says)
	}
	a.run()
	b.run()
	join(t, a, b)
	return a, b
}

// TestTwoNodes_KeepTwoDesksInStep is the main job, over everything that is real.
func TestTwoNodes_KeepTwoDesksInStep(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")

	made := a.create("Printer on fire")
	eventually(t, "the ticket appears at Globex", func() error { _, err := b.find("Printer on fire"); return err })
	twin, err := b.find("Printer on fire")
	must(t, err)
	_, err = b.people.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: twin.Ref, Comment: &event.CommentWrite{Body: "On our way"}}, nil)
	must(t, err)
	_, err = b.people.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: twin.Ref, Comment: &event.CommentWrite{Body: "They never learn", Internal: true}}, nil)
	must(t, err)
	content := strings.Repeat("smoke ", 200_000)
	_, err = a.people.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: made.Ref, Attachment: &event.AttachmentWrite{
		Name: "Rauchmelder übersicht.txt", Size: int64(len(content)), MIME: "text/plain",
	}}, strings.NewReader(content))
	must(t, err)
	eventually(t, "comment and file cross", func() error {
		ours, err := a.people.Read(t.Context(), made.Ref)
		if err != nil {
			return err
		}
		theirs, err := b.people.Read(t.Context(), twin.Ref)
		if err != nil {
			return err
		}
		if len(ours.Comments) != 1 || ours.Comments[0].Body != "On our way" {
			return fmt.Errorf("comments at Acme: %+v", ours.Comments)
		}
		if len(theirs.Attachments) != 1 || theirs.Attachments[0].Size != int64(len(content)) {
			return fmt.Errorf("files at Globex: %+v", theirs.Attachments)
		}
		return nil
	})
}

// TestNode_GoesOnAfterARestart: what was under way when a node ended arrives.
func TestNode_GoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	a, b := newSite(t, "acme", "127.0.0.1:"+port), newSite(t, "globex", "")
	a.run()
	b.run()
	join(t, a, b)
	b.stop()
	a.create("Made while the peer was away")
	eventually(t, "the event waits", func() error {
		c, err := a.node.Connections(t.Context())
		if err != nil || c[0].Sending != 1 {
			return fmt.Errorf("%+v %w", c, err)
		}
		return nil
	})
	a.stop()
	a.run()
	b.run()
	eventually(t, "it arrives", func() error { _, err := b.find("Made while the peer was away"); return err })
}

// freePort is a port for a node that is started again. None of those that the
// system gives out by itself: another test's outgoing connection may have it then.
func freePort(t *testing.T) string {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
	for range 20 {
		port := strconv.Itoa(20000 + random.IntN(12000))
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			must(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// secondPasses waits until what was made counts as older than what comes: trackers
// count in seconds.
func secondPasses(t *testing.T) {
	t.Helper()
	began := time.Now()
	eventually(t, "a second passes", func() error {
		if time.Since(began) < 1100*time.Millisecond {
			return errors.New("not yet")
		}
		return nil
	})
}

// TestNewConnection_StartsPausedAndSendsNoHistory: what is older moves only by a load.
func TestNewConnection_StartsPausedAndSendsNoHistory(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	old := a.create("Old")
	secondPasses(t)
	a.run()
	b.run()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	c, err := b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	if !c.PausedOut || !c.PausedIn {
		t.Fatalf("a new connection is %+v, want it paused", c)
	}
	must(t, admin.Introduce(t.Context(), a.node, "peer", b.node, "peer"))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), "peer")
		must(t, err)
	}
	a.create("New")
	eventually(t, "the new one arrives", func() error { _, err := b.find("New"); return err })
	if got, err := b.find("Old"); err == nil {
		t.Fatalf("the old one came by itself as %s", got.Key)
	}
	explained, err := a.node.ScopeExplain(t.Context(), "peer", old.Key)
	must(t, err)
	if explained.Starts || !strings.Contains(explained.Why, "older") {
		t.Errorf("explanation of the old ticket is %+v", explained)
	}
	_, err = a.node.StartLoad(t.Context(), "peer", admin.LoadRequest{Rate: 50})
	must(t, err)
	eventually(t, "the load brings it", func() error { _, err := b.find("Old"); return err })
}
