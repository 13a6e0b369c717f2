package node

// Successor tells whether this process follows the last one on its store.
func (n *Node) Successor() bool { return n.successor }
