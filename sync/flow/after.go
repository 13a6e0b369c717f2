package flow

import (
	"context"
	"errors"
	"maps"
	"time"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// Our own writes come back with the next poll, and a look at the ticket finds
// nothing in them. The ticket was read just now, to see what the writes made of
// it; so the look is taken at once, on the same reading and with the same code.

// knowAfter reads what the way out would know of the ticket, before the ticket
// is read: work that is stored later is about something newer. nil if the look
// is better left to the way out.
func (p *Path) knowAfter(in *incoming) (*known, error) {
	if in.twin != nil && (in.twin.Out != nil || len(in.twin.Disputes) > 0) || len(in.plan.Disputed) > 0 || in.rules.theirs() {
		return nil, nil
	}
	k := &known{ref: in.plan.Ref, id: in.id, applying: true}
	alone := true
	err := p.Store.View(func(r store.Reader) error {
		others, err := p.connectionsOf(r, k.ref)
		if err != nil {
			return err
		}
		for _, c := range others {
			if c.ID == in.con.ID {
				continue
			}
			_, found, err := twinByRef(r, c.ID, k.ref)
			if err != nil {
				return err
			}
			alone = alone && !found
		}
		if k.work, err = get[work.Row](r, store.WorkKey(in.con.ID, k.ref)); err != nil {
			return err
		}
		k.sent, err = sentBefore(r, in.con.ID, in.con.Rules(), in.id, in.twin)
		return err
	})
	if err != nil || !alone || k.work != nil && (k.work.Cause != event.CauseEdit || k.work.State != work.Dirty) {
		return nil, err
	}
	return k, nil
}

// look is the way out's look at a ticket that was read back.
type look struct {
	*outgoing
	err error
	gen uint64 // of the work row from before the reading, 0 if there was none
}

// lookAgain takes the first half of a look: what of the ticket belongs on the
// wire. nil if the look is left to the way out.
func (p *Path) lookAgain(ctx context.Context, in *incoming, k *known, ticket event.Ticket, readAt, until time.Time) *look {
	if k == nil {
		return nil
	}
	l := &look{outgoing: &outgoing{con: in.con, rules: in.con.Rules(), ticket: ticket, readAt: readAt, until: until}}
	if k.work != nil {
		l.gen = k.work.Gen
	} else {
		k.work = &work.Row{Cause: event.CauseEdit}
	}
	k.row, k.here = in.rowAfter(k.ref, p.Now()), in.items
	l.known = *k
	if l.err = p.belongs(ctx, l.outgoing); l.err == nil {
		l.replica, l.err = p.replica(ctx, l.outgoing)
	}
	return l
}

// rowAfter is a copy of the twin's row that the end of the event may be tried on.
func (in *incoming) rowAfter(ref event.Ref, now time.Time) *twin.Row {
	row := &twin.Row{}
	if in.twin != nil {
		*row = *in.twin
		row.Sent, row.Local, row.Sets = maps.Clone(row.Sent), maps.Clone(row.Local), maps.Clone(row.Sets)
	}
	row.Ref, row.State = ref, twin.Live
	if row.Since.IsZero() {
		row.Since = now
	}
	return row
}

// quiet takes the second half: whether there is nothing to send, and which work
// row that answers.
func (p *Path) quiet(ctx context.Context, in *incoming, l *look, r result) (bool, uint64) {
	if l == nil || r.differs || !p.fresh.certain(in.con.ID, *r.ticket, l.readAt, l.until, p.Tracker.Precision()) {
		return false, 0
	}
	r.record(in, l.known.row)
	err := l.err
	if err == nil {
		err = p.unconfirmed(ctx, l.outgoing)
	}
	return errors.Is(err, errNothing) && !l.changedLocally() && l.young.Until.IsZero(), l.gen
}

// lookedAfter ends the work row that the look answered (part of T7).
func (p *Path) lookedAfter(tx store.Tx, in *incoming, r result, ref event.Ref) error {
	if !r.quiet || r.gen == 0 {
		return nil
	}
	return p.workNext(tx, in.con.ID, ref, work.Nothing{Gen: r.gen})
}
