//go:build !race

package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/node/admin"
	"parley/node/wave"
)

// TestPairing_ManyJoinSideBySideOverConnectionsThatAreCut: whoever is cut off at any
// message of a pairing comes to the agreement that its first try began, and its code
// is nobody else's.
func TestPairing_ManyJoinSideBySideOverConnectionsThatAreCut(t *testing.T) {
	t.Parallel()
	const joining = 32
	port := freePort(t)
	a, b, c := newSite(t, "acme", "127.0.0.1:"+port), newSite(t, "globex", ""), newSite(t, "initech", "")
	// Two of three connections are cut, at each place in turn: handshake, sign-in, offer, end.
	way := newCutter(t, func(number int64) int {
		if number%3 == 0 {
			return 0
		}
		return int(number % 7)
	})
	way.to.Store("127.0.0.1:" + port)
	text, err := os.ReadFile(a.file())
	must(t, err)
	listen := "  nats: 127.0.0.1:" + port + "\n"
	must(t, os.WriteFile(a.file(), []byte(strings.Replace(string(text), listen, listen+"  advertise: "+way.Addr().String()+"\n", 1)), 0o600))
	a.run()
	b.run()
	c.run()

	codes := make([]string, joining)
	for i := range codes {
		made, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: customer(i)})
		must(t, err)
		codes[i] = made.Code
	}
	must(t, sideBySide(joining, func(i int) error {
		_, err := b.node.Accept(t.Context(), admin.AcceptRequest{Code: codes[i], Name: customer(i)})
		return err
	}))
	if way.cut.Load() == 0 {
		t.Fatal("nothing was cut")
	}
	t.Logf("%d connections, %d cut", way.next.Load(), way.cut.Load())
	before := agreements(t, a, b)
	if len(before) != joining {
		t.Fatalf("%d connections, want %d", len(before), joining)
	}
	// Once more, as one does who did not see the answer; and somebody else.
	must(t, sideBySide(joining, func(i int) error {
		_, err := b.node.Accept(t.Context(), admin.AcceptRequest{Code: codes[i], Name: customer(i)})
		return err
	}))
	err = sideBySide(joining, func(i int) error {
		_, err := c.node.Accept(t.Context(), admin.AcceptRequest{Code: codes[i], Name: customer(i)})
		if err == nil || !strings.Contains(err.Error(), "used") {
			return fmt.Errorf("somebody else with the code: %w", err)
		}
		return nil
	})
	must(t, err)
	if after := agreements(t, a, b); !slices.Equal(after, before) {
		t.Errorf("accepting again changed the connections:\n%v\n%v", before, after)
	}
}

// customers is how many connections the provider of the test has.
const customers = 200

// TestTemplates_TwoHundredCustomersFromOneTemplateAndOneFile: a service provider checks
// a file of customers whole, adds them, upgrades them in waves, is stopped by a version
// that would hold tickets, and goes back.
func TestTemplates_TwoHundredCustomersFromOneTemplateAndOneFile(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.template(1, templateOut)
	manyPeers(t, b, customers)
	a.run()
	b.run()
	clock := newLap(t)

	file := customerFile(customers)
	broken := strings.Replace(file, "c-007,c-007,", "c-006,x,", 1)
	_, mistakes := a.roster(broken)
	said := fmt.Sprint(mistakes)
	if len(mistakes) != 2 || !strings.Contains(said, "8:1: name: stands in line 7 already") || !strings.Contains(said, `8:7: label: "x" does not match c-[0-9]{3}`) {
		t.Fatalf("a file with two mistakes: %s", said)
	}
	r, mistakes := a.roster(file)
	if len(mistakes) > 0 || len(r.Rows) != customers {
		t.Fatalf("%d rows, mistakes: %v", len(r.Rows), mistakes)
	}
	clock.lap("checked")
	added, err := r.Add(a.options())
	must(t, err)
	must(t, a.node.Reload(t.Context()))
	if added != customers {
		t.Fatalf("added %d", added)
	}
	clock.lap("added")
	joinAll(t, a, b, customers)
	clock.lap("invited and joined")

	for i := range customers {
		labelled(t, a, customer(i))
	}
	eventually(t, "each customer has its ticket", func() error { return a.twins(customers) })
	t.Cleanup(func() {
		if t.Failed() {
			waits, err := b.node.Queue(context.Background(), "")
			t.Logf("at the peers waits: %+v, %v", waits, err)
		}
	})
	a.quiet()
	clock.lap("a ticket each in step")

	// An edit of a version that is in use changes nothing.
	a.script("templates/customer/outgoing.parley", templateOut+"replica.description = issue.description\n")
	must(t, a.node.Reload(t.Context()))
	if got := a.runBy(); got["customer@1"] != customers {
		t.Fatalf("after an edit: %v", got)
	}
	a.template(2, strings.Replace(templateOut, "= issue.summary", "= upper(issue.summary)", 1))
	a.script("templates/customer/tests/a.yaml", strings.Replace(templateTests, "{summary: a, key", "{summary: A, key", 1))
	upgradeInWaves(t, a, b)
	clock.lap("upgraded in waves of 5 %, a tag, all")
	stopsAndGoesBack(t, a)
	clock.lap("stopped, and gone back")
	clock.memory()
}

