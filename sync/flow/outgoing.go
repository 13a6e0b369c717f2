package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/twin"
	"parley/sync/work"
)

// outgoing is one ticket on its way out over one connection.
type outgoing struct {
	con   *Connection
	rules *Rules
	known known
	// ticket as read, ours as filters see it, and what the filter and the gate made of it.
	ticket event.Ticket
	ours   filters.Ours
	// happened is what the outgoing filter is told of the change.
	happened filters.EventInfo
	readAt   time.Time
	until    time.Time // change time that the tracker had shown by then
	replica  filters.Replica
	change   event.ChangeBody
	at       time.Time   // when the change was made, as both sides weigh it
	hashes   twin.Hashes // of the change's fields
	// items are the rows to store with the change, more that it was cut.
	items map[event.ItemID]twin.Item
	// unnamed are tickets that the replica does not name because the peer does not have
	// them; lookAgain is set if it has got one meanwhile.
	unnamed   []string
	lookAgain bool
	// local are our fields that the peer's changes may touch.
	local event.Fields
	// carried are our fields that the change tells the peer of, sets what it tells
	// the peer to hold in our sets.
	carried event.Fields
	exact   bool // carried is that and no more
	// again are those of carried that an earlier event said alike.
	again map[string]bool
	up    upkeep
	sets  event.Fields
	// young is what is left out because it has not stood long enough; inLine is set
	// once that is a comment, behind which later ones wait.
	young  work.Young
	inLine bool
	// trial is set where only what would leave is wanted: nothing is stored.
	trial bool
	// tried is what the gate found in files on a trial, found is all that it found then.
	tried []filters.Finding
	found []filters.Finding
}

// Work takes one ticket through steps 1 to 3 of the way out. What goes wrong
// is kept in the work row; an error is the store's.
func (p *Path) Work(ctx context.Context, id event.ConnectionID, ref event.Ref) error {
	con := p.Connection(id)
	if con == nil {
		return nil
	}
	if !con.breakers.allow(wayOut, ref.String()) {
		return nil
	}
	if room, err := p.room(con); err != nil || !room {
		return err
	}
	defer p.looking.begin(id, ref)()
	known, err := p.know(con, ref)
	if err == nil && known.applying {
		err = p.awaitsPlan(con, known)
	}
	if err != nil || !p.startable(con, known) || p.putOff(Task{Kind: KindWork, Con: id, Ref: ref}, known.work.Bulk) {
		return err
	}
	o := &outgoing{con: con, rules: con.Rules(), known: known}
	err = p.read(ctx, o)
	if err == nil {
		err = p.upkeep(ctx, o)
	}
	if err == nil {
		err = p.filter(ctx, o)
	}
	if err == nil {
		err = p.append(o)
	}
	return p.ended(ctx, o, err)
}

// read is step 1: the ticket as it is at present, if it belongs here.
func (p *Path) read(ctx context.Context, o *outgoing) error {
	o.readAt, o.until = p.Now(), p.fresh.until()
	ticket, err := p.readTicket(ctx, o.known.ref)
	if err != nil {
		return err
	}
	o.ticket = ticket
	if err := p.there(o.con, o.known.id, o.known.row); err != nil {
		return err
	}
	if p.creating.has(ticket.Marker) || o.orphan() {
		return errCreating
	}
	return p.belongs(ctx, o)
}

// filter is step 2: scope, script and egress gate make the replica; what the
// peer has not confirmed of it makes the change.
func (p *Path) filter(ctx context.Context, o *outgoing) error {
	replica, err := p.replica(ctx, o)
	if err != nil {
		return err
	}
	o.replica = replica
	return p.unconfirmed(ctx, o)
}

// unconfirmed makes the change of what the peer has not confirmed.
func (p *Path) unconfirmed(ctx context.Context, o *outgoing) error {
	if err := p.changes(ctx, o); err != nil {
		return err
	}
	if err := p.examine(ctx, o); err != nil {
		return err
	}
	if len(o.change.Fields) == 0 && len(o.change.Items) == 0 && !o.known.fresh() && o.change.Connect == nil && o.known.row.State == twin.Live {
		return errNothing
	}
	return nil
}

