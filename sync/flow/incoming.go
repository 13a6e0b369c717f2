package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/twin"
)

// Receive takes one message of the peer through steps 1 to 3 of the way in and
// returns the reply. An error sends none: the peer asks again.
func (p *Path) Receive(ctx context.Context, id event.ConnectionID, kind transport.Kind, body []byte) ([]byte, error) {
	con := p.Connection(id)
	if con == nil {
		return nil, fmt.Errorf("message for an unknown connection: %w", errPeer)
	}
	if con.meter.deaf(p.Now()) {
		p.turnAway(con, refusedDeaf, errDeaf)
		return nil, errDeaf
	}
	reply, err := p.receiveKind(con, kind, body)
	if err != nil && !errors.Is(err, errOurs) && con.meter.refused(p.Now()) {
		p.Observe(Observation{What: "deaf", Connection: con.Name, Detail: "too much that cannot be taken", At: p.Now()})
	}
	return reply, err
}

func (p *Path) receiveKind(con *Connection, kind transport.Kind, body []byte) ([]byte, error) {
	if kind == transport.KindHello {
		return p.receiveHello(con, body)
	}
	if !con.hears() {
		// The peer may mean another process of this node.
		p.wakeShips(con)
		return nil, fmt.Errorf("%w: %w", errOurs, errNotUs)
	}
	switch kind {
	case transport.KindEnvelope:
		return p.receive(con, body)
	case transport.KindBlob:
		return p.serveFile(con, body)
	case transport.KindAgree:
		return p.serveAgree(con, body)
	case transport.KindShape:
		return p.receiveShape(con, body)
	}
	return nil, fmt.Errorf("message of kind %q: %w", kind, errPeer)
}

// receive is step 1: an envelope comes in, a receipt goes back, and not before
// what it covers is on disk.
func (p *Path) receive(con *Connection, wire []byte) ([]byte, error) {
	a, err := p.verify(con, wire)
	if err != nil {
		return nil, err
	}
	con.session.touch(p.Now())
	code, wait := con.meter.admit(a.cut, len(wire), p.Now())
	if code != event.CodeNone {
		return p.refuseBusy(con, a.cut.Stream, code, wait)
	}
	receipt, err := a.append(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOurs, err)
	}
	return con.Codec.SealReceipt(receipt)
}

// verify is step 2: signature, run, size and schema. Nothing that it refuses
// has touched the store.
func (p *Path) verify(con *Connection, wire []byte) (*arrival, error) {
	cut, token, err := con.Codec.Open(wire)
	if err != nil {
		return nil, fmt.Errorf("open an envelope of %s: %w", con.Name, err)
	}
	a := &arrival{con: con, cut: cut, token: token, messages: make([]arrived, len(cut.Entries))}
	for i, entry := range cut.Entries {
		a.messages[i] = decode(cut.Stream, entry.Bytes)
	}
	return a, nil
}

// append is step 3 (T4): the events and what they mean for the inbox,
// or for our own outbox, in one durable transaction. Then the receipt may go.
func (a *arrival) append(p *Path) (envelope.Receipt, error) {
	con, cut := a.con, a.cut
	var taken intake
	err := p.Store.Update(func(tx store.Tx) error {
		taken = intake{}
		head, err := inHead(tx, con.ID, byte(cut.Stream))
		if err != nil {
			return err
		}
		verdict, skip, err := inbox.Accept(head, cut, func(seq event.Seq) (envelope.Run, error) {
			return runAt(tx, con.ID, store.In, head.Epoch, byte(cut.Stream), seq)
		})
		if errors.Is(err, store.ErrNotFound) {
			// From before what is kept: it was taken long ago.
			verdict, err = inbox.Old, nil
		}
		taken.verdict, taken.head = verdict, head
		if err != nil || verdict != inbox.Take {
			return err
		}
		return p.storeReceived(tx, a, skip, &taken)
	})
	if errors.Is(err, store.ErrFull) {
		return p.receiptBusy(con, cut.Stream, event.CodeFull, busyWait)
	}
	if err != nil {
		return envelope.Receipt{}, fmt.Errorf("store events of %s: %w", con.Name, err)
	}
	if taken.verdict == inbox.Take {
		p.bodies.keep(a)
	}
	if why := map[inbox.Verdict]refusal{inbox.Stop: refusedFork, inbox.Gap: refusedGap, inbox.Repeat: refusedRepeat, inbox.Old: refusedEpoch}[taken.verdict]; why != "" {
		p.turnAway(con, why, nil)
	}
	con.meter.waiting.Add(taken.added)
	p.announce(con, taken)
	r := receiptOf(con.ID, cut.Stream, taken.head)
	r.Stop = taken.verdict == inbox.Stop
	return r, nil
}

// arrival is one envelope on its way into the inbox.
type arrival struct {
	con      *Connection
	cut      envelope.Cut
	token    string
	messages []arrived
}

