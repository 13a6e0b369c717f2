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
)

// History lists the last events of a ticket on each connection.
func (n *Node) History(ctx context.Context, key string) (admin.History, error) {
	c, err := n.locate(ctx, key)
	if err != nil {
		return admin.History{}, err
	}
	links, err := n.working("")
	if err != nil {
		return admin.History{}, err
	}
	out := admin.History{Key: c.Key, Events: []admin.PastEvent{}}
	for _, l := range links {
		past, err := n.path.Past(l.flow, c.Ref)
		if err != nil {
			return out, err
		}
		for _, e := range past {
			out.Events = append(out.Events, pastEvent(l.record.Name, e))
		}
	}
	slices.SortStableFunc(out.Events, func(a, b admin.PastEvent) int { return a.At.Compare(b.At) })
	return out, nil
}

// The ways of an event, in its name.
const (
	ourEvent   = "out"
	theirEvent = "in"
)

func pastEvent(connection string, e flow.PastEvent) admin.PastEvent {
	out := admin.PastEvent{
		Connection: connection, Direction: theirEvent, At: time.Unix(e.At, 0).UTC(), Cause: string(e.Cause), Fields: e.Fields,
		Items: e.Items, Filter: e.Filter, Outcome: string(e.Verdict), Code: string(e.Code), Undoable: e.Before != nil, Before: e.Before, After: e.After,
	}
	if e.Out {
		out.Direction = ourEvent
	}
	if e.Waiting {
		out.Outcome = "waiting"
	}
	out.Event = eventName(connection, out.Direction, e.Pos)
	return out
}

func eventName(connection, direction string, at event.Position) string {
	return fmt.Sprintf("%s/%s/%d.%d", connection, direction, at.Epoch, at.Seq)
}

// parseEvent reads what eventName wrote.
func parseEvent(name string) (connection, direction string, at event.Position, ok bool) {
	connection, rest, ok := strings.Cut(name, "/")
	if !ok {
		return "", "", at, false
	}
	direction, place, ok := strings.Cut(rest, "/")
	epoch, seq, numbers := strings.Cut(place, ".")
	if !ok || connection == "" || !numbers || direction != ourEvent && direction != theirEvent {
		return "", "", at, false
	}
	e, err := strconv.ParseUint(epoch, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	return connection, direction, event.Position{Epoch: e, Seq: event.Seq(s)}, err == nil && err2 == nil
}

// Undo puts the fields that an event of the peer changed back to what they were.
func (n *Node) Undo(ctx context.Context, r admin.UndoRequest) (admin.UndoResult, error) {
	l, u, err := n.planUndo(ctx, r)
	if err != nil {
		return admin.UndoResult{}, err
	}
	out := admin.UndoResult{Event: eventName(l.record.Name, theirEvent, u.At), Key: u.Key, Connection: l.record.Name, Fields: []admin.UndoField{}}
	for _, name := range slices.Sorted(maps.Keys(u.Set)) {
		out.Fields = append(out.Fields, admin.UndoField{Name: name, Now: u.Now[name], Back: u.Set[name], Changed: slices.Contains(u.Changed, name)})
	}
	switch {
	case r.DryRun || len(u.Set) == 0:
		return out, nil
	case len(u.Changed) > 0 && !r.Force:
		return out, &admin.Error{
			Kind: admin.KindConflict, Message: "changed since that event: " + strings.Join(u.Changed, ", "),
			Hint: "--dry-run shows the values; --force puts the older ones back all the same",
		}
	}
	if err := n.path.Undo(l.flow, u, r.Force); err != nil {
		if errors.Is(err, flow.ErrBusy) {
			return out, &admin.Error{Kind: admin.KindConflict, Message: flow.ErrBusy.Error(), Hint: "`parley queue list` shows it"}
		}
		return out, err
	}
	out.Queued = true
	return out, nil
}

func (n *Node) planUndo(ctx context.Context, r admin.UndoRequest) (*link, flow.Undo, error) {
	if connection, direction, at, ok := parseEvent(r.Event); ok {
		if direction == ourEvent {
			return nil, flow.Undo{}, &admin.Error{
				Kind: admin.KindInvalid, Message: "an event of ours is undone at the other side, or by editing our ticket",
				Hint: "`parley ticket history KEY` shows which can be undone here",
			}
		}
		links, err := n.working(connection)
		if err != nil {
			return nil, flow.Undo{}, err
		}
		ref, err := n.path.EventAt(links[0].flow, at)
		if errors.Is(err, flow.ErrNone) {
			return nil, flow.Undo{}, &admin.Error{Kind: admin.KindNotFound, Message: "there is no event " + r.Event, Hint: "`parley ticket history KEY` lists them"}
		}
		if err != nil {
			return nil, flow.Undo{}, err
		}
		u, err := n.path.PlanUndo(ctx, links[0].flow, ref, at)
		return links[0], u, undoFailed(r.Event, err)
	}
	c, err := n.locate(ctx, r.Event)
	if err != nil {
		return nil, flow.Undo{}, err
	}
	links, err := n.working(r.Connection)
	if err != nil {
		return nil, flow.Undo{}, err
	}
	return n.lastUndo(ctx, links, c)
}

// lastUndo plans the undoing of the last event that can be undone, on any of the
// connections.
func (n *Node) lastUndo(ctx context.Context, links []*link, c event.Change) (*link, flow.Undo, error) {
	var last *link
	var at event.Position
	var when int64
	for _, l := range links {
		past, err := n.path.Past(l.flow, c.Ref)
		if err != nil {
			return nil, flow.Undo{}, err
		}
		for _, e := range past {
			if e.Before != nil && (last == nil || e.At >= when) {
				last, at, when = l, e.Pos, e.At
			}
		}
	}
	if last == nil {
		return nil, flow.Undo{}, undoFailed(c.Key, flow.ErrNoBefore)
	}
	u, err := n.path.PlanUndo(ctx, last.flow, c.Ref, at)
	return last, u, undoFailed(c.Key, err)
}

func undoFailed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, flow.ErrNoBefore):
		return &admin.Error{
			Kind: admin.KindConflict, Message: "nothing can be undone of " + what + ": " + flow.ErrNoBefore.Error(),
			Hint: "the last events of a ticket that changed fields can be undone; creates, comments and files cannot",
		}
	}
	return trackerFailed("read the ticket", err)
}
