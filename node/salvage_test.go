package node_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
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
	var all []string
	for i := range 12 {
		all = append(all, fmt.Sprintf("A %d", i), fmt.Sprintf("B %d", i))
		a.create(all[2*i])
		b.create(all[2*i+1])
	}
	inStep(t, a, b, all...)
	for round := range 3 {
		for _, summary := range all {
			[]*site{a, b}[round%2].comment(summary, fmt.Sprintf("comment %d", round))
		}
		inStep(t, a, b, all...)
		// Each stop leaves a table of its own.
		b.stop()
		b.run()
	}
	quiet(t, a, b)
	b.stop()
	harmed := harmTables(t, filepath.Join(b.dir, "data", "store"), 11)
	a.create("while away")
	a.comment(all[0], "while away")
	b.create("beside")
	all = append(all, "while away", "beside")
	b.run()
	status, err := b.node.Status(t.Context())
	must(t, err)
	d := status.Store.Damaged
	if d == nil || d.Lost == 0 || d.Rows == 0 {
		t.Fatalf("%d blocks harmed, status says %+v", harmed, d)
	}
	t.Logf("%+v", *d)
	inStep(t, a, b, all...)
	quiet(t, a, b)
	inStep(t, a, b, all...)
	for _, s := range []*site{a, b} {
		for i, summary := range all[:24] {
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
	a.change(all[1], "changed since")
	b.change(all[2], "changed here")
	all[1], all[2] = "changed since", "changed here"
	inStep(t, a, b, all...)
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
