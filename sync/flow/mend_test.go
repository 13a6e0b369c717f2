package flow_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/sync/flow"
	"parley/sync/store"
	"parley/sync/store/memstore"
)

// TestSalvage_AMixOfOldAndNewRowsHeals: a node's store is damaged while changes are
// under way, and what is salvaged has newer rows, older ones, none, and ones that were
// deleted. Afterwards both sides have every ticket, comment and file once, and the
// last edits.
func TestSalvage_AMixOfOldAndNewRowsHeals(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			salvageOnce(t, rand.New(rand.NewPCG(seed, 5)))
		})
	}
}

func salvageOnce(t *testing.T, random *rand.Rand) {
	w, a, b := pair(t)
	made := 0
	busy := func(rounds int) {
		for range rounds {
			n := w.nodes[random.IntN(2)]
			all := n.desk.all()
			switch kind := random.IntN(5); {
			case len(all) < 3 || kind == 0:
				made++
				n.desk.open(fmt.Sprintf("ticket %d", made))
			case kind == 1:
				n.desk.set(all[random.IntN(len(all))].Ref, "status", fmt.Sprintf("status %d", random.IntN(100)))
			case kind == 2:
				made++
				n.desk.attach(all[random.IntN(len(all))].Ref, fmt.Sprintf("file %d", made), fmt.Sprintf("content %d", random.Uint64()))
			default:
				made++
				n.desk.comment(all[random.IntN(len(all))].Ref, fmt.Sprintf("comment %d", made), false)
			}
			if random.IntN(3) == 0 {
				w.settle()
			}
			for _, n := range w.nodes {
				n.poll()
			}
			for range random.IntN(12) {
				w.nodes[random.IntN(2)].step()
			}
		}
	}
	hurt := w.nodes[random.IntN(2)]
	busy(10)
	w.settle()
	older := []map[string]string{contents(t, hurt.store)}
	for range 3 {
		busy(4)
		older = append(older, contents(t, hurt.store))
	}
	hurt.salvage(older, random)
	busy(3)
	w.settle()
	w.settle()
	ours, theirs := told(a), told(b)
	if !slices.Equal(ours, theirs) {
		t.Errorf("the sides differ:\n%q\n%q", ours, theirs)
	}
	if again := slices.Compact(slices.Clone(ours)); len(again) != len(ours) {
		t.Errorf("something stands twice: %q", ours)
	}
}

// told are a desk's tickets with what stands in them, and comments and files.
func told(n *node) []string {
	var out []string
	for _, ticket := range n.desk.all() {
		name := fmt.Sprint(ticket.Fields["summary"])
		out = append(out, fmt.Sprintf("%s: %v", name, ticket.Fields["status"]))
		for _, c := range ticket.Comments {
			out = append(out, name+": "+c.Body)
		}
		for _, f := range ticket.Attachments {
			out = append(out, name+": "+f.Name+" "+f.SHA256)
		}
	}
	slices.Sort(out)
	return out
}

func contents(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(k, v []byte) (bool, error) {
			all[string(k)] = string(v)
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// salvage begins a process on a mix of what the store held over time.
func (n *node) salvage(over []map[string]string, random *rand.Rand) {
	n.w.t.Helper()
	keys := map[string]bool{}
	for _, rows := range over {
		for key := range rows {
			keys[key] = true
		}
	}
	newest := over[len(over)-1]
	rows, fresh := flow.NewSalvage(), memstore.New()
	n.must(fresh.Update(func(tx store.Tx) error {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if !rows.Wants([]byte(key)) {
				continue
			}
			value, ok := newest[key]
			switch {
			case key[0] == 'c':
				value, ok = over[0][key], true
			case random.IntN(4) == 0:
				value, ok = over[random.IntN(len(over))][key]
			case random.IntN(6) == 0:
				ok = false
			}
			if ok {
				n.must(tx.Put([]byte(key), []byte(value)))
			}
		}
		return nil
	}))
	for _, e := range n.wires {
		_, err := rows.Mend(fresh, e.id, n.w.at)
		n.must(err)
	}
	n.store = fresh
	n.boot()
}
