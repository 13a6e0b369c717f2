package simtest

import "context"

// checkAgreed: when the world is quiet, both nodes hold of each twin what the other
// last said (promise 6), by the comparison that people run too.
func (e *end) checkAgreed(v *verdict, twins int) {
	n := e.node
	c, err := n.path.Compare(context.Background(), e.con)
	if err != nil {
		v.addf("%s cannot compare: %v", n.name, err)
		return
	}
	for _, u := range append(c.Differ, c.Moving...) {
		v.addf("%s: twin %v of %s is not alike on both sides: %+v (ours %v, theirs %v)", n.name, u.Twin, u.Key, u.What, u.Ours, u.Theirs)
	}
	if len(c.Unexamined) > 0 || c.Twins < twins {
		v.addf("%s compared %d of %d twins, %d not looked into", n.name, c.Twins, twins, len(c.Unexamined))
	}
}
