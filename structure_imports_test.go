package parley_test

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our own import paths.
const module = "parley/"

// layer is one row of the table.
type layer struct{ packages, may []string }

// layers says which of our packages each package may import; docs/ARCHITECTURE.md
// draws it. The first row that fits counts. "x/..." is x and all below it, a
// row's packages may always import what lies below themselves.
var layers = []layer{
	// The nouns: no I/O, no clock, no other package of ours.
	{[]string{"sync/event"}, nil},

	// The seam to a tracker.
	{[]string{"adapters"}, []string{"sync/event"}},
	{[]string{"adapters/richtext"}, []string{"adapters/internal/defuse"}},
	{[]string{"adapters/all"}, []string{"adapters/..."}},
	{[]string{"adapters/..."}, []string{"adapters", "adapters/internal/...", "adapters/richtext", "sync/event"}},
	{[]string{"filters/template"}, nil},
	{[]string{"filters/..."}, []string{"filters", "sync/event", "filters/filtertest"}},

	// The store and what is built on it.
	{[]string{"sync/store/..."}, []string{"sync/event", "sync/store"}},
	{[]string{"sync/retry"}, []string{"sync/event", "adapters"}},
	{[]string{"sync/fuse"}, nil},
	{[]string{"sync/envelope/..."}, []string{"sync/event", "sync/envelope"}},
	{[]string{"sync/transport/..."}, []string{"sync/event", "sync/transport"}},
	// The pure machines: no transport, no tracker, no clock.
	{machines, slices.Concat(machines, []string{"sync/event", "sync/store", "sync/retry", "sync/envelope", "filters", "adapters"})},
	{[]string{"sync/connection"}, []string{"sync/event", "sync/store", "sync/envelope", "sync/transport", "sync/retry"}},
	{[]string{"sync/blob"}, []string{"sync/event", "sync/store", "sync/transport", "sync/retry", "adapters"}},
	{[]string{"sync/flow"}, slices.Concat(machines, []string{
		"sync/event", "sync/store", "sync/retry", "sync/envelope", "sync/transport",
		"sync/connection", "sync/blob", "sync/fuse", "filters", "adapters",
	})},
	{[]string{"sync/simtest"}, []string{"sync/...", "filters", "adapters", "adapters/desk"}},

	// The node around them.
	{[]string{"node/secret"}, nil},
	{[]string{"node/notify", "node/logging", "node/access"}, []string{"node/secret"}},
	{[]string{"node/hooks"}, []string{"adapters", "sync/event"}},
	{[]string{"node/audit"}, []string{"sync/store", "sync/event"}},
	{[]string{"node/config"}, []string{"adapters", "sync/event", "node/access", "node/audit", "node/secret", "filters/template"}},
	{[]string{"node/backup"}, []string{"node/secret", "sync/store/..."}},
	{[]string{"node/admin/client"}, []string{"sync/event", "adapters", "node/admin/...", "node/audit", "node/backup"}},
	{[]string{"node/demo"}, []string{
		"node", "node/config", "node/secret", "node/admin", "node/admin/client",
		"adapters", "adapters/all", "adapters/desk", "filters/examples", "sync/event",
	}},
	{[]string{"node/..."}, []string{"node/...", "sync/...", "filters/...", "adapters/..."}},
	{[]string{"cmd/parley"}, []string{
		"node/...", "sync/event", "sync/connection", "sync/store/...", "filters/...",
		"adapters", "adapters/all", "adapters/desk",
	}},
	{[]string{"scripts/bench/workload"}, nil},
	{[]string{"scripts/bench"}, []string{"sync/...", "filters", "adapters"}},
	{[]string{"scripts/trackers"}, nil},
	{[]string{"scripts/..."}, []string{"..."}},
}

// machines are the pure ones: (state, input, now) to (rows, actions).
var machines = []string{"sync/work", "sync/outbox", "sync/inbox", "sync/plan", "sync/twin", "sync/agree", "sync/shape"}

// testOnly are packages that only tests may import; they may be imported by any.
var testOnly = []string{
	"adapters/adaptertest", "adapters/gitlab/gitlabdouble", "sync/simtest", "sync/store/storetest",
	"sync/store/memstore", "sync/transport/transporttest", "sync/transport/memory", "sync/transport/natsbus/natstest", "sync/envelope/plain", "scripts/trackers",
}