// append is step 3 (T2): the event, the twin's state and the end of the work
// row in one durable transaction.
func (p *Path) append(o *outgoing) error {
	raw, err := envelope.Encode(event.Message{Change: &o.change})
	if err != nil {
		return &holdError{code: event.CodeTooLarge, reason: err.Error()}
	}
	err = p.Store.Update(func(tx store.Tx) error {
		head, err := p.appendEvent(tx, o.con.ID, envelope.Data, raw)
		if err != nil {
			return err
		}
		if err := p.storeSent(tx, o, head); err != nil {
			return err
		}
		if err := p.workNext(tx, o.con.ID, o.known.ref, work.Sent{Gen: o.known.work.Gen, More: o.change.More, Last: o.last(), Young: o.young}); err != nil {
			return err
		}
		return p.awaitNamed(tx, o)
	})
	if err != nil {
		return storeError{fmt.Errorf("append a change of %s: %w", o.ticket.Key, err)}
	}
	for i := range o.change.Items {
		p.missing.found(o.con.ID, o.change.Items[i].ID)
	}
	p.looked(o)
	p.wakeYoung(o)
	p.Observe(Observation{What: "queued", Connection: o.con.Name, Twin: o.change.Twin, Key: o.ticket.Key, At: p.Now()})
	p.Wake(Task{Kind: KindShip, Con: o.con.ID, Stream: envelope.Data}, When{})
	return nil
}

// Ship takes what waits in one stream through steps 4 and 5. It reports whether
// more waits. ErrPaused, transport errors and errors of the session mean "later".
func (p *Path) Ship(ctx context.Context, id event.ConnectionID, stream envelope.Stream) (more bool, err error) {
	con := p.Connection(id)
	if con == nil {
		return false, nil
	}
	if stream == envelope.Data && con.pausedOut.Load() {
		return false, ErrPaused
	}
	if err := p.greet(ctx, con); err != nil {
		return false, err
	}
	p.shipping.Add(1)
	defer p.shipping.Add(-1)
	head, cut, err := p.waiting(con, stream)
	if err == nil && stream == envelope.Data {
		err = p.makeRoom(con, head)
	}
	if err == nil && stream == envelope.Control && len(cut.Entries) == 0 {
		err = p.tellShape(ctx, con)
	}
	if err != nil || len(cut.Entries) == 0 {
		return false, err
	}
	wire, token, err := p.sign(con, cut)
	if err != nil {
		return false, err
	}
	present := con.session.present()
	receipt, err := p.send(ctx, con, wire)
	if err != nil && present.Err() != nil && ctx.Err() == nil {
		return true, nil // the hello has told where to go on
	}
	if err != nil {
		con.session.end()
		return false, err
	}
	return p.receipted(con, head, cut, token, receipt)
}

// sign is step 4: a cut of the stream, signed and sealed.
func (p *Path) sign(con *Connection, cut envelope.Cut) (wire []byte, token string, err error) {
	wire, token, err = con.Codec.Seal(cut)
	if err != nil {
		return nil, "", fmt.Errorf("sign events %d to %d: %w", cut.First, cut.Last(), err)
	}
	return wire, token, nil
}

// send is step 5: the envelope goes, the receipt comes back.
func (p *Path) send(ctx context.Context, con *Connection, wire []byte) (envelope.Receipt, error) {
	reply, err := con.ask(ctx, transport.KindEnvelope, wire, sendTimeout)
	if err != nil {
		return envelope.Receipt{}, fmt.Errorf("send to %s: %w", con.Name, err)
	}
	receipt, err := con.Codec.OpenReceipt(reply)
	if err != nil {
		return envelope.Receipt{}, fmt.Errorf("open the receipt of %s: %w", con.Name, err)
	}
	return receipt, nil
}

