package node

import (
	"context"
	"errors"

	"parley/filters"
	"parley/node/admin"
	"parley/node/audit"
	"parley/sync/event"
	"parley/sync/flow"
)

// heldByGate says what the egress gate holds back of a ticket.
func (n *Node) heldByGate(con *flow.Connection, ref event.Ref, e *entry) {
	held, err := n.path.Held(con, ref)
	if err != nil || len(held.Findings) == 0 {
		return
	}
	e.Findings, e.Digest = n.findings(held.Findings), held.Digest
	e.Approvals = n.approvals(held.Approvals)
	e.let = func(digest, by string) error { return n.path.ApproveContent(con, ref, digest, by) }
}

// approvals are what people let leave of a ticket.
func (n *Node) approvals(all []flow.Approval) []admin.GateApproval {
	var out []admin.GateApproval
	for _, a := range all {
		one := admin.GateApproval{Digest: a.Digest, At: a.At, By: a.By}
		for _, found := range a.Found {
			one.Found = append(one.Found, n.mask.Hide(found))
		}
		out = append(out, one)
	}
	return out
}

func (n *Node) findings(list []filters.Finding) []admin.GateFinding {
	var out []admin.GateFinding
	for _, f := range list {
		out = append(out, admin.GateFinding{
			Code: string(f.Code), Detector: f.Detector, Field: f.Field, Item: f.Item, File: n.mask.Hide(f.File), Part: n.mask.Hide(f.Part),
			Form: f.Form, Sample: n.mask.Hide(f.Sample), Blocked: f.Blocked, Text: n.mask.Hide(f.String()),
		})
	}
	return out
}

// letLeave approves what the gate holds back of one ticket.
func (n *Node) letLeave(ctx context.Context, e entry, digest string) (int, error) {
	show := "`parley queue show " + e.ID + "` says what was found, and the digest"
	if digest == "" {
		return 0, &admin.Error{Kind: admin.KindInvalid, Message: "content that the gate holds back is approved by its digest", Hint: show + "; then add --digest"}
	}
	switch err := e.let(digest, admin.Asker(ctx).String()); {
	case err == nil:
		for _, f := range e.Findings {
			audit.Changed(ctx, "let leave", "", f.Text)
		}
		return 1, nil
	case errors.Is(err, flow.ErrBlocked):
		return 0, &admin.Error{Kind: admin.KindConflict, Message: "entry " + e.ID, Err: err, Hint: "change the ticket; or gate.detect in parley.yaml, then `parley config reload`"}
	case errors.Is(err, flow.ErrOtherContent), errors.Is(err, flow.ErrNone):
		return 0, &admin.Error{Kind: admin.KindConflict, Message: "entry " + e.ID, Err: err, Hint: show}
	default:
		return 0, err
	}
}