// alsoInTests are further packages that any test may import.
var alsoInTests = []string{"adapters/desk", "filters/...", "sync/transport/natsbus"}

// homes are the packages that, with those for tests below them, alone import what the product must be able to replace.
var homes = []struct{ prefix, home string }{
	{"github.com/dgraph-io/", "sync/store/badgerstore"},
	{"github.com/nats-io/", "sync/transport/natsbus"},
	{"github.com/expr-lang/", "filters"},
}

func TestStructure_ImportsFollowTheLayers(t *testing.T) {
	t.Parallel()
	for _, f := range source(t) {
		for _, problem := range wrongImports(f) {
			t.Error(problem)
		}
	}
}

func TestStructure_LayersBite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, imports string
		ok            bool
	}{
		{"sync/flow/outgoing.go", "parley/sync/outbox", true},
		{"sync/flow/outgoing.go", "parley/sync/store/badgerstore", false},
		{"sync/flow/outgoing.go", "parley/sync/store/memstore", false},
		{"sync/flow/outgoing_test.go", "parley/sync/store/memstore", true},
		{"sync/outbox/outbox.go", "parley/sync/transport", false},
		{"sync/event/event.go", "parley/sync/store", false},
		{"adapters/redmine/redmine.go", "parley/adapters/rt", false},
		{"adapters/redmine/redmine_test.go", "parley/adapters/adaptertest", true},
		{"adapters/all/all.go", "parley/adapters/redmine", true},
		{"node/secret/vault.go", "parley/node/config", false},
		{"node/run.go", "parley/sync/transport/natsbus", true},
		{"cmd/parley/main.go", "parley/sync/transport/natsbus", false},
		{"scripts/bench/node.go", "parley/sync/flow", true},
		{"scripts/bench/workload/workload.go", "parley/sync/event", false},
		{"sync/elsewhere/x.go", "fmt", false},
		{"sync/transport/natsbus/bus.go", "github.com/nats-io/nats.go", true},
		{"sync/transport/natsbus/bus_test.go", "github.com/nats-io/nkeys", true},
		{"sync/connection/connection.go", "github.com/nats-io/nkeys", false},
		{"node/node_test.go", "github.com/dgraph-io/badger/v4", false},
		{"filters/filtertest/run.go", "github.com/expr-lang/expr/ast", false},
	} {
		f, err := parse(tt.file, []byte("package x\nimport "+strconv.Quote(tt.imports)))
		if err != nil {
			t.Fatal(err)
		}
		if got := wrongImports(f); (len(got) == 0) != tt.ok {
			t.Errorf("%s imports %s: got %q, want ok %v", tt.file, tt.imports, got, tt.ok)
		}
	}
}

// wrongImports applies layers and homes to one file.
func wrongImports(f sourceFile) []string {
	if f.pkg == "." {
		return nil
	}
	row := slices.IndexFunc(layers, func(l layer) bool { return within(f.pkg, l.packages) })
	if row < 0 {
		return []string{f.problem(f.ast.Pos(), "package %s is not in the layers table", f.pkg)}
	}
	var problems []string
	for _, imported := range f.imports() {
		pkg, ours := strings.CutPrefix(imported, module)
		if ours && !mayImport(f, pkg, layers[row].may) {
			problems = append(problems, f.problem(f.ast.Pos(), "%s may not import %s", f.pkg, pkg))
		}
		for _, h := range homes {
			if strings.HasPrefix(imported, h.prefix) && f.pkg != h.home && !(strings.HasPrefix(f.pkg, h.home+"/") && within(f.pkg, testOnly)) {
				problems = append(problems, f.problem(f.ast.Pos(), "only %s may import %s", h.home, imported))
			}
		}
	}
	return problems
}

// mayImport applies one row of the table to one import.
func mayImport(f sourceFile, pkg string, may []string) bool {
	forTests := f.test || within(f.pkg, testOnly) || strings.HasPrefix(f.pkg, "scripts/")
	if slices.Contains(testOnly, pkg) && pkg != f.pkg {
		return forTests
	}
	if forTests && within(pkg, alsoInTests) {
		return true
	}
	return within(pkg, may) || within(pkg, []string{f.pkg + "/..."})
}

// within tells whether pkg is one of patterns.
func within(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, isTree := strings.CutSuffix(pattern, "...")
		if !isTree {
			return pkg == pattern
		}
		return tree == "" || pkg == path.Clean(tree) || strings.HasPrefix(pkg, tree)
	})
}
