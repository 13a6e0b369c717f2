package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/twin"
	"parley/sync/work"
)

func trackerFailed(what string, err error) error {
	e := &admin.Error{Kind: admin.KindTracker, Message: what, Err: err}
	var detail *adapters.Error
	switch {
	case errors.As(err, &detail) && detail.Hint != "":
		e.Hint = detail.Hint
	case errors.Is(err, adapters.ErrDenied):
		e.Hint = "check the tracker's credential: `parley adapter probe`"
	}
	return e
}

// locate finds a ticket by the key that people use.
func (n *Node) locate(ctx context.Context, key string) (event.Change, error) {
	c, err := n.tracker.Locate(ctx, key)
	if errors.Is(err, adapters.ErrGone) {
		return c, &admin.Error{Kind: admin.KindNotFound, Message: "the tracker has no ticket " + key, Hint: "write the key as the tracker shows it; what the node's account may not see is not there for it"}
	}
	if err != nil {
		return c, trackerFailed("look for ticket "+key, err)
	}
	return c, nil
}

// working are the connections that can be asked, of one name or all.
func (n *Node) working(name string) ([]*link, error) {
	var out []*link
	for _, l := range n.all() {
		if name != "" && l.record.Name != name {
			continue
		}
		if l.flow == nil {
			if name != "" {
				return nil, &admin.Error{Kind: admin.KindConflict, Message: "connection " + name + " does not work yet: " + l.why}
			}
			continue
		}
		out = append(out, l)
	}
	if name != "" && len(out) == 0 {
		return nil, noConnection(name)
	}
	return out, nil
}

// one is the connection of a name, or the only one there is, for what cannot be asked of several.
func (n *Node) one(name string) (*link, error) {
	links, err := n.working(name)
	if err != nil {
		return nil, err
	}
	if len(links) != 1 {
		return nil, &admin.Error{Kind: admin.KindInvalid, Message: "no connection named", Hint: "name one with --connection; `parley connection list` shows them"}
	}
	return links[0], nil
}

