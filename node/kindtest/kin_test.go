package kindtest_test

import (
	"fmt"
	"testing"

	"parley/sync/event"
)

// kin are two joined sites and some tickets that have their twins, to be related to
// each other.
type kin struct {
	t           *testing.T
	left, right *site
	works       []*work
}

// newKin makes a ticket at each of the sites that homes names.
func newKin(t *testing.T, ours, theirs side, homes func(left, right *site) []*site) *kin {
	t.Helper()
	ours.linked, theirs.linked = true, true
	k := &kin{t: t, left: newSite(t, "left", ours, true), right: newSite(t, "right", theirs, false)}
	k.left.run()
	k.right.run()
	join(t, k.left, k.right)
	for n, home := range homes(k.left, k.right) {
		w := &work{number: n, home: home, away: k.left, summary: fmt.Sprintf("Ticket %02d has kin", n)}
		if home == k.left {
			w.away = k.right
		}
		w.make()
		k.works = append(k.works, w)
	}
	return k
}

// at is the nth ticket at a site.
func (k *kin) at(x *site, n int) event.Ref {
	k.t.Helper()
	var ref event.Ref
	eventually(k.t, "the ticket has its twin", func() (err error) { ref, err = x.find(k.works[n]); return err })
	return ref
}
