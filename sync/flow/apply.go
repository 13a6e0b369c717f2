package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/plan"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
)

// The ways in which a try to apply ends without an answer.
var (
	errReplaced = errors.New("a newer event took this one's place")
	errReplan   = errors.New("the ticket changed meanwhile: decide anew")
)

// same fails a transaction if a newer event took the row.
func same(tx store.Tx, in *incoming) (*inbox.Row, error) {
	row, err := get[inbox.Row](tx, store.InboxKey(in.con.ID, in.id))
	if err != nil {
		return nil, err
	}
	if row == nil || row.Seq != in.row.Seq || row.Epoch != in.row.Epoch {
		return nil, errReplaced
	}
	return row, nil
}

// storePlan is T5: the plan with its first step intended.
func (p *Path) storePlan(in *incoming) error {
	p.markCreating(in.con.ID, in.plan)
	raw, err := in.plan.MarshalBinary()
	if err != nil {
		return storeError{fmt.Errorf("store the plan of twin %s: %w", in.id, err)}
	}
	return p.update(in, "store the plan", func(tx store.Tx, row *inbox.Row) error {
		if err := p.storeRecovered(tx, in); err != nil {
			return err
		}
		return put(tx, store.InboxKey(in.con.ID, in.id), inbox.Next(row, inbox.Planned{Plan: raw}, p.Now()))
	})
}

// update runs a transaction on the row of an event that is being applied.
func (p *Path) update(in *incoming, what string, fn func(store.Tx, *inbox.Row) error) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		row, err := same(tx, in)
		if err != nil {
			return err
		}
		return fn(tx, row)
	})
	if err == nil || errors.Is(err, errReplaced) {
		return err
	}
	return storeError{fmt.Errorf("%s of twin %s: %w", what, in.id, err)}
}

// intend stores a step as about to be tried.
func (p *Path) intend(in *incoming, i int) error {
	in.plan.SetIntended(i, p.Boot.Random, p.Now())
	return p.storeSteps(in, "store a step")
}

// storeSteps stores how far a plan got.
func (p *Path) storeSteps(in *incoming, what string) error {
	raw, err := in.plan.MarshalBinary()
	if err != nil {
		return storeError{fmt.Errorf("%s of twin %s: %w", what, in.id, err)}
	}
	err = p.update(in, what, func(tx store.Tx, row *inbox.Row) error {
		if err := p.storeDone(tx, in); err != nil {
			return err
		}
		return put(tx, store.InboxKey(in.con.ID, in.id), inbox.Next(row, inbox.Stepped{Plan: raw}, p.Now()))
	})
	if err == nil {
		in.unsaved = false
	}
	return err
}

// storeDone records the steps whose end is not on record.
func (p *Path) storeDone(tx store.Tx, in *incoming) error {
	if !in.unsaved {
		return nil
	}
	items := in.written()
	if len(items) == 0 && in.plan.Steps[0].Write.Kind != event.StepCreate {
		return nil
	}
	row, err := p.twinFor(tx, in)
	if err != nil {
		return err
	}
	if err := putItems(tx, in.con.ID, in.id, row, items); err != nil {
		return err
	}
	return put(tx, store.TwinKey(in.con.ID, in.id), row)
}

// await puts the plan off until it may be found out what became of a step.
func (p *Path) await(in *incoming, a plan.Action) error {
	if a.Anew {
		if err := p.storeSteps(in, "put off a step"); err != nil {
			return err
		}
	}
	return &awaitError{at: a.At, reason: "finding out whether the last write happened"}
}

// write tries an intended step.
func (p *Path) write(ctx context.Context, in *incoming, i int) error {
	if plan.MovesStatus(in.plan.Steps[i].Write) {
		if err := p.move(ctx, in, i); errors.Is(err, errMoved) {
			return nil
		} else if err != nil {
			return err
		}
	}
	written, err := p.writeStep(ctx, in.plan.Steps[i].Write)
	if err != nil && (p.notMoved(in, i, err) || p.notRemoved(ctx, in, i, err)) {
		return nil
	}
	if err != nil {
		return p.writeFailed(ctx, in, i, err)
	}
	p.partly(in.con, in.id, written)
	return p.stepDone(in, i, written)
}

