package node

import (
	"context"
	"time"
)

// Successor tells whether this process follows the last one on its store.
func (n *Node) Successor() bool { return n.successor }

// CutApply calls at before each step of an application; an error ends it there.
func (n *Node) CutApply(at func(step string) error) { n.applyStep = at }

// BringLater brings a connection up as one that was found before the call does.
func (n *Node) BringLater(name string) func(context.Context) bool {
	l := n.named(name)
	return func(ctx context.Context) bool { return n.bring(ctx, l) }
}

// Unpause is the part of Resume that is kept.
func (n *Node) Unpause(name string) error {
	_, err := n.setPause(name, func(rec *record) error {
		rec.unpause()
		rec.Approved = time.Now().UTC().Truncate(time.Second)
		return nil
	})
	return err
}
