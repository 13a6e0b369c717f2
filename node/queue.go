package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/plan"
	"parley/sync/work"
)

// entry is a queue entry and what can be done to it.
type entry struct {
	admin.QueueEntry
	retry, skip, approve func() error
	// let approves content that the gate holds back, if it is what a digest says.
	let func(digest, by string) error
}

// Queue lists what waits, parked entries first.
func (n *Node) Queue(_ context.Context, name string) ([]admin.QueueEntry, error) {
	entries, err := n.entries(name)
	out := []admin.QueueEntry{}
	for _, e := range entries {
		out = append(out, e.QueueEntry)
	}
	return out, err
}

// QueueEntry returns one entry with the steps of its plan.
func (n *Node) QueueEntry(_ context.Context, id string) (admin.QueueEntry, error) {
	entries, err := n.entries("")
	if err != nil {
		return admin.QueueEntry{}, err
	}
	for _, e := range entries {
		if e.ID == id {
			return e.QueueEntry, nil
		}
	}
	return admin.QueueEntry{}, &admin.Error{Kind: admin.KindNotFound, Message: "nothing waits under " + id, Hint: "`parley queue list` shows what does"}
}

func (n *Node) entries(name string) ([]entry, error) {
	links, err := n.working(name)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, l := range links {
		if err := n.entriesOf(l.flow, &all); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		if a.Parked != b.Parked {
			if a.Parked {
				return -1
			}
			return 1
		}
		return a.Since.Compare(b.Since)
	})
	return all, nil
}

func (n *Node) entriesOf(con *flow.Connection, all *[]entry) error {
	add := func(e admin.QueueEntry, retry, skip func() error) {
		e.Connection = con.Name
		e.ID = con.Name + "/" + e.Kind + "/" + e.ID
		e.Reason = n.mask.Hide(e.Reason)
		*all = append(*all, entry{QueueEntry: e, retry: retry, skip: skip})
	}
	return firstError(
		n.path.Works(con, func(ref event.Ref, r work.Row) bool {
			add(admin.QueueEntry{
				ID: ref.String(), Kind: "work", State: string(r.State), Key: r.Key, Code: string(r.Code), Reason: r.Reason,
				Since: r.Since, Next: r.Next, Attempt: r.Attempt, Parked: r.Parked,
			}, func() error { return n.path.RetryWork(con, ref) }, func() error { return n.path.SkipWork(con, ref) })
			if r.Code == event.CodeByGate {
				n.heldByGate(con, ref, &(*all)[len(*all)-1])
			}
			return true
		}),
		n.path.Outboxes(con, func(seq event.Seq, r outbox.Row, sent bool) bool {
			state := "queued"
			if sent {
				state = "received"
			}
			add(admin.QueueEntry{ID: fmt.Sprint(seq), Kind: "out", State: state, Key: r.Key, Since: time.UnixMilli(r.At)}, nil, nil)
			return true
		}),
		n.path.Inboxes(con, func(id event.TwinID, r inbox.Row) bool {
			e := admin.QueueEntry{
				ID: id.String(), Kind: "in", State: string(r.State), Key: r.Key, Code: string(r.Code), Reason: r.Reason,
				Since: time.UnixMilli(r.At), Next: r.Until, Attempt: r.Attempt, Parked: r.State == inbox.Parked,
			}
			if i, err := n.path.Inspect(con, event.Ref{}, id); err == nil && i.Plan != nil {
				e.Steps = steps(i.Plan)
			}
			add(e, func() error { return n.path.RetryInbox(con, id) }, func() error { return n.path.SkipInbox(con, id) })
			if r.Code == event.CodeApproval {
				(*all)[len(*all)-1].approve = func() error { return n.path.Approve(con, id) }
			}
			return true
		}),
		n.path.Files(con, func(j flow.FileJob) bool {
			add(admin.QueueEntry{
				ID: j.Twin.String() + "." + string(j.Item), Kind: "file", State: "waiting", Key: j.Name, Code: string(j.Code),
				Reason: j.Reason, Next: j.Until, Attempt: j.Attempt, Parked: j.Parked,
			}, func() error { return n.path.RetryFile(con, j.Twin, j.Item) }, func() error { return n.path.SkipFile(con, j.Twin, j.Item) })
			return true
		}),
		n.path.Chores(con, func(c flow.ChoreInfo) bool {
			e := admin.QueueEntry{
				ID: c.Twin.String() + "." + c.Name, Kind: "chore", State: "waiting", Key: c.Key, Code: string(c.Stuck), Reason: c.Reason,
				Since: c.Since, Next: c.Until, Attempt: c.Attempt, Parked: c.Parked,
			}
			if c.Parked {
				e.State = "parked"
			}
			if c.Plan != nil {
				e.Steps = steps(c.Plan)
			}
			add(e, func() error { return n.path.RetryChore(con, c.Twin, c.Name) }, func() error { return n.path.SkipChore(con, c.Twin, c.Name) })
			return true
		}),
	)
}

