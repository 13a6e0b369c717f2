package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"parley/filters"
	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/plan"
)

// Try runs filters on a ticket, or on an event of the peer that waits, and writes
// nothing.
func (n *Node) Try(ctx context.Context, r admin.TryRequest) (admin.TryResult, error) {
	on, err := n.one(r.Connection)
	if err != nil {
		return admin.TryResult{}, err
	}
	var c event.Change
	if r.Entry == "" {
		if c, err = n.locate(ctx, r.Key); err != nil {
			return admin.TryResult{}, err
		}
	}
	rules, err := n.tryRules(ctx, on, r)
	if err != nil {
		return admin.TryResult{}, &admin.Error{Kind: admin.KindInvalid, Message: "the filter does not compile", Err: err}
	}
	if r.Entry != "" {
		return n.tryEntry(ctx, on, rules, r.Entry)
	}
	out, err := n.tryOut(ctx, on.flow, rules, c.Ref)
	out.Unread = unread(rules)
	if err != nil {
		return out, err
	}
	id, found, err := n.path.TwinOf(on.flow, c.Ref)
	if err != nil || !found {
		return out, err
	}
	out.Entering, err = n.tryIn(ctx, on.flow, rules, id)
	return out, err
}

// tryEntry tries an event that waits, by its place in the queue.
func (n *Node) tryEntry(ctx context.Context, on *link, rules *flow.Rules, id string) (admin.TryResult, error) {
	name, ok := strings.CutPrefix(id, on.record.Name+"/in/")
	var twin event.TwinID
	if err := twin.UnmarshalText([]byte(name)); !ok || err != nil {
		return admin.TryResult{}, &admin.Error{Kind: admin.KindInvalid, Message: id + " is no event of the peer on connection " + on.record.Name, Hint: "`parley queue list` shows them, of kind in"}
	}
	out := admin.TryResult{Matches: true, Unread: unread(rules)}
	var err error
	if out.Entering, err = n.tryIn(ctx, on.flow, rules, twin); err == nil && out.Entering == nil {
		err = &admin.Error{Kind: admin.KindNotFound, Message: "nothing waits under " + id, Hint: "`parley queue list` shows what does"}
	}
	return out, err
}

func (n *Node) tryOut(ctx context.Context, con *flow.Connection, rules *flow.Rules, ref event.Ref) (admin.TryResult, error) {
	pre, err := n.path.Preview(ctx, con, rules, ref)
	out := admin.TryResult{Key: pre.Ticket.Key, Matches: pre.Matches, Replica: pre.Replica.Fields, Comments: len(pre.Replica.Comments)}
	if err != nil {
		return out, &admin.Error{Kind: admin.KindInvalid, Message: "the filter failed on this ticket", Err: err}
	}
	for _, a := range pre.Replica.Attachments {
		out.Files = append(out.Files, a.Name)
	}
	for _, f := range pre.Findings {
		out.Findings = append(out.Findings, string(f.Code)+" "+f.Field)
	}
	if pre.Stop != nil {
		out.Stop = string(pre.Stop.Kind) + ": " + pre.Stop.Reason
	}
	out.Lines = lines(pre.Trace)
	leaving, err := n.path.TryOut(ctx, con, rules, pre.Ticket)
	if err != nil {
		return out, tryFailed("what would leave cannot be told", err)
	}
	out.Leaving = leavingOf(leaving, pre.Ticket)
	return out, nil
}

func tryFailed(what string, err error) error {
	var known *admin.Error
	if errors.As(err, &known) {
		return err
	}
	return trackerFailed(what, err)
}

func leavingOf(l flow.Leaving, ticket event.Ticket) *admin.TryLeaving {
	out := &admin.TryLeaving{
		Why: l.Why, First: l.Change.First, Fields: differences(l.Before, l.Change.Fields), Restore: differences(ticket.Fields, l.Restore),
	}
	for _, item := range l.Change.Items {
		if item.Kind == event.ItemComment {
			out.Comments = append(out.Comments, admin.TryComment{
				Author: item.Author.Name, Body: item.Body, Internal: item.Internal, Edits: item.Edited != "",
			})
			continue
		}
		if !item.Withdrawn {
			out.Files = append(out.Files, admin.TryFile{Name: item.Name, Size: item.Size, MIME: item.MIME})
		}
	}
	for _, name := range l.Withdrawn {
		out.Files = append(out.Files, admin.TryFile{Name: name, Withdrawn: true})
	}
	return out
}

// differences lists what fields are and would be, by name.
func differences(now, to event.Fields) []admin.TryField {
	var out []admin.TryField
	for _, name := range slices.Sorted(maps.Keys(to)) {
		out = append(out, admin.TryField{Name: name, Now: now[name], To: to[name]})
	}
	return out
}

func (n *Node) tryIn(ctx context.Context, con *flow.Connection, rules *flow.Rules, id event.TwinID) (*admin.TryEntering, error) {
	in, err := n.path.TryIn(ctx, con, rules, id)
	if err != nil {
		return nil, tryFailed("what would be written cannot be told", err)
	}
	if in == nil {
		return nil, nil
	}
	out := &admin.TryEntering{Waits: in.Waits, Why: in.Why, Kept: in.Kept, Disputed: in.Disputed, Via: in.Via, Declined: in.Declined, Lines: lines(in.Trace)}
	var ours event.Fields
	if in.Ours != nil {
		ours = in.Ours.Fields
	}
	for i := range in.Steps {
		out.Writes = append(out.Writes, writeOf(&in.Steps[i], ours))
	}
	for _, f := range in.Files {
		out.Writes = append(out.Writes, admin.TryWrite{Kind: string(event.StepAttach), File: &admin.TryFile{Name: f.Name, Size: f.Size, MIME: f.MIME, Internal: f.Internal, SHA256: f.SHA256}})
	}
	return out, nil
}

func writeOf(s *plan.Step, ours event.Fields) admin.TryWrite {
	w := admin.TryWrite{Kind: string(s.Write.Kind), Fields: differences(ours, s.Write.Fields)}
	if r := s.Write.Remove; r != nil {
		w.Removes = "comment " + r.ID
		if r.File {
			w.Removes = "file " + r.ID
		}
	}
	for _, m := range s.Write.Make {
		w.Makes = append(w.Makes, admin.TryMake{Kind: m.Kind, Name: m.Name})
	}
	if c := s.Write.Comment; c != nil {
		w.Comment = &admin.TryComment{Body: c.Body, Internal: c.Internal, Edits: c.ID != ""}
	}
	return w
}

func lines(trace []filters.Trace) []admin.TryLine {
	var out []admin.TryLine
	for _, t := range trace {
		out = append(out, admin.TryLine{Line: t.Line, Target: t.Target, Value: t.Value, Why: t.Why})
	}
	return out
}

// tryRules are the rules in force with the scripts of a request in their place.
func (n *Node) tryRules(ctx context.Context, l *link, r admin.TryRequest) (*flow.Rules, error) {
	cfg := n.configured()
	c := cfg.Connections[l.record.Name]
	from, err := n.inForce(cfg, c, l.record)
	if err != nil {
		return nil, err
	}
	if r.Out != "" {
		from.Out = r.Out
	}
	if r.In != "" {
		from.In = r.In
	}
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return nil, err
	}
	return n.compile(c, l.record, schema, from)
}
