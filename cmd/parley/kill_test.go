package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/adapters/desk"
	"parley/node/admin"
)

// machine is an organisation with processes of its own, which can be killed.
type machine struct {
	t    *testing.T
	dir  string
	node *exec.Cmd
}

// newMachine starts a desk and makes the node's folder; options are those of init.
func newMachine(t *testing.T, name, peer string, options ...string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	d, err := desk.Open(filepath.Join(m.dir, "desk"), desk.Options{Name: name, Token: deskToken, Tokens: map[string]string{aliceSign: "alice"}})
	must(t, err)
	web := httptest.NewServer(d)
	t.Cleanup(func() { web.Close(); must(t, d.Close()) })
	m.write("token", deskToken)
	m.parley(append([]string{
		"init", "--name", name, "--tracker", "desk", "--url", web.URL, "--secret-file", "token=" + filepath.Join(m.dir, "token"),
		"--connection", peer, "--var", "project=DESK",
	}, options...)...)
	t.Cleanup(func() {
		if m.node != nil {
			m.kill(m.node)
		}
	})
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	file := filepath.Join(m.dir, name)
	must(m.t, os.MkdirAll(filepath.Dir(file), 0o700))
	must(m.t, os.WriteFile(file, []byte(text), 0o600))
}

func (m *machine) read(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), "parley", append([]string{"--config", filepath.Join(m.dir, "parley.yaml")}, args...)...)
	cmd.Env = append(os.Environ(), "PARLEY_METRICS_LISTEN=off", "PARLEY_LOG_FORMAT=text")
	cmd.Dir = m.dir
	return cmd
}

// parley runs a command that must succeed.
func (m *machine) parley(args ...string) []byte {
	m.t.Helper()
	cmd := m.command(args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("parley %s: %v\n%s\n%s", strings.Join(args, " "), err, out, failed.String())
	}
	return out
}

// run starts the node and waits until it answers.
func (m *machine) run() {
	m.t.Helper()
	m.node = m.command("run")
	must(m.t, m.node.Start())
	m.until("the node answers", func() bool { return m.command("status").Run() == nil })
}

