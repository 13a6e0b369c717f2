package node

import (
	"context"

	"parley/node/admin"
)

// Claim says that this process is the node, where a peer deals with another
// live copy of it. It may be said again.
func (n *Node) Claim(context.Context) (int, error) {
	claimed := 0
	for _, l := range n.all() {
		if l.flow == nil {
			continue
		}
		if _, standsBack := l.flow.Fence(); !standsBack {
			continue
		}
		if err := n.path.Claim(l.flow); err != nil {
			return claimed, err
		}
		n.log.Warn().Str("connection", l.record.Name).Msg("a person said that this process is the node")
		claimed++
	}
	if claimed == 0 {
		return 0, &admin.Error{
			Kind: admin.KindConflict, Message: "no connection of this node stands back",
			Hint: "`parley status` of the copy that stands back says so: claim there, and stop the other",
		}
	}
	return claimed, nil
}