// stepDone notes that a step was done. The answer records it, or whatever else
// ends this try; only a create is recorded at once (T6).
func (p *Path) stepDone(in *incoming, i int, w event.Written) error {
	step := in.plan.Steps[i]
	in.plan.SetDone(i, w)
	in.version = w.Version
	if remove := step.Write.Remove; remove != nil {
		had, _ := in.items.get(step.Item)
		in.items.set(step.Item, twin.Item{Theirs: true, File: remove.File, Hash: step.Hash, Wire: had.Wire, State: twin.Confirmed, Name: had.Name})
	} else if step.Item != "" {
		in.items.set(step.Item, twin.Item{Local: w.Item, Theirs: true, Hash: step.Hash, State: twin.Confirmed})
	}
	in.unsaved = true
	if step.Write.Kind != event.StepCreate || i == len(in.plan.Steps)-1 {
		return nil
	}
	in.plan.IntendAll(p.Boot.Random, p.Now())
	return p.storeSteps(in, "record a step")
}

// recordSteps stores what was done of a plan whose answer has to wait: it must
// not be done again.
func (p *Path) recordSteps(in *incoming) error {
	if !in.unsaved {
		return nil
	}
	return p.storeSteps(in, "record the steps")
}

// twinFor is the twin's row, made when our ticket has just come to be.
func (p *Path) twinFor(tx store.Tx, in *incoming) (*twin.Row, error) {
	row, err := in.read.again(tx, in.con.ID, in.id)
	if err != nil || row != nil {
		return row, err
	}
	head, err := outHead(tx, in.con.ID, 'd')
	if err != nil {
		return nil, err
	}
	row = &twin.Row{
		Ref: in.plan.Ref, Origin: in.body.Origin, Hops: in.body.Hops, State: twin.Live,
		Since: p.Now(), Theirs: true, Epoch: head.Epoch,
	}
	if row.Ref.IsZero() {
		return row, nil
	}
	if err := bind(tx, in.con.ID, row.Ref, in.id); err != nil {
		return nil, err
	}
	return row, tx.Put(store.OriginKey(row.Origin), []byte(row.Ref.String()))
}

// writeFailed decides about a write that did not clearly succeed.
func (p *Path) writeFailed(ctx context.Context, in *incoming, i int, err error) error {
	d := retry.Decide(err, in.plan.Steps[i].Attempt, true, p.Tracker.SettleTime(), p.Now())
	switch d.Verdict {
	case retry.Wait:
		return &awaitError{d.At, err.Error(), err}
	case retry.Doubt:
		in.plan.SetDoubt(i, d.At)
		stored := p.storeSteps(in, "store a doubt")
		if stored != nil {
			return stored
		}
		return &awaitError{d.At, err.Error(), err}
	}
	// It did not happen for certain, and nothing else is in doubt, so what is left
	// of the plan can be dropped; the steps before go on record with that.
	if dropped := p.dropPlan(ctx, in, d.Verdict); dropped != nil {
		return dropped
	}
	in.unsaved = false
	switch d.Verdict {
	case retry.Again:
		return errReplan
	case retry.Gone:
		return err
	}
	return &holdError{code: d.Code, reason: err.Error(), parked: true}
}

func (p *Path) dropPlan(ctx context.Context, in *incoming, why retry.Verdict) error {
	var soFar *result
	if why != retry.Gone {
		var err error
		if soFar, err = p.soFar(ctx, in); err != nil {
			return err
		}
	}
	p.unmarkCreating(in.plan)
	return p.update(in, "drop the plan", func(tx store.Tx, row *inbox.Row) error {
		if err := p.storeDone(tx, in); err != nil {
			return err
		}
		if err := p.storeSoFar(tx, in, soFar); err != nil {
			return err
		}
		return put(tx, store.InboxKey(in.con.ID, in.id), inbox.Next(row, inbox.Replan{Begun: in.plan.Begun(), Known: soFar != nil}, p.Now()))
	})
}

// wakeTicket lets the way out go on after a plan.
func (p *Path) wakeTicket(in *incoming) {
	ref := event.Ref{}
	switch {
	case in.plan != nil && !in.plan.Ref.IsZero():
		ref = in.plan.Ref
	case in.twin != nil:
		ref = in.twin.Ref
	}
	if ref.IsZero() {
		return
	}
	p.wakeOthers(ref, event.ConnectionID{})
}

