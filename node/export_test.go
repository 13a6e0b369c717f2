package node

// Successor tells whether this process follows the last one on its store.
func (n *Node) Successor() bool { return n.successor }

// CutApply calls at before each step of an application; an error ends it there.
func (n *Node) CutApply(at func(step string) error) { n.applyStep = at }
