package node

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"parley/node/admin"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/flow"
)

// previewed is how many tickets are looked at if nobody says how many.
const previewed = 20

// Preview tells what would leave of tickets that the connection takes in, also of
// those that are older than it. Nothing is stored or sent.
func (n *Node) Preview(ctx context.Context, name string, r admin.PreviewRequest) (admin.Preview, error) {
	on, err := n.one(name)
	if err != nil {
		return admin.Preview{}, err
	}
	limit := cmp.Or(r.Limit, previewed)
	changes, cut, err := n.previewList(ctx, on, r, limit)
	if err != nil {
		return admin.Preview{}, err
	}
	out := admin.Preview{Listed: len(changes), Cut: cut, Tickets: []admin.PreviewTicket{}}
	for _, c := range changes {
		t, err := n.previewTicket(ctx, on.flow, c)
		if err != nil {
			return out, err
		}
		switch t.State {
		case "leaves":
			out.Leaving++
		case "held":
			out.Held++
		default:
			out.Staying++
		}
		out.Bytes += t.Bytes
		out.FileBytes += t.FileBytes
		out.Tickets = append(out.Tickets, t)
	}
	return out, nil
}

func (n *Node) previewList(ctx context.Context, on *link, r admin.PreviewRequest, limit int) ([]event.Change, bool, error) {
	if len(r.Keys) == 0 {
		return n.list(ctx, cmp.Or(r.Query, n.configured().Connections[on.record.Name].Query), limit)
	}
	var out []event.Change
	for _, key := range r.Keys[:min(limit, len(r.Keys))] {
		c, err := n.locate(ctx, key)
		if err != nil {
			return nil, false, err
		}
		out = append(out, c)
	}
	return out, len(r.Keys) > limit, nil
}

func (n *Node) previewTicket(ctx context.Context, con *flow.Connection, c event.Change) (admin.PreviewTicket, error) {
	ticket, err := n.tracker.Read(ctx, c.Ref)
	if err != nil {
		return admin.PreviewTicket{}, trackerFailed("read ticket "+c.Key, err)
	}
	l, err := n.path.TryLoad(ctx, con, con.Rules(), ticket)
	if err != nil {
		return admin.PreviewTicket{}, tryFailed("what would leave of "+ticket.Key+" cannot be told", err)
	}
	t := admin.PreviewTicket{Key: ticket.Key, State: "leaves", Why: n.mask.Hide(l.Why), Findings: n.findings(l.Findings)}
	change := l.Change
	switch {
	case len(l.Findings) > 0:
		t.State, change = "held", l.Held
	case l.Why != "":
		t.State = "stays"
		return t, nil
	}
	if raw, err := envelope.Encode(event.Message{Change: &change}); err == nil {
		t.Bytes = len(raw)
	} else {
		t.State, t.Why = "held", err.Error()
		return t, nil
	}
	for _, name := range slices.Sorted(maps.Keys(change.Fields)) {
		t.Fields = append(t.Fields, previewText(name, change.Fields[name]))
	}
	for _, item := range change.Items {
		if item.Kind == event.ItemComment {
			text := previewText(item.Author.Name, item.Body)
			text.Internal = item.Internal
			t.Comments = append(t.Comments, text)
			continue
		}
		if item.Withdrawn {
			continue // nothing of it leaves
		}
		t.Files = append(t.Files, admin.TryFile{Name: item.Name, Size: item.Size, MIME: item.MIME})
		t.FileBytes += item.Size
	}
	if change.More {
		t.Why = "and more: what does not fit into one message follows it"
	}
	return t, nil
}

func previewText(name string, value any) admin.PreviewText {
	out := admin.PreviewText{Name: name, Value: value}
	if raw, err := json.Marshal(value); err == nil {
		out.Bytes = len(raw)
	}
	return out
}
