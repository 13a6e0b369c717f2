package node

import (
	"context"
	"maps"
	"slices"

	"parley/filters"
	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/shape"
)

// peerSends is what the peer of a connection says that it sends, for filters to be
// checked against; empty if it has said nothing.
func (n *Node) peerSends(id event.ConnectionID) event.Schema {
	con := n.path.Connection(id)
	if con == nil {
		return event.Schema{}
	}
	return con.PeerShape().Schema()
}

// Fields tells what the two sides of a connection say that they send.
func (n *Node) Fields(ctx context.Context, name string) (admin.Fields, error) {
	l, err := n.one(name)
	if err != nil {
		return admin.Fields{}, err
	}
	ours, held := l.flow.OurShape()
	out := admin.Fields{Connection: name, Ours: sent(ours), Held: held}
	heard := l.flow.PeerShape()
	if heard == nil {
		return out, nil
	}
	theirs := sent(heard.Shape)
	out.Theirs, out.At, out.Changed = &theirs, heard.At, heard.Changed
	if heard.Before != nil {
		out.Changes = shape.Diff(*heard.Before, heard.Shape)
	}
	// The rules in force were compiled when the peer may have sent something else.
	rules, err := n.rules(ctx, l.record)
	if err != nil {
		return out, trackerFailed("check the incoming filter", err)
	}
	out.Unread = unread(rules)
	return out, nil
}

// FieldsSeen records that people know what the peer sends now.
func (n *Node) FieldsSeen(ctx context.Context, name string) (admin.Fields, error) {
	l, err := n.one(name)
	if err != nil {
		return admin.Fields{}, err
	}
	if err := n.path.SeenShape(l.flow); err != nil {
		return admin.Fields{}, err
	}
	return n.Fields(ctx, name)
}

// unread are the places in an incoming filter that read what the peer does not send.
func unread(rules *flow.Rules) []admin.Unread {
	var out []admin.Unread
	for _, p := range rules.Incoming.Warnings() {
		if p.Code == filters.CodeNotSent || p.Code == filters.CodeUnknownOption {
			out = append(out, admin.Unread{Line: p.Line, Col: p.Col, Code: string(p.Code), Text: p.String()})
		}
	}
	return out
}

func sent(s shape.Shape) admin.Sent {
	out := admin.Sent{Comments: s.Comments, Attachments: s.Attachments, Fields: []admin.SentField{}}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		out.Fields = append(out.Fields, admin.SentField{Name: name, Type: s.Fields[name].Type, Options: s.Fields[name].Options})
	}
	return out
}
