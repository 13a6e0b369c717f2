//go:build !race

package node_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/node/wave"
	"parley/sync/event"
)

const waveCustomers = 24

// manyJoined are two sites with customers of one template, each with tickets in step.
func manyJoined(t *testing.T) (a, b *site) {
	t.Helper()
	a, b = newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.template(1, asksAtOdd)
	manyPeers(t, b, waveCustomers)
	a.run()
	b.run()
	r, mistakes := a.roster(customerFile(waveCustomers))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	_, err := r.Add(a.options())
	must(t, err)
	must(t, a.node.Reload(t.Context()))
	joinAll(t, a, b, waveCustomers)
	for i := range waveCustomers {
		labelled(t, a, customer(i))
	}
	eventually(t, "each customer has its ticket", func() error { return a.twins(waveCustomers) })
	a.quiet()
	b.quiet()
	return a, b
}

// called lets the people of a call a customer's incident something else.
func called(t *testing.T, a *site, what string, i int) {
	t.Helper()
	ticket, err := a.find("incident of " + customer(i))
	must(t, err)
	a.write(event.Step{Kind: event.StepUpdate, Ref: ticket.Ref, Fields: event.Fields{"summary": what + customer(i)}}, "")
}

// parked waits until so many tickets wait for a person.
func (s *site) parked(want int) {
	s.t.Helper()
	eventually(s.t, "tickets are parked", func() error {
		uses, err := s.node.Templates(s.t.Context())
		got := 0
		for _, u := range uses {
			got += u.Parked
		}
		if err == nil && got != want {
			err = fmt.Errorf("%d are parked, want %d", got, want)
		}
		return err
	})
}

// asksAtOdd is a version that parks some tickets, and stopsAtFire one that looks as well
// as that until there is a fire.
const (
	asksAtOdd   = templateOut + "if issue.summary startsWith \"Odd\" {\n  park \"what is it?\"\n}\n"
	stopsAtFire = asksAtOdd + "if issue.summary startsWith \"Fire\" {\n  park \"not that\"\n}\n"
)

// TestWave_ParkedTicketsStopTheWaveAndTheNextOne: what the survey before could not see
// parks tickets, beside one that was parked before: of the wave under way after ten connections, and of the wave after it
// before its first. It says so; going back lets them leave.
func TestWave_ParkedTicketsStopTheWaveAndTheNextOne(t *testing.T) {
	t.Parallel()
	a, b := manyJoined(t)
	called(t, a, "Odd at ", 3)
	a.parked(1)
	a.template(2, stopsAtFire)

	// Ten of twenty are upgraded when the people of two of these find a fire.
	w := a.wave(2)
	w.Share = 80
	w.Tell = func(s wave.Step) {
		if s.Number != 10 {
			return
		}
		called(t, a, "Fire at ", 1)
		called(t, a, "Fire at ", 2)
		a.parked(3)
	}
	report, err := w.Run(t.Context())
	must(t, err)
	if len(report.Steps) > 0 && report.Steps[0].Error != "" {
		t.Fatal(report.Steps[0].Error)
	}
	if want := "2 tickets of 20 are parked since"; report.Stopped != want || len(report.Steps) != 10 || report.Parked != 2 {
		t.Errorf("stopped %q after %d steps, %d parked; want %q after 10", report.Stopped, len(report.Steps), report.Parked, want)
	}
	if got := a.runBy(); got["customer@2"] != 10 || got["customer@1"] != waveCustomers-10 {
		t.Errorf("after the stop run by %v", got)
	}

	// The next wave does not begin, dry or not.
	for _, dry := range []bool{true, false} {
		w = a.wave(2)
		w.DryRun = dry
		report, err = w.Run(t.Context())
		must(t, err)
		if want := "2 tickets of 10 are parked since customer@2 came into force for them"; report.Stopped != want || len(report.Steps) != 0 || report.Parked != 2 {
			t.Errorf("the next wave stopped %q after %d steps; want %q", report.Stopped, len(report.Steps), want)
		}
	}
	if got := a.runBy(); got["customer@2"] != 10 {
		t.Errorf("the next wave upgraded: %v", got)
	}

	// Somebody who has looked says that it goes on; what is parked since counts still.
	w = a.wave(2)
	w.Share, w.Force = 50, true
	report, err = w.Run(t.Context())
	must(t, err)
	if report.Stopped != "" || a.runBy()["customer@2"] != 12 {
		t.Errorf("by force: stopped %q, run by %v", report.Stopped, a.runBy())
	}

	goesBack(t, a, b)
}

