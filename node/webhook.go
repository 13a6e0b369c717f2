package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
	"parley/node/admin"
	"parley/node/hooks"
	"parley/sync/event"
)

// hookListener is where the tracker's webhooks come in.
type hookListener struct {
	listener net.Listener
	receiver *hooks.Receiver
	log      zerolog.Logger
}

func (n *Node) openHooks() error {
	address := n.config.Tracker.Webhook.Listen
	if address == "" {
		return nil
	}
	hooked, ok := n.tracker.(adapters.Hooked)
	if !ok {
		return fmt.Errorf("tracker.webhook: trackers of kind %q send no webhooks that this version knows", n.config.Tracker.Kind)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for webhooks at %s: %w", address, err)
	}
	n.hooks = &hookListener{
		listener: l, log: n.log,
		receiver: hooks.New(hooks.Options{Hooked: hooked, Look: n.lookAt, Settle: n.tracker.SettleTime(), Log: n.log}),
	}
	n.log.Info().Stringer("address", l.Addr()).Msg("webhooks are taken")
	return nil
}

func (h *hookListener) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { h.receiver.Run(ctx) })
	if err := admin.Serve(ctx, h.listener, h.receiver, h.log); err != nil {
		// Polling finds what they would have told.
		h.log.Error().Err(err).Msg("webhooks are not taken any more")
	}
}

func (h *hookListener) close() error {
	if err := h.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the listener for webhooks: %w", err)
	}
	return nil
}

// lookAt follows up what webhooks said. A tracker that wants to be left alone, or does
// not answer, is: the polls that it gets anyway find all.
func (n *Node) lookAt(ctx context.Context, tickets []event.Change, other bool) {
	if _, err := n.runner.PollState(); err != nil || !n.path.Limited().IsZero() {
		return
	}
	if err := n.path.Hint(ctx, tickets); err != nil && ctx.Err() == nil {
		n.log.Warn().Err(err).Msg("what webhooks named is left to the next poll")
		other = true
	}
	if other {
		n.runner.Poke()
	}
}

// hookFindings tells an admin whether webhooks arrive.
func (n *Node) hookFindings() []adapters.Finding {
	if n.hooks == nil {
		return nil
	}
	last := n.hooks.receiver.Last()
	if last.IsZero() {
		return []adapters.Finding{{
			Level: adapters.LevelWarning, What: "no webhook of the tracker has arrived since the node started",
			Hint: "change a ticket; if this stays, check the address and the secret at the tracker's webhook, and the proxy before tracker.webhook.listen",
		}}
	}
	return []adapters.Finding{{Level: adapters.LevelOK, What: "the last webhook arrived at " + last.UTC().Format(time.RFC3339)}}
}
