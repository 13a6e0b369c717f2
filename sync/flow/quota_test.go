package flow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
	"parley/sync/flow"
)

// bounded is a pair where b bounds what a may cost it.
func bounded(t *testing.T, q flow.Quotas) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	w.settle()
	b.wires[0].quotas = q
	b.plug(b.wires[0])
	return w, a, b
}

func (n *node) shortages() [2]event.Code {
	here, there := n.con().Shortages(n.w.at)
	return [2]event.Code{here.Code, there.Code}
}

// TestQuota_EventsOverItWaitAndBothSidesSeeIt: nothing is lost, nobody is cut off.
func TestQuota_EventsOverItWaitAndBothSidesSeeIt(t *testing.T) {
	t.Parallel()
	w, a, b := bounded(t, flow.Quotas{EventsPerHour: 10})
	for i := range 8 {
		a.desk.open(fmt.Sprint("first ", i))
	}
	w.settle()
	if got := len(b.desk.all()); got != 8 {
		t.Fatalf("%d tickets at b within the quota, want 8", got)
	}
	for i := range 8 {
		a.desk.open(fmt.Sprint("second ", i))
	}
	a.poll()
	w.run()
	if got := len(b.desk.all()); got != 8 {
		t.Errorf("%d tickets at b over the quota, want 8", got)
	}
	for n, want := range map[*node][2]event.Code{a: {"", event.CodeQuota}, b: {event.CodeQuota, ""}} {
		if got := n.shortages(); got != want {
			t.Errorf("%s shows %q, want %q", n.name, got, want)
		}
	}
	for range 12 { // it fills up while they wait
		w.pass(10 * time.Minute)
		w.run()
	}
	if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
		t.Errorf("the two sides (-a +b):\n%s", diff)
	}
	if got := [2][2]event.Code{a.shortages(), b.shortages()}; got != [2][2]event.Code{} {
		t.Errorf("shortages that are over are shown: %q", got)
	}
}

// TestQuota_UnsettledEventsAreBounded: what cannot be written fills no disk.
func TestQuota_UnsettledEventsAreBounded(t *testing.T) {
	t.Parallel()
	w, a, b := bounded(t, flow.Quotas{Unsettled: 3})
	b.con().Pause(false, true)
	for i := range 9 {
		a.desk.open(fmt.Sprint("ticket ", i))
		w.settle()
	}
	w.run() // a asks again
	if got := len(b.arrived()); got != 3 {
		t.Errorf("%d events wait at b, want 3", got)
	}
	if got, want := a.shortages(), ([2]event.Code{"", event.CodeUnsettled}); got != want {
		t.Errorf("a shows %q, want %q", got, want)
	}
	b.con().Pause(false, false)
	b.must(b.path.Rouse(b.con()))
	w.settle()
	if diff := cmp.Diff(a.standing(), b.standing()); diff != "" {
		t.Errorf("the two sides (-a +b):\n%s", diff)
	}
}

// TestQuota_FilesOverTheDaysBytesWait: the ticket does not wait for its file.
func TestQuota_FilesOverTheDaysBytesWait(t *testing.T) {
	t.Parallel()
	w, a, b := bounded(t, flow.Quotas{BytesPerDay: 10_000})
	ref := a.desk.open("one")
	a.desk.attach(ref, "large", strings.Repeat("text ", 1998))
	w.settle()
	if got := b.one(); len(got.Attachments) != 0 {
		t.Errorf("%d files were taken over the quota", len(got.Attachments))
	}
	if got := b.rows('j'); got != 1 {
		t.Errorf("%d files wait, want 1", got)
	}
	for range 30 {
		w.pass(time.Hour)
		w.run()
	}
	if got := b.one(); len(got.Attachments) != 1 {
		t.Errorf("%d files a day later, want 1", len(got.Attachments))
	}
}
