package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// preferences are how admins say whose value stands.
func preference(word string) (event.Prefer, error) {
	switch word {
	case "ours":
		return event.PreferSender, nil
	case "theirs":
		return event.PreferReceiver, nil
	case "", "fill-empty":
		return event.PreferNeither, nil
	}
	return "", &admin.Error{Kind: admin.KindInvalid, Message: fmt.Sprintf("unknown preference %.20q", word), Hint: "ours, theirs or fill-empty"}
}

// Connect checks pairs and asks the peer for those that can be.
func (n *Node) Connect(ctx context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return n.eachPair(r, func(con *flow.Connection, s *admin.PairState) error {
		prefer, err := preference(s.Prefer)
		if err != nil {
			return err
		}
		c, err := n.locate(ctx, s.Ours)
		if err != nil {
			return err
		}
		if s.State = "ready"; r.DryRun {
			return n.path.Connectable(ctx, con, c.Ref)
		}
		s.State = "asked"
		return n.path.Connect(ctx, con, c, event.Connect{Key: s.Theirs, Prefer: prefer, Old: r.Old})
	})
}

// ConnectState tells what became of pairs.
func (n *Node) ConnectState(ctx context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return n.eachPair(r, func(con *flow.Connection, s *admin.PairState) error {
		c, err := n.locate(ctx, s.Ours)
		if err != nil {
			return err
		}
		i, err := n.path.Inspect(con, c.Ref, event.TwinID{})
		if err != nil {
			return err
		}
		s.State, s.Code = pairState(i.Twin)
		return nil
	})
}

func pairState(row *twin.Row) (state, code string) {
	switch {
	case row == nil:
		return "not asked", ""
	case row.State != twin.Live && row.Connect != nil:
		return "refused", string(row.Refused)
	case row.State != twin.Live:
		return "not asked", ""
	case row.Connect == nil:
		return "connected", ""
	case row.Out != nil && row.Out.Parked == event.CodeApproval:
		return "waits for approval", ""
	case row.Out != nil && row.Out.Parked != "":
		return "asked", string(row.Out.Parked)
	}
	return "asked", ""
}

func (n *Node) eachPair(r admin.ConnectRequest, do func(*flow.Connection, *admin.PairState) error) (admin.ConnectResult, error) {
	l, err := n.one(r.Connection)
	if err != nil {
		return admin.ConnectResult{}, err
	}
	out := admin.ConnectResult{Pairs: []admin.PairState{}}
	for _, pair := range r.Pairs {
		s := admin.PairState{Pair: pair}
		err := do(l.flow, &s)
		if pair.Ours == "" || pair.Theirs == "" {
			err = &admin.Error{Kind: admin.KindInvalid, Message: "a pair needs two keys"}
		}
		if err != nil {
			s.State, s.Error = "not asked", n.mask.Hide(err.Error())
		}
		if s.State == "asked" {
			out.Open++
		}
		out.Pairs = append(out.Pairs, s)
	}
	return out, nil
}

// Match lists our tickets without a twin that name one of the peer's in a field.
// It pairs nothing.
func (n *Node) Match(ctx context.Context, r admin.MatchRequest) ([]admin.Pair, error) {
	l, err := n.one(r.Connection)
	if err != nil {
		return nil, err
	}
	schema, err := n.Schema(ctx)
	if err != nil {
		return nil, err
	}
	field, err := fieldNamed(schema, r.By)
	if err != nil {
		return nil, err
	}
	changes, _, err := n.list(ctx, cmp.Or(r.Query, n.configured().Connections[l.record.Name].Query), listMost)
	if err != nil {
		return nil, err
	}
	pairs := []admin.Pair{}
	for _, c := range changes {
		if n.path.Connectable(ctx, l.flow, c.Ref) != nil {
			continue
		}
		ticket, err := n.tracker.Read(ctx, c.Ref)
		if err != nil {
			return nil, trackerFailed("read ticket "+c.Key, err)
		}
		if theirs, _ := ticket.Fields[field].(string); strings.TrimSpace(theirs) != "" {
			pairs = append(pairs, admin.Pair{Ours: ticket.Key, Theirs: strings.TrimSpace(theirs)})
		}
	}
	return pairs, nil
}

// fieldNamed finds a field by its name, whatever its case.
func fieldNamed(schema event.Schema, by string) (string, error) {
	for name := range schema.Fields {
		if strings.EqualFold(name, by) {
			return name, nil
		}
	}
	return "", &admin.Error{Kind: admin.KindInvalid, Message: fmt.Sprintf("the tracker has no field %.60q", by), Hint: "`parley adapter show` lists them"}
}

// Resync makes live twins be sent again, behind everything else.
func (n *Node) Resync(ctx context.Context, name string, r admin.ResyncRequest) (int, error) {
	l, err := n.one(name)
	if err != nil {
		return 0, err
	}
	con := l.flow
	var only map[event.Ref]bool
	if r.Query != "" {
		changes, _, err := n.list(ctx, r.Query, listMost)
		if err != nil {
			return 0, err
		}
		only = map[event.Ref]bool{}
		for _, c := range changes {
			only[c.Ref] = true
		}
	}
	var ids []event.TwinID
	err = n.path.Twins(con, func(id event.TwinID, row twin.Row) bool {
		if row.State == twin.Live && (only == nil || only[row.Ref]) {
			ids = append(ids, id)
		}
		return true
	})
	if err != nil || r.DryRun {
		return len(ids), err
	}
	for page := range slices.Chunk(ids, 200) {
		if err := n.path.SendAgain(con, page, r.Fields); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