// until polls for something that comes.
func (m *machine) until(what string, there func() bool) {
	m.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !there(); <-tick.C {
		if time.Now().After(end) {
			m.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// kill ends a process as a power cut would.
func (m *machine) kill(cmd *exec.Cmd) {
	m.t.Helper()
	must(m.t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
}

// cutOff starts a command, and kills the node or the command as soon as there is what
// it waits for. It reports whether that was before the command's end.
func (m *machine) cutOff(ofNode bool, there func() bool, args ...string) bool {
	m.t.Helper()
	cmd := m.command(args...)
	must(m.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case err := <-ended:
			if err != nil {
				m.t.Fatalf("%v: %v", args, err) // nobody killed it
			}
			return false
		case <-tick.C:
		}
	}
	victim := cmd
	if ofNode {
		victim = m.node
	}
	_ = victim.Process.Kill() // a command may have ended by itself
	err := <-ended
	if ofNode {
		_ = m.node.Wait() // it was killed
		m.run()
	}
	return err != nil
}

// addedBy is what the command says with --json.
func addedBy(t *testing.T, raw []byte) added {
	t.Helper()
	var out added
	must(t, json.Unmarshal(raw, &out))
	return out
}

const (
	killCustomers = 40
	killHead      = "version: 1\ndescription: what a customer sees\nvars:\n  label: {required: true, pattern: \"c-[0-9]+\"}\n"
)

// customers writes the template and a file of customers, whose codes are code's.
func (m *machine) customers(code func(name string) string) {
	m.t.Helper()
	m.write("templates/customer/template.yaml", killHead)
	m.write("templates/customer/outgoing.parley", "replica.summary = issue.summary\n")
	m.write("templates/customer/incoming.parley", "if firstSync {\n  issue.project = \"DESK\"\n  issue.type = \"Request\"\n}\nissue.summary = replica.summary\n")
	m.write("templates/customer/scope.parley", "vars.label in issue.labels\n")
	var text strings.Builder
	text.WriteString("name,label,code\n")
	for i := range killCustomers {
		name := fmt.Sprintf("customer-%02d", i)
		fmt.Fprintf(&text, "%s,c-%d,%s\n", name, i, code(name))
	}
	m.write("customers.csv", text.String())
}

// codes are the codes that stand whole in the file of results.
func (m *machine) codes() map[string]string {
	m.t.Helper()
	before, err := readResult(filepath.Join(m.dir, "customers.csv.result.csv"))
	if err != nil {
		return nil // not even its first line is whole
	}
	found := map[string]string{}
	for name, one := range before {
		if one.Outcome == "invited" || one.Outcome == "joined" {
			found[name] = one.Code
		}
	}
	return found
}

// addUntilWhole adds the customers while the node, or the command, is killed again and
// again, and then once more.
func (m *machine) addUntilWhole(random *rand.Rand) added {
	m.t.Helper()
	add := []string{"connection", "add", "--template", "customer", "--vars-file", filepath.Join(m.dir, "customers.csv"), "--json"}
	before, cuts := m.read("parley.yaml"), 0
	if m.cutOff(false, func() bool { return m.read("parley.yaml") != before }, add...) {
		cuts++ // nobody was invited yet
	}
	for round := range 6 {
		known := m.codes()
		if len(known) > killCustomers*3/4 {
			break // a slow machine
		}
		want := len(known) + 1 + random.IntN(4)
		if m.cutOff(round%2 == 0, func() bool { return len(m.codes()) >= want }, add...) {
			cuts++
		}
		for name, code := range m.codes() {
			if was, ok := known[name]; ok && was != code {
				m.t.Errorf("%s had a code, and got another one", name)
			}
		}
	}
	known := m.codes()
	out := addedBy(m.t, m.parley(add...))
	if cuts < 3 || len(known) == killCustomers {
		m.t.Errorf("cut off %d times, %d of %d customers were there at the end: nothing was in the middle", cuts, len(known), killCustomers)
	}
	if out.Already < len(known) || out.Already == killCustomers || out.Added != 0 || out.Rows != killCustomers {
		m.t.Errorf("the answer says that %d were there already and %d are new; %d were", out.Already, out.Added, len(known))
	}
	names := map[string]bool{}
	for _, one := range out.Connections {
		if one.Outcome == "failed" || names[one.Name] {
			m.t.Errorf("%+v failed or is there twice", one)
		}
		if names[one.Name] = true; known[one.Name] != "" && one.Code != known[one.Name] && one.Outcome == "invited" {
			m.t.Errorf("%s had a code, and got another one", one.Name)
		}
	}
	if len(names) != killCustomers {
		m.t.Errorf("%d customers, want %d", len(names), killCustomers)
	}
	m.t.Logf("cut off %d times; %d were there before the last run", cuts, len(known))
	return out
}

// joinedOnce are the ids of the connections of customers, each of which has one.
func (m *machine) joinedOnce() map[string]bool {
	m.t.Helper()
	var all []admin.Connection
	must(m.t, json.Unmarshal(m.parley("connection", "list", "--json"), &all))
	ids, names := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		ids[c.ID], names[c.Name] = true, true
	}
	if len(all) != killCustomers || len(ids) != killCustomers || len(names) != killCustomers {
		m.t.Errorf("%d connections with %d names and %d ids, want %d", len(all), len(names), len(ids), killCustomers)
	}
	return ids
}

// TestConnectionAdd_AKillLosesNoCustomerAndMakesNoneTwice: the node, or the command, is
// killed while forty customers are added, at the side that invites and at the one that
// joins. The same command goes on: it says what was there, every code stands once, and
// each of them joins one connection.
func TestConnectionAdd_AKillLosesNoCustomerAndMakesNoneTwice(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))

	acme := newMachine(t, "acme", "other", "--listen", address)
	acme.customers(func(string) string { return "" })
	acme.run()
	invited := acme.addUntilWhole(random)
	if n := strings.Count(acme.read("parley.yaml"), "customer@1"); n != killCustomers {
		t.Errorf("parley.yaml has %d customers, want %d", n, killCustomers)
	}
	codes := map[string]string{}
	for _, one := range invited.Connections {
		codes[one.Name] = one.Code
	}

	globex := newMachine(t, "globex", "other")
	globex.customers(func(name string) string { return codes[name] })
	globex.run()
	globex.addUntilWhole(random)
	ours, theirs := acme.joinedOnce(), globex.joinedOnce()
	for id := range ours {
		if !theirs[id] {
			t.Errorf("connection %s is at one side only", id)
		}
	}
	before := acme.read("customers.csv.result.csv")
	again := addedBy(t, acme.parley("connection", "add", "--template", "customer", "--vars-file", filepath.Join(acme.dir, "customers.csv"), "--json"))
	if again.Already != killCustomers || acme.read("customers.csv.result.csv") != before {
		t.Errorf("when all have joined, %d are said to be there already", again.Already)
	}
}
