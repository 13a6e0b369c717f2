package simtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mutant is the product without one of its safeguards: in each file, from is
// replaced by to.
type mutant struct {
	name string
	// shapes of world that are run; empty: all.
	shapes string
	edits  []edit
}

type edit struct{ file, from, to string }

// mutants are the safeguards, each taken out.
var mutants = []mutant{
	{"dedupe", "pair", []edit{{
		"sync/flow/incoming.go",
		"\t\tif err != nil || verdict != inbox.Take {\n", `
		for i := range a.messages {
			if c := a.messages[i].message.Change; c != nil && verdict == inbox.Repeat {
				again := inbox.Head{Epoch: cut.Epoch, Through: cut.First + event.Seq(i)}
				taken.twins = append(taken.twins, c.Twin)
				err = errors.Join(err, p.storeArrival(tx, con, again, c.Twin, &taken))
			}
		}
		if err != nil || verdict != inbox.Take {
`,
	}}},
	{"echo", "pair", []edit{{"sync/flow/answer.go", "row.Echo(r.echo, r.echoed, in.plan.Seen)", ""}}},
	// Either of the two would do.
	{"intent record", "pair", []edit{
		{"sync/flow/decide.go", "\treturn p.storePlan(in)\n", "\treturn nil\n"},
		{"sync/flow/decide.go", "waited := in.row.Epoch < began.Epoch || ", "waited := began.Epoch > 1<<62 && "},
	}},
	{"SettleTime", "pair", []edit{
		{"sync/plan/plan.go", "step.At.Add(Ahead+settle)", "step.At"},
		{"sync/retry/retry.go", "now.Add(max(settle, after))", "now"},
	}},
	{"cursor in transaction", "pair", []edit{{
		"sync/flow/poll.go", "\terr := p.Store.Update(func(tx store.Tx) error {\n\t\tfor _, l := range looks {",
		"\t_ = p.Store.Update(func(tx store.Tx) error { return tx.Put(store.CursorKey(p.TrackerName), []byte(next)) })\n" +
			"\terr := p.Store.Update(func(tx store.Tx) error {\n\t\tfor _, l := range looks {",
	}}},
	{"lane", "crowded", []edit{{"sync/flow/lanes.go", "if l.busy[lane] {", "if false {"}}},
	{"run check", "restored", []edit{
		{"sync/inbox/inbox.go", "case theirs != ours:", "case theirs != ours && false:"},
		{"sync/outbox/outbox.go", "case place.Through > h.Appended, place.Run != runAt:", "case place.Through > h.Appended:"},
		{"sync/outbox/outbox.go", "case r.Run != runAt:", "case false:"},
	}},
	{"epoch", "restored", []edit{{"sync/flow/session.go", "renewed = renewed || verdict == outbox.NewEpoch", "_ = verdict"}}},
	{"seen", "pair", []edit{{"sync/flow/change.go", "Cause: k.work.Cause, Seen: row.Seen,", "Cause: k.work.Cause,"}}},
	{"marker check", "pair", []edit{{
		"sync/flow/apply.go", "\tswitch found.Presence {\n", "\tfound.Presence = event.FoundNone\n\tswitch found.Presence {\n",
	}}},
	{"accept gate", "pair", []edit{{
		"sync/flow/decide.go", "in.rules.Accept.Check(result, in.ours == nil); len(findings) > 0", "in.rules.Accept.Check(result, in.ours == nil); len(findings) > 1<<20",
	}}},
	{"egress gate: internal comments", "pair", []edit{{
		"filters/egress.go", "case our.Internal && !e.InternalComments:\n\t\t\tfindings", "case false:\n\t\t\tfindings",
	}}},
	{"egress gate: internal files", "pair", []edit{{
		"filters/egress.go", "case our.Internal && !e.InternalComments:\n\t\tdefault", "default",
	}}},
	{"egress gate: other connections", "three", []edit{{
		"filters/egress.go", "\tcase e.foreign(our.From):\n\t\tcase our.Internal && !e.InternalComments:\n\t\t\tfindings",
		"\tcase our.Internal && !e.InternalComments:\n\t\t\tfindings",
	}}},
	{"forwarding by rule only", "three", []edit{{
		"sync/flow/known.go", "!slices.Contains(o.rules.Forward, o.known.via):", "slices.Contains(o.rules.Forward, \"\"):",
	}}},
	{"merge policy", "pair", []edit{{"sync/twin/merge.go", "\t\treturn a > b\n", "\t\treturn true\n"}}},
	{"one event per twin", "pair", []edit{
		{"sync/flow/known.go", "(k.row == nil || !k.row.Unsent())", "true"},
		{"sync/flow/known.go", "|| c.ID == con.ID && row.Unsent()) {", ") {"},
	}},
	{"receipt after disk", "pair", []edit{{
		"sync/flow/incoming.go", "p.Store.Update(func(tx store.Tx) error {\n\t\ttaken = intake{}", "p.Store.Lazy(func(tx store.Tx) error {\n\t\ttaken = intake{}",
	}}},
	{"no look while a plan runs", "pair", []edit{{"sync/flow/known.go", "first || entry != nil && entry.Holds()", "first"}}},
	{"own creates are not somebody's", "pair", []edit{{
		"sync/flow/outgoing.go", "p.creating.has(ticket.Marker) || o.orphan()", "false",
	}}},
	{"a version is seen when its second is over", "pair", []edit{{
		"sync/flow/stream.go", "precision == 0 || over >", "true || over >",
	}}},
	{"a change during a look is looked at", "crowded", []edit{
		{"sync/work/work.go", "case Nothing:\n\t\tif row == nil || row.Gen == in.Gen {", "case Nothing:\n\t\tif true {"},
		{"sync/work/work.go", "row.Gen == in.Gen && !in.More", "!in.More"},
	}},
	{"what sets is compared when in doubt", "pair", []edit{{
		"sync/flow/apply.go", "if happened(step, ticket, in.plan.Before, schema) {", "if happened(step, ticket, in.plan.Before, schema) || true {",
	}}},
	{"a refusal is no deletion", "refused", []edit{{
		"sync/retry/retry.go", "case errors.Is(err, adapters.ErrGone):", "case errors.Is(err, adapters.ErrGone), errors.Is(err, adapters.ErrDenied):",
	}}},
	{"a permission that is back is noticed", "refused", []edit{{"sync/flow/poll.go", "if p.denied.Swap(false) {", "if false {"}}},
	{"a reference has the created time", "reused", []edit{{"sync/event/ids.go", "Created: created.Unix()}", "Created: 0}"}}},
	{"a clock may be set back", "shifted", []edit{{"sync/flow/stream.go", "before != nil && before[c.Ref] != c.Version && ", ""}, {"sync/flow/stream.go", " && over < overMost", ""}}},
	{"a clock that is set back puts nothing off", "pair,restored,together", []edit{{"sync/event/wait.go", " || until.Sub(now) > 2*LongestWait", ""}}},
	{"what is young waits", "holding", []edit{{"sync/flow/young.go", "if !until.After(p.Now()) {", "if true {"}}},
	{"what is made internal is withdrawn", "holding", []edit{{"sync/flow/withdraw.go", "if o.known.fresh() {", "if true {"}}},
	{"a wait is on record", "holding", []edit{{"sync/work/work.go", "if row == nil || young.Until.IsZero() {", "if true {"}}},
	{"a restore says so itself", "together", []edit{{"sync/flow/partner.go", "if err != nil || !row.Renew {", "if err != nil || !row.Renew || true {"}}},
}

