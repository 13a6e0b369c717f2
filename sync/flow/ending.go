package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/fuse"
	"parley/sync/inbox"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// What becomes of our ticket when a half of its twin ends: Rules.Leave says so of
// our own half (the ticket left the scope), Rules.Ended of the peer's.
const (
	EndKeep   = "keep"   // Leave: the twin stays. Ended: our ticket stays as it is
	EndStop   = "stop"   // Leave only: the twin ends, our ticket stays as it is
	EndNote   = "note"   // and gets a last note
	EndClose  = "close"  // and is closed, with a last note
	EndDelete = "delete" // Ended only: is deleted, if the peer's was
)

// What may be removed from our tracker because the peer's is gone: Rules.Remove.
const (
	RemoveNever = "never"
	RemoveAsk   = "ask" // a person decides about each
	RemoveAllow = "allow"
)

// endTwin ends a twin at this side and tells the peer, unless the peer's half has
// ended already: an end is never answered with an end.
func (p *Path) endTwin(tx store.Tx, con *Connection, id event.TwinID, state twin.State, code event.Code) error {
	row, err := twinRow(tx, con.ID, id)
	if err != nil || row == nil || row.State == state {
		return err
	}
	live := row.State == twin.Live
	row.State, row.End.Why, row.End.Missing = state, code, time.Time{}
	if err := putTwin(tx, con.ID, id, row); err != nil || !live {
		return err
	}
	head, err := outHead(tx, con.ID, byte(envelope.Data))
	if err != nil {
		return err
	}
	after := event.Position{Epoch: head.Epoch, Seq: head.Appended}
	return p.answerWith(tx, con.ID, event.Message{Note: &event.Note{Twin: id, Code: code, After: after}})
}

// leave ends a twin at this side and tells the peer; nothing is deleted.
func (p *Path) leave(o *outgoing, state twin.State, code event.Code) error {
	if until, why := p.fused(o.con, fuse.Ends, o.known.ref.String()); why != "" && o.known.row.State == twin.Live {
		return p.hold(o, work.Hold{Reason: why, Code: event.CodeFuse, Next: until})
	}
	err := p.Store.Update(func(tx store.Tx) error {
		if err := p.endTwin(tx, o.con, o.known.id, state, code); err != nil {
			return err
		}
		if code == event.CodeLeft && (o.rules.Leave == EndNote || o.rules.Leave == EndClose) {
			end := &chore{Name: choreEnd, Code: code, Ours: true, Since: p.Now()}
			if err := put(tx, store.ChoreKey(o.con.ID, o.known.id, choreEnd), end); err != nil {
				return err
			}
		}
		return p.workNext(tx, o.con.ID, o.known.ref, work.Nothing{Gen: o.known.work.Gen})
	})
	if err != nil {
		return fmt.Errorf("end the twin of ticket %s: %w", o.known.ref, err)
	}
	p.Observe(Observation{What: "ended", Connection: o.con.Name, Twin: o.known.id, Key: o.known.work.Key, Code: code, At: p.Now()})
	p.Wake(Task{Kind: KindShip, Con: o.con.ID, Stream: 'c'}, When{})
	p.Wake(Task{Kind: KindChore, Con: o.con.ID, Twin: o.known.id, Item: choreEnd}, When{})
	return nil
}

// returns tells whether a ticket whose twin ended is to be taken up again: a
// person says so, or it has come back into the scope that it had left.
func (p *Path) returns(o *outgoing, inScope bool) bool {
	row := o.known.row
	switch {
	case o.known.work.Forced:
		return true
	case row.State != twin.Ended || row.End.Why != event.CodeLeft || !inScope:
		return false
	}
	return o.rules.Start != "manual" && labelled(o.ticket, o.rules.Start)
}

// absent decides about a ticket of a twin that the tracker does not find. That
// it is not there counts only if it is not there some time later either, and the
// tracker answers otherwise: what is not seen is not what is deleted.
func (p *Path) absent(ctx context.Context, con *Connection, id event.TwinID, row *twin.Row, err error) (gone event.Code, next time.Time, _ error) {
	if errors.Is(err, adapters.ErrMerged) {
		return event.CodeMerged, time.Time{}, nil
	}
	if row.State == twin.Gone {
		return event.CodeGone, time.Time{}, nil
	}
	now, since := p.Now(), row.End.Missing
	if since.IsZero() || since.After(now) {
		return "", now.Add(p.ConfirmGone), p.setMissing(con, id, now)
	}
	if now.Sub(since) < p.ConfirmGone {
		return "", since.Add(p.ConfirmGone), nil
	}
	if _, err := p.Tracker.Schema(ctx); err != nil {
		return "", now.Add(p.ConfirmGone), nil //nolint:nilerr // a tracker that does not answer proves nothing
	}
	return event.CodeGone, time.Time{}, nil
}

const notFound = "the tracker does not find the ticket; it is looked for once more before that counts"