func steps(p *plan.Plan) []string {
	var out []string
	for i, s := range p.Steps {
		out = append(out, fmt.Sprintf("%d. %s: %s (attempt %d)", i+1, s.Write.Kind, s.State, s.Attempt))
	}
	return out
}

// Retry lets entries go on.
func (n *Node) Retry(_ context.Context, q admin.QueueSelect) (int, error) {
	return n.forEach(q, func(e entry) func() error { return e.retry })
}

// Skip gives entries up: the peer is told so.
func (n *Node) Skip(_ context.Context, q admin.QueueSelect) (int, error) {
	return n.forEach(q, func(e entry) func() error { return e.skip })
}

func (n *Node) forEach(q admin.QueueSelect, choose func(entry) func() error) (int, error) {
	if q.ID == "" && !q.All && q.Code == "" {
		return 0, &admin.Error{Kind: admin.KindInvalid, Message: "nothing chosen", Hint: "give an entry's id, --code, or --all"}
	}
	entries, err := n.entries(q.Connection)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, e := range entries {
		do := choose(e)
		if do == nil || !chosen(e.QueueEntry, q) {
			continue
		}
		if err := do(); err != nil {
			return count, &admin.Error{Kind: admin.KindConflict, Message: "entry " + e.ID, Err: err}
		}
		count++
	}
	if q.ID != "" && count == 0 {
		return 0, &admin.Error{Kind: admin.KindNotFound, Message: "nothing that can be retried or skipped waits under " + q.ID, Hint: "`parley queue list`"}
	}
	return count, nil
}

func chosen(e admin.QueueEntry, q admin.QueueSelect) bool {
	if q.ID != "" {
		return e.ID == q.ID
	}
	if e.Code == string(event.CodeProposal) && q.Code != e.Code {
		return false // a retry of everything is no leave to delete
	}
	return (e.Parked || strings.HasPrefix(e.State, "wait")) && (q.Code == "" || q.Code == e.Code)
}

// Approve lets what waits for a person's leave go on. Content that the gate holds
// back is approved by itself, and by its digest.
func (n *Node) Approve(ctx context.Context, q admin.QueueSelect) (int, error) {
	if q.ID != "" {
		entries, err := n.entries("")
		if err != nil {
			return 0, err
		}
		if i := slices.IndexFunc(entries, func(e entry) bool { return e.ID == q.ID && e.let != nil }); i >= 0 {
			return n.letLeave(ctx, entries[i], q.Digest)
		}
	}
	return n.forEach(q, func(e entry) func() error { return e.approve })
}

// retryParked lets the parked entries of a connection go on.
func (n *Node) retryParked(l *link, code string) (int, error) {
	return n.forEach(admin.QueueSelect{Connection: l.record.Name, All: true, Code: code}, func(e entry) func() error { return e.retry })
}
