package kindtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/all"
	"parley/node"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/secret"
	"parley/sync/event"
)

// side is one tracker and how to sign in there.
type side struct {
	kind adapters.Kind
	// url is the tracker's own address; the node's requests go through trouble.
	url string
	// node and person are the settings by which each signs in, secrets as they are.
	node, person map[string]string
	// create holds the fields that a created ticket needs besides its texts.
	create event.Fields
	// statuses are the tracker's names for open, working and done, as the table of the
	// filters has them; a tracker that has no such status leaves it out.
	statuses map[string]string
	// rich is formatted text that the tracker keeps as it is; "" is richText.
	rich string
	// internal says that it has internal comments.
	internal bool
	// noFiles says that it takes no attachments.
	noFiles bool
	// webhook is the address for the tracker's webhooks; "" is none.
	webhook string
	// linked says that the filters carry links and parents.
	linked bool
	// seed of the faults; 0 lets the tracker behave.
	seed uint64
}

const richText = "Please look at the **printer** in room _12_:\n\n- it [smokes](https://example.org/smoke)\n- it `beeps`\n\n```\nlp0 on fire\n```"

// site is a side with a node before it.
type site struct {
	side

	t       *testing.T
	name    string
	dir     string
	people  adapters.Tracker
	trouble *adaptertest.Trouble
	running *node.Node
}

const outgoing = `
replica.key = issue.key
replica.summary = issue.summary
replica.description = issue.description
replica.status = lookup("status", issue.status)
replica.comments = issue.comments
replica.attachments = issue.attachments
`

const incoming = `
if firstSync {
%s}
issue.summary = replica.summary
issue.description = replica.description
issue.status = lookup("status", replica.status, keep)
issue.comments = replica.comments
issue.attachments = replica.attachments
`

// newSite writes a node's folder; listens says that the peer dials it.
func newSite(t *testing.T, name string, s side, listens bool) *site {
	t.Helper()
	x := &site{side: s, t: t, name: name, dir: t.TempDir()}
	own, err := url.Parse(s.url)
	must(t, err)
	x.people, err = s.kind.Open(adapters.Options{URL: own, Settings: maps.Clone(s.person), UserAgent: "people"})
	must(t, err)
	t.Cleanup(func() { must(t, x.people.Close()) })
	address := own
	if s.seed != 0 {
		x.trouble = adaptertest.NewTrouble(t, s.url, s.seed, 7)
		address = x.trouble.URL
	}
	x.writeFilters()
	x.writeConfig(address, listens)
	return x
}

func (x *site) writeFilters() {
	var made strings.Builder
	for _, name := range slices.Sorted(maps.Keys(x.create)) {
		value, err := json.Marshal(x.create[name])
		must(x.t, err)
		fmt.Fprintf(&made, "  issue.%s = %s\n", name, value)
	}
	table := "policy: park\npairs:\n"
	for _, name := range slices.Sorted(maps.Keys(x.statuses)) {
		table += fmt.Sprintf("  - [%q, %q]\n", x.statuses[name], name)
	}
	must(x.t, os.MkdirAll(filepath.Join(x.dir, "tables"), 0o700))
	leaves, arrives := outgoing, fmt.Sprintf(incoming, made.String())
	if x.linked {
		leaves += "replica.links = issue.links\nreplica.parent = issue.parent\n"
		arrives += "issue.links = twinOf(replica.links)\nissue.parent = twinOf(replica.parent)\n"
	}
	for file, text := range map[string]string{"out.parley": leaves, "in.parley": arrives, "tables/status.yaml": table} {
		must(x.t, os.WriteFile(filepath.Join(x.dir, file), []byte(text), 0o600))
	}
}

// writeConfig makes keys and parley.yaml; secret settings go into the vault.
func (x *site) writeConfig(address *url.URL, listens bool) {
	data := filepath.Join(x.dir, "data")
	must(x.t, os.MkdirAll(data, 0o700))
	key, err := secret.CreateKey(data)
	must(x.t, err)
	vault, err := secret.Open(data, key)
	must(x.t, err)
	must(x.t, node.CreateIdentity(vault))
	settings := ""
	for _, s := range x.kind.Settings {
		value, ok := x.node[s.Name]
		if !ok {
			continue
		}
		if s.Secret {
			must(x.t, vault.Set("tracker-"+strings.ReplaceAll(s.Name, "_", "-"), secret.NewValue(value)))
			value = "${secret:tracker-" + strings.ReplaceAll(s.Name, "_", "-") + "}"
		}
		settings += fmt.Sprintf("    %s: %q\n", s.Name, value)
	}
	text := fmt.Sprintf("node: {name: %s, dir: data}\nmetrics: {listen: \"off\"}\nlog: {level: warn}\ntracker:\n  kind: %s\n  url: %s\n  poll: 1s\n  timeout: 3s\n  settings:\n%s"+
		"connections:\n  peer: {scope: \"true\", out: out.parley, in: in.parley, tables: tables}\n", x.name, x.kind.Name, address, settings)
	if x.webhook != "" {
		// Nothing else is to find what the webhook tells.
		text = strings.Replace(text, "tables: tables}", "tables: tables, sweep: \"off\", verify: \"off\"}", 1)
		text = strings.Replace(text, "  poll: 1s\n", "  poll: 1s\n  webhook: {listen: \""+x.webhook+"\"}\n", 1)
	}
	if listens {
		text += "listen: {nats: \"127.0.0.1:0\"}\n"
	}
	must(x.t, os.WriteFile(filepath.Join(x.dir, "parley.yaml"), []byte(text), 0o600))
}

// run starts the node for the test.
func (x *site) run() {
	x.t.Helper()
	cfg, err := config.Load(filepath.Join(x.dir, "parley.yaml"), config.Options{Kinds: all.Kinds()})
	must(x.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	x.running, err = node.Open(ctx, cfg, node.Options{
		Kinds: all.Kinds(), Version: "test", Log: x.t.Output(), MinFree: -1, ConfirmGone: time.Second,
	})
	if err != nil {
		cancel()
		x.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- x.running.Run(ctx) }()
	x.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			x.t.Errorf("the node of %s ended with %v", x.name, err)
		}
	})
}

// join pairs two nodes that run.
func join(t *testing.T, a, b *site) {
	t.Helper()
	code, err := a.running.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	eventually(t, "the nodes are paired", func() error {
		_, err := b.running.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
		return err
	})
	must(t, admin.Introduce(t.Context(), a.running, "peer", b.running, "peer"))
	for _, x := range []*site{a, b} {
		eventually(t, "the connection works", func() error { _, err := x.running.Resume(t.Context(), "peer"); return err })
		eventually(t, "the first poll is over", func() error {
			s, err := x.running.Status(t.Context())
			if err == nil && s.Tracker.LastPoll.IsZero() {
				err = errors.New("not polled yet")
			}
			return err
		})
	}
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
	deadline := time.Now().Add(3 * time.Minute)
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
		case <-time.After(50 * time.Millisecond):
		}
	}
}