// setMissing records when a ticket was first not found; the zero time, that it
// is there.
func (p *Path) setMissing(con *Connection, id event.TwinID, at time.Time) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		row, err := twinRow(tx, con.ID, id)
		if err != nil || row == nil {
			return err
		}
		row.End.Missing = at
		return putTwin(tx, con.ID, id, row)
	})
	if err != nil {
		return storeError{fmt.Errorf("record whether the ticket of twin %s is there: %w", id, err)}
	}
	return nil
}

// there forgets that a ticket was not found.
func (p *Path) there(con *Connection, id event.TwinID, row *twin.Row) error {
	if row == nil || row.End.Missing.IsZero() {
		return nil
	}
	return p.setMissing(con, id, time.Time{})
}

// notThere ends a look that found no ticket.
func (p *Path) notThere(ctx context.Context, o *outgoing, cause error) error {
	if o.known.row == nil {
		return p.finish(o, work.Nothing{Gen: o.known.work.Gen})
	}
	gone, next, err := p.absent(ctx, o.con, o.known.id, o.known.row, cause)
	switch {
	case err != nil:
		return err
	case gone == "":
		return p.hold(o, work.Hold{Reason: notFound, Next: next})
	}
	return p.leave(o, twin.Gone, gone)
}

// notThereIn ends a try to apply that found no ticket.
func (p *Path) notThereIn(ctx context.Context, in *incoming, cause error) error {
	if in.twin == nil {
		return p.refuse(in, twin.Live, event.CodeGone, cause.Error())
	}
	gone, next, err := p.absent(ctx, in.con, in.id, in.twin, cause)
	if err == nil && gone != "" && in.twin.State == twin.Live {
		if until, why := p.fused(in.con, fuse.Ends, in.twin.Ref.String()); why != "" {
			return p.wait(in, until, why)
		}
	}
	switch {
	case err != nil:
		return err
	case gone == "":
		return p.wait(in, next, notFound)
	}
	return p.refuse(in, twin.Gone, gone, cause.Error())
}

// storeNote takes in that the peer's half of a twin ended (part of T4).
func (p *Path) storeNote(tx store.Tx, con *Connection, note event.Note) error {
	row, err := twinRow(tx, con.ID, note.Twin)
	if err != nil {
		return err
	}
	if row != nil {
		return p.peerEnded(tx, con, note.Twin, row, note.Code, note.After)
	}
	// What began the twin may still be on its way, on the other stream.
	head, err := inHead(tx, con.ID, byte(envelope.Data))
	if err != nil {
		return err
	}
	entry, err := get[inbox.Row](tx, store.InboxKey(con.ID, note.Twin))
	if err != nil || entry == nil && !coming(head, note.After) {
		return err
	}
	return put(tx, store.ChoreKey(con.ID, note.Twin, choreEnd), &chore{Name: choreEnd, Code: note.Code, After: note.After, Since: p.Now()})
}

// coming tells whether events of the peer up to a place are still to come.
func coming(head inbox.Head, to event.Position) bool {
	return head.Epoch == to.Epoch && head.Through < to.Seq
}

// peerEnded records that the peer's half ended; a chore sees to our ticket.
func (p *Path) peerEnded(tx store.Tx, con *Connection, id event.TwinID, row *twin.Row, code event.Code, after event.Position) error {
	if row.Seen.Behind(after) {
		return nil // the peer has taken the pair up again since
	}
	orphaned := row.PeerEnded(code, after)
	if err := putTwin(tx, con.ID, id, row); err != nil || !orphaned {
		return err
	}
	return put(tx, store.ChoreKey(con.ID, id, choreEnd), &chore{Name: choreEnd, Code: code, After: after, Since: p.Now()})
}

// refusedAsEnded takes in that the peer refused an event because its half has
// ended: the note that said so was lost with an epoch, or is older than this side.
func (p *Path) refusedAsEnded(tx store.Tx, con *Connection, id event.TwinID, row *twin.Row, code event.Code) error {
	head, err := inHead(tx, con.ID, byte(envelope.Data))
	if err != nil {
		return err
	}
	return p.peerEnded(tx, con, id, row, code, event.Position{Epoch: head.Epoch, Seq: head.Through})
}

// planEnding decides what an ending means for our ticket, and makes the plan; nil
// is nothing.
func (p *Path) planEnding(ctx context.Context, c *choring) error {
	if err := p.endingDue(c); err != nil || c.over {
		return err
	}
	rules := c.con.Rules()
	do := rules.Ended
	if c.job.Ours {
		do = rules.Leave
	}
	if do == EndDelete {
		var ask bool
		if do, ask = p.mayDelete(c, rules); ask {
			return &holdError{code: event.CodeProposal, reason: "the peer's ticket was deleted: retry this entry to delete ours, skip it to keep ours", parked: true}
		}
	}
	if do != EndNote && do != EndClose && do != EndDelete {
		c.over = true
		return nil
	}
	kinds := map[string]fuse.Kind{EndNote: fuse.Ends, EndClose: fuse.Closes, EndDelete: fuse.Deletes}
	if until, why := p.fused(c.con, kinds[do], c.row.Ref.String()); why != "" {
		return &awaitError{at: until, reason: why}
	}
	if do == EndDelete {
		c.plan(event.Step{Kind: event.StepDelete, Ref: c.row.Ref})
		return nil
	}
	return p.planLast(ctx, c, rules, do)
}

