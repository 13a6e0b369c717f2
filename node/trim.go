package node

import (
	"context"
	"time"
)

// Old events are looked for every trimLook, and removed a page every trimPace.
const (
	trimLook = time.Hour
	trimPace = 200 * time.Millisecond
)

// trimAll removes events that are old and that nothing speaks of.
func (n *Node) trimAll(ctx context.Context) {
	pace := func(ctx context.Context) error {
		if !pause(ctx, trimPace) {
			return ctx.Err()
		}
		return nil
	}
	for pause(ctx, trimLook) {
		n.trimOnce(ctx, pace)
	}
}

func (n *Node) trimOnce(ctx context.Context, pace func(context.Context) error) {
	keep := n.configured().Keep.Events.Every()
	if keep == 0 {
		return
	}
	for _, l := range n.all() {
		if l.flow == nil || ctx.Err() != nil {
			continue
		}
		done, err := n.path.Trim(ctx, l.flow, keep, pace)
		switch {
		case err != nil && ctx.Err() == nil:
			n.log.Warn().Str("connection", l.record.Name).Err(err).Msg("old events are not removed")
		case done.Events+done.Tokens > 0:
			n.log.Info().Str("connection", l.record.Name).Int("events", done.Events).Int("tokens", done.Tokens).Msg("old events removed")
		}
	}
}