// upgradeInWaves puts version 2 in force: 5 %, a tag, all, and once more.
func upgradeInWaves(t *testing.T, a, b *site) {
	t.Helper()
	d, err := a.node.TemplateDiff(t.Context(), "customer@1", "customer@2")
	must(t, err)
	if len(d.Connections) != customers || len(d.Connections[0].Wider) != 0 || len(d.Parts) == 0 {
		t.Errorf("the difference: %d connections, %+v", len(d.Connections), d.Parts)
	}
	for _, one := range []struct {
		what    string
		change  func(*wave.Wave)
		wave, n int
		in      int
	}{
		{"5 %, dry", func(w *wave.Wave) { w.Share, w.DryRun = 5, true }, 10, 10, 0},
		{"5 %", func(w *wave.Wave) { w.Share = 5 }, 10, 10, 10},
		{"5 % again", func(w *wave.Wave) { w.Share = 5 }, 10, 0, 10},
		{"the pilots", func(w *wave.Wave) { w.Tag = "pilot" }, 10, 10, 20},
		{"all", func(w *wave.Wave) { w.Apply = true }, customers, customers - 20, customers},
		{"all again", func(*wave.Wave) {}, customers, 0, customers},
	} {
		w := a.wave(2)
		one.change(&w)
		report, err := w.Run(t.Context())
		must(t, err)
		if report.Stopped != "" || report.Wave != one.wave || len(report.Steps) != one.n || report.Failed != 0 {
			t.Fatalf("%s: %s, wave of %d, %d steps, %d failed: %+v", one.what, report.Stopped, report.Wave, len(report.Steps), report.Failed, report.Steps)
		}
		if got := a.runBy()["customer@2"]; got != one.in {
			t.Fatalf("%s: %d run by version 2, want %d", one.what, got, one.in)
		}
	}
	eventually(t, "what changes is sent", func() error { _, err := b.find(strings.ToUpper("incident of c-031")); return err })
}

// stopsAndGoesBack: version 3 would hold every ticket, version 4 lets more leave.
func stopsAndGoesBack(t *testing.T, a *site) {
	t.Helper()
	a.template(3, templateOut+"park \"not any more\"\n")
	a.script("templates/customer/tests/a.yaml", "[]\n")
	w := a.wave(3)
	report, err := w.Run(t.Context())
	must(t, err)
	if report.Stopped == "" || len(report.Steps) > 5 || !strings.Contains(report.Steps[len(report.Steps)-1].Error, "would be held") || a.runBy()["customer@2"] < customers-4 {
		t.Fatalf("a version that holds every ticket: %q after %d steps, %v", report.Stopped, len(report.Steps), a.runBy())
	}
	a.template(4, templateOut+"replica.description = issue.description\n")
	a.script("templates/customer/tests/a.yaml", "[]\n")
	w = a.wave(4)
	if report, err = w.Run(t.Context()); err != nil || report.Stopped == "" || !strings.Contains(report.Steps[0].Error, "description leaves") {
		t.Fatalf("a version that lets more leave: %v %+v", err, report)
	}
	w = a.wave(1)
	report, err = w.Back(t.Context())
	must(t, err)
	if report.Failed != 0 || len(report.Steps) != customers || a.runBy()["customer@1"] != customers {
		t.Fatalf("going back: %d failed, %d steps, %v", report.Failed, len(report.Steps), a.runBy())
	}
	kept, err := filepath.Glob(filepath.Join(a.dir, "templates", "customer@1.*"))
	must(t, err)
	if len(kept) != 1 {
		t.Errorf("version 1 is kept as %v", kept)
	}
}

// lap reports how long the parts of a test take.
type lap struct {
	t  *testing.T
	at time.Time
}

func newLap(t *testing.T) *lap {
	t.Helper()
	return &lap{t, time.Now()}
}

func (l *lap) lap(what string) {
	l.t.Helper()
	l.t.Logf("%-40s %s", what, time.Since(l.at).Round(time.Millisecond))
	l.at = time.Now()
}

func (l *lap) memory() {
	l.t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l.t.Logf("%d MiB of heap in use, both nodes together", m.HeapInuse>>20)
}