// find asks the tracker whether a step in doubt happened.
func (p *Path) find(ctx context.Context, in *incoming, i int) error {
	found, err := p.Tracker.Find(ctx, in.plan.Steps[i].Write)
	if err != nil {
		return err
	}
	switch found.Presence {
	case event.FoundOne:
		if step := in.plan.Steps[i]; step.Write.Kind == event.StepCreate && step.Attempt == 0 {
			return p.foundOld(in, found.Written)
		}
		// What was found may have been edited since it was written.
		found.Written.Version = ""
		return p.stepDone(in, i, found.Written)
	case event.FoundNone:
		return p.intend(in, i)
	case event.FoundMany:
		return &holdError{code: event.CodeAmbiguous, reason: "the tracker has this write more than once", parked: true}
	}
	at := p.Now().Add(max(p.Tracker.SettleTime(), retry.Curve(in.row.Attempt+1)))
	return &awaitError{at: at, reason: "the tracker cannot say yet whether the last write happened"}
}

// foundOld records a ticket that an earlier life of this node created, as the twin
// that it is. What of the event it lacks is decided anew.
func (p *Path) foundOld(in *incoming, w event.Written) error {
	in.plan.Ref = w.Ref
	p.unmarkCreating(in.plan)
	err := p.update(in, "record a twin found", func(tx store.Tx, row *inbox.Row) error {
		twin, err := p.twinFor(tx, in)
		if err != nil {
			return err
		}
		twin.Key = w.Key
		if err := put(tx, store.TwinKey(in.con.ID, in.id), twin); err != nil {
			return err
		}
		return put(tx, store.InboxKey(in.con.ID, in.id), inbox.Next(row, inbox.Replan{}, p.Now()))
	})
	if err != nil {
		return err
	}
	return errReplan
}

// check reads and compares what a step in doubt was to set.
func (p *Path) check(ctx context.Context, in *incoming, i int) error {
	step := in.plan.Steps[i].Write
	ticket, err := p.readTicket(ctx, in.plan.Ref)
	if err != nil {
		return err
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	if happened(step, ticket, in.plan.Before, schema) {
		return p.stepDone(in, i, event.Written{Ref: ticket.Ref, Key: ticket.Key})
	}
	return p.intend(in, i)
}

func happened(step event.Step, ticket event.Ticket, before event.Fields, schema event.Schema) bool {
	if step.Remove != nil {
		return !stillThere(ticket, *step.Remove)
	}
	if step.Comment != nil {
		for _, c := range ticket.Comments {
			if c.ID == step.Comment.ID {
				return twin.Equal(event.TypeRich, c.Body, step.Comment.Body)
			}
		}
		return false
	}
	for name, want := range step.Fields {
		fit := twin.Compare(schema.Fields[name].Type, before[name], want, ticket.Fields[name])
		if fit != twin.Kept && fit != twin.Normalised {
			return false
		}
	}
	return true
}

// markCreating and unmarkCreating tell the way out that a ticket with this
// marker is about to get its twin.
func (p *Path) markCreating(con event.ConnectionID, pl *plan.Plan) {
	for _, s := range pl.Steps {
		if s.Write.Kind == event.StepCreate && s.State != plan.Done {
			p.creating.add(s.Write.Marker, con)
		}
	}
}

func (p *Path) unmarkCreating(pl *plan.Plan) {
	if pl == nil {
		return
	}
	for _, s := range pl.Steps {
		if s.Write.Kind == event.StepCreate {
			p.creating.remove(s.Write.Marker)
		}
	}
}

// endedIn stores how a try ended that did not end in an answer.
func (p *Path) endedIn(ctx context.Context, in *incoming, err error) error {
	return errors.Join(p.endTry(ctx, in, err), p.judge(in.con, wayIn, in.id.String(), err))
}

func (p *Path) endTry(ctx context.Context, in *incoming, err error) error {
	var await *awaitError
	var refused *refusedError
	var hold *holdError
	var broken storeError
	now := p.Now()
	switch {
	case err == nil:
		p.wakeTicket(in)
		return nil
	case errors.As(err, &broken):
		return broken
	case errors.Is(err, errReplaced), errors.Is(err, errReplan):
		p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{})
		return nil
	case errors.As(err, &await):
		return p.wait(in, await.at, await.reason)
	case errors.As(err, &refused):
		return p.refuse(in, twin.Live, refused.code, refused.reason)
	case errors.As(err, &hold):
		return p.park(in, hold.code, hold.reason, now.Add(time.Hour))
	case errors.Is(err, errLeft):
		return p.refuse(in, twin.Ended, event.CodeLeft, "the incoming filter ended the twin")
	}
	d := retry.Decide(err, in.row.Attempt+1, false, 0, now)
	switch d.Verdict {
	case retry.Gone:
		return p.notThereIn(ctx, in, err)
	case retry.Park:
		return p.park(in, d.Code, err.Error(), d.At)
	}
	return p.wait(in, d.At, err.Error())
}

