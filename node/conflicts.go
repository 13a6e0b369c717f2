package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/twin"
)

// Conflicts lists what a person must decide, without reading the tickets.
func (n *Node) Conflicts(_ context.Context, name string) ([]admin.Conflict, error) {
	links, err := n.working(name)
	if err != nil {
		return nil, err
	}
	out := []admin.Conflict{}
	for _, l := range links {
		err := n.path.Troubled(l.flow, func(_ event.TwinID, row twin.Row) bool {
			for _, field := range slices.Sorted(maps.Keys(row.Disputes)) {
				out = append(out, conflictOf(l.flow, row.Key, field, row.Disputes[field]))
			}
			for _, field := range slices.Sorted(maps.Keys(row.Overran)) {
				out = append(out, overrunOf(l.flow, row.Key, field, row.Overran[field]))
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("list the conflicts of %s: %w", l.record.Name, err)
		}
	}
	return out, nil
}

func conflictOf(con *flow.Connection, key, field string, d twin.Dispute) admin.Conflict {
	return admin.Conflict{
		Key: key, Connection: con.Name, Field: field, Peer: con.Peer, Here: con.Policy.Ask && con.Policy.Winner == con.Us,
		Since: time.Unix(d.Since, 0).UTC(), OursAt: time.Unix(d.OursAt, 0).UTC(), TheirsAt: time.Unix(d.TheirsAt, 0).UTC(),
		Decided: d.Decision != nil,
	}
}

// overrunOf is an edit that the policy decided against: whoever made it may have it
// back, whatever was agreed, since that is an edit as any other.
func overrunOf(con *flow.Connection, key, field string, o twin.Overrun) admin.Conflict {
	return admin.Conflict{
		Key: key, Connection: con.Name, Field: field, Peer: con.Peer, Here: true, Overran: true,
		Since: time.Unix(o.Since, 0).UTC(), OursAt: time.Unix(o.OursAt, 0).UTC(), TheirsAt: time.Unix(o.TheirsAt, 0).UTC(),
	}
}

// Conflict reads a ticket and puts the values of its conflicts side by side.
func (n *Node) Conflict(ctx context.Context, s admin.ConflictSelect) ([]admin.Conflict, error) {
	found, err := n.disputed(ctx, s)
	out := []admin.Conflict{}
	for _, f := range found {
		for _, c := range f.conflicts {
			shown := conflictOf(f.con, f.ticket.Key, c.Field, c.Dispute)
			shown.Ours, shown.Theirs, shown.Known = c.Ours, c.Theirs, c.Known
			out = append(out, shown)
		}
		for _, o := range f.overran {
			shown := overrunOf(f.con, f.ticket.Key, o.Field, o.Overrun)
			shown.Ours, shown.Theirs, shown.Known = o.Edit, o.Stands, true
			out = append(out, shown)
		}
	}
	return out, err
}

// inConflict is a ticket on a connection where a person must decide.
type inConflict struct {
	con       *flow.Connection
	id        event.TwinID
	ticket    event.Ticket
	conflicts []flow.Conflict
	overran   []flow.Overran
}

func (n *Node) disputed(ctx context.Context, s admin.ConflictSelect) ([]inConflict, error) {
	c, err := n.locate(ctx, s.Key)
	if err != nil {
		return nil, err
	}
	links, err := n.working(s.Connection)
	if err != nil {
		return nil, err
	}
	var out []inConflict
	for _, l := range links {
		i, err := n.path.Inspect(l.flow, c.Ref, event.TwinID{})
		if err != nil {
			return nil, err
		}
		if i.Twin == nil || i.Twin.State != twin.Live || len(i.Twin.Disputes)+len(i.Twin.Overran) == 0 {
			continue
		}
		ticket, conflicts, err := n.path.Conflicts(ctx, l.flow, i.TwinID, *i.Twin)
		if err != nil {
			return nil, trackerFailed("read the ticket", err)
		}
		overran, err := n.path.Overruns(l.flow, i.TwinID, ticket, *i.Twin)
		if err != nil {
			return nil, err
		}
		out = append(out, inConflict{l.flow, i.TwinID, ticket, conflicts, overran})
	}
	if len(out) == 0 {
		return nil, &admin.Error{Kind: admin.KindNotFound, Message: "nothing in " + c.Key + " waits for a decision", Hint: "`parley conflict list` shows what does"}
	}
	return out, nil
}

// Resolve decides a field: our ticket gets the value, and the peer's after it.
func (n *Node) Resolve(ctx context.Context, r admin.ResolveRequest) error {
	found, err := n.disputed(ctx, r.ConflictSelect)
	if err != nil {
		return err
	}
	if len(found) > 1 {
		return &admin.Error{Kind: admin.KindInvalid, Message: r.Key + " is in conflict on several connections", Hint: "name one with --connection"}
	}
	f := found[0]
	at := slices.IndexFunc(f.conflicts, func(c flow.Conflict) bool { return c.Field == r.Field })
	if over := slices.IndexFunc(f.overran, func(o flow.Overran) bool { return o.Field == r.Field }); at < 0 && over >= 0 {
		return n.chooseEdit(ctx, r, f, f.overran[over])
	}
	if at < 0 {
		return &admin.Error{Kind: admin.KindNotFound, Message: fmt.Sprintf("%s of %s waits for no decision", r.Field, r.Key), Hint: "`parley conflict show " + r.Key + "` shows what does"}
	}
	if f.con.Policy.Winner != f.con.Us {
		return &admin.Error{
			Kind: admin.KindConflict, Message: "the people of " + f.con.Name + " decide, as was agreed when the two nodes were joined",
			Hint: "set the field in your tracker to what they have, or ask them",
		}
	}
	value, err := n.chosen(ctx, r, f.conflicts[at])
	if err != nil {
		return err
	}
	err = n.path.Resolve(f.con, f.id, r.Field, twin.Decision{Value: value, Ours: event.HashValue(f.conflicts[at].Ours)})
	if errors.Is(err, flow.ErrNone) {
		return &admin.Error{Kind: admin.KindConflict, Message: "it has come to its end meanwhile", Err: err}
	}
	n.log.Info().Str("connection", f.con.Name).Str("ticket", f.ticket.Key).Str("field", r.Field).Str("take", r.Take).Msg("conflict decided")
	return err
}

// chooseEdit gives an edit back that was written over, or lets it go.
func (n *Node) chooseEdit(ctx context.Context, r admin.ResolveRequest, f inConflict, o flow.Overran) error {
	value, err := n.chosen(ctx, r, flow.Conflict{Field: o.Field, Ours: o.Edit, Theirs: o.Stands, Known: true})
	if err != nil {
		return err
	}
	err = n.path.Choose(f.con, f.id, o, value)
	switch {
	case errors.Is(err, flow.ErrNone):
		return &admin.Error{Kind: admin.KindConflict, Message: "it has come to its end meanwhile", Err: err}
	case errors.Is(err, flow.ErrBusy):
		return &admin.Error{Kind: admin.KindConflict, Message: "another value is being put back in " + r.Key, Hint: "try again when `parley queue list` does not show it", Err: err}
	}
	n.log.Info().Str("connection", f.con.Name).Str("ticket", f.ticket.Key).Str("field", r.Field).Str("take", r.Take).Msg("conflict decided")
	return err
}

// chosen is the value that was decided on.
func (n *Node) chosen(ctx context.Context, r admin.ResolveRequest, c flow.Conflict) (any, error) {
	switch r.Take {
	case "ours":
		return c.Ours, nil
	case "theirs":
		if !c.Known {
			return nil, &admin.Error{Kind: admin.KindConflict, Message: "what they have is not known: the incoming filter does not tell", Hint: "give it with --value"}
		}
		return c.Theirs, nil
	}
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return nil, trackerFailed("ask for the fields", err)
	}
	value, err := written(schema.Fields[r.Field], r.Value)
	if err != nil {
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: "the value does not fit " + r.Field, Err: err}
	}
	return value, nil
}

// written reads a value as people write it; "" is empty.
func written(f event.Field, text string) (any, error) {
	switch {
	case text == "":
		return nil, nil
	case len(f.Options) > 0 && !slices.Contains(f.Options, text):
		return nil, fmt.Errorf("it is one of %s", strings.Join(f.Options, ", "))
	}
	switch f.Type {
	case event.TypeText, event.TypeRich, event.TypeOption, event.TypeTime, event.TypeDate:
		return text, nil
	case event.TypeNumber, event.TypeDuration:
		return strconv.ParseFloat(text, 64)
	case event.TypeBool:
		return strconv.ParseBool(text)
	}
	return nil, fmt.Errorf("a %s cannot be written here: take ours or theirs", f.Type)
}
