package simtest

import (
	"context"
	"testing"
)

// checkAgreed: when the world is quiet, both nodes hold of each twin what the other
// last said (promise 6), by the comparison that people run too.
func (w *world) checkAgreed(t *testing.T) {
	t.Helper()
	for _, n := range []*node{w.a, w.b} {
		c, err := n.path.Compare(context.Background(), n.con)
		if err != nil {
			t.Errorf("%s cannot compare: %v", n.name, err)
			continue
		}
		for _, u := range append(c.Differ, c.Moving...) {
			t.Errorf("%s: twin %v of %s is not alike on both sides: %+v (ours %v, theirs %v)", n.name, u.Twin, u.Key, u.What, u.Ours, u.Theirs)
		}
		if len(c.Unexamined) > 0 || c.Twins < len(n.tracker.list) {
			t.Errorf("%s compared %d twins of %d tickets, %d not looked into", n.name, c.Twins, len(n.tracker.list), len(c.Unexamined))
		}
	}
}
