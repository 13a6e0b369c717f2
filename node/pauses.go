package node

import (
	"context"
	"time"

	"parley/node/admin"
	"parley/sync/event"
)

// pauseLook is how often it is looked whether a pause is over.
const pauseLook = time.Second

// endable tells whether a pause of the connection may end by itself at a time: not that of
// one which no person has let work yet.
func endable(rec *record, until time.Time) error {
	switch {
	case until.IsZero():
		return nil
	case rec.Approved.IsZero():
		return &admin.Error{
			Kind: admin.KindConflict, Message: "connection " + rec.Name + " has not worked yet, and begins when a person says so",
			Hint: "`parley connection resume " + rec.Name + "`",
		}
	case !until.After(time.Now()):
		return &admin.Error{Kind: admin.KindInvalid, Message: "the pause would be over already"}
	}
	return nil
}

func (r *record) unpause() {
	r.PausedOut, r.PausedIn, r.Reason, r.PausedUntil = false, false, "", time.Time{}
}

// endPauses lets connections work again when their pause is over, also one that ended
// while the node was not running.
func (n *Node) endPauses(ctx context.Context) {
	for pause(ctx, pauseLook) {
		for id, name := range n.overduePauses(time.Now()) {
			_, err := n.setPause(name, func(rec *record) error {
				if over(rec, time.Now()) {
					rec.unpause()
				}
				return nil
			})
			if l := n.byID(id); err == nil && l != nil && l.flow != nil {
				err = n.path.Rouse(l.flow)
			}
			if err != nil {
				n.log.Error().Str("connection", name).Err(err).Msg("the pause is over and the connection does not work")
				continue
			}
			n.log.Info().Str("connection", name).Msg("the pause is over")
		}
	}
}

func over(rec *record, now time.Time) bool {
	return !rec.PausedUntil.IsZero() && !now.Before(rec.PausedUntil)
}

func (n *Node) overduePauses(now time.Time) map[event.ConnectionID]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out map[event.ConnectionID]string
	for id, l := range n.links {
		if !over(&l.record, now) {
			continue
		}
		if out == nil {
			out = map[event.ConnectionID]string{}
		}
		out[id] = l.record.Name
	}
	return out
}
