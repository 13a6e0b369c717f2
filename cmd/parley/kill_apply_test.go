package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/node/admin"
)

const (
	killConnections = 6
	killTest        = "- {name: %s, filter: outgoing, issue: {fields: {summary: Aa}}, expect: {fields: {summary: %s}}}\n"
)

func killName(i int) string { return fmt.Sprintf("c-%d", i) }

// setup writes a directory of connections whose filters, tables, tests, settings and
// template are another's if it is loud.
func (m *machine) setup(dir string, loud bool) {
	m.t.Helper()
	text, closes, expected := "replica.summary = issue.summary\n", 7, "Aa"
	if loud {
		text, closes, expected = "replica.summary = upper(issue.summary)\n", 8, "AA"
		m.write(dir+"/templates/customer/template.yaml", killHead)
		m.write(dir+"/templates/customer/outgoing.parley", text)
		m.write(dir+"/templates/customer/incoming.parley", "issue.summary = replica.summary\n")
	}
	var config strings.Builder
	config.WriteString("connections:\n")
	for i := range killConnections {
		name := killName(i)
		fmt.Fprintf(&config, "  %s:\n    scope: 'true'\n    out: filters/%s.out.parley\n    in: filters/%s.in.parley\n    fuse: {closes: %d}\n", name, name, name, closes)
		if loud {
			fmt.Fprintf(&config, "    tables: tables/%s\n", name)
			m.write(dir+"/tables/"+name+"/state.yaml", "policy: pass\npairs:\n  - [\"Open\",\"new\"]\n")
			m.write(dir+"/tests/"+name+"/loud.yaml", fmt.Sprintf(killTest, "loud", expected))
		}
		m.write(dir+"/filters/"+name+".out.parley", text)
		status := "replica.status"
		if loud {
			status = "lookup(\"state\", replica.status)"
		}
		m.write(dir+"/filters/"+name+".in.parley", "issue.summary = replica.summary\nissue.status = "+status+"\n")
		m.write(dir+"/tests/"+name+"/one.yaml", fmt.Sprintf(killTest, "one", expected))
	}
	m.write(dir+"/parley.yaml", config.String())
}

// files are the texts of a folder by their place.
func (m *machine) files(dir string) map[string]string {
	m.t.Helper()
	texts := map[string]string{}
	must(m.t, fs.WalkDir(os.DirFS(filepath.Join(m.dir, dir)), ".", func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			texts[at] = m.read(filepath.Join(dir, at))
		}
		return err
	}))
	return texts
}

// taken applies a directory whole, and exports it as the node has it then.
func (m *machine) taken(dir string) {
	m.t.Helper()
	m.parley("apply", "-f", filepath.Join(m.dir, dir), "--yes", "--wider", "--prune", "-m", "as wanted")
	m.parley("export", filepath.Join(m.dir, dir), "--force")
}

// joinAll lets every connection of two machines have its peer.
func joinAll(a, b *machine) {
	for i := range killConnections {
		code := strings.TrimSpace(string(a.parley("connection", "invite", killName(i))))
		b.parley("connection", "accept", code, "--name", killName(i))
	}
}

// TestApply_AKillIsCompletedByTheSameDirectory: the node is killed while a directory is
// applied, as soon as a file of it is there. The same command then does the rest: the node
// does exactly what the directory says, nothing came into force twice, and nothing that
// was begun is left.
func TestApply_AKillIsCompletedByTheSameDirectory(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	acme, globex := newMachine(t, "acme", "other", "--listen", address), newMachine(t, "globex", "other")
	for _, m := range []*machine{acme, globex} {
		m.setup("quiet", false)
		m.run()
		m.taken("quiet")
	}
	joinAll(acme, globex)
	acme.setup("loud", true)
	acme.taken("loud")
	if acme.command("apply", "-f", filepath.Join(acme.dir, "quiet"), "--dry-run").Run() == nil {
		t.Fatal("the directories say the same")
	}

	random := rand.New(rand.NewPCG(2, uint64(time.Now().UnixNano())))
	cuts, half := 0, 0
	for round := range 6 {
		dir := []string{"quiet", "loud"}[round%2]
		want, before := acme.files(dir), acme.read("parley.yaml")
		// parley.yaml comes last; before that the filters, in the order of their names.
		at := "filters/" + killName(random.IntN(killConnections)) + ".out.parley"
		there := func() bool { return acme.read(at) == want[at] }
		if round == 4 {
			there = func() bool { return acme.read("parley.yaml") != before }
		}
		apply := []string{"apply", "-f", filepath.Join(acme.dir, dir), "--yes", "--wider", "--prune", "-m", "as wanted"}
		if acme.cutOff(true, there, apply...) {
			cuts++
		}
		dry := acme.command("apply", "-f", filepath.Join(acme.dir, dir), "--dry-run")
		if dry.Run() != nil {
			half++
			acme.parley(apply...)
		}
		acme.isWhat(dir)
	}
	acme.publishedOnce()
	t.Logf("cut off %d times, %d of them with something left to do", cuts, half)
	if cuts < 3 || half < 2 {
		t.Errorf("cut off %d times, %d of them with something left to do: nothing was in the middle", cuts, half)
	}
}

// isWhat wants the node to do what a directory says, and nothing to be left over.
func (m *machine) isWhat(dir string) {
	m.t.Helper()
	m.parley("apply", "-f", filepath.Join(m.dir, dir), "--dry-run") // no drift
	got := filepath.Join(m.t.TempDir(), "got")
	m.parley("export", got)
	is := (&machine{t: m.t, dir: got}).files(".")
	if diff := cmp.Diff(m.files(dir), is); diff != "" {
		m.t.Errorf("the node does something else than %s (-want +got):\n%s", dir, diff)
	}
	want := m.files(dir)
	for name, text := range want {
		if name != "parley.yaml" && name != manifestFile && m.read(name) != text {
			m.t.Errorf("%s of the node is not that of %s", name, dir)
		}
	}
	for _, top := range []string{"tables", "tests", "templates"} {
		if _, err := os.Stat(filepath.Join(m.dir, top)); err != nil {
			continue
		}
		for name := range m.files(top) {
			if at := top + "/" + name; want[at] == "" && !strings.HasPrefix(name, "other/") {
				m.t.Errorf("the node has %s, and %s has not", at, dir)
			}
		}
	}
	must(m.t, filepath.WalkDir(m.dir, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && slices.Contains([]string{".parley-new", "apply"}, entry.Name()) {
			m.t.Errorf("%s is left", at)
		}
		return err
	}))
}

// publishedOnce wants no version to have come into force twice in a row, and every
// connection to run by what its files say.
func (m *machine) publishedOnce() {
	m.t.Helper()
	for i := range killConnections {
		var h admin.FilterHistory
		must(m.t, json.Unmarshal(m.parley("filter", "history", killName(i), "--json"), &h))
		for k := range h.Versions[1:] {
			if h.Versions[k].Version == h.Versions[k+1].Version {
				m.t.Errorf("%s was published twice: %+v", killName(i), h.Versions)
			}
		}
		if h.Drift {
			m.t.Errorf("the files of %s say something else than what is in force", killName(i))
		}
	}
}