// endingDue tells, by c.over, whether there is nothing to see to; what the peer
// sent before the end is applied first.
func (p *Path) endingDue(c *choring) error {
	if c.job.Ours {
		c.over = c.row == nil || c.row.State != twin.Ended
		return nil
	}
	due := false
	err := p.Store.Finish(func(tx store.Tx) error {
		row, err := twinRow(tx, c.con.ID, c.id)
		if err != nil {
			return err
		}
		head, err := inHead(tx, c.con.ID, byte(envelope.Data))
		if err != nil {
			return err
		}
		entry, err := get[inbox.Row](tx, store.InboxKey(c.con.ID, c.id))
		if err != nil {
			return err
		}
		drained := entry == nil || entry.State == inbox.Parked || (event.Position{Epoch: entry.Epoch, Seq: entry.Seq}).Behind(c.job.After)
		if due = drained && !coming(head, c.job.After); !due || row == nil {
			return nil
		}
		if row.State == twin.Live && !row.Seen.Behind(c.job.After) {
			// The note overtook the event that made the twin.
			row.PeerEnded(c.job.Code, c.job.After)
			if err := putTwin(tx, c.con.ID, c.id, row); err != nil {
				return err
			}
		}
		c.row = row
		return nil
	})
	if err != nil {
		return storeError{fmt.Errorf("see how twin %s ended: %w", c.id, err)}
	}
	if !due {
		return &awaitError{at: p.Now().Add(retry.Curve(c.job.Attempt + 2)), reason: "what the peer sent before it ended the twin comes first"}
	}
	c.over = c.row == nil || c.row.State != twin.Orphan || c.row.Ref.IsZero()
	return nil
}

// mayDelete is what becomes of the wish to delete our ticket: that, or a last note
// instead; ask says that a person is to decide.
func (p *Path) mayDelete(c *choring, rules *Rules) (do string, ask bool) {
	_, able := p.Tracker.(adapters.Deleter)
	switch {
	case c.job.Code != event.CodeGone || !able || c.job.Keep:
		// A ticket that only left, or was deleted for another's sake, deletes none.
		return EndNote, false
	case rules.Remove == RemoveAllow, rules.Remove == RemoveAsk && c.job.Leave:
		return EndDelete, false
	}
	return EndNote, rules.Remove == RemoveAsk
}

// planLast plans the last note, and the closing.
func (p *Path) planLast(ctx context.Context, c *choring, rules *Rules, do string) error {
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	ticket, err := p.readTicket(ctx, c.row.Ref)
	if errors.Is(err, adapters.ErrGone) {
		c.over = true
		return nil
	}
	if err != nil {
		return err
	}
	marker := p.marker(c.con.ID, c.id, c.job.noteID())
	there := slices.ContainsFunc(ticket.Comments, func(had event.Comment) bool { return had.Marker == marker })
	if schema.Comments && !there {
		c.plan(event.Step{
			Kind: event.StepComment, Ref: c.row.Ref, Marker: marker, Since: p.since(),
			Comment: &event.CommentWrite{Body: lastNote(c, schema.Internal), Internal: schema.Internal},
		})
	}
	status, _ := ticket.Fields[event.FieldStatus].(string)
	if do == EndClose && len(rules.Closed) > 0 && !slices.Contains(closedBy(rules, schema), status) {
		c.job.Before = event.Fields{event.FieldStatus: ticket.Fields[event.FieldStatus]}
		// No lock: the note before it has made the ticket newer.
		c.plan(event.Step{Kind: event.StepUpdate, Ref: c.row.Ref, Fields: event.Fields{event.FieldStatus: rules.Closed[0]}})
	}
	c.over = len(c.steps) == 0
	return nil
}

// noteID names the last note of an end: each end has its own.
func (c *chore) noteID() event.ItemID {
	if c.Ours {
		return event.ItemID(fmt.Sprintf("end ours %d", c.Since.UnixMilli()))
	}
	return event.ItemID(fmt.Sprintf("end theirs %d %d", c.After.Epoch, c.After.Seq))
}

// closedBy are the statuses that count as closed.
func closedBy(rules *Rules, schema event.Schema) []string {
	return append(slices.Clone(rules.Closed), schema.Fields[event.FieldStatus].Closed...)
}

// lastNote is what our people are told. It names the connection only where the
// tracker keeps it to them.
func lastNote(c *choring, internal bool) string {
	over := ""
	if internal {
		over = " over " + c.con.Name
	}
	why := map[event.Code]string{
		event.CodeGone:   "The other side's ticket was deleted.",
		event.CodeMerged: "The other side's ticket was merged into another one.",
		event.CodeLeft:   "The other side's ticket does not belong on the connection any more.",
		event.CodeEnded:  "The other side took its ticket out of step.",
	}[c.job.Code]
	if c.job.Ours {
		why = "This ticket does not belong on the connection any more."
	}
	if why == "" {
		why = "The other side ended its half."
	}
	return why + " This ticket is no longer kept in step" + over + "."
}