// Tickets lists tickets on connections.
func (n *Node) Tickets(_ context.Context, q admin.TicketQuery) ([]admin.Ticket, error) {
	links, err := n.working(q.Connection)
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(q.Limit, 1000)
	out := []admin.Ticket{}
	for _, l := range links {
		tickets, err := n.ticketsOf(l.flow)
		if err != nil {
			return nil, err
		}
		for _, t := range tickets {
			if (q.State == "" || q.State == t.State) && len(out) < limit {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

func (n *Node) ticketsOf(con *flow.Connection) ([]admin.Ticket, error) {
	works := map[event.Ref]work.Row{}
	inboxes := map[event.TwinID]inbox.Row{}
	var out []admin.Ticket
	seen := map[event.Ref]bool{}
	err := firstError(
		n.path.Works(con, func(ref event.Ref, row work.Row) bool { works[ref] = row; return true }),
		n.path.Inboxes(con, func(id event.TwinID, row inbox.Row) bool { inboxes[id] = row; return true }),
		n.path.Twins(con, func(id event.TwinID, row twin.Row) bool {
			i := flow.Inspection{Ref: row.Ref, TwinID: id, Twin: &row}
			if w, ok := works[row.Ref]; ok {
				i.Work = &w
			}
			if in, ok := inboxes[id]; ok {
				i.Inbox = &in
				delete(inboxes, id)
			}
			seen[row.Ref] = true
			out = append(out, ticketState(con, i))
			return true
		}),
	)
	for ref, w := range works {
		if !seen[ref] {
			out = append(out, ticketState(con, flow.Inspection{Ref: ref, Work: &w}))
		}
	}
	for id, in := range inboxes {
		out = append(out, ticketState(con, flow.Inspection{TwinID: id, Inbox: &in}))
	}
	slices.SortFunc(out, func(a, b admin.Ticket) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Twin, b.Twin)) })
	return out, err
}

// ticketState says in a word where a ticket is.
func ticketState(con *flow.Connection, i flow.Inspection) admin.Ticket {
	t := admin.Ticket{Connection: con.Name, State: "synced"}
	if !i.TwinID.IsZero() {
		t.Twin = i.TwinID.String()
	}
	if i.Twin != nil {
		t.Key, t.LostTheirs, t.LostOurs, t.Since = i.Twin.Key, losses(i.Twin.Lost), losses(i.Twin.LostLocal), i.Twin.Since
		switch {
		case i.Twin.State == twin.Ended:
			t.State = "ended"
		case i.Twin.State == twin.Gone:
			t.State = "gone"
		case i.Twin.State == twin.Orphan:
			t.State, t.Code, t.Reason = "orphan", string(i.Twin.TheirNote), "the peer ended its half"
		case i.Twin.Out != nil && i.Twin.Out.Parked != "":
			t.State, t.Code, t.Reason = "parked", string(i.Twin.Out.Parked), "parked at the peer"
		case i.Twin.Out != nil:
			t.State = "waiting"
		}
	}
	if w := i.Work; w != nil && t.State != "parked" {
		t.State, t.Key = "waiting", cmp.Or(t.Key, w.Key)
		if w.Parked {
			t.State, t.Code, t.Reason, t.Next, t.Since = "parked", string(w.Code), w.Reason, w.Next, w.Since
		}
	}
	if in := i.Inbox; in != nil {
		t.State = "waiting"
		if in.State == inbox.Parked {
			t.State, t.Code, t.Reason, t.Next, t.Since = "parked", string(in.Code), in.Reason, in.Until, in.Since
		}
	}
	if i.Twin != nil && i.Twin.State == twin.Live {
		standing(i.Twin, &t)
	}
	return t
}

// standing says what a person should know of a ticket that nothing holds up.
func standing(row *twin.Row, t *admin.Ticket) {
	switch {
	case t.State == "parked":
	case len(row.Disputes) > 0:
		t.State, t.Code = "conflict", string(event.CodeConflict)
		t.Reason = "a person must decide on " + strings.Join(slices.Sorted(maps.Keys(row.Disputes)), ", ")
	case len(row.Overran) > 0:
		t.State, t.Code = "conflict", string(event.CodeConflict)
		t.Reason = "an edit was written over, as the policy says: " + strings.Join(slices.Sorted(maps.Keys(row.Overran)), ", ")
	case len(row.Astray) > 0:
		t.Reason = "changed here, though it is the peer's: " + strings.Join(row.Astray, ", ")
	}
}

// losses are lost fields as people read them: "status (workflow)".
func losses(all []string) []string {
	var out []string
	for _, loss := range all {
		field, why := twin.LossOf(loss)
		if why != "" {
			field += " (" + string(why) + ")"
		}
		out = append(out, field)
	}
	return out
}

// Explain says all about one ticket.
func (n *Node) Explain(ctx context.Context, key string) (admin.Explanation, error) {
	c, err := n.locate(ctx, key)
	if err != nil {
		return admin.Explanation{}, err
	}
	links, err := n.working("")
	if err != nil {
		return admin.Explanation{}, err
	}
	out := admin.Explanation{Key: c.Key, Tickets: []admin.Explained{}}
	for _, l := range links {
		e, url, err := n.explain(ctx, l.flow, c.Ref)
		if err != nil {
			return out, err
		}
		out.URL = cmp.Or(out.URL, url)
		out.Tickets = append(out.Tickets, e)
	}
	return out, nil
}

func (n *Node) explain(ctx context.Context, con *flow.Connection, ref event.Ref) (admin.Explained, string, error) {
	i, err := n.path.Inspect(con, ref, event.TwinID{})
	if err != nil {
		return admin.Explained{}, "", err
	}
	pre, err := n.path.Preview(ctx, con, con.Rules(), ref)
	if err != nil && pre.Ticket.Key == "" {
		return admin.Explained{}, "", trackerFailed("read the ticket", err)
	}
	e := admin.Explained{Ticket: ticketState(con, i)}
	e.Key = cmp.Or(e.Key, pre.Ticket.Key)
	e.Scope = admin.ScopeExplanation{Key: e.Key, Matches: pre.Matches, Starts: pre.Starts, Twin: i.Twin != nil, Why: pre.Why}
	e.Now, e.Differs = pre.Replica.Fields, slices.Sorted(maps.Keys(pre.Differs))
	if i.Sent != nil {
		e.Sent = i.Sent.Fields
	}
	if i.Received != nil {
		e.Received = i.Received.Fields
	}
	e.Comments = len(i.Items)
	for _, item := range i.Items {
		if item.Name != "" {
			e.Files = append(e.Files, item.Name)
		}
	}
	slices.Sort(e.Files)
	e.TakenBack = takenBack(i)
	held, heldErr := n.path.Held(con, ref)
	if heldErr != nil {
		return e, "", heldErr
	}
	e.Approvals = n.approvals(held.Approvals)
	if i.Twin == nil && i.Work == nil {
		e.State = "not in step"
	}
	n.narrate(con, i, pre, err, &e)
	return e, pre.Ticket.URL, nil
}

// takenBack lists what one side asked the other to take away.
func takenBack(i flow.Inspection) []admin.TakenBack {
	var out []admin.TakenBack
	for _, t := range i.TakenBack() {
		one := admin.TakenBack{By: "them", Kind: "comment", Name: t.Name, Item: t.Local, State: string(t.State)}
		if t.Ours {
			one.By = "us"
		}
		if t.File {
			one.Kind = "file"
		}
		out = append(out, one)
	}
	return out
}

// narrate says in words where the last event is, what blocks and what comes next.
func (n *Node) narrate(con *flow.Connection, i flow.Inspection, pre flow.Preview, failed error, e *admin.Explained) {
	out, in := con.Paused()
	switch {
	case i.Twin == nil:
	case i.Twin.Out != nil && i.Twin.Out.Parked != "":
		e.Event = fmt.Sprintf("event %d is parked at the peer: %s", i.Twin.Out.Seq, i.Twin.Out.Parked)
	case i.Twin.Out != nil:
		e.Event = fmt.Sprintf("event %d is on its way since %s", i.Twin.Out.Seq, time.UnixMilli(i.Twin.Out.Since).UTC().Format(time.RFC3339))
	case i.Twin.Refused != "":
		e.Event = "the last event was refused by the peer: " + string(i.Twin.Refused)
	default:
		e.Event = "everything sent so far is settled"
	}
	switch {
	case failed != nil:
		e.Blocks = failed.Error()
	case e.State == "parked":
		e.Blocks = cmp.Or(e.Reason, e.Code)
	case out || in:
		e.Blocks = "the connection is paused"
	case len(pre.Findings) > 0:
		e.Blocks = "egress gate: " + string(pre.Findings[0].Code) + " " + pre.Findings[0].Field
	case i.Work != nil && i.Work.Reason != "":
		e.Blocks = i.Work.Reason
	case i.Inbox != nil && i.Inbox.Reason != "":
		e.Blocks = i.Inbox.Reason
	}
	switch {
	case e.Blocks != "" && !e.Next.IsZero():
		e.Happens = "next try at " + e.Next.UTC().Format(time.RFC3339) + ", or on `parley queue retry`, a newer change or a new filter"
	case e.Blocks != "":
		e.Happens = "it goes on when that is over"
	case i.Twin == nil && !pre.Starts:
		e.Happens = "nothing: " + pre.Why
	case i.Work != nil || len(pre.Differs) > 0:
		e.Happens = "its present state is sent with the next look"
	default:
		e.Happens = "nothing until one of the two tickets changes"
	}
}

// Sync makes tickets be looked at by hand: also those that are older than the
// connection, start by hand, or were unsynced before.
func (n *Node) Sync(ctx context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return n.each(ctx, r, func(l *link, c event.Change) (string, error) {
		pre, err := n.path.Preview(ctx, l.flow, l.flow.Rules(), c.Ref)
		switch {
		case err != nil:
			return "", err
		case !pre.Matches:
			return "", errors.New("the scope does not match")
		case r.DryRun:
			return "would queue", nil
		}
		return "queued", n.path.Touch(l.flow.ID, []event.Change{c}, work.Seen{Cause: event.CauseEdit, Forced: true})
	})
}

// Unsync ends twins at this side; a later Sync takes the old pair up again.
func (n *Node) Unsync(ctx context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return n.each(ctx, r, func(l *link, c event.Change) (string, error) {
		i, err := n.path.Inspect(l.flow, c.Ref, event.TwinID{})
		switch {
		case err != nil:
			return "", err
		case i.Twin == nil:
			return "", errors.New("it has no twin on this connection")
		case r.DryRun:
			return "would unsync", nil
		}
		return "unsynced", n.path.Unsync(l.flow, c.Ref)
	})
}

func (n *Node) each(ctx context.Context, r admin.SyncRequest, do func(*link, event.Change) (string, error)) (admin.SyncResult, error) {
	links, err := n.working(r.Connection)
	if err != nil {
		return admin.SyncResult{}, err
	}
	changes, result, err := n.choose(ctx, r)
	if err != nil {
		return result, err
	}
	for _, c := range changes {
		for _, l := range links {
			o := admin.SyncOutcome{Key: c.Key, Connection: l.record.Name}
			if o.Done, err = do(l, c); err != nil {
				o.Done, o.Error = "", n.mask.Hide(err.Error())
			}
			result.Tickets = append(result.Tickets, o)
		}
	}
	return result, nil
}

// choose finds the tickets that a request names.
func (n *Node) choose(ctx context.Context, r admin.SyncRequest) ([]event.Change, admin.SyncResult, error) {
	result := admin.SyncResult{Tickets: []admin.SyncOutcome{}}
	if r.Query != "" {
		changes, _, err := n.list(ctx, r.Query, listMost)
		return changes, result, err
	}
	if len(r.Keys) == 0 {
		return nil, result, &admin.Error{Kind: admin.KindInvalid, Message: "no tickets named", Hint: "give keys, or a query in the tracker's language"}
	}
	var changes []event.Change
	for _, key := range r.Keys {
		c, err := n.locate(ctx, key)
		if err != nil {
			result.Tickets = append(result.Tickets, admin.SyncOutcome{Key: key, Error: err.Error()})
			continue
		}
		changes = append(changes, c)
	}
	return changes, result, nil
}

// listMost bounds a listing.
const listMost = 50_000

// list pages through a query; cut tells that there is more.
func (n *Node) list(ctx context.Context, query string, most int) (all []event.Change, cut bool, err error) {
	seen := map[event.Ref]bool{}
	for page := event.Cursor(""); ; {
		changes, next, err := n.tracker.List(ctx, query, page, 100)
		if err != nil {
			return nil, false, trackerFailed("list tickets", err)
		}
		for _, c := range changes {
			if !seen[c.Ref] {
				seen[c.Ref] = true
				all = append(all, c)
			}
		}
		if next == "" || next == page {
			return all, false, nil
		}
		if len(all) >= most {
			return all[:most], true, nil
		}
		page = next
	}
}