// mutantSeeds is how many seeds may pass before a safeguard is missed.
const mutantSeeds = 1500

// TestMutants_TheSimulationMissesEverySafeguard takes each safeguard out of the
// product, by an overlay of one file that the compiler sees instead, and asks the
// simulation to find it out. docs/promises.md has what -v prints here.
func TestMutants_TheSimulationMissesEverySafeguard(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(root, "docs", "promises.md"))
	if err != nil {
		t.Fatal(err)
	}
	atOnce := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			if !bytes.Contains(table, []byte("| "+m.name+" |")) {
				t.Error("docs/promises.md does not have it in its table")
			}
			caught := m.run(t, m.build(t, root))
			t.Logf("| %s | %s |", m.name, caught)
		})
	}
}

// build makes the simulation with the mutant in it.
func (m mutant) build(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	texts := map[string]string{}
	for _, e := range m.edits {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		if _, read := texts[file]; !read {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(raw)
		}
		if n := strings.Count(texts[file], e.from); n != 1 {
			t.Fatalf("%s has %q %d times, want once: the safeguard has moved, and the mutant must follow", e.file, e.from, n)
		}
		texts[file] = strings.Replace(texts[file], e.from, e.to, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		replace[file] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	listed, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "simulation")
	if err := os.WriteFile(listed, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-s -w", "-overlay", listed, "-o", binary, "./sync/simtest")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	return binary
}

var failedSeed = regexp.MustCompile(`(?m)^seed (\d+) \((\w+)\):\n(.*)$`)

// run runs seeds until one fails, and tells which.
func (m mutant) run(t *testing.T, binary string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	sim := exec.CommandContext(ctx, binary, "-sweep", strconv.Itoa(mutantSeeds), "-first", "-shapes", m.shapes)
	sim.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := sim.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run the mutant: %v", err)
	}
	found := failedSeed.FindSubmatch(out)
	if found == nil {
		t.Fatalf("%d seeds pass without it; it ended with: %s", mutantSeeds, out)
	}
	seed, err := strconv.ParseUint(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, violations := play(shape(found[2]), seed, quietly); len(violations) > 0 {
		t.Errorf("seed %d fails with the safeguard too: %s", seed, strings.Join(violations, "\n"))
	}
	what, _, _ := strings.Cut(string(found[3]), "[")
	return string(found[1]) + " | " + string(found[2]) + " | " + strings.TrimSpace(what[:min(len(what), 100)])
}
