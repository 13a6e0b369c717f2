package flow_test

import (
	"fmt"
	"testing"
	"time"
)

// TestWork_APeerThatIsAwayCostsRowsNotEvents: whatever changes meanwhile is one row a
// ticket, and the peer gets each as it is when it comes.
func TestWork_APeerThatIsAwayCostsRowsNotEvents(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		w, a, b := pair(t)
		a.ahead = 4
		a.boot()
		w.settle()
		a.wires[0].cut = true
		for i := range 20 {
			ref := a.desk.open(fmt.Sprint("ticket ", i))
			a.poll()
			a.alone()
			a.desk.set(ref, "summary", fmt.Sprint("changed ", i))
			w.pass(time.Second)
		}
		a.poll()
		a.alone()
		if events, rows := a.rows('q'), a.rows('w'); events != 4 || rows != 20 {
			t.Errorf("while the peer is away there are %d events and %d rows of work, want 4 and 20", events, rows)
		}
		if crash {
			a.crash()
		}
		a.wires[0].cut = false
		w.settle()
		got := b.desk.all()
		for _, k := range got {
			var n int
			if _, err := fmt.Sscanf(fmt.Sprint(k.Fields["summary"]), "changed %d", &n); err != nil {
				t.Errorf("the peer has %q", k.Fields["summary"])
			}
		}
		if len(got) != 20 || a.rows('w') != 0 {
			t.Errorf("the peer has %d tickets, %d rows are left (crash: %v)", len(got), a.rows('w'), crash)
		}
	}
}