func (p *Path) wait(in *incoming, until time.Time, reason string) error {
	err := p.update(in, "put off the event", func(tx store.Tx, row *inbox.Row) error {
		return put(tx, store.InboxKey(in.con.ID, in.id), inbox.Next(row, inbox.Wait{Until: until, Reason: reason}, p.Now()))
	})
	p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{At: until})
	return ignoreReplaced(err)
}

// park is T9: a person must look; the peer is told once per code.
func (p *Path) park(in *incoming, code event.Code, reason string, next time.Time) error {
	err := p.update(in, "park the event", func(tx store.Tx, row *inbox.Row) error {
		parked := inbox.Next(row, inbox.Park{Code: code, Reason: reason, Next: next}, p.Now())
		if parked.State != inbox.Parked {
			next = p.Now() // a later one takes its place
		}
		if row.Told != code {
			if parked.State == inbox.Parked {
				parked.Told = code
			}
			if err := p.answerWith(tx, in.con.ID, event.Message{Outcome: &event.Outcome{
				Twin: in.id, Epoch: row.Epoch, Seq: row.Seq, Verdict: event.Parked, Code: code,
			}}); err != nil {
				return err
			}
		}
		if err := p.storeParked(tx, in); err != nil {
			return err
		}
		return put(tx, store.InboxKey(in.con.ID, in.id), parked)
	})
	p.Observe(Observation{What: "parked", Connection: in.con.Name, Twin: in.id, Key: in.key(), Code: code, Detail: reason, At: p.Now()})
	p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{At: next})
	p.Wake(Task{Kind: KindShip, Con: in.con.ID, Stream: 'c'}, When{})
	p.wakeTicket(in)
	return ignoreReplaced(err)
}

// storeParked records what a parked event said: a newer one may take its place and
// say less of it. Of a ticket that was not made, nothing is known.
func (p *Path) storeParked(tx store.Tx, in *incoming) error {
	row, err := twinRow(tx, in.con.ID, in.id)
	if err != nil || row == nil {
		return err
	}
	return in.putReceived(tx)
}

// refuse ends the event for good without applying it.
func (p *Path) refuse(in *incoming, state twin.State, code event.Code, reason string) error {
	var next *inbox.Row
	err := p.update(in, "refuse the event", func(tx store.Tx, _ *inbox.Row) error {
		if state != twin.Live {
			if err := p.endTwin(tx, in.con, in.id, state, code); err != nil {
				return err
			}
		}
		row, err := twinRow(tx, in.con.ID, in.id)
		if err != nil {
			return err
		}
		if err := markDeclined(tx, in, row, in.bodyItems()); err != nil {
			return err
		}
		// What was refused is known all the same: the next change names only
		// what differs from it. A part of what we forgot is not.
		if code != event.CodeUnknown {
			if err := in.putReceived(tx); err != nil {
				return err
			}
		}
		if err := p.answerWith(tx, in.con.ID, event.Message{Outcome: &event.Outcome{
			Twin: in.id, Epoch: in.row.Epoch, Seq: in.row.Seq, Verdict: event.Refused, Code: code,
		}}); err != nil {
			return err
		}
		next, err = p.endRow(tx, in)
		return err
	})
	if err != nil {
		return ignoreReplaced(err)
	}
	in.con.meter.ended(next)
	p.Observe(Observation{What: "refused here", Connection: in.con.Name, Twin: in.id, Key: in.key(), Code: code, Detail: reason, At: p.Now()})
	p.Wake(Task{Kind: KindShip, Con: in.con.ID, Stream: 'c'}, When{})
	if next != nil {
		p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{})
	}
	p.wakeTicket(in)
	return nil
}

func ignoreReplaced(err error) error {
	if errors.Is(err, errReplaced) {
		return nil
	}
	return err
}

func (in *incoming) key() string {
	if in.twin != nil {
		return in.twin.Key
	}
	return ""
}