// goesBack leads every connection to the first version, by force where the tests of then
// fail by now, and what was parked leaves.
func goesBack(t *testing.T, a, b *site) {
	t.Helper()
	a.script("templates/customer/tests/a.yaml", "[]\n")
	w := a.wave(1)
	report, err := w.Back(t.Context())
	must(t, err)
	if report.Failed != 0 || len(report.Steps) != 12 || a.runBy()["customer@1"] != waveCustomers {
		t.Fatalf("going back: %d failed, %d steps, run by %v", report.Failed, len(report.Steps), a.runBy())
	}
	a.parked(1)
	for i := 1; i <= 2; i++ {
		eventually(t, "what was parked leaves", func() error { _, err := b.find("Fire at " + customer(i)); return err })
	}
	history, err := a.node.FilterHistory(t.Context(), customer(2))
	must(t, err)
	if len(history.Versions) != 3 || !history.Versions[0].Rollback || history.Versions[0].Version != history.Versions[2].Version {
		t.Errorf("the history of one: %+v", history.Versions)
	}
	back, err := a.node.Publish(t.Context(), admin.PublishRequest{Connection: customer(2), Version: history.Versions[1].Version, DryRun: true})
	must(t, err)
	if back.Tests != 1 {
		t.Errorf("a version of the template has %d tests, want 1", back.Tests)
	}
}

// TestWave_GoingBackStaysWhereTheTestsFail: a template's version that was pinned when the
// other side joined has its tests, and a rollback of many stays where they fail.
func TestWave_GoingBackStaysWhereTheTestsFail(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:"+freePort(t)), newSite(t, "globex", "")
	a.template(1, templateOut)
	a.script("templates/customer/incoming.parley", templateIn+"issue.priority = option(replica.priority) ?? keep\n")
	a.script("templates/customer/tests/a.yaml", templateTests+strings.Replace(priorityTest, "filter: incoming,", "filter: incoming, vars: {label: c-001, project: P},", 1))
	manyPeers(t, b, 3)
	a.run()
	b.run()
	r, mistakes := a.roster(customerFile(3))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	_, err := r.Add(a.options())
	must(t, err)
	must(t, a.node.Reload(t.Context()))
	joinAll(t, a, b, 3)
	a.template(2, strings.Replace(templateOut, "= issue.summary", "= upper(issue.summary)", 1))
	a.script("templates/customer/tests/a.yaml", "[]\n")
	w := a.wave(2)
	if report, err := w.Run(t.Context()); err != nil || report.Stopped != "" || a.runBy()["customer@2"] != 3 {
		t.Fatalf("upgraded: %v, %+v", err, report)
	}
	a.otherOptions("Urgent", "Low")
	eventually(t, "the connections work", func() error {
		uses, err := a.node.Templates(t.Context())
		for _, u := range uses {
			if u.State != "working" {
				err = errors.Join(err, fmt.Errorf("%s is %s", u.Connection, u.State))
			}
		}
		return err
	})
	w = a.wave(1)
	report, err := w.Back(t.Context())
	must(t, err)
	if report.Failed != 3 || !strings.Contains(report.Steps[0].Error, "a.yaml: high stays high") || a.runBy()["customer@2"] != 3 {
		t.Errorf("going back: %d failed, %+v, run by %v", report.Failed, report.Steps, a.runBy())
	}
	w = a.wave(1)
	w.Force = true
	if report, err = w.Back(t.Context()); err != nil || report.Failed != 0 || a.runBy()["customer@1"] != 3 {
		t.Errorf("by force: %v, %+v, run by %v", err, report, a.runBy())
	}
}
