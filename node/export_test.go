package node

import (
	"context"
	"fmt"
	"time"

	"parley/sync/envelope"
	"parley/sync/outbox"
	"parley/sync/store"
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

// Arrived are the bytes of the data events that came from the peers, as they were signed.
func (n *Node) Arrived() (all [][]byte, err error) {
	for _, con := range n.path.Connections() {
		err = n.store.View(func(r store.Reader) error {
			return r.Scan(store.Prefix('e', con.ID), nil, func(key, value []byte) (bool, error) {
				rest := key[len(store.Prefix('e', con.ID)):] // side, epoch, stream, number
				var event outbox.Stored
				if store.Side(rest[0]) != store.In || rest[9] != byte(envelope.Data) {
					return true, nil
				}
				if err := event.UnmarshalBinary(value); err != nil {
					return false, fmt.Errorf("read event %x: %w", key, err)
				}
				all = append(all, event.Entry.Bytes)
				return true, nil
			})
		})
	}
	return all, err
}

// ExpireAccepted forgets what was confirmed of codes, as if they had expired.
func (n *Node) ExpireAccepted() error { return n.forgetAccepted(time.Now().AddDate(1, 0, 0)) }