// receipted stores how far the peer has our stream (T3). It is not synced by
// itself: a receipt that is lost is given again.
func (p *Path) receipted(con *Connection, head outbox.Head, cut envelope.Cut, token string, r envelope.Receipt) (bool, error) {
	if r.Through+1 < cut.First && !r.Stop {
		// The peer has less than it gave receipts for: the hello finds out.
		con.session.end()
		return true, nil
	}
	run := cut.Before
	for i := range cut.Entries {
		if cut.First+event.Seq(i) > r.Through {
			break
		}
		run = run.Next(cut.Entries[i].Digest())
	}
	next, verdict := outbox.Receipt(head, r, run)
	switch {
	case verdict == outbox.Stop:
		con.session.stop()
		p.Observe(Observation{What: "stopped", Connection: con.Name, Detail: "the peer has other events under the same numbers", At: p.Now()})
		return false, errStopped
	case r.Window == 0:
		return false, con.busy(r, p.Now())
	case verdict != outbox.Advance || next.Through < cut.Last():
		// Only a hello can tell where to go on.
		con.session.end()
		return true, nil
	}
	err := p.Store.Lazy(func(tx store.Tx) error {
		present, err := outHead(tx, con.ID, byte(cut.Stream))
		if err != nil || present.Epoch != next.Epoch || present.Through >= next.Through {
			return err
		}
		present.Through = next.Through
		if err := putBinary(tx, store.HeadKey(con.ID, store.Out, byte(cut.Stream)), present); err != nil {
			return err
		}
		return tx.Put(store.ProofKey(con.ID, store.Out, cut.Epoch, byte(cut.Stream), cut.Last()), []byte(token))
	})
	con.session.shipped(cut.Stream, next)
	return true, err
}

// settle is step 6 (T8), inside the transaction that takes the outcome in: the
// outbox row goes, the twin remembers, waiting work may leave.
func (p *Path) settle(tx store.Tx, con *Connection, o event.Outcome) (*settled, error) {
	head, err := outHead(tx, con.ID, 'd')
	if err != nil || head.Epoch != o.Epoch {
		return nil, err
	}
	key := store.OutboxKey(con.ID, o.Seq)
	entry, err := get[outbox.Row](tx, key)
	if err != nil {
		return nil, err
	}
	if entry != nil && o.Twin.IsZero() {
		o.Twin = entry.Twin // the peer did not understand the event
	}
	if entry != nil {
		if entry.Twin != o.Twin {
			return nil, fmt.Errorf("outcome of event %d names another twin: %w", o.Seq, errPeer)
		}
		if err := tx.Delete(key); err != nil {
			return nil, err
		}
	}
	row, err := twinRow(tx, con.ID, o.Twin)
	if err != nil || row == nil {
		return nil, err
	}
	parked := row.Out != nil && row.Out.Seq == o.Seq && row.Out.Parked != ""
	s := &settled{row: row, entry: entry, outcome: o}
	had := row.AtPeer()
	row.Settle(o)
	if !had && row.AtPeer() {
		if s.naming, err = p.arrived(tx, con, row.Ref); err != nil {
			return nil, err
		}
	}
	if o.Verdict == event.Refused && twin.Ends(o.Code) && row.State == twin.Live {
		if err := p.refusedAsEnded(tx, con, o.Twin, row, o.Code); err != nil {
			return nil, err
		}
	}
	if err := p.settleItems(tx, con, s, parked); err != nil {
		return nil, err
	}
	if err := put(tx, store.TwinKey(con.ID, o.Twin), row); err != nil {
		return nil, err
	}
	if o.Verdict == event.Refused && o.Code == event.CodeUnknown && row.State == twin.Live {
		// The peer forgot the twin: it gets all of it.
		if err := p.workNext(tx, con.ID, row.Ref, work.Seen{Key: row.Key, Cause: event.CauseHeal}); err != nil {
			return nil, err
		}
	}
	waits, err := get[work.Row](tx, store.WorkKey(con.ID, row.Ref))
	s.work = waits != nil
	return s, err
}

// errNothing: the ticket has nothing that the peer has not confirmed.
var errNothing = errors.New("nothing to send")
