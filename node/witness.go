package node

import (
	"context"
	"errors"
	"time"

	"parley/node/admin"
	"parley/node/audit"
	"parley/sync/event"
	"parley/sync/flow"
)

// Peers are given the head of this node's record soon after it has changed, and then at
// most so often.
const (
	witnessLook  = 5 * time.Second
	witnessPause = 10 * time.Minute
)

// tellWitnesses gives the head of the record to every peer that is there.
func (n *Node) tellWitnesses(ctx context.Context) {
	type given struct {
		head audit.Head
		at   time.Time
	}
	told := map[event.ConnectionID]given{}
	for pause(ctx, witnessLook) {
		head, err := n.audit.Head()
		if err != nil || head.Number == 0 {
			continue
		}
		for _, l := range n.all() {
			if l.flow == nil || ctx.Err() != nil {
				continue
			}
			last := told[l.flow.ID]
			if _, there, stopped := l.flow.Contact(); !there || stopped || last.head == head || time.Since(last.at) < witnessPause {
				continue
			}
			told[l.flow.ID] = given{head, time.Now()}
			if _, err := n.path.AskWitness(ctx, l.flow, head.String()); err != nil && !errors.Is(err, flow.ErrNoWitness) && ctx.Err() == nil {
				n.log.Info().Str("connection", l.record.Name).Err(err).Msg("the peer did not take the head of the record")
			}
		}
	}
}

// AuditWitnesses implements admin.Service.
func (n *Node) AuditWitnesses(ctx context.Context) ([]admin.Witness, error) {
	out := []admin.Witness{}
	for _, l := range n.all() {
		if l.flow == nil {
			continue
		}
		w := admin.Witness{Connection: l.record.Name, Heads: []audit.Head{}}
		heads, err := n.path.AskWitness(ctx, l.flow, "")
		if err != nil {
			w.Problem = err.Error()
		}
		for _, text := range heads {
			head, err := audit.ParseHead(text)
			if err != nil {
				w.Problem = "what the peer keeps is no head"
				continue
			}
			w.Heads = append(w.Heads, head)
		}
		out = append(out, w)
	}
	return out, nil
}

// Witnessed implements admin.Service.
func (n *Node) Witnessed(_ context.Context, name string) (admin.Witness, error) {
	out := admin.Witness{Connection: name, Heads: []audit.Head{}}
	l, err := n.one(name)
	if err != nil {
		return out, err
	}
	kept, err := n.path.Witnessed(l.flow)
	for _, w := range kept {
		head, err := audit.ParseHead(w.Head)
		if err != nil {
			return out, err
		}
		out.Heads, out.Latest = append(out.Heads, head), w.At
	}
	return out, err
}
