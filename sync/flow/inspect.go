package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// Inspection is all that the store holds of one of our tickets on a connection.
type Inspection struct {
	Ref      event.Ref
	Work     *work.Row
	TwinID   event.TwinID
	Twin     *twin.Row
	Inbox    *inbox.Row
	Plan     *plan.Plan
	Items    []twin.Entry
	Sent     *filters.Replica
	Received *filters.Replica
}

// Inspect reads what is known of a ticket; the zero Ref with a twin asks for a
// ticket that is still to be created.
func (p *Path) Inspect(con *Connection, ref event.Ref, id event.TwinID) (Inspection, error) {
	i := Inspection{Ref: ref, TwinID: id}
	err := p.Store.View(func(r store.Reader) error {
		var err error
		if !ref.IsZero() {
			if i.Work, err = get[work.Row](r, store.WorkKey(con.ID, ref)); err != nil {
				return err
			}
			var found bool
			if i.TwinID, found, err = twinByRef(r, con.ID, ref); err != nil || !found {
				return err
			}
		}
		return inspectTwin(r, con.ID, &i)
	})
	if err != nil {
		return i, fmt.Errorf("inspect ticket %s: %w", ref, err)
	}
	return i, nil
}

func inspectTwin(r store.Reader, con event.ConnectionID, i *Inspection) error {
	var err error
	if i.Twin, err = twinRow(r, con, i.TwinID); err != nil {
		return err
	}
	if i.Inbox, err = get[inbox.Row](r, store.InboxKey(con, i.TwinID)); err != nil {
		return err
	}
	if i.Inbox != nil {
		if i.Plan, err = planOf(*i.Inbox); err != nil {
			return err
		}
	}
	all, err := readItems(r, con, i.TwinID, i.Twin)
	if err != nil {
		return err
	}
	i.Items = all.list
	if i.Sent, err = lastSent(r, con, i.Twin); err != nil {
		return err
	}
	i.Received, err = getReplica(r, store.ReceivedKey(con, i.TwinID))
	return err
}

// Twins calls fn for every twin of a connection until it returns false.
func (p *Path) Twins(con *Connection, fn func(event.TwinID, twin.Row) bool) error {
	return scanRows(p.Store, store.Prefix('t', con.ID), func(key []byte, row twin.Row) bool { return fn(store.TwinOf(key), row) })
}

// InStep counts the twins of a connection that are live, reading no more of each than it
// takes.
func (p *Path) InStep(con *Connection) (live int, err error) {
	err = p.Store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix('t', con.ID), nil, func(_, value []byte) (bool, error) {
			state, err := twin.StateOf(value)
			if state == twin.Live {
				live++
			}
			return true, err
		})
	})
	if err != nil {
		return 0, fmt.Errorf("count the twins of %s: %w", con.Name, err)
	}
	return live, nil
}

// Works calls fn for every work row of a connection.
func (p *Path) Works(con *Connection, fn func(event.Ref, work.Row) bool) error {
	return scanRows(p.Store, store.Prefix('w', con.ID), func(key []byte, row work.Row) bool {
		ref, _ := store.RefOf(key)
		return fn(ref, row)
	})
}

// Inboxes calls fn for every inbox row of a connection.
func (p *Path) Inboxes(con *Connection, fn func(event.TwinID, inbox.Row) bool) error {
	return scanRows(p.Store, store.Prefix('i', con.ID), func(key []byte, row inbox.Row) bool { return fn(store.TwinOf(key), row) })
}

// Outboxes calls fn for every data event without an outcome; sent tells
// whether the peer has a receipt for it.
func (p *Path) Outboxes(con *Connection, fn func(seq event.Seq, row outbox.Row, sent bool) bool) error {
	var head outbox.Head
	err := p.Store.View(func(r store.Reader) error {
		var err error
		head, err = outHead(r, con.ID, 'd')
		return err
	})
	if err != nil {
		return err
	}
	head = con.session.latest('d', head)
	return scanRows(p.Store, store.Prefix('q', con.ID), func(key []byte, row outbox.Row) bool {
		seq := store.SeqOf(key)
		return fn(seq, row, seq <= head.Through)
	})
}

// FileJob is a file to be fetched and written, as people see it.
type FileJob struct {
	Twin    event.TwinID
	Item    event.ItemID
	Ref     event.Ref
	Name    string
	Size    int64
	Attempt int
	Until   time.Time
	Reason  string
	Code    event.Code
	Parked  bool
}

// Files calls fn for every file job of a connection.
func (p *Path) Files(con *Connection, fn func(FileJob) bool) error {
	return scanRows(p.Store, store.Prefix('j', con.ID), func(key []byte, j fileJob) bool {
		return fn(FileJob{
			Twin: store.TwinOf(key), Item: store.ItemOf(key), Ref: j.Ref, Name: j.Name, Size: j.Size,
			Attempt: j.Attempt, Until: j.Until, Reason: j.Reason, Code: j.Code, Parked: j.Parked,
		})
	})
}

func scanRows[T any](s store.Store, prefix []byte, fn func(key []byte, row T) bool) error {
	return s.View(func(r store.Reader) error {
		return r.Scan(prefix, nil, func(key, value []byte) (bool, error) {
			var row T
			if err := decodeRow(value, &row); err != nil {
				return false, fmt.Errorf("read row %c: %w", key[0], err)
			}
			return fn(key, row), nil
		})
	})
}