// incoming is one event of the peer on its way into our tracker.
type incoming struct {
	con   *Connection
	rules *Rules
	id    event.TwinID
	row   inbox.Row
	epoch uint64 // of our own stream
	body  event.ChangeBody
	twin  *twin.Row // nil: no ticket yet
	read  readRow   // twin as it was read
	items *itemSet
	// recovered are comments that were found in our ticket without being on record.
	recovered map[event.ItemID]twin.Item
	// before is the peer's replica as last applied, replica with this event.
	before, replica filters.Replica
	held            replicaRow // before as it is stored
	plan            *plan.Plan
	// ours is our ticket as read; nil if it is to be created.
	ours *event.Ticket
	// version is the ticket's after our last write, where the tracker says it.
	version string
	walk    walk
	// past is what the tracker's history said when it was last asked; judged is set
	// when it was looked through for edits that our writes ran over.
	past   []adapters.Edit
	judged bool
	// back is what was written back last of such edits.
	back event.Fields
	// overran are such edits that were not, editedAt is when the last of them all was made.
	overran  map[string]adapters.Edit
	editedAt time.Time
	// pending are fields that a plan which is to be dropped has not written.
	pending map[string]bool
	// naming are tickets that name the one which the peer has with this.
	naming []event.Ref
	// unsaved is set while steps are done and not on record.
	unsaved bool
	// trial is set where only what would be written is wanted: nothing is stored, and
	// no bound is used up. trace is what the script did then, line by line.
	trial bool
	trace []filters.Trace
}

// Apply goes on with the event of one twin through steps 4 to 6 of the way in.
// What goes wrong is kept in the inbox row; an error is the store's.
func (p *Path) Apply(ctx context.Context, id event.ConnectionID, twinID event.TwinID) error {
	con := p.Connection(id)
	if con == nil || con.pausedIn.Load() || p.waitsForPeer(con, Task{Kind: KindApply, Con: id, Twin: twinID}) ||
		!con.breakers.allow(wayIn, twinID.String()) || p.putOff(Task{Kind: KindApply, Con: id, Twin: twinID}, false) {
		return nil
	}
	in, err := p.pick(con, twinID)
	if err != nil || in == nil {
		return err
	}
	if in.plan == nil {
		err = in.filter(ctx, p)
	}
	if err == nil {
		err = p.apply(ctx, in)
	}
	if err == nil {
		err = p.answer(ctx, in)
	}
	if err != nil {
		// What was written must not be written again.
		err = errors.Join(err, p.recordSteps(in))
	}
	return p.endedIn(ctx, in, err)
}

// filter is step 4: ours as it is at present, the script, the accept
// gate and the merge make the plan.
func (in *incoming) filter(ctx context.Context, p *Path) error {
	if err := p.admissible(in); err != nil {
		return err
	}
	if in.twin == nil && in.body.Connect != nil {
		return p.pairAsked(ctx, in)
	}
	if err := p.readOurs(ctx, in); err != nil {
		return err
	}
	wanted, err := p.runIncoming(ctx, in)
	if err != nil {
		return err
	}
	return p.makePlan(ctx, in, wanted)
}

// apply is step 5 (T5, T6): the plan is stored with its steps intended, then
// they are done one by one.
func (p *Path) apply(ctx context.Context, in *incoming) error {
	for {
		action := plan.Next(in.plan, p.Boot.Random, p.Tracker.SettleTime(), p.Now())
		var err error
		switch action.Do {
		case plan.Finish:
			return nil
		case plan.Intend:
			err = p.intend(in, action.Index)
		case plan.Write:
			err = p.write(ctx, in, action.Index)
		case plan.Find:
			err = p.find(ctx, in, action.Index)
		case plan.Check:
			err = p.check(ctx, in, action.Index)
		case plan.Await:
			err = p.await(in, action)
		}
		if err != nil {
			return err
		}
	}
}

// goOn does what reading back showed that there is still to do, and answers then. It
// reports whether there was something.
func (p *Path) goOn(ctx context.Context, in *incoming, r result) (bool, error) {
	more, err := p.walkOn(in, r)
	if err == nil && !more {
		more, err = p.restore(ctx, in)
	}
	if err != nil || !more {
		return more, err
	}
	if err := p.apply(ctx, in); err != nil {
		return true, err
	}
	return true, p.answer(ctx, in)
}

// answer is step 6 (T7): what is in the tracker is recorded and the outcome
// enters the control stream, in the transaction that ends the inbox row.
func (p *Path) answer(ctx context.Context, in *incoming) error {
	defer p.looking.begin(in.con.ID, in.plan.Ref)()
	result, err := p.readBack(ctx, in)
	if err != nil {
		return err
	}
	if more, err := p.goOn(ctx, in, result); err != nil || more {
		return err
	}
	var next *inbox.Row
	err = p.Store.Finish(func(tx store.Tx) error {
		if err := p.storeApplied(tx, in, result); err != nil {
			return err
		}
		if err := p.answerWith(tx, in.con.ID, event.Message{Outcome: result.outcome(in)}); err != nil {
			return err
		}
		next, err = p.endRow(tx, in)
		return err
	})
	if errors.Is(err, errReplaced) {
		return err
	}
	if err != nil {
		return storeError{fmt.Errorf("record what was applied to twin %s: %w", in.id, err)}
	}
	p.applied(in, result, next)
	return nil
}
