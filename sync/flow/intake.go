package flow

import (
	"errors"
	"fmt"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// arrived is one event of an envelope; bad says why it cannot be understood.
type arrived struct {
	message event.Message
	bad     error
}

// decode reads an event. One that says nothing is answered, not dropped: the
// peer's twin waits for its outcome.
func decode(stream envelope.Stream, raw []byte) arrived {
	m, err := envelope.Decode(raw)
	if err == nil && (m.Change != nil) != (stream == envelope.Data) {
		err = fmt.Errorf("event of the other stream: %w", errPeer)
	}
	return arrived{message: m, bad: err}
}

// intake is what a transaction took in.
type intake struct {
	verdict inbox.Verdict
	head    inbox.Head
	twins   []event.TwinID
	settled []settled
	notes   []event.Note
	goodbye bool
	answers bool
	// added counts the twins that had no event waiting.
	added int64
}

func (p *Path) storeReceived(tx store.Tx, a *arrival, skip int, taken *intake) error {
	con, cut, head := a.con, a.cut, taken.head
	for i := skip; i < len(cut.Entries); i++ {
		head.Through++
		head.Run = head.Run.Next(cut.Entries[i].Digest())
		stored := outbox.Stored{Entry: cut.Entries[i], Run: head.Run}
		if err := putBinary(tx, store.EventKey(con.ID, store.In, head.Epoch, byte(cut.Stream), head.Through), stored); err != nil {
			return err
		}
		if err := p.storeMessage(tx, a, head, a.messages[i], taken); err != nil {
			return fmt.Errorf("event %d: %w", head.Through, err)
		}
	}
	taken.head = head
	if err := tx.Put(store.ProofKey(con.ID, store.In, head.Epoch, byte(cut.Stream), head.Through), []byte(a.token)); err != nil {
		return err
	}
	return putBinary(tx, store.HeadKey(con.ID, store.In, byte(cut.Stream)), head)
}

func (p *Path) storeMessage(tx store.Tx, from *arrival, head inbox.Head, a arrived, taken *intake) error {
	con, m := from.con, a.message
	switch {
	case a.bad != nil:
		p.turnAway(con, refusedEvent, a.bad)
		if from.cut.Stream != envelope.Data {
			return nil // its number is none of the stream that outcomes are about
		}
		taken.answers = true
		return p.answerWith(tx, con.ID, event.Message{Outcome: &event.Outcome{
			Epoch: head.Epoch, Seq: head.Through, Verdict: event.Refused, Code: event.CodeMalformed,
		}})
	case m.Change != nil:
		taken.twins = append(taken.twins, m.Change.Twin)
		return p.storeArrival(tx, con, head, m.Change.Twin, taken)
	case m.Outcome != nil:
		s, err := p.settle(tx, con, *m.Outcome)
		if s != nil {
			taken.settled = append(taken.settled, *s)
		}
		if errors.Is(err, errPeer) {
			return nil
		}
		return err
	case m.Items != nil:
		return p.storeFiles(tx, con, *m.Items)
	case m.Note != nil:
		taken.notes = append(taken.notes, *m.Note)
		return p.storeNote(tx, con, *m.Note)
	case m.Goodbye != nil:
		taken.goodbye = true
	}
	return nil
}

func (p *Path) storeArrival(tx store.Tx, con *Connection, head inbox.Head, id event.TwinID, taken *intake) error {
	key := store.InboxKey(con.ID, id)
	row, err := get[inbox.Row](tx, key)
	if err != nil {
		return err
	}
	if row == nil {
		taken.added++
	}
	next := inbox.Next(row, inbox.Arrive{Epoch: head.Epoch, Seq: head.Through}, p.Now())
	return put(tx, key, next)
}

// announce wakes what an envelope made possible.
func (p *Path) announce(con *Connection, taken intake) {
	for _, id := range taken.twins {
		p.Wake(Task{Kind: KindApply, Con: con.ID, Twin: id}, When{})
	}
	for _, s := range taken.settled {
		p.announceSettled(con, s)
	}
	for _, note := range taken.notes {
		p.Observe(Observation{What: "peer ended", Connection: con.Name, Twin: note.Twin, Code: note.Code, At: p.Now()})
		p.Wake(Task{Kind: KindChore, Con: con.ID, Twin: note.Twin, Item: choreEnd}, When{})
	}
	if taken.answers {
		p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: envelope.Control}, When{})
	}
	switch {
	case taken.verdict == inbox.Stop:
		con.session.stop()
		p.Observe(Observation{What: "stopped", Connection: con.Name, Detail: "the peer sent another event under a known number", At: p.Now()})
	case taken.goodbye:
		p.Observe(Observation{What: "goodbye", Connection: con.Name, At: p.Now()})
	}
}

func (p *Path) announceSettled(con *Connection, s settled) {
	what := map[event.Verdict]string{event.Applied: "settled", event.Refused: "refused", event.Parked: "parked by peer"}[s.outcome.Verdict]
	seen := Observation{What: what, Connection: con.Name, Twin: s.outcome.Twin, Key: s.row.Key, Code: s.outcome.Code, At: p.Now()}
	if s.entry != nil {
		seen.Latency = p.Now().Sub(time.UnixMilli(s.entry.At))
	}
	p.Observe(seen)
	if s.kept > 0 {
		seen.What, seen.Code = "not withdrawn", ""
		seen.Detail = fmt.Sprintf("the peer did not take back %d comments or files that are no longer public here: they stand there as they left; `ticket explain` names them", s.kept)
		p.Observe(seen)
	}
	if s.row.State == twin.Orphan {
		p.Wake(Task{Kind: KindChore, Con: con.ID, Twin: s.outcome.Twin, Item: choreEnd}, When{})
	}
	p.wakeNamed(con, s.row.Ref, s.naming)
	if s.work {
		p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: s.row.Ref}, When{})
	}
}

func receiptOf(con event.ConnectionID, stream envelope.Stream, head inbox.Head) envelope.Receipt {
	return envelope.Receipt{Connection: con, Epoch: head.Epoch, Stream: stream, Through: head.Through, Run: head.Run, Window: window}
}

// receiptBusy tells the peer where we are, and why nothing is taken.
func (p *Path) receiptBusy(con *Connection, stream envelope.Stream, code event.Code, wait time.Duration) (envelope.Receipt, error) {
	var head inbox.Head
	err := p.Store.View(func(r store.Reader) error {
		var err error
		head, err = inHead(r, con.ID, byte(stream))
		return err
	})
	receipt := receiptOf(con.ID, stream, head)
	receipt.Window, receipt.Busy, receipt.Wait = 0, code, max(1, int(wait/time.Second))
	return receipt, err
}

func (p *Path) refuseBusy(con *Connection, stream envelope.Stream, code event.Code, wait time.Duration) ([]byte, error) {
	receipt, err := p.receiptBusy(con, stream, code, wait)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOurs, err)
	}
	p.turnAway(con, refusedQuota, errors.New(string(code)))
	p.Observe(Observation{What: "quota", Connection: con.Name, Code: code, At: p.Now()})
	return con.Codec.SealReceipt(receipt)
}