// Preview is what would leave of a ticket at present; nothing is stored.
type Preview struct {
	Ticket  event.Ticket
	Matches bool
	// Starts tells whether it would leave by itself, Why says why not.
	Starts   bool
	Why      string
	Replica  filters.Replica
	Stop     *filters.Stop
	Findings []filters.Finding
	Trace    []filters.Trace
	// Differs are the fields that the peer has not confirmed as they are.
	Differs event.Fields
}

// Preview reads a ticket and runs scope, filter and gate on it.
func (p *Path) Preview(ctx context.Context, con *Connection, rules *Rules, ref event.Ref) (Preview, error) {
	ticket, err := p.readTicket(ctx, ref)
	if err != nil {
		return Preview{}, err
	}
	k := known{ref: ref, work: &work.Row{}}
	if err := p.knowUnder(con, rules, &k); err != nil {
		return Preview{}, err
	}
	out := Preview{Ticket: ticket}
	o := &outgoing{con: con, rules: rules, known: k, ticket: ticket}
	if out.Matches, err = rules.Scope.Match(ctx, ours(con, ticket, &k), p.context(con, rules, p.twinID(con, &k), k.row, ticket, k.theirs)); err != nil {
		return out, err
	}
	if k.fresh() {
		out.Why, _ = p.barred(o, out.Matches)
	} else if k.row.State != twin.Live {
		out.Why = "the twin has ended"
	}
	out.Starts = out.Why == ""
	o.ours = ours(con, ticket, &k)
	if o.happened, err = p.happened(ctx, o); err != nil {
		return out, err
	}
	in := filters.OutInput{Context: p.leaving(o), Issue: o.ours, Previous: k.previous(&o.ours), Trace: true}
	result, err := rules.Outgoing.Run(ctx, in)
	if err != nil {
		return out, err
	}
	out.Stop, out.Trace = result.Stop, result.Trace
	out.Replica, out.Findings = rules.Egress.Check(result.Replica, filters.MetaOf(in.Issue, ticket.Restricted))
	row := k.row
	if row == nil {
		row = &twin.Row{}
	}
	wire, _, err := p.wireFields(con, out.Replica.Fields)
	if err != nil {
		return out, err
	}
	out.Differs, _ = row.Differs(wire, false)
	return out, nil
}

// ErrNone: there is no such row.
var ErrNone = errors.New("nothing there")

// RetryWork lets a held ticket be looked at again.
func (p *Path) RetryWork(con *Connection, ref event.Ref) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		if err := restartTurns(tx, con.ID, ref); err != nil {
			return err
		}
		return p.workNext(tx, con.ID, ref, work.Release{})
	})
	p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{})
	return err
}

// SkipWork drops a ticket's look; its next change brings it up again.
func (p *Path) SkipWork(con *Connection, ref event.Ref) error {
	return p.Store.Finish(func(tx store.Tx) error { return tx.Delete(store.WorkKey(con.ID, ref)) })
}

// RetryInbox lets a parked or waiting event be tried again.
func (p *Path) RetryInbox(con *Connection, id event.TwinID) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		row, err := get[inbox.Row](tx, store.InboxKey(con.ID, id))
		if err != nil || row == nil {
			return err
		}
		return put(tx, store.InboxKey(con.ID, id), inbox.Next(row, inbox.Retry{}, p.Now()))
	})
	p.Wake(Task{Kind: KindApply, Con: con.ID, Twin: id}, When{})
	return err
}

// SkipInbox refuses the peer's event for good. It must not run beside Apply for
// the same twin; a row that is being applied is not skipped.
func (p *Path) SkipInbox(con *Connection, id event.TwinID) error {
	in, err := p.pickAny(con, id)
	if err != nil {
		return err
	}
	if in.row.State != inbox.Parked && in.row.State != inbox.Waiting {
		return fmt.Errorf("event of twin %s is being applied: %w", id, ErrNone)
	}
	return p.refuse(in, twin.Live, event.CodeSkipped, "skipped by a person")
}

func (p *Path) pickAny(con *Connection, id event.TwinID) (*incoming, error) {
	in := &incoming{con: con, rules: con.Rules(), id: id}
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[inbox.Row](r, store.InboxKey(con.ID, id))
		if err != nil {
			return err
		}
		if row == nil {
			return ErrNone
		}
		return p.pickRest(r, in, *row)
	})
	return in, err
}

// RetryFile lets a file be tried again at once.
func (p *Path) RetryFile(con *Connection, id event.TwinID, item event.ItemID) error {
	job, err := p.job(con, id, item)
	if err != nil || job == nil {
		return err
	}
	job.Until, job.Parked = time.Time{}, false
	if err := p.storeJob(con, id, job); err != nil {
		return err
	}
	p.Wake(Task{Kind: KindFetch, Con: con.ID, Twin: id, Item: item}, When{})
	return nil
}

// SkipFile gives a file up and tells the peer.
func (p *Path) SkipFile(con *Connection, id event.TwinID, item event.ItemID) error {
	job, err := p.job(con, id, item)
	if err != nil || job == nil {
		return err
	}
	return p.endJob(con, id, job, nil, event.Items{Twin: id, Declined: []event.ItemID{item}})
}

// Unsync ends a twin at this side, keeps its tombstone and tells the peer.
func (p *Path) Unsync(con *Connection, ref event.Ref) error {
	err := p.Store.Update(func(tx store.Tx) error {
		id, found, err := twinByRef(tx, con.ID, ref)
		if err != nil {
			return err
		}
		if !found {
			return ErrNone
		}
		if err := p.endTwin(tx, con, id, twin.Ended, event.CodeEnded); err != nil {
			return err
		}
		return tx.Delete(store.WorkKey(con.ID, ref))
	})
	if err == nil {
		p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: 'c'}, When{})
	}
	return err
}
