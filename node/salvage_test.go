package node_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/adapters/all"
	"parley/node"
	"parley/node/config"
)

// TestDamage_ANodeStartsWithWhatIsWholeAndHeals: a node's store is damaged in many
// places after traffic both ways. It starts by itself, says what is lost, and both
// desks agree again: nothing lost, nothing twice.
func TestDamage_ANodeStartsWithWhatIsWholeAndHeals(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:"+freePort(t)), newSite(t, "globex", "")
	a.run()
	b.run()
	join(t, a, b)
	var summaries []string
	for i := range 12 {
		summaries = append(summaries, fmt.Sprintf("A %d", i), fmt.Sprintf("B %d", i))
		a.create(summaries[2*i])
		b.create(summaries[2*i+1])
	}
	inStep(t, a, b, summaries...)
	for round := range 3 {
		for _, summary := range summaries {
			[]*site{a, b}[round%2].comment(summary, fmt.Sprintf("comment %d", round))
		}
		inStep(t, a, b, summaries...)
		// Each stop leaves a table of its own.
		b.stop()
		b.run()
	}
	quiet(t, a, b)
	b.stop()
	harmed := harmTables(t, filepath.Join(b.dir, "data", "store"), 11)
	a.create("while away")
	a.comment(summaries[0], "while away")
	b.create("beside")
	summaries = append(summaries, "while away", "beside")
	b.run()
	status, err := b.node.Status(t.Context())
	must(t, err)
	d := status.Store.Damaged
	if d == nil || d.Lost == 0 || d.Rows == 0 {
		t.Fatalf("%d blocks harmed, status says %+v", harmed, d)
	}
	t.Logf("%+v", *d)
	inStep(t, a, b, summaries...)
	quiet(t, a, b)
	inStep(t, a, b, summaries...)
	for _, s := range []*site{a, b} {
		for i, summary := range summaries[:24] {
			ticket, err := s.find(summary)
			must(t, err)
			want := 3
			if i == 0 {
				want++
			}
			if got := len(ticket.Comments); got != want {
				t.Errorf("%s has %d comments at %s, want %d", summary, got, s.dir, want)
			}
		}
	}
	a.change(summaries[1], "changed since")
	b.change(summaries[2], "changed here")
	summaries[1], summaries[2] = "changed since", "changed here"
	inStep(t, a, b, summaries...)
	must(t, os.RemoveAll(d.Aside))
	if status, err = b.node.Status(t.Context()); err != nil || status.Store.Damaged != nil {
		t.Errorf("the damaged store is removed and still shown: %+v, %v", status.Store, err)
	}
}

// harmTables writes rubbish into a part of each table, but not where it ends.
func harmTables(t *testing.T, dir string, seed uint64) (count int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		for range 1 + len(data)/20000 {
			data[random.IntN(len(data)*3/4)] ^= 1 << random.IntN(8)
			count++
		}
		must(t, os.WriteFile(name, data, 0o600))
	}
	return count
}

// TestDamage_WithoutAnAgreementTheNodeRefuses: and it says what to do, and changes
// nothing.
func TestDamage_WithoutAnAgreementTheNodeRefuses(t *testing.T) {
	t.Parallel()
	_, b := joined(t, "")
	b.stop()
	data := filepath.Join(b.dir, "data")
	tables, err := filepath.Glob(filepath.Join(data, "store", "*.sst"))
	must(t, err)
	for _, name := range tables {
		must(t, os.Remove(name))
	}
	before := names(t, data)
	cfg, err := config.Load(b.file(), config.Options{Kinds: all.Kinds()})
	must(t, err)
	_, err = node.Open(t.Context(), cfg, node.Options{Kinds: all.Kinds(), Log: os.Stderr, MinFree: -1})
	if err == nil || !strings.Contains(err.Error(), "parley restore") || !strings.Contains(err.Error(), "no agreement") {
		t.Errorf("Open = %v, want that a backup must be restored", err)
	}
	if after := names(t, data); !slices.Equal(after, before) {
		t.Errorf("the folder had %q and has %q", before, after)
	}
}

// TestDamage_ASalvageThatWasCutShortIsFinished: the damaged store is aside and the
// new one not yet in its place when the power goes.
func TestDamage_ASalvageThatWasCutShortIsFinished(t *testing.T) {
	t.Parallel()
	a, b := joined(t, "")
	a.create("one")
	inStep(t, a, b, "one")
	b.stop()
	data := filepath.Join(b.dir, "data")
	must(t, os.Rename(filepath.Join(data, "store"), filepath.Join(data, ".salvaged")))
	b.run()
	a.create("two")
	inStep(t, a, b, "one", "two")
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
