package node

import (
	"context"
	"time"

	"parley/filters/filtertest"
	"parley/node/admin"
)

// Record makes test cases of a ticket. Only what is masked leaves the node.
func (n *Node) Record(ctx context.Context, r admin.RecordRequest) (admin.RecordResult, error) {
	on, err := n.one(r.Connection)
	if err != nil {
		return admin.RecordResult{}, err
	}
	c, err := n.locate(ctx, r.Key)
	if err != nil {
		return admin.RecordResult{}, err
	}
	facts, err := n.path.Facts(ctx, on.flow, c.Ref)
	if err != nil {
		return admin.RecordResult{}, trackerFailed("read ticket "+r.Key, err)
	}
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return admin.RecordResult{}, trackerFailed("read the tracker's fields", err)
	}
	at := facts.Ticket.Updated
	if at.IsZero() {
		at = time.Now()
	}
	cases, err := filtertest.Record(ctx, filtertest.Recording{
		Name: facts.Ticket.Key, Connection: on.record.Name, Issue: facts.Ours, Received: facts.Received,
		At: at, First: facts.First, Schema: schema, Blank: r.Blank,
	})
	if err != nil {
		return admin.RecordResult{}, err
	}
	text, err := filtertest.Write(cases)
	if err != nil {
		return admin.RecordResult{}, err
	}
	return admin.RecordResult{Key: facts.Ticket.Key, Connection: on.record.Name, Cases: string(text), Schema: schema}, nil
}
